/* Masking of secrets. `mask.ts` replaces the values of secrets in text and plain data by `***`, `mask-error.ts` does
 * so in errors, and `masked-task.ts` wraps a task function with both, so that no secret reaches an event, an error, the
 * context or a journal. Executors mask before they cut text, since a part of a secret is not recognised. */

import { isPlainObject } from '../../events/plain-object.ts';

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
 * Creates a mask for the values of secrets. It finds each value, and each line of a value, as it is and as escaped in
 * JSON, URLs and quotes. It also finds the base64 of both, even within the base64 of a longer text, as in
 * `Authorization: Basic`. Ignores empty values, lines below 4 characters and base64 of values below 6 characters.
 */
export const createMask = (values: readonly string[]): Mask => {
  const spellings = [...new Set(values.flatMap(spellingsOf))].sort((a, b) => b.length - a.length);
  if (spellings.length === 0) return NO_MASK;
  const finders = matchersOf(spellings);
  const text = (given: string): string => {
    const ranges = finders.flatMap((find) => find(given));
    return replaceRanges(given, ranges);
  };
  return { text, data: (value) => maskData(value, text, new Set()), longest: spellings[0]?.length ?? 0 };
};

/** The mask without secrets: returns everything unchanged. */
export const NO_MASK: Mask = { text: (text) => text, data: (value) => value, longest: 0 };

const spellingsOf = (value: string): readonly string[] => {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  const whole = [value, value.trim(), ...(lines.length > 1 ? lines.filter(({ length }) => length >= MIN_LINE) : [])];
  return whole
    .filter((text) => text !== '')
    .flatMap((text) => [
      text,
      JSON.stringify(text).slice(1, -1),
      encodeURIComponent(Buffer.from(text).toString()),
      new URLSearchParams([['', text]]).toString().slice(1),
      ...quotedSpellings(text),
      ...(text.length >= MIN_BASE64 ? base64Spellings(text) : []),
    ]);
};

/** The shortest line of a secret that is masked, in UTF-16 units: shorter ones, such as `{`, occur in any text. */
const MIN_LINE = 4;

/** The shortest text whose base64 is masked, in UTF-16 units: shorter base64 occurs by chance. */
const MIN_BASE64 = 6;

/** Returns how JavaScript and Python escape a text within each kind of quotes. */
const quotedSpellings = (text: string): readonly string[] => {
  const escaped = text.replaceAll('\\', '\\\\');
  return [escaped, escaped.replaceAll("'", "\\'"), escaped.replaceAll('`', '\\`')];
};

const base64Spellings = (text: string): readonly string[] => [
  Buffer.from(text).toString('base64').replace(/=+$/, ''),
  ...[0, 1, 2].map((before) => base64Behind(text, before)),
];

/** Returns the base64 of a text after `before` bytes, without the characters that also encode its neighbours. */
const base64Behind = (text: string, before: number): string => {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
  const shared = before === 0 ? 0 : before + 1;
  return bytes.toString('base64').slice(shared, Math.floor((bytes.length * 8) / 6));
};

/** Offsets in UTF-16 units; `end` is exclusive. */
type Range = readonly [start: number, end: number];

type Finder = (text: string) => readonly Range[];

/** Joins spellings into few regular expressions up to `MAX_PATTERN` long; searches for each longer spelling alone. */
const matchersOf = (spellings: readonly string[]): readonly Finder[] => {
  const finders: Finder[] = [];
  let chunk: string[] = [];
  let length = 0;
  const close = (): void => {
    if (chunk.length > 0) finders.push(findAny(new RegExp(chunk.map(escapeRegExp).join('|'), 'g')));
    chunk = [];
    length = 0;
  };
  for (const spelling of spellings) {
    if (spelling.length > MAX_PATTERN) {
      finders.push(findText(spelling));
      continue;
    }
    if (length + spelling.length > MAX_PATTERN) close();
    chunk.push(spelling);
    length += spelling.length;
  }
  close();
  return finders;
};

/** The longest regular expression, in UTF-16 units: the RegExp engine rejects very long ones. */
const MAX_PATTERN = 8192;

const findAny = (expression: RegExp): Finder => {
  return (text) => {
    const found: Range[] = [];
    expression.lastIndex = 0;
    for (let match = expression.exec(text); match; match = expression.exec(text)) {
      found.push([match.index, match.index + match[0].length]);
      // The next match may overlap this one.
      expression.lastIndex = match.index + 1;
    }
    return found;
  };
};

const findText = (spelling: string): Finder => {
  return (text) => {
    const found: Range[] = [];
    for (let at = text.indexOf(spelling); at >= 0; at = text.indexOf(spelling, at + 1)) {
      found.push([at, at + spelling.length]);
    }
    return found;
  };
};

/** Replaces each stretch covered by ranges, which may overlap, with one `MASKED`. */
const replaceRanges = (text: string, ranges: readonly Range[]): string => {
  if (ranges.length === 0) return text;
  let masked = '';
  let at = 0;
  let covered = -1;
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (start > covered) masked += `${text.slice(at, start)}${MASKED}`;
    covered = Math.max(covered, end);
    at = covered;
  }
  return masked + text.slice(at);
};

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

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
