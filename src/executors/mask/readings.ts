import { ESCAPE_SEQUENCES } from './escape-sequences.ts';
import type { Range } from './find-secrets.ts';

/** A text as people or programs read it: with escapes decoded, or without what a terminal does not show. */
export type Reading = {
  readonly text: string;
  /** Returns the places of the given text that were read as the places of this one. */
  readonly placesOf: (ranges: readonly Range[]) => readonly Range[];
};

/** A way to read a text. */
export type Decoder = {
  /** What a text has if the decoder may change it; cheaper to look for than `pattern`. */
  readonly hint: RegExp;
  /** What a secret has if this spells it differently than other decoders do. Default: any secret. */
  readonly spells?: RegExp;
  readonly pattern: RegExp;
  readonly decode: (match: string) => string;
};

/**
 * Returns the readings of a text that differ from it: without what a terminal does not show, and with the escapes of
 * JSON and programs, URLs, shells, CSV and HTML decoded. Each may stand within each.
 */
const readingsOf = (text: string, decoders: readonly Decoder[]): readonly Reading[] => {
  const readings: Reading[] = [];
  const read = (from: Reading, decoder: Decoder): Reading => {
    const reading = decoded(from, decoder);
    if (reading.text !== text && readings.every((one) => one.text !== reading.text)) readings.push(reading);
    return reading;
  };
  const readEach = (from: Reading, level: number): void => {
    for (const decoder of decoders) {
      if (level > 1 && (decoder === DOUBLED || decoder === DOUBLED_WITHIN)) continue;
      const count = readings.length;
      const inner = read(read(from, decoder), UNSHOWN);
      const isNew = readings.length > count;
      if (isNew && decoder !== DOUBLED && level < (decoder === BACKSLASH ? MAX_LEVELS : 2)) readEach(inner, level + 1);
    }
  };
  readEach(read({ text, placesOf: (ranges) => ranges }, UNSHOWN), 1);
  return readings;
};

/** How often JSON or strings of programs may stand within one another; any other two may, too. */
const MAX_LEVELS = 3;

/** Returns a function that returns the readings of a text that may hold one of the secrets. */
export const readerOf = (secrets: readonly string[]): ((text: string) => readonly Reading[]) => {
  const decoders = DECODERS.filter(({ spells }) => !spells || secrets.some((secret) => spells.test(secret)));
  const hint = new RegExp(decoders.map(({ hint }) => hint.source).join('|'), 'i');
  return (text) => (hint.test(text) || mayChange(text, UNSHOWN) ? readingsOf(text, decoders) : []);
};

const mayChange = (text: string, decoder: Decoder): boolean =>
  (decoder !== UNSHOWN || NOT_SHOWN_ASCII.test(text)) && decoder.hint.test(text);

/** Is faster than a class of Unicode, and most texts have none. */
const NOT_SHOWN_ASCII = /[^\t\n -~]/;

/** Returns a text without what a terminal does not show. */
export const shownText = (text: string): string => text.replace(UNSHOWN.pattern, '');

/** Returns a text without the ends of its lines, as base64 in lines is decoded. */
export const unwrapped = (text: string): Reading => decoded({ text, placesOf: (ranges) => ranges }, LINE_ENDS);

const decoded = (from: Reading, decoder: Decoder): Reading => {
  if (!mayChange(from.text, decoder)) return from;
  const text = from.text.replace(decoder.pattern, decoder.decode);
  if (text === from.text) return from;
  return { text, placesOf: (ranges) => from.placesOf(rangesBefore(from.text, decoder, ranges)) };
};

/** Returns the places of a text that became `ranges` when it was decoded. A part of an escape stands for all of it. */
const rangesBefore = (text: string, { pattern, decode }: Decoder, ranges: readonly Range[]): readonly Range[] => {
  if (ranges.length === 0) return ranges;
  const pieces: Piece[] = [];
  let shift = 0;
  for (const match of text.matchAll(pattern)) {
    const length = decode(match[0]).length;
    const newStart = match.index + shift;
    pieces.push({ start: match.index, end: match.index + match[0].length, newStart, newEnd: newStart + length });
    shift += length - match[0].length;
  }
  return ranges.map(([start, end]): Range => [placeBefore(pieces, start)[0], placeBefore(pieces, end - 1)[1]]);
};

/** An escape: its place before and after decoding. */
type Piece = { readonly start: number; readonly end: number; readonly newStart: number; readonly newEnd: number };

const placeBefore = (pieces: readonly Piece[], at: number): Range => {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pieces[middle] as Piece).newStart <= at) low = middle + 1;
    else high = middle;
  }
  const piece = pieces[low - 1];
  if (!piece) return [at, at + 1];
  if (at < piece.newEnd) return [piece.start, piece.end];
  const before = at - piece.newEnd + piece.end;
  return [before, before + 1];
};

/** What a terminal does not show: escape sequences, control characters, and marks such as those of direction. */
const UNSHOWN: Decoder = {
  hint: /(?![\t\n])[\p{Cc}\p{Cf}]/u,
  pattern: new RegExp(`${ESCAPE_SEQUENCES.source}|(?![\\t\\n])[\\p{Cc}\\p{Cf}]`, 'gu'),
  decode: () => '',
};

const NAMED: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
};

const HEX = '[\\da-fA-F]';

/** JSON, JavaScript, Python, PHP, `printf %q` and `$'…'` of bash: bytes by `\x` and octal are UTF-8 or Latin-1. */
const BACKSLASH: Decoder = {
  hint: /\\/,
  pattern: new RegExp(
    [
      `\\\\(?:u\\{${HEX}{1,6}\\}|u${HEX}{4}|U${HEX}{8}`,
      `x[cCdD]${HEX}\\\\x[89abAB]${HEX}|x[eE]${HEX}(?:\\\\x[89abAB]${HEX}){2}|x[fF][0-4](?:\\\\x[89abAB]${HEX}){3}|x${HEX}{1,2}`,
      '3[0-3][0-7]\\\\2[0-7]{2}|3[45][0-7](?:\\\\2[0-7]{2}){2}|36[0-4](?:\\\\2[0-7]{2}){3}|[0-3][0-7]{2}|[0-7]{1,2}|[^])',
    ].join('|'),
    'g',
  ),
  decode: (spelled) => {
    const kind = spelled[1] as string;
    if (kind >= '0' && kind <= '7') return ofBytes(spelled.slice(1).split('\\'), 8);
    if (spelled.length === 2) return NAMED[kind] ?? kind;
    if (kind === 'x') return ofBytes(spelled.slice(2).split('\\x'), 16);
    return character(Number.parseInt(spelled.replace(/[^\da-f]/gi, ''), 16));
  },
};

/** URLs, with any characters encoded; bytes are UTF-8 or Latin-1. Also `%u` with four digits, which JavaScript's `escape` writes. */
const PERCENT: Decoder = {
  hint: /%/,
  pattern:
    /%(?:u[\da-f]{4}|[cd][\da-f]%[89ab][\da-f]|e[\da-f](?:%[89ab][\da-f]){2}|f[0-4](?:%[89ab][\da-f]){3}|[\da-f]{2})/gi,
  decode: (spelled) =>
    /^%u/i.test(spelled) ? character(Number.parseInt(spelled.slice(2), 16)) : ofBytes(spelled.slice(1).split('%'), 16),
};

/** Forms, whose spaces are a plus. */
const FORM: Decoder = {
  hint: /\+/,
  spells: / /,
  pattern: new RegExp(`\\+|${PERCENT.pattern.source}`, 'gi'),
  decode: (spelled) => (spelled === '+' ? ' ' : PERCENT.decode(spelled)),
};

/** A quote within the quotes of a shell: as bash, jq and PHP write it, and as dash and Python do. */
const SHELL: Decoder = { hint: /''|'"|'\\/, spells: /'/, pattern: /'\\''|'"'"'/g, decode: () => "'" };

/** A quote that is doubled: SQL and CSV. In what is decoded, a quote of the secret and one that ends a text would be one. */
const DOUBLED: Decoder = { hint: /''|""/, spells: /['"]/, pattern: /''|""/g, decode: (quotes) => quotes.slice(1) };

/** A quote that is doubled within JSON, strings of programs, URLs or HTML: both are escaped. */
const DOUBLED_WITHIN: Decoder = {
  hint: /\\["']\\["']|%2[27]%2[27]|&(?:quot|apos|#0?39|#x27);&/i,
  spells: /['"]/,
  pattern: /(?<!\\)(\\["']|%2[27]|&(?:quot|apos|#0?39|#x27);)\1/gi,
  decode: (quotes) => quotes.slice(quotes.length / 2),
};

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const HTML: Decoder = {
  hint: /&/,
  pattern: /&(?:#\d{1,7}|#x[\da-f]{1,6}|amp|lt|gt|quot|apos);/gi,
  decode: (entity) => {
    const name = entity.slice(1, -1).toLowerCase();
    if (!name.startsWith('#')) return ENTITIES[name] as string;
    return character(name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1)));
  },
};

const DECODERS = [BACKSLASH, PERCENT, FORM, SHELL, DOUBLED, DOUBLED_WITHIN, HTML];

const LINE_ENDS: Decoder = { hint: /\n/, pattern: /(?<![ \t\r])[ \t\r]*\n[ \t\r\n]*/g, decode: () => '' };

const character = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : '');

const ofBytes = (digits: readonly string[], radix: number): string => {
  const bytes = Buffer.from(digits.map((one) => Number.parseInt(one, radix)));
  const text = bytes.toString('utf8');
  return text.includes('\uFFFD') ? bytes.toString('latin1') : text;
};
