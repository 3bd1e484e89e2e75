import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { JobEvent } from '../../events/event.ts';
import { jsonSafe } from '../../events/json-safe.ts';
import { UsageError } from '../terminal/exit-code.ts';
import { lineBatch } from '../terminal/printer.ts';
import { inertJson } from '../terminal/safe-text.ts';

export type EventFile = {
  readonly write: (event: JobEvent) => void;
  /** Writes the buffered events and closes the file. Returns the error if a write failed. */
  readonly close: () => Error | undefined;
};

/** Opens an NDJSON file. Keeps earlier events of the same job, overwrites anything else. @throws UsageError */
export const openEventFile = (file: string): EventFile => {
  const descriptor = open(file);
  let isCut = false;
  let failure: Error | undefined;
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      failure = error as Error;
    }
  };
  const { line, flush } = lineBatch((text) => {
    if (!failure) attempt(() => writeWhole(descriptor, Buffer.from(text)));
  });
  return {
    write: (event) => {
      if (!isCut) attempt(() => truncateForAppend(file, descriptor, event));
      isCut = true;
      line(toJson(event));
    },
    close: () => {
      flush();
      closeSync(descriptor);
      return failure;
    },
  };
};

/** Serialises an event. Only outputs may hold values that JSON doesn't allow; `jsonSafe` replaces such values. */
const toJson = (event: JobEvent): string => {
  try {
    return inertJson(JSON.stringify(event));
  } catch {
    return inertJson(JSON.stringify(jsonSafe(event)));
  }
};

const open = (file: string): number => {
  try {
    return openSync(file, 'a', 0o600);
  } catch (error) {
    throw new UsageError(`The events can't be written to ${file}: ${(error as Error).message}.`);
  }
};

/** Truncates the file so that only earlier events of the event's job remain. */
const truncateForAppend = (file: string, descriptor: number, event: JobEvent): void => {
  const stat = fstatSync(descriptor);
  if (!stat.isFile() || stat.size === 0) return;
  const reader = openSync(file, 'r');
  try {
    ftruncateSync(descriptor, endBefore(reader, stat.size, event));
  } finally {
    closeSync(reader);
  }
};

/** Returns how many bytes to keep: up to the end of the last earlier event of the same job; 0 if there is none. */
const endBefore = (descriptor: number, size: number, { jobId, seq }: JobEvent): number => {
  let isLast = true;
  for (let end = size; end > 0; isLast = false) {
    const from = lineStart(descriptor, end);
    const line = Buffer.alloc(end - from);
    readSync(descriptor, line, 0, line.length, from);
    const event = eventOf(line.toString());
    // A killed process may leave half a line, or events that the journal does not contain. Both are cut off.
    if (event ? event.jobId !== jobId : !isLast) return 0;
    if (event && event.seq < seq && line.at(-1) === LINE_FEED) return end;
    end = from;
  }
  return 0;
};

const lineStart = (descriptor: number, end: number): number => {
  const chunk = Buffer.alloc(64 * 1024);
  // Skip the line feed that ends the line itself.
  for (let to = end - 1; to > 0; ) {
    const from = Math.max(0, to - chunk.length);
    const count = readSync(descriptor, chunk, 0, to - from, from);
    const at = chunk.subarray(0, count).lastIndexOf(LINE_FEED);
    if (at !== -1) return from + at + 1;
    to = from;
  }
  return 0;
};

const LINE_FEED = 10;

const eventOf = (line: string): { readonly jobId?: unknown; readonly seq: number } | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    const isEvent = typeof value === 'object' && value !== null && typeof (value as JobEvent).seq === 'number';
    return isEvent ? (value as JobEvent) : undefined;
  } catch {
    return undefined;
  }
};

/** Writes all bytes; one `writeSync` may write only a part. */
const writeWhole = (descriptor: number, bytes: Buffer): void => {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
};
