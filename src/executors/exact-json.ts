/** How deeply lists and mappings of JSON that comes from outside may be nested. */
export const MAX_JSON_DEPTH = 500;

/**
 * Parses JSON. A number that JavaScript would change, such as an integer beyond 2^53 or 1e400, becomes its text, as it
 * does in the results of `sql`. @throws SyntaxError if the text is no JSON
 */
export const parseExactJson = (text: string): unknown => {
  const value: unknown = JSON.parse(text);
  if (!MAYBE_INEXACT.test(text)) return value;
  const parts: string[] = [];
  let from = 0;
  for (const { at, written } of numbersIn(text)) {
    if (isExact(written)) continue;
    parts.push(text.slice(from, at), `"${written}"`);
    from = at + written.length;
  }
  return from === 0 ? value : JSON.parse(parts.join('') + text.slice(from));
};

/** Any number that JavaScript changes has 16 digits, or an exponent; most texts have neither. */
export const MAYBE_INEXACT = /[\d.]{16}|\d[eE]/;

/** Returns whether lists and mappings are nested more than `MAX_JSON_DEPTH` deep. */
export const isTooDeep = (text: string): boolean => {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = lastOfText(text, at);
    else if (code === BRACKET || code === BRACE) depth++;
    else if (code === BRACKET + 2 || code === BRACE + 2) depth--;
    if (depth > MAX_JSON_DEPTH) return true;
  }
  return false;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

/** Yields the numbers of valid JSON as they are written, each with its offset. */
export const numbersIn = function* (text: string): Generator<{ readonly at: number; readonly written: string }, void> {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = lastOfText(text, at);
    if (!isOfNumber(code) || code === PLUS || isLetterE(code)) continue;
    const start = at;
    while (isOfNumber(text.charCodeAt(at + 1))) at++;
    yield { at: start, written: text.slice(start, at + 1) };
  }
};

/** Returns the offset of the quote that ends the text at `start`. */
const lastOfText = (text: string, start: number): number => {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at;
  }
  return text.length;
};

const PLUS = 0x2b;

const isLetterE = (code: number): boolean => code === 0x65 || code === 0x45;

/** Returns whether a character may be part of a number: a digit, `+`, `-`, `.`, `e` or `E`. */
const isOfNumber = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || code === PLUS || code === 0x2d || code === 0x2e || isLetterE(code);

/**
 * Returns whether a JSON number stays what is written: an integer up to 2^53, or a number whose nearest double has the
 * same digits, as far as there are any.
 */
export const isExact = (written: string): boolean => {
  const number = Number(written);
  if (/^-?\d+$/.test(written)) return Number.isSafeInteger(number);
  if (!Number.isFinite(number)) return false;
  const digits = digitsOf(written);
  if (digits === '' || digits.length > MAX_PRECISION) return digits === '';
  // JavaScript may write a number in another way than rounded to as many digits: 827549346578137.2 is ….25, rounded ….3.
  return digitsOf(String(number)) === digits || digitsOf(number.toPrecision(digits.length)) === digits;
};

/** The most digits that JavaScript can write a number with. */
const MAX_PRECISION = 100;

/** Returns the significant digits of a number as it is written; none for 0. */
const digitsOf = (written: string): string =>
  written
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
    .replace(/0+$/, '');
