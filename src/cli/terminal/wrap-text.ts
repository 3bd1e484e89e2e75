import type { Printer, Style } from './printer.ts';
import { cutMiddle, textWidth } from './text-width.ts';

/** A word of a line that may be broken before each. */
export type Word = { readonly text: string; readonly format?: Style | undefined };

/** Words in lines that are no wider than `columns`, all but the first indented further. A word that is wider is cut. */
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
  /** What comes before the first line, and before the others. */
  readonly indents: readonly [first: string, others: string];
  /** What stands where something was cut out. One column wide. */
  readonly ellipsis: string;
};

/** A text, or as much of its ends as fits. */
export const fitText = (text: string, width: number, ellipsis: string, shorten = cutMiddle): string =>
  textWidth(text) <= width ? text : shorten(text, width).replace('…', ellipsis);

/** The words of a text. */
export const wordsOf = (text: string, format?: Style): readonly Word[] =>
  text === '' ? [] : text.split(' ').map((word) => ({ text: word, format }));
