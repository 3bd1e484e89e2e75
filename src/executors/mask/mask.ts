/* Masking of secrets. `mask.ts` replaces the values of secrets in text and plain data by `***`, `mask-error.ts` does
 * so in errors, and `masked-task.ts` wraps a task function with both, so that no secret reaches an event, an error, the
 * context or a journal. A mask searches a text with `find-secrets.ts`, as it is and in each of its `readings.ts`.
 * Executors mask before they cut text, since a part of a secret is not recognised. */

import { isPlainObject } from '../../events/plain-object.ts';
import { BASE64_PART, base64Finder, type Finder, joined, literalFinder, type Range } from './find-secrets.ts';
import { readerOf, shownText, unwrapped } from './readings.ts';

export type Mask = {
  readonly text: (text: string) => string;
  /** Masks strings and keys in lists and plain objects, and numbers equal to a secret. Copies what it changes. */
  readonly data: (value: unknown) => unknown;
  /** The length of the longest text that is replaced, in UTF-16 units; 0 without secrets. */
  readonly longest: number;
};

/** The text that replaces a secret. */
export const MASKED = '***';

/**
 * Creates a mask. It finds each value, and each line of it of 4 characters or more: as it is, with what a terminal does
 * not show inside, and in the spellings of `readings.ts`. It finds base64 of values of 6 characters or more, also in
 * lines. Takes time in proportion to the text, however long or many the values are.
 */
export const createMask = (values: readonly string[]): Mask => {
  const wholes = [...new Set(values.flatMap((value) => [value, value.trim()]))].filter((value) => value !== '');
  if (wholes.length === 0) return NO_MASK;
  const needles = new Set([...wholes, ...values.flatMap(linesOf)]);
  for (const needle of [...needles]) needles.add(shownText(needle)).add(inUrl(needle)).add(asLatin1(needle));
  needles.delete('');
  const readingsOf = readerOf([...needles]);
  const encodable = wholes.filter(({ length }) => length >= MIN_BASE64);
  const findBase64 = base64Finder([
    ...new Set(encodable.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])),
  ]);
  const findBase64InLines: Finder = (text) => {
    if (!text.includes('\n')) return [];
    const lines = unwrapped(text);
    return lines.placesOf(findBase64(lines.text));
  };
  const find = joined([literalFinder([...needles]), findBase64, findBase64InLines]);
  const lastLines = new Set(encodable.flatMap(shortLastLines));

  const text = (given: string): string => {
    if (lastLines.size > 0 && lastLines.has(given.trim())) return MASKED;
    const ranges = [find(given), ...readingsOf(given).map((reading) => reading.placesOf(find(reading.text)))].flat();
    return replaceRanges(given, ranges);
  };
  const longest = MOST_PER_UNIT * Math.max(...wholes.map(({ length }) => length));
  return { text, data: (value) => maskData(value, text, new Set()), longest };
};

/** The mask without secrets: returns everything unchanged. */
export const NO_MASK: Mask = { text: (text) => text, data: (value) => value, longest: 0 };

/** Returns a text as a URL parser changes it, before it encodes it. */
const inUrl = (text: string): string => text.replace(/[\t\r\n]/g, '').replaceAll('\\', '/');

/** Returns a text as who takes its UTF-8 for Latin-1 reads it: fetch reads the headers of an answer so. */
const asLatin1 = (text: string): string => Buffer.from(text).toString('latin1');

/** The most UTF-16 units that spell one unit of a secret: `%E2%82%AC` and `\\u20ac`, and both within one another. */
const MOST_PER_UNIT = 12;

const linesOf = (value: string): readonly string[] => {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  return lines.length > 1 ? lines.filter(({ length }) => length >= MIN_LINE) : [];
};

/** The shortest line of a secret that is masked, in UTF-16 units: shorter ones, such as `{`, occur in any text. */
const MIN_LINE = 4;

/** The shortest text whose base64 is masked, in UTF-16 units: shorter base64 occurs by chance. */
const MIN_BASE64 = 6;

/** Returns the last lines of a value's base64 that are too short to be found: `base64` writes 76, PEM 64 a line. */
const shortLastLines = (value: string): readonly string[] =>
  [76, 64].flatMap((width) =>
    [value, `${value}\n`].flatMap((text) => {
      const encoded = Buffer.from(text).toString('base64');
      const last = encoded.slice(encoded.length - (encoded.length % width));
      const before = ((encoded.length - last.length) / 4) * 3;
      const isShort = last !== '' && last.replace(/=+$/, '').length < BASE64_PART;
      return isShort && before > 0 && before < Buffer.byteLength(value) ? [last] : [];
    }),
  );

/** Replaces each stretch covered by ranges, which may overlap, with one `MASKED`. */
const replaceRanges = (text: string, ranges: Range[]): string => {
  if (ranges.length === 0) return text;
  let masked = '';
  let at = 0;
  let covered = -1;
  for (const [start, end] of ranges.sort((a, b) => a[0] - b[0])) {
    if (start > covered) masked += `${text.slice(at, start)}${MASKED}`;
    covered = Math.max(covered, end);
    at = covered;
  }
  return masked + text.slice(at);
};

/** Masks plain data. `ancestors`: the objects that contain `value`, to stop at circular references. */
const maskData = (value: unknown, text: Mask['text'], ancestors: Set<unknown>): unknown => {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const spelled = String(value);
    // A number is masked only as a whole: its digits may contain a secret's digits by chance.
    return text(spelled) === MASKED ? MASKED : value;
  }
  if (!(Array.isArray(value) || isPlainObject(value)) || ancestors.has(value)) return value;
  ancestors.add(value);
  const masked = Array.isArray(value) ? maskItems(value, text, ancestors) : maskEntries(value, text, ancestors);
  ancestors.delete(value);
  return masked;
};

const maskItems = (items: readonly unknown[], text: Mask['text'], ancestors: Set<unknown>): readonly unknown[] => {
  const masked = items.map((item) => maskData(item, text, ancestors));
  return masked.every((item, index) => item === items[index]) ? items : masked;
};

const maskEntries = (value: Record<string, unknown>, text: Mask['text'], ancestors: Set<unknown>): unknown => {
  let changed = false;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    const entry: [string, unknown] = [text(key), maskData(item, text, ancestors)];
    changed ||= entry[0] !== key || entry[1] !== item;
    return entry;
  });
  if (!changed) return value;
  // `Object.entries` skips symbols, but some values, such as the result of `notReady()`, are recognised by a symbol.
  const symbols = Object.getOwnPropertySymbols(value).map((key) => [key, value[key as never]]);
  return Object.assign(Object.fromEntries(entries), Object.fromEntries(symbols));
};
