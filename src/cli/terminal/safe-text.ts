import { stripVTControlCharacters } from 'node:util';

/** Text without escape sequences, and with a picture in the place of each control character but the tab. */
export const plainText = (text: string): string =>
  isHarmless(text) ? text : stripVTControlCharacters(text).replace(CONTROL, picture);

/** The same, but sequences that colour stay, and end with the text. */
export const styledText = (text: string): string => {
  if (isHarmless(text)) return text;
  const parts = text.split(COLOUR);
  if (parts.length === 1) return plainText(text);
  // Every other part is a sequence, since the expression captures it.
  return `${parts.map((part, index) => (index % 2 === 0 ? plainText(part) : part)).join('')}${RESET}`;
};

const ESC = String.fromCharCode(27);

const RESET = `${ESC}[0m`;

const COLOUR = new RegExp(`(${ESC}\\[[\\d;:]*m)`);

const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

const isHarmless = (text: string): boolean => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text);

/** ␀ to ␟ and ␡ of Unicode's control pictures; the rest have none. */
const picture = (character: string): string => {
  const code = character.charCodeAt(0);
  if (character === '\t') return character;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\uFFFD';
};
