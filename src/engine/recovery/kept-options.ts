import type { JobOptions, StartOptions } from '../definition/options.ts';

/** The options of a start that a journal keeps: those that are plain data. */
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

/** The options of a start as JSON. A retry policy with functions of its own is left out: it has to be given again. */
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

/** What `keptOptions` was given, as far as it was kept. */
export const optionsOf = (text: string): JobOptions =>
  JSON.parse(text, (_, value) => (value === NO_LIMIT ? Number.POSITIVE_INFINITY : value)) as JobOptions;

/** Stands for Infinity, which JSON has no form for. */
const NO_LIMIT = 'Infinity';
