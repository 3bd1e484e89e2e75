/**
 * Encodes text so that every SQLite driver returns it unchanged. Writes NUL, lone surrogates and % as % and four
 * hexadecimal digits: some drivers cut text at NUL, and UTF-8 can't encode lone surrogates.
 */
export const toStored = (text: string): string =>
  MARKED.test(text) ? text.replace(new RegExp(MARKED, 'gu'), (found) => `%${hex(found)}`) : text;

export const fromStored = (text: string): string =>
  text.includes('%')
    ? text.replace(/%([0-9a-f]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    : text;

/** Returns equivalent JSON in which NUL and lone surrogates are written as JSON's own `\u` escapes. */
export const storableJson = (json: string): string =>
  json.includes('\0') || !isWellFormed(json) ? json.replace(/\0|\p{Cs}/gu, (found) => `\\u${hex(found)}`) : json;

const MARKED = /[%\0]|\p{Cs}/u;

const hex = (unit: string): string => unit.charCodeAt(0).toString(16).padStart(4, '0');

/** Calls `String.prototype.isWellFormed` of ES2024, which the configured types lack. */
const isWellFormed = (text: string): boolean => (text as string & { isWellFormed(): boolean }).isWellFormed();
