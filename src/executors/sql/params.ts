import { jsonIntegers } from '../json-integers.ts';
import { invalidQuery } from './error.ts';
import type { SqlToken } from './scan.ts';

/** Parameters of a query: a list by position, or a mapping by name. */
export type SqlParams = readonly unknown[] | Readonly<Record<string, unknown>>;

export type BoundValue = null | boolean | number | bigint | string | Uint8Array;

/** Converts lists and mappings to JSON text, dates to ISO text. @throws NonRetryableError with a SqlQueryError */
const boundValue = (name: string, value: unknown): BoundValue => {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') {
    return value;
  }
  if ((typeof value === 'number' && Number.isFinite(value)) || value instanceof Uint8Array) return value;
  if (value instanceof Date && Number.isFinite(value.getTime())) return value.toISOString();
  if (typeof value === 'object' && !(value instanceof Date)) return jsonText(name, value);
  const what = typeof value === 'function' || typeof value === 'symbol' ? `a ${typeof value}` : String(value);
  throw invalidQuery(
    `Parameter ${name} of the query is ${what}: expected null, a boolean, a finite number, text, a list or a mapping. ` +
      'Give null for no value.',
  );
};

const jsonText = (name: string, value: object): string => {
  try {
    return JSON.stringify(value, jsonIntegers);
  } catch (error) {
    throw invalidQuery(`Parameter ${name} of the query can't be written as JSON: ${(error as Error).message}.`);
  }
};

export const boundList = (params: readonly unknown[]): readonly BoundValue[] =>
  Array.from(params, (value, index) => boundValue(String(index + 1), value));

/** A placeholder of the query, such as `:name`, and the value to bind to it. */
type NamedPlaceholder = { readonly token: SqlToken; readonly value: BoundValue };

/**
 * Matches named placeholders to a mapping's values; keys may have the prefix (`:`, `@`, `$`) or not.
 * @throws NonRetryableError with a SqlQueryError if a placeholder has no name or value, or a value is unused
 */
export const bindNames = (
  places: readonly SqlToken[],
  params: Readonly<Record<string, unknown>>,
): readonly NamedPlaceholder[] => {
  const unnamed = places.find(({ text }) => text.startsWith('?'));
  if (unnamed) {
    throw invalidQuery(
      `The query has a place ${unnamed.text}, but params is a mapping. Give params as a list, or write :name for each place.`,
    );
  }
  const used = new Set<string>();
  const bound = places.map((token) => {
    const key = [token.text, token.text.slice(1)].find((name) => Object.hasOwn(params, name));
    if (key === undefined) {
      throw invalidQuery(`The query has a place ${token.text}, but params has no "${token.text.slice(1)}". Add it.`);
    }
    used.add(key);
    return { token, value: boundValue(`"${key}"`, params[key]) };
  });
  const spare = Object.keys(params).find((name) => !used.has(name));
  if (spare !== undefined) {
    const name = spare.replace(/^[:@$]/, '');
    throw invalidQuery(
      `params has "${spare}", but the query has no place :${name}. Write :${name} in the query, or remove it.`,
    );
  }
  return bound;
};

/** @throws NonRetryableError with a SqlQueryError if the numbers of placeholders and parameters differ */
export const requireCount = (places: number, params: number): void => {
  if (places === params) return;
  throw invalidQuery(
    `The query has ${count(places, 'place')} for parameters, but params has ${count(params, 'value')}. Give one for each place.`,
  );
};

export const isList = (params: SqlParams): params is readonly unknown[] => Array.isArray(params);

export const hasNone = (params: SqlParams | undefined): boolean =>
  params === undefined || Object.keys(params).length === 0;

export const severalWithParams = (count: number): Error =>
  invalidQuery(
    `The query holds ${count} statements, but parameters can be bound to one alone. Make a task of each statement.`,
  );

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
