import Anser from 'anser';
import type { CSSProperties } from 'react';

/** A piece of a line that looks the same from its first letter to its last. */
export type Piece = {
  readonly text: string;
  readonly className: string;
  readonly style?: CSSProperties;
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is sought
const CONTROLS = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g;
/** Marks that turn the direction of text would turn the whole line. */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;

/** Titles of windows, links and the like, and whatever else a terminal does that is no colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these commands begin and end with them
const COMMANDS = /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b(?!\[)/g;
/** A line of a log is one line of the page. */
const BREAKS = /\r?\n/g;

/** Reads a line with colours as a terminal does. Text stays text: nothing of it becomes markup. */
export const piecesOf = (line: string): readonly Piece[] => {
  const plain = line.replace(COMMANDS, '').replace(BREAKS, ' ↵ ').replace(CONTROLS, '').replace(DIRECTIONS, '');
  if (!plain.includes('\u001b')) return [{ text: plain, className: '' }];
  return Anser.ansiToJson(plain, { use_classes: true, remove_empty: true }).map((chunk) => {
    const decorations = chunk.decorations.map((one) => `ansi-${one}`);
    const [fore, back] = [colourOf(chunk.fg, chunk.fg_truecolor), colourOf(chunk.bg, chunk.bg_truecolor)];
    const style: CSSProperties = {
      ...(fore.rgb && { color: fore.rgb }),
      ...(back.rgb && { backgroundColor: back.rgb }),
    };
    return {
      text: chunk.content,
      className: [fore.name, back.name && `on-${back.name}`, ...decorations].filter((one) => one !== '').join(' '),
      ...(Object.keys(style).length === 0 ? {} : { style }),
    };
  });
};

type Colour = { readonly name: string; readonly rgb?: string };

const PALETTE = /^ansi-palette-(\d+)$/;
const STEPS = [0, 95, 135, 175, 215, 255] as const;

/** A name of the sixteen colours, which the style sheet knows; of all others their parts. */
const colourOf = (given: string | null, truecolor: string | null): Colour => {
  if (given === null || given === '') return { name: '' };
  if (given === 'ansi-truecolor') return { name: '', rgb: `rgb(${truecolor})` };
  const palette = PALETTE.exec(given);
  if (palette === null) return { name: given };
  const number = Number(palette[1]);
  if (number >= 232)
    return {
      name: '',
      rgb: `rgb(${Array(3)
        .fill(8 + (number - 232) * 10)
        .join(',')})`,
    };
  const at = number - 16;
  const parts = [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((step) => STEPS[step]);
  return { name: '', rgb: `rgb(${parts.join(',')})` };
};

/** The text of a line as it is read, without colours. */
export const plainText = (line: string): string =>
  piecesOf(line)
    .map(({ text }) => text)
    .join('');
