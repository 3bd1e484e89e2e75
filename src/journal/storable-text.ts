/**
 * Text as every SQLite takes and gives it back: without NUL, at which some drivers cut, and without halves of surrogate
 * pairs, which UTF-8 has no form for. Those, and %, are written as % and four hexadecimal digits.
 */
export const toStored = (text: string): string =>
  MARKED.test(text) ? text.replace(new RegExp(MARKED, 'gu'), (found) => `%${hex(found)}`) : text;

export const fromStored = (text: string): string =>
  text.includes('%')
    ? text.replace(/%([0-9a-f]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    : text;

/** JSON that says the same without those: within JSON they have a form of their own. */
export const storableJson = (json: string): string =>
  json.includes('\0') || !isWellFormed(json) ? json.replace(/\0|\p{Cs}/gu, (found) => `\\u${hex(found)}`) : json;

const MARKED = /[%\0]|\p{Cs}/u;

const hex = (unit: string): string => unit.charCodeAt(0).toString(16).padStart(4, '0');

/** As of ES2024, which the types do not know yet. */
const isWellFormed = (text: string): boolean => (text as string & { isWellFormed(): boolean }).isWellFormed();
