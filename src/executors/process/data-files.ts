import { lstatSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskScope } from '../../engine/definition/task-function.ts';
import { SerialisationError } from '../../engine/errors/errors.ts';
import { errorData } from '../../events/error-data.ts';
import { type Mask, NO_MASK } from '../mask/mask.ts';
import { MAX_OUTPUT_BYTES, OutputError, parseOutput, tooLarge } from './output-error.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { isTooLong, variableText } from './variables.ts';

/** The files of an attempt: its process reads the context and other data from them, and writes its output to one. */
export type DataFiles = {
  /** Environment variables with the paths of the files, and the job, task, attempt and trace; `undefined` removes one. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Variables to leave out if the system refuses the environment as too large: their text is in files too. */
  readonly optional: readonly string[];
  /** Writes a text to a further file, and returns its path. */
  readonly write: (text: string) => string;
  /** Returns the parsed output, of up to `maxBytes`; `undefined` if there is none. Masks errors. @throws OutputError */
  readonly read: (mask?: Mask, maxBytes?: number) => unknown;
  /** @throws SerialisationError if the process found that its output can't be JSON */
  readonly throwIfRefused: (mask?: Mask) => void;
  /** @throws OutputError if the process has written no output, not even an empty one */
  readonly requireOutput: () => void;
  /** Removes the attempt's files, and the context's file if no other attempt uses it. */
  readonly close: () => void;
};

/**
 * Data of any size for a command: in the variable of its name, and as the file whose path is in that name with `_FILE`.
 * If the text is too long for a variable, the variable has its beginning, or is not set (`json`).
 */
export type Data = Readonly<Record<string, { readonly json: unknown } | { readonly text: string }>>;

/**
 * Creates an attempt's files; attempts with the same context object share one read-only context file.
 * @throws NonRetryableError if the temporary folder can't be created
 */
export const openDataFiles = (scope: TaskScope, data: Data = {}): DataFiles => {
  const { jobId, taskName, attempt, trace, ctx = NOTHING } = scope;
  const context = contextFile(ctx);
  const output = join(temporaryFolder(), `output-${count++}.json`);
  const refusal = `${output}.refused`;
  const written: string[] = [];
  const write = (text: string): string => {
    const path = join(temporaryFolder(), `data-${count++}`);
    written.push(path);
    writeFileSync(path, text, { mode: 0o400 });
    return path;
  };
  return {
    env: {
      TINTYPE_CONTEXT: context.path,
      TINTYPE_OUTPUT: output,
      TINTYPE_JOB_ID: variableText(jobId),
      TINTYPE_TASK: variableText(taskName),
      TINTYPE_ATTEMPT: String(attempt),
      // Without a `tracestate` of its own, the attempt must not pass on the one of another trace.
      ...(trace && { TRACEPARENT: trace.traceparent, TRACESTATE: trace.tracestate }),
      ...dataVariables(data, write),
    },
    optional: Object.keys(data),
    write,
    read: (mask, maxBytes = MAX_OUTPUT_BYTES) => readOutput(output, mask, maxBytes),
    throwIfRefused: (mask = NO_MASK) => {
      const text = readIfThere(refusal);
      if (text === undefined) return;
      const { path, what } = mask.data(JSON.parse(text)) as { readonly path: string; readonly what: string };
      const message = `The output can't be kept as JSON: ${path === '' ? '' : `${path} is `}${what}. Put out what JSON has: text, finite numbers, true, false, null, lists and plain objects.`;
      throw new SerialisationError('UNSERIALISABLE_OUTPUT', message, path);
    },
    requireOutput: () => {
      if (lstatSync(output, { throwIfNoEntry: false })) return;
      throw new OutputError(
        'OUTPUT_MISSING',
        'The module ended its process before its function returned. Let the function return, without process.exit().',
      );
    },
    close: () => {
      for (const path of [output, refusal, ...written]) remove(path);
      if (--context.users > 0) return;
      contexts.delete(ctx);
      remove(context.path);
    },
  };
};

const dataVariables = (data: Data, write: DataFiles['write']): Readonly<Record<string, string>> => {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(data)) {
    const isJson = 'json' in value;
    const text = isJson ? JSON.stringify(value.json ?? null, replacer) : value.text;
    env[`${name}_FILE`] = write(text);
    if (!isJson || !isTooLong(text)) env[name] = variableText(text);
  }
  return env;
};

/** The context for a scope without one: a program may call a task function itself, with a partial scope. */
const NOTHING = {};

type ContextFile = { readonly path: string; users: number };

let count = 0;
const contexts = new WeakMap<object, ContextFile>();

const contextFile = (ctx: Readonly<Record<string, unknown>>): ContextFile => {
  const known = contexts.get(ctx);
  if (known) {
    known.users++;
    return known;
  }
  const file = { path: join(temporaryFolder(), `context-${count++}.json`), users: 1 };
  writeFileSync(file.path, JSON.stringify(ctx, replacer), { mode: 0o400 });
  contexts.set(ctx, file);
  return file;
};

/** Converts bigints to text and errors to plain data: a fan-out that tolerates failures has errors in its output. */
const replacer = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Error ? errorData(value) : value;
};

const readOutput = (path: string, mask: Mask | undefined, maxBytes: number): unknown => {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat || (stat.isFile() && stat.size === 0)) return undefined;
  if (!stat.isFile()) {
    throw new OutputError(
      'OUTPUT_UNREADABLE',
      'What is at $TINTYPE_OUTPUT is no file. Write the output to it as JSON, with > "$TINTYPE_OUTPUT".',
    );
  }
  if (stat.size > maxBytes) tooLarge('The file $TINTYPE_OUTPUT', maxBytes);
  return parseOutput(readFileSync(path, 'utf8'), 'The file $TINTYPE_OUTPUT', mask);
};

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

const remove = (path: string): void => {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') rmSync(path, { recursive: true, force: true });
  }
};
