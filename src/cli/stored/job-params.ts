import type { JournalJob } from '../../engine/durable/journal.ts';
import { textOf } from '../../events/error-data.ts';
import { isPlainObject } from '../../events/plain-object.ts';

/** Returns the params of a job as they are stored, with secrets masked; `undefined` if it has none. */
export const storedParams = ({ input }: Pick<JournalJob, 'input'>): Readonly<Record<string, unknown>> | undefined => {
  const value: unknown = JSON.parse(input);
  const params = isPlainObject(value) ? value.params : undefined;
  return isPlainObject(params) && Object.keys(params).length > 0 ? params : undefined;
};

/** Returns whether a job has all these params, with these values as text: lists and mappings as JSON. */
export const hasParams = (
  job: Pick<JournalJob, 'input'>,
  wanted: readonly (readonly [name: string, value: string])[],
): boolean => {
  if (wanted.length === 0) return true;
  const params = storedParams(job) ?? {};
  return wanted.every(([name, value]) => Object.hasOwn(params, name) && textOf(params[name]) === value);
};

/** Formats params or labels as one line: `day=2026-11-30 rows=3`. */
export const pairsText = (pairs: Readonly<Record<string, unknown>> = {}): string =>
  Object.entries(pairs)
    .map(([name, value]) => `${name}=${textOf(value)}`)
    .join(' ');
