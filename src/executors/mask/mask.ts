/** Replaces secret values in what is shown or kept. */
export type Mask = {
  readonly text: (text: string) => string;
  /** The same for all text, keys too, within plain data. What holds no secret is the same object. */
  readonly data: (value: unknown) => unknown;
  /** The length of the longest text that is replaced, in UTF-16 units. */
  readonly longest: number;
};

/** What stands where a secret stood. */
export const MASKED = '***';

/**
 * A mask for these values: as they are, each of their lines that is long enough to be told from other text, and as JSON,
 * URLs and base64 spell them, base64 also behind other text, as in `Authorization: Basic`. Empty values are no secrets.
 */
export const createMask = (values: readonly string[]): Mask => {
  const spellings = [...new Set(values.flatMap(spellingsOf))].sort((a, b) => b.length - a.length);
  if (spellings.length === 0) return NO_MASK;
  const finders = findersOf(spellings);
  const text = (given: string): string =>
    withoutRanges(
      given,
      finders.flatMap((find) => find(given)),
    );
  return { text, data: (value) => maskData(value, text, new Set()), longest: spellings[0]?.length ?? 0 };
};

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

/** A shorter line of a secret of several lines, such as `{`, may be anywhere. */
const MIN_LINE = 4;

const MIN_BASE64 = 6;

/** As JavaScript and Python show text within quotes of each kind. */
const quotedSpellings = (text: string): readonly string[] => {
  const escaped = text.replaceAll('\\', '\\\\');
  return [escaped, escaped.replaceAll("'", "\\'"), escaped.replaceAll('`', '\\`')];
};

const base64Spellings = (text: string): readonly string[] => [
  Buffer.from(text).toString('base64').replace(/=+$/, ''),
  ...[0, 1, 2].map((before) => base64Behind(text, before)),
];

/** What base64 makes of a text behind so many bytes, without the characters that other text has a part in. */
const base64Behind = (text: string, before: number): string => {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
  const shared = before === 0 ? 0 : before + 1;
  return bytes.toString('base64').slice(shared, Math.floor((bytes.length * 8) / 6));
};

type Range = readonly [start: number, end: number];

/** Expressions for many spellings each, up to a length that the machine takes; longer spellings are looked for one by one. */
const findersOf = (spellings: readonly string[]): readonly ((text: string) => readonly Range[])[] => {
  const finders: ((text: string) => readonly Range[])[] = [];
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

const MAX_PATTERN = 8192;

const findAny =
  (expression: RegExp) =>
  (text: string): readonly Range[] => {
    const found: Range[] = [];
    expression.lastIndex = 0;
    for (let match = expression.exec(text); match; match = expression.exec(text)) {
      found.push([match.index, match.index + match[0].length]);
      // The next may begin within this one.
      expression.lastIndex = match.index + 1;
    }
    return found;
  };

const findText =
  (spelling: string) =>
  (text: string): readonly Range[] => {
    const found: Range[] = [];
    for (let at = text.indexOf(spelling); at >= 0; at = text.indexOf(spelling, at + 1)) {
      found.push([at, at + spelling.length]);
    }
    return found;
  };

/** The text with one mask in the place of each stretch that is covered. */
const withoutRanges = (text: string, ranges: readonly Range[]): string => {
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

const maskData = (value: unknown, text: (text: string) => string, around: Set<unknown>): unknown => {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const spelled = String(value);
    // A number that merely has the digits of a secret in it is none.
    return text(spelled) === MASKED ? MASKED : value;
  }
  if (value === null || typeof value !== 'object' || around.has(value)) return value;
  if (!Array.isArray(value) && !isPlain(value)) return value;
  around.add(value);
  const masked = Array.isArray(value)
    ? unlessSame(
        value,
        value.map((item) => maskData(item, text, around)),
      )
    : maskEntries(value as Record<string, unknown>, text, around);
  around.delete(value);
  return masked;
};

const unlessSame = (before: readonly unknown[], after: readonly unknown[]): readonly unknown[] =>
  after.every((item, index) => item === before[index]) ? before : after;

const maskEntries = (value: Record<string, unknown>, text: (text: string) => string, around: Set<unknown>): unknown => {
  let changed = false;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    const entry: [string, unknown] = [text(key), maskData(item, text, around)];
    changed ||= entry[0] !== key || entry[1] !== item;
    return entry;
  });
  if (!changed) return value;
  // Answers such as `notReady` are known by a symbol.
  const symbols = Object.getOwnPropertySymbols(value).map((key) => [key, value[key as never]]);
  return Object.assign(Object.fromEntries(entries), Object.fromEntries(symbols));
};

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};
