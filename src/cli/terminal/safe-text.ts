import { ESCAPE_SEQUENCES, HIDDEN_MARKS } from '../../executors/mask/escape-sequences.ts';

/**
 * Removes escape sequences, and marks that turn the direction of text or hide in it; replaces each control character
 * except tab by a visible symbol.
 */
export const plainText = (text: string): string =>
  isHarmless(text) ? text : text.replace(ESCAPE_SEQUENCES, '').replace(EVERY_MARK, '').replace(EVERY_CONTROL, picture);

/** Makes several lines safe to print. */
export const plainLines = (text: string): string => text.split('\n').map(plainText).join('\n');

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

/** Control characters and line separators. */
const CONTROLS = '[\\p{Cc}\\p{Zl}\\p{Zp}]';
const HARMFUL = new RegExp(`${CONTROLS}|${HIDDEN_MARKS}`, 'u');
const EVERY_HARMFUL = new RegExp(HARMFUL, 'gu');
const EVERY_CONTROL = new RegExp(CONTROLS, 'gu');
const EVERY_MARK = new RegExp(HIDDEN_MARKS, 'gu');

const isHarmless = (text: string): boolean => !HARMFUL.test(text);

/**
 * Makes JSON safe to print: writes characters as escapes that a terminal would obey or that would turn or hide text.
 * They occur within JSON's strings alone, where a `\u` escape means the same.
 */
export const inertJson = (json: string): string =>
  isHarmless(json) ? json : json.replace(EVERY_HARMFUL, (found) => (found === '\n' ? found : escaped(found)));

const escaped = (text: string): string =>
  [...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');

/** Returns Unicode's control picture of a character, ␀ to ␟ or ␡; U+FFFD if it has none, and a tab unchanged. */
const picture = (character: string): string => {
  const code = character.charCodeAt(0);
  if (character === '\t') return character;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\uFFFD';
};
