import { stripVTControlCharacters } from 'node:util';

/** Removes escape sequences, and replaces each control character except tab by a visible symbol. */
export const plainText = (text: string): string =>
  isHarmless(text) ? text : stripVTControlCharacters(text).replace(CONTROL, picture);

/** Like `plainText`, but keeps colour sequences and resets the colour at the end of the text. */
export const styledText = (text: string): string => {
  if (isHarmless(text)) return text;
  const parts = text.split(COLOUR);
  if (parts.length === 1) return plainText(text);
  // Odd parts are the colour sequences, since `split` includes what the expression captures.
  return `${parts.map((part, index) => (index % 2 === 0 ? plainText(part) : part)).join('')}${RESET}`;
};

const ESC = String.fromCharCode(27);
const RESET = `${ESC}[0m`;
const COLOUR = new RegExp(`(${ESC}\\[[\\d;:]*m)`);
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

const isHarmless = (text: string): boolean => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text);

/** Returns Unicode's control picture of a character, ␀ to ␟ or ␡; U+FFFD if it has none, and a tab unchanged. */
const picture = (character: string): string => {
  const code = character.charCodeAt(0);
  if (character === '\t') return character;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\uFFFD';
};
