import type { JobOptions, StartOptions } from '../definition/options.ts';

/** The start options that a journal stores: those that are plain data. */
const KEPT = [
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
] as const;

/** Encodes start options as JSON. A retry policy with functions is left out: it must be given again on resume. */
export const keptOptions = (options: StartOptions): string => {
  const { retry } = options;
  const isPlain = Object.values(retry ?? {}).every((value) => typeof value !== 'function');
  const kept = KEPT.flatMap((key) => {
    const value = options[key];
    return value === undefined || (key === 'retry' && !isPlain) ? [] : [[key, value]];
  });
  return JSON.stringify(Object.fromEntries(kept), (_, value) =>
    value === Number.POSITIVE_INFINITY ? NO_LIMIT : value,
  );
};

/** Decodes the stored start options. */
export const optionsOf = (text: string): JobOptions =>
  JSON.parse(text, (_, value) => (value === NO_LIMIT ? Number.POSITIVE_INFINITY : value)) as JobOptions;

/** Represents Infinity, which JSON can't. */
const NO_LIMIT = 'Infinity';
