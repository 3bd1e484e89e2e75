import { closeSync, fstatSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../errors.ts';
import { ProcessStartError } from './error.ts';
import { OutputError } from './output-error.ts';

/** What a command reads as its standard input: a text, or the content of a file. */
export type Stdin = { readonly text: string } | { readonly file: string };

/** Opens the standard input of a command; returns its descriptor. @throws ProcessStartError */
export const openStdin = (type: string, stdin: Stdin, write: (text: string) => string): number => {
  const path = 'file' in stdin ? stdin.file : write(stdin.text);
  try {
    // Opening a pipe would block until somebody writes to it.
    if (statSync(path).isFIFO()) throw new Error('it is a named pipe');
    const descriptor = openSync(path, 'r');
    if (!fstatSync(descriptor).isDirectory()) return descriptor;
    closeSync(descriptor);
    throw new Error('it is a directory');
  } catch (cause) {
    const message = `A ${type} task can't read its standard input from ${path}: ${messageOf(cause as Error)}. Create the file, or correct the path.`;
    throw new ProcessStartError(message, { cause });
  }
};

/** The files to which standard output and standard error of a command are appended. */
export type OutputFiles = {
  readonly stdout: ((chunk: Buffer) => void) | undefined;
  readonly stderr: ((chunk: Buffer) => void) | undefined;
  /** @throws OutputError if a file could not be written */
  readonly throwIfFailed: () => void;
  readonly close: () => void;
};

/** Opens the files, with their folders; one file for both if the paths are the same. @throws OutputError */
export const openOutputFiles = (paths: {
  readonly stdout?: string | undefined;
  readonly stderr?: string | undefined;
}): OutputFiles => {
  const open = new Map<string, number>();
  let failure: OutputError | undefined;
  const close = (): void => {
    for (const descriptor of open.values()) closeSync(descriptor);
    open.clear();
  };
  const append = (path: string | undefined): ((chunk: Buffer) => void) | undefined => {
    if (path === undefined) return undefined;
    const descriptor = open.get(path) ?? openToAppend(path);
    open.set(path, descriptor);
    return (chunk) => {
      try {
        // What arrives after the end of the attempt is left out.
        if (!failure && open.has(path)) writeAll(descriptor, chunk);
      } catch (error) {
        failure = notWritten(path, error);
      }
    };
  };
  try {
    return {
      stdout: append(paths.stdout),
      stderr: append(paths.stderr),
      throwIfFailed: () => {
        if (failure) throw failure;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
};

const openToAppend = (path: string): number => {
  try {
    mkdirSync(dirname(path), { recursive: true });
    // Opening a pipe would block until somebody reads from it.
    if (statSync(path, { throwIfNoEntry: false })?.isFIFO()) throw new Error('it is a named pipe');
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw notWritten(path, error);
  }
};

const writeAll = (descriptor: number, chunk: Buffer): void => {
  for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
};

const notWritten = (path: string, cause: unknown): OutputError => {
  const message = `The file ${path} for the output of the command can't be written: ${messageOf(cause as Error)}. Correct the path, or make room.`;
  return new OutputError('OUTPUT_NOT_WRITTEN', message, { cause });
};
