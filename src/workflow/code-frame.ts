import { textWidth } from '../events/text-width.ts';
import { HIDDEN_MARKS } from '../executors/mask/escape-sequences.ts';

/**
 * Returns a line with two lines above, one below, and a mark under the column. `line` and `column` count from 1; `column`
 * counts characters, as editors do, and the mark stands where a terminal shows that one.
 */
export const codeFrame = (lines: readonly string[], line: number, column: number): string => {
  const first = Math.max(1, line - 2);
  const last = Math.min(lines.length, line + 1);
  const gutter = String(last).length;
  const start = column > MAX_WIDTH ? column - Math.ceil(MAX_WIDTH / 2) : 0;
  const frame: string[] = [];
  for (let number = first; number <= last; number++) {
    const text = visible((lines[number - 1] ?? '').slice(start, start + MAX_WIDTH));
    frame.push(`${number === line ? '>' : ' '} ${String(number).padStart(gutter)} | ${text}`.trimEnd());
    if (number !== line) continue;
    const before = Math.max(0, column - 1 - start);
    const indent = textWidth(text.slice(0, before)) + Math.max(0, before - text.length);
    frame.push(`  ${' '.repeat(gutter)} | ${' '.repeat(indent)}^`);
  }
  return frame.join('\n');
};

const MAX_WIDTH = 100;

/** Makes every character visible and inert: a tab becomes a space, another control character or hidden mark dots. */
const visible = (text: string): string =>
  text.replaceAll('\t', ' ').replace(UNPRINTABLE, ({ length }) => '·'.repeat(length));

const UNPRINTABLE = new RegExp(`[\\p{Cc}\\p{Zl}\\p{Zp}]|${HIDDEN_MARKS}`, 'gu');
