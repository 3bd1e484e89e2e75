import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { problemsOf, refuseArgument, throwIfInvalid } from '../engine/definition/option-rules.ts';
import {
  type Inspection,
  InspectionError,
  type InspectionOptions,
  inspectionLines,
  inspectionRules,
} from './inspection.ts';

/** An inspection that writes a file. `close` rejects with an InspectionError if not all could be written. */
export type FileInspection = Inspection & {
  readonly path: string;
};

/**
 * Writes what the state machines of jobs do to a file: a line of JSON for the start of each actor, each event that it
 * receives and each snapshot after it, as `@statelyai/inspect` has them. An existing file is replaced; a new one is for
 * its owner alone (mode 0600). If writing fails, the job continues and warns once.
 * @throws PeerMissingError if `@statelyai/inspect` is not installed; InspectionError if the file can't be opened;
 * OptionError
 * @example
 * const inspection = await inspectToFile('smoothie.jsonl');
 * await smoothie.start({}, { inspect: inspection });
 * await inspection.close();
 */
export const inspectToFile = async (path: string, options: InspectionOptions = {}): Promise<FileInspection> => {
  if (typeof path !== 'string' || path === '')
    refuseArgument('inspectToFile', 'path', 'The path must be a string that is not empty.');
  throwIfInvalid('inspectToFile', problemsOf(options, inspectionRules, { subject: 'inspectToFile' }));
  let failure: InspectionError | undefined;
  let isReported = false;
  let closed: Promise<void> | undefined;
  let waiting: string[] = [];
  const flush = (): void => {
    if (waiting.length > 0 && !failure) file.write(`${waiting.join('\n')}\n`);
    waiting = [];
  };
  const lines = await inspectionLines((line) => {
    if (waiting.push(line) === 1) setImmediate(flush);
    if (waiting.length === LINES_AT_ONCE) flush();
  }, options);
  const file = await opened(path);
  file.on('error', (cause) => {
    failure = new InspectionError(`The inspector can't write to ${path}: ${cause.message}.`, { cause });
  });
  const end = async (): Promise<void> => {
    await lines.flushed();
    flush();
    if (!failure) await finished(file.end()).catch(() => {});
    if (failure) throw failure;
  };
  const close = (): Promise<void> => {
    closed ??= end();
    return closed;
  };
  return {
    path,
    next: (event) => {
      if (closed) return;
      if (!failure) lines.next(event);
      else if (!isReported) {
        isReported = true;
        throw failure;
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
};

/** Lines are written together, as many as one turn of the event loop brings, since each write has its price. */
const LINES_AT_ONCE = 1_000;

const opened = async (path: string): Promise<WriteStream> => {
  const file = createWriteStream(path, { mode: 0o600 });
  try {
    await once(file, 'open');
  } catch (error) {
    const { message } = error as Error;
    throw new InspectionError(
      `The inspector can't write to ${path}: ${message}. Name a file in a folder that exists and may be written to.`,
      {
        cause: error,
      },
    );
  }
  return file;
};
