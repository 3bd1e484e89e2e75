import type { Help } from 'commander';
import { textWidth } from '../../events/text-width.ts';
import { wordsOf, wrapText } from './wrap-text.ts';

/**
 * Wraps what is wider than the window in the text below the options: paragraphs, and items such as `75   left by SIGTERM`.
 * Commands and files stay as they are, to be copied.
 */
export const fitHelp = (text: string, columns: number): string => {
  const lines: string[] = [];
  let paragraph: string[] = [];
  const endParagraph = (): void => {
    const isWide = paragraph.some((line) => textWidth(line) > columns);
    lines.push(...(isWide ? wrapped(paragraph.join(' '), columns, '', '') : paragraph));
    paragraph = [];
  };
  const all = text.split('\n');
  for (const [index, line] of all.entries()) {
    if (/^\S/.test(line)) {
      paragraph.push(line);
      // A heading is no part of what stands below it.
      if (line.endsWith(':') && all[index + 1]?.startsWith('  ')) endParagraph();
      continue;
    }
    endParagraph();
    const [, head = '', item = ''] = /^( {2}\S.*? {2,})([^\s#].*)$/.exec(line) ?? [];
    lines.push(...(item === '' || textWidth(line) <= columns ? [line] : itemLines(head, item, columns)));
  }
  endParagraph();
  return lines.join('\n');
};

/** Returns the lines of a command or option, with its description beside it or, in a narrow window, below it. */
export const helpItem = (term: string, termWidth: number, description: string, { helpWidth = 80 }: Help): string =>
  description === '' ? `  ${term}` : itemLines(`  ${term.padEnd(termWidth)}  `, description, helpWidth).join('\n');

const itemLines = (head: string, text: string, columns: number): readonly string[] =>
  columns - head.length >= MIN_DESCRIPTION
    ? wrapped(text, columns, head, ' '.repeat(head.length))
    : [head.trimEnd(), ...wrapped(text, columns, BELOW, BELOW)];

const wrapped = (text: string, columns: number, first: string, others: string): readonly string[] =>
  wrapText(wordsOf(text), { columns, indents: [first, others], style: (_, word) => word, ellipsis: '…' });

/** The least width in which a description is still read beside its term. */
const MIN_DESCRIPTION = 24;
const BELOW = ' '.repeat(6);
