import type { SqliteValue } from './sqlite-driver.ts';
import { toStored } from './storable-text.ts';

/** A condition of a `WHERE`, with the values of its parameters. */
export type Condition = { readonly text: string; readonly values: readonly SqliteValue[] };

export const whereOf = (conditions: readonly Condition[]): string =>
  conditions.length === 0 ? '' : `WHERE ${conditions.map(({ text }) => text).join(' AND ')}`;

export const isIn = (column: string, values: readonly (string | number)[]): Condition => ({
  text: `${column} IN (SELECT value FROM json_each(?))`,
  values: [JSON.stringify(values)],
});

export const isNamed = (names: readonly string[]): Condition => isIn('job.name', names.map(toStored));

export const isNotNamed = (names: readonly string[]): Condition => {
  const { text, values } = isNamed(names);
  return { text: `NOT ${text}`, values };
};

/** `column`: with + before it, SQLite uses no index for it. */
export const idBegins = (prefix: string, column: 'job.id' | '+job.id' = 'job.id'): Condition => {
  const stored = toStored(prefix);
  return { text: `${column} >= ? AND ${column} < ?`, values: [stored, stored + AFTER_ALL] };
};

/** Follows every text that begins with the text before it. */
const AFTER_ALL = '\u{10ffff}'.repeat(2);
