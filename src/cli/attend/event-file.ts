import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { JobEvent } from '../../events/event.ts';
import { jsonSafe } from '../../events/json-safe.ts';
import { UsageError } from '../terminal/usage-error.ts';

export type EventFile = {
  readonly write: (event: JobEvent) => void;
  /** Writes what is waiting. The error, if anything could not be written. */
  readonly close: () => Error | undefined;
};

/**
 * A file of events as newline-delimited JSON: where it ends with events of the job that go before, those come after them, else
 * they take the place of all that it holds. Those of one turn of the event loop are written together. @throws UsageError
 */
export const openEventFile = (file: string): EventFile => {
  const descriptor = open(file);
  let isCut = false;
  let waiting = '';
  let scheduled: NodeJS.Immediate | undefined;
  let failure: Error | undefined;
  const flush = (): void => {
    clearImmediate(scheduled);
    scheduled = undefined;
    const text = waiting;
    waiting = '';
    if (text === '' || failure) return;
    try {
      writeWhole(descriptor, Buffer.from(text));
    } catch (error) {
      failure = error as Error;
    }
  };
  return {
    write: (event) => {
      if (!isCut) {
        isCut = true;
        try {
          cut(file, descriptor, event);
        } catch (error) {
          failure = error as Error;
        }
      }
      waiting += `${toJson(event)}\n`;
      if (waiting.length > BATCH_LENGTH) flush();
      else scheduled ??= setImmediate(flush);
    },
    close: () => {
      flush();
      closeSync(descriptor);
      return failure;
    },
  };
};

const BATCH_LENGTH = 64 * 1024;

/** All but outputs is JSON-safe. */
const toJson = (event: JobEvent): string => {
  try {
    return JSON.stringify(event);
  } catch {
    return JSON.stringify(jsonSafe(event));
  }
};

const open = (file: string): number => {
  try {
    return openSync(file, 'a');
  } catch (error) {
    throw new UsageError(`The events can't be written to ${file}: ${(error as Error).message}.`);
  }
};

/** Cuts off a file where an event follows on. */
const cut = (file: string, descriptor: number, event: JobEvent): void => {
  const stat = fstatSync(descriptor);
  if (!stat.isFile() || stat.size === 0) return;
  const reader = openSync(file, 'r');
  try {
    ftruncateSync(descriptor, endBefore(reader, stat.size, event));
  } finally {
    closeSync(reader);
  }
};

/** Up to where a file holds events of a job from before one; 0 if it ends with something else. */
const endBefore = (descriptor: number, size: number, { jobId, seq }: JobEvent): number => {
  let isLast = true;
  for (let end = size; end > 0; isLast = false) {
    const from = lineStart(descriptor, end);
    const line = Buffer.alloc(end - from);
    readSync(descriptor, line, 0, line.length, from);
    const event = eventOf(line.toString());
    // A process that is killed may leave the half of a line, and may have told what was not kept.
    if (event ? event.jobId !== jobId : !isLast) return 0;
    if (event && event.seq < seq && line.at(-1) === LINE_FEED) return end;
    end = from;
  }
  return 0;
};

/** Where the line begins that ends there. */
const lineStart = (descriptor: number, end: number): number => {
  const chunk = Buffer.alloc(BATCH_LENGTH);
  // The line feed of the line itself is none before it.
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

/** A write may take only a part. */
const writeWhole = (descriptor: number, bytes: Buffer): void => {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
};
