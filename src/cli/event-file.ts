import { closeSync, openSync, writeSync } from 'node:fs';
import type { JobEvent } from '../events/event.ts';
import { jsonSafe } from '../events/json-safe.ts';
import { UsageError } from './params.ts';

export type EventFile = {
  readonly write: (event: JobEvent) => void;
  /** Writes what is waiting. The error, if anything could not be written. */
  readonly close: () => Error | undefined;
};

/** A file of events as newline-delimited JSON. Those of one turn of the event loop are written together. @throws UsageError */
export const openEventFile = (file: string): EventFile => {
  const descriptor = open(file);
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
    return openSync(file, 'w');
  } catch (error) {
    throw new UsageError(`The events can't be written to ${file}: ${(error as Error).message}.`);
  }
};

/** A write may take only a part. */
const writeWhole = (descriptor: number, bytes: Buffer): void => {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
};
