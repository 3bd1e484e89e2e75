import { lstatSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskScope } from '../../engine/definition/task-function.ts';
import { NonRetryableError } from '../../engine/errors/errors.ts';
import { errorData } from '../../events/error-data.ts';
import type { Mask } from '../mask/mask.ts';
import { MAX_OUTPUT_BYTES, OutputError, parseOutput, tooLarge } from './output-error.ts';

/** The files through which an attempt's process reads the context and writes its output. */
export type Exchange = {
  /** What tells the process where they are, and who it is. */
  readonly env: Readonly<Record<string, string>>;
  /** What the process wrote, `undefined` if nothing. @throws OutputError */
  readonly read: (mask?: Mask) => unknown;
  /** Removes them. */
  readonly close: () => void;
};

/** Attempts that see the same context share its file, which nobody may write to. */
export const openExchange = (scope: TaskScope): Exchange => {
  const { jobId, taskName, attempt, ctx = NOTHING } = scope;
  const context = contextFile(ctx);
  const output = join(folder(), `output-${count++}.json`);
  return {
    env: {
      TINTYPE_CONTEXT: context.path,
      TINTYPE_OUTPUT: output,
      TINTYPE_JOB_ID: jobId,
      TINTYPE_TASK: taskName,
      TINTYPE_ATTEMPT: String(attempt),
    },
    read: (mask) => readOutput(output, mask),
    close: () => {
      remove(output);
      if (--context.users > 0) return;
      contexts.delete(ctx);
      remove(context.path);
    },
  };
};

/** For a function that is called by hand, with a scope in part. */
const NOTHING = {};

type ContextFile = { readonly path: string; users: number };

let directory: string | undefined;

let count = 0;

const contexts = new WeakMap<object, ContextFile>();

/** Made once, and removed when this process exits. */
const folder = (): string => {
  if (directory === undefined) {
    const made = makeFolder();
    directory = made;
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  }
  return directory;
};

const makeFolder = (): string => {
  try {
    return mkdtempSync(join(tmpdir(), 'tintype-'));
  } catch (cause) {
    const message = `The temporary folder ${tmpdir()} can't be written to: ${(cause as Error).message}. Set TMPDIR to one that can.`;
    throw new NonRetryableError(message, { cause });
  }
};

const contextFile = (ctx: Readonly<Record<string, unknown>>): ContextFile => {
  const known = contexts.get(ctx);
  if (known) {
    known.users++;
    return known;
  }
  const file = { path: join(folder(), `context-${count++}.json`), users: 1 };
  writeFileSync(file.path, JSON.stringify(ctx, replacer), { mode: 0o400 });
  contexts.set(ctx, file);
  return file;
};

/** JSON has no integers of any size, which are text, and no errors, which are in what a fan-out puts out that tolerates failures. */
const replacer = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Error ? errorData(value) : value;
};

const readOutput = (path: string, mask: Mask | undefined): unknown => {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat || (stat.isFile() && stat.size === 0)) return undefined;
  if (!stat.isFile()) {
    throw new OutputError(
      'OUTPUT_UNREADABLE',
      'What is at $TINTYPE_OUTPUT is no file. Write the output to it as JSON, with > "$TINTYPE_OUTPUT".',
    );
  }
  if (stat.size > MAX_OUTPUT_BYTES) tooLarge('The file $TINTYPE_OUTPUT');
  return parseOutput(readFileSync(path, 'utf8'), 'The file $TINTYPE_OUTPUT', mask);
};

const remove = (path: string): void => {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') rmSync(path, { recursive: true, force: true });
  }
};
