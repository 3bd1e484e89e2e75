import { stripVTControlCharacters } from 'node:util';
import type { SelectedLines } from './log-lines.ts';

export type FoundLines = {
  /** Numbers of lines that have the text, ascending. */
  readonly matches: number[];
  /** `from` of the next search; null if all lines have been looked at. */
  readonly next: number | null;
};

/** What one search looks at, at most: it then says where to go on. */
const MAX_LINES = 10_000;
const MAX_SIZE = 16 * 1024 * 1024;

/** Finds lines after the first `from` that have a text, in upper or lower case, whatever their colours are; at most `size`. */
export const searchLines = async (
  lines: SelectedLines,
  text: string,
  from: number,
  size: number,
): Promise<FoundLines> => {
  const wanted = text.toLowerCase();
  const matches: number[] = [];
  let [looked, length] = [0, 0];
  if (from >= lines.total) return { matches, next: null };
  for await (const some of lines.read(from)) {
    for (const { number, message } of some) {
      looked++;
      length += message.length;
      const plain = message.includes('\u001b') ? stripVTControlCharacters(message) : message;
      if (plain.toLowerCase().includes(wanted)) matches.push(number);
      if (matches.length === size || looked === MAX_LINES || length > MAX_SIZE)
        return { matches, next: number < lines.total ? number : null };
    }
  }
  return { matches, next: null };
};
