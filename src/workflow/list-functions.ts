import { takeSteps } from './evaluation-budget.ts';

/** Returns the list in ascending order, of the items themselves or of what `keyOf` gives for each. @throws Error */
export const sorted = (list: readonly unknown[], keyOf: (item: unknown) => unknown = (item) => item): unknown[] => {
  takeSteps(list.length * (1 + Math.log2(list.length + 1)));
  const keyed = list.map((item) => ({ item, key: keyOf(item) }));
  return keyed.sort((a, b) => compare(a.key, b.key)).map(({ item }) => item);
};

export const greatest = (list: readonly unknown[]): unknown =>
  nonEmpty('max', list).reduce((most, item) => (compare(item, most) > 0 ? item : most));

export const least = (list: readonly unknown[]): unknown =>
  nonEmpty('min', list).reduce((most, item) => (compare(item, most) < 0 ? item : most));

const nonEmpty = (name: string, list: readonly unknown[]): readonly unknown[] => {
  if (list.length === 0) throw new Error(`an empty list has no ${name}`);
  takeSteps(list.length);
  return list;
};

/** Compares numbers, texts, booleans, times or durations. @throws Error for others, and for two kinds */
const compare = (a: unknown, b: unknown): number => {
  const kind = kindOf(a);
  if (kind === undefined || kind !== kindOf(b)) {
    const what = kind === undefined ? nameOf(a) : kindOf(b) === undefined ? nameOf(b) : `${kind} and ${kindOf(b)}`;
    throw new Error(
      `there is no order of ${what}: numbers, texts, booleans, times or durations have one. For a list of mappings, use sortBy(item, item.key)`,
    );
  }
  if (typeof a === 'string') takeSteps(Math.min(a.length, (b as string).length) / 64);
  const [x, y] = (typeof a === 'object' ? [Number(a), Number(b)] : [a, b]) as [number, number];
  return x < y ? -1 : x > y ? 1 : 0;
};

const kindOf = (value: unknown): string | undefined => {
  if (typeof value === 'number' || typeof value === 'bigint') return 'numbers';
  if (typeof value === 'string') return 'texts';
  if (typeof value === 'boolean') return 'booleans';
  if (value instanceof Date) return 'times';
  return isDuration(value) ? 'durations' : undefined;
};

const nameOf = (value: unknown): string => {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'lists' : 'mappings';
};

type DurationValue = { readonly addDuration: (other: DurationValue) => DurationValue };

const isDuration = (value: unknown): value is DurationValue =>
  typeof value === 'object' && value !== null && 'addDuration' in value;

/** Adds up numbers or durations; 0 for an empty list. @throws Error */
export const sumOf = (list: readonly unknown[]): unknown => {
  takeSteps(list.length);
  if (list.length > 0 && list.every(isDuration)) return list.reduce((sum, item) => sum.addDuration(item));
  const wrong = list.find((item) => typeof item !== 'number' && typeof item !== 'bigint');
  if (wrong !== undefined) throw new Error(`sum() adds numbers, or durations, not ${JSON.stringify(wrong)}`);
  if (list.every((item) => typeof item === 'bigint')) return list.reduce((sum, item) => sum + item, 0n);
  return (list as readonly (number | bigint)[]).reduce<number>((sum, item) => sum + Number(item), 0);
};

/** Replaces lists within the list by their items, so many levels deep. @throws Error for a negative depth */
export const flattened = (list: readonly unknown[], depth: number): unknown[] => {
  if (depth < 0) throw new Error('flatten(depth) takes 0 or more');
  const flat = list.flat(depth);
  takeSteps(flat.length);
  return flat;
};

/** Returns the list without items that are equal to an earlier one, as `==` has it: 1 and 1.0 are equal. */
export const distinctOf = (list: readonly unknown[]): unknown[] => {
  const seen = new Set<string>();
  return list.filter((item) => {
    const key = keyOf(item);
    takeSteps(1 + key.length / 16);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
};

/** Returns a text that is the same for equal values. */
const keyOf = (value: unknown): string => {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? `n${Number(value)}` : `n${value}`;
  if (typeof value === 'number') return `n${value === 0 ? 0 : value}`;
  if (value === null || typeof value !== 'object') return `${typeof value}:${JSON.stringify(value)}`;
  if (value instanceof Date) return `time:${value.getTime()}`;
  if (value instanceof Uint8Array) return `bytes:${Buffer.from(value).toString('base64')}`;
  if (isDuration(value)) return `duration:${value}`;
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`;
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  return `{${entries
    .map(([key, item]) => `${keyOf(key)}=${keyOf(item)}`)
    .sort()
    .join()}}`;
};
