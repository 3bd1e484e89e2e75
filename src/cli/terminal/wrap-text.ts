import { cutMiddle, textWidth } from '../../events/text-width.ts';
import type { Printer, Style } from './printer.ts';

/** A word and its format. Lines break between words only. */
export type Word = { readonly text: string; readonly format?: Style | undefined };

/** Wraps words into lines no wider than `columns`. A word that is too wide is cut. */
export const wrapText = (
  words: readonly Word[],
  { columns, indents: [first, others], style, ellipsis }: WrapOptions,
): readonly string[] => {
  const lines: string[] = [];
  let line = first;
  let width = first.length;
  let isEmpty = true;
  for (const { text, format } of words) {
    const shown = fitText(text, Math.max(1, columns - others.length), ellipsis);
    const needs = textWidth(shown);
    if (!isEmpty && width + 1 + needs > columns) {
      lines.push(line);
      line = others;
      width = others.length;
      isEmpty = true;
    }
    line += (isEmpty ? '' : ' ') + (format === undefined ? shown : style(format, shown));
    width += (isEmpty ? 0 : 1) + needs;
    isEmpty = false;
  }
  return isEmpty ? lines : [...lines, line];
};

export type WrapOptions = Pick<Printer, 'columns' | 'style'> & {
  /** Indents of the first line and of the others. */
  readonly indents: readonly [first: string, others: string];
  /** The mark for a cut; must be one column wide. */
  readonly ellipsis: string;
};

/** Returns the text, cut by `shorten` if it is too wide. Default: cut in the middle. */
export const fitText = (text: string, width: number, ellipsis: string, shorten = cutMiddle): string =>
  textWidth(text) <= width ? text : shorten(text, width).replace('…', ellipsis);

export const wordsOf = (text: string, format?: Style): readonly Word[] =>
  text === '' ? [] : text.split(' ').map((word) => ({ text: word, format }));
