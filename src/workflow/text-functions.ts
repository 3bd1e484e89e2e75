import { parseExactJson } from '../executors/exact-json.ts';
import { takeSteps } from './evaluation-budget.ts';

/** Replaces a part of a text, everywhere or the first `limit` times; a negative limit is none. */
export const replaced = (text: string, part: string, by: string, limit = -1n): string => {
  const pieces = part === '' ? ['', ...text, ''] : text.split(part);
  const times = Math.min(pieces.length - 1, limit < 0n ? Number.POSITIVE_INFINITY : Number(limit));
  // Taken before the text is made.
  takeSteps((text.length + times * by.length) / 4);
  return pieces.reduce((made, piece, at) => made + (at <= times ? by : part) + piece);
};

/** Joins texts, numbers and booleans. @throws Error for lists and mappings in the list */
export const joined = (list: readonly unknown[], separator: string): string =>
  list
    .map((item) => {
      if (item !== null && typeof item !== 'object') return String(item);
      throw new Error(`join takes texts, not ${jsonText(item)}. Make texts of them first: map(item, json(item))`);
    })
    .join(separator);

export const reversedText = (text: string): string => [...text].reverse().join('');

/** Returns the value of a text of JSON; large numbers keep their digits. @throws Error */
export const exactJson = (text: string): unknown => {
  takeSteps(text.length / 4);
  return parseExactJson(text);
};

/** Returns a value as JSON. Whole numbers keep all their digits. */
export const jsonText = (value: unknown): string => {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${value} is no number that JSON has`);
  if (typeof value !== 'object') return JSON.stringify(value);
  if (value instanceof Date) return JSON.stringify(value);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'));
  if (Array.isArray(value)) {
    takeSteps(value.length);
    return `[${value.map(jsonText).join()}]`;
  }
  if ('addDuration' in value) return JSON.stringify(String(value));
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  takeSteps(entries.length);
  return `{${entries.map(([key, item]) => `${JSON.stringify(String(key))}:${jsonText(item)}`).join()}}`;
};

/** Fills the places of a text, `%s`, `%d`, `%.2f` …, with the items of a list, as CEL's `format` does. @throws Error */
export const formatText = (text: string, values: readonly unknown[]): string => {
  let next = 0;
  const made = text.replace(/%(?:%|(?:\.(\d+))?([a-zA-Z])|)/g, (place, digits?: string, verb?: string) => {
    if (place === '%%') return '%';
    if (verb === undefined) throw new Error('format: a single "%". Write "%%" for the character');
    if (next >= values.length) throw new Error(`format: ${place} has no value, the list has ${values.length}`);
    const shown = formatValue(place, verb, digits === undefined ? undefined : Number(digits), values[next++]);
    takeSteps(shown.length / 4);
    return shown;
  });
  if (next < values.length)
    throw new Error(`format: the list has ${values.length} values, but the text ${next} places`);
  return made;
};

const formatValue = (place: string, verb: string, digits: number | undefined, value: unknown): string => {
  if ((digits ?? 0) > 100) throw new Error(`format: ${place} asks for more than 100 digits`);
  switch (verb) {
    case 's':
      return typeof value === 'string' ? value : value instanceof Date ? value.toISOString() : jsonText(value);
    case 'd':
      return String(whole(place, value));
    case 'f':
      return real(place, value).toFixed(digits ?? 6);
    case 'e':
      return real(place, value)
        .toExponential(digits ?? 6)
        .replace(/e([+-])(\d)$/, 'e$10$2');
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : whole(place, value).toString(2);
    case 'o':
      return whole(place, value).toString(8);
    case 'x':
    case 'X': {
      const hex =
        typeof value === 'string' || value instanceof Uint8Array
          ? Buffer.from(value as string).toString('hex')
          : whole(place, value).toString(16);
      return verb === 'X' ? hex.toUpperCase() : hex;
    }
    default:
      throw new Error(`format: there is no ${place}. Known are %s, %d, %f, %e, %b, %o, %x, %X and %%`);
  }
};

const whole = (place: string, value: unknown): bigint => {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  throw new Error(`format: ${place} takes a whole number, not ${jsonText(value)}`);
};

const real = (place: string, value: unknown): number => {
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value);
  throw new Error(`format: ${place} takes a number, not ${jsonText(value)}`);
};
