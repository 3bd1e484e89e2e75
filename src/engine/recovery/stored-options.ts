import type { JobOptions, StartOptions } from '../definition/options.ts';
import type { JournalJob } from '../durable/journal.ts';
import { readStored } from '../durable/read-stored.ts';
import { decode } from '../durable/serialise.ts';

/** The start options that a journal stores; all of them are plain data. */
const STORED_OPTIONS = [
  'timeout',
  'maxConcurrency',
  'rateLimit',
  'pools',
  'sequential',
  'onFailure',
  'graceMs',
  'maxRetries',
  'retry',
  'onExhausted',
  'maxInterruptions',
  'contextConflict',
  'freeze',
  'logs',
] as const;

/** Encodes start options as JSON. Leaves out a retry policy with functions, which must be given again on resume. */
export const encodeOptions = (options: StartOptions): string => {
  const { retry } = options;
  const isPlain = Object.values(retry ?? {}).every((value) => typeof value !== 'function');
  const stored = STORED_OPTIONS.flatMap((key) => {
    const value = options[key];
    return value === undefined || (key === 'retry' && !isPlain) ? [] : [[key, value]];
  });
  return JSON.stringify(Object.fromEntries(stored), (_, value) =>
    value === Number.POSITIVE_INFINITY ? NO_LIMIT : value,
  );
};

/** Returns what the journal has of the options with which a job was started. @throws JournalError */
export const startOptionsOf = ({ id, options, labels, metadata }: JournalJob): StartOptions => ({
  ...decodeOptions(options),
  labels,
  metadata: readStored(id, 'its metadata', () => decode(metadata)) as StartOptions['metadata'],
});

/** Decodes the stored start options. */
export const decodeOptions = (text: string): JobOptions =>
  JSON.parse(text, (_, value) => (value === NO_LIMIT ? Number.POSITIVE_INFINITY : value)) as JobOptions;

/** Represents Infinity, which JSON can't. */
const NO_LIMIT = 'Infinity';
