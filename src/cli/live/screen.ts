import { stripVTControlCharacters } from 'node:util';
import { textWidth } from '../../events/text-width.ts';
import type { OutputStream } from '../terminal/io.ts';

export type LiveScreen = {
  readonly size: () => { readonly columns: number; readonly rows: number };
  /** Prints `above` for good, then draws `lines`, which must fit the window. Returns whether the stream takes more. */
  readonly draw: (above: string, lines: readonly string[]) => boolean;
  /** Notes that the user typed a line: its echo moved the cursor one row down. */
  readonly onInput: () => void;
  /** Prints `above`, removes the live part and shows the cursor. */
  readonly erase: (above: string) => void;
};

/**
 * Redraws the last rows of a terminal in place. The cursor waits in the row below: there the echo of `^C` does no harm,
 * typed text stays, and a shell finds a free row if the program is killed.
 * Each change is one write in synchronized output (https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036).
 * Only rows that differ are rewritten: the new text first, then the rest is erased. Lines never wrap. `log-update` 7.2
 * is not used: it removes the live part to print a line above, erases and rewrites all rows from the first to the last
 * change, ignores backpressure and that narrowed terminals wrap old lines, and needs ten packages.
 */
export const createLiveScreen = (stream: OutputStream): LiveScreen => {
  let drawn: readonly string[] = [];
  let isHidden = false;
  const size = (): { columns: number; rows: number } => ({ columns: stream.columns || 80, rows: stream.rows || 24 });
  let drawnAt = size();
  /** The number of lines typed since the last draw. */
  let typed = 0;

  const write = (text: string): boolean => text === '' || stream.write(`${BEGIN}${text}${END}`);
  /** Returns codes that move to the first row of the live part and erase everything from there on. */
  const restart = (): string => {
    const { columns, rows } = size();
    const height = (columns < drawnAt.columns ? heightOf(drawn, columns) : drawn.length) + typed;
    return eraseFrom(Math.min(height, rows - 1));
  };

  return {
    size,
    draw: (above, lines) => {
      const now = size();
      const isResized = now.columns !== drawnAt.columns || now.rows !== drawnAt.rows;
      const text =
        above !== '' || isResized || typed > 0
          ? restart() + above + unwrapped(patch([], lines))
          : unwrapped(patch(drawn, lines));
      const hide = isHidden || lines.length === 0 ? '' : HIDE_CURSOR;
      isHidden ||= hide !== '';
      drawn = lines;
      drawnAt = now;
      typed = 0;
      return write(text === '' ? '' : hide + text);
    },
    onInput: () => {
      typed++;
    },
    erase: (above) => {
      write((drawn.length > 0 || above !== '' ? restart() + above : '') + (isHidden ? SHOW_CURSOR : ''));
      drawn = [];
      typed = 0;
      isHidden = false;
    },
  };
};

/**
 * Returns codes that move up and erase everything from there on. They erase the first row by itself: what is erased from
 * the top of the window on tmux keeps in its history (`scroll-on-clear`), where the live part would be left behind.
 */
const eraseFrom = (rows: number): string =>
  rows > 0 ? `${up(rows)}\r${ERASE_REST}\n\r${ERASE_BELOW}${up(1)}` : `\r${ERASE_BELOW}`;

/** Returns codes that rewrite each row that differs, and move the cursor from below `before` to below `after`. */
const patch = (before: readonly string[], after: readonly string[]): string => {
  let text = '';
  let row = before.length;
  const go = (to: number): string => {
    const move = to < row ? up(row - to) : '\n'.repeat(to - row);
    row = to;
    return `${move}\r`;
  };
  for (const [index, line] of after.entries()) {
    if (line !== before[index]) text += `${go(index)}${line}${ERASE_REST}`;
  }
  if (before.length !== after.length) return `${text}${go(after.length)}${ERASE_BELOW}`;
  // The height stays the same, so the cursor returns to the text that the user has begun to type.
  return text === '' || before.length === 0 ? text : `${SAVE_CURSOR}${text}${RESTORE_CURSOR}`;
};

const unwrapped = (text: string): string => (text === '' ? '' : `${NO_WRAP}${text}${WRAP}`);

/** Returns how many rows the lines take after the window became narrower: terminals wrap lines that no longer fit. */
const heightOf = (lines: readonly string[], columns: number): number =>
  lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(textWidth(stripVTControlCharacters(line)) / columns)), 0);

const CSI = `${String.fromCharCode(27)}[`;
const BEGIN = `${CSI}?2026h`;
const END = `${CSI}?2026l`;
const HIDE_CURSOR = `${CSI}?25l`;
const SHOW_CURSOR = `${CSI}?25h`;
const NO_WRAP = `${CSI}?7l`;
const WRAP = `${CSI}?7h`;
const ERASE_REST = `${CSI}K`;
const ERASE_BELOW = `${CSI}J`;
const SAVE_CURSOR = `${String.fromCharCode(27)}7`;
const RESTORE_CURSOR = `${String.fromCharCode(27)}8`;

const up = (rows: number): string => (rows > 0 ? `${CSI}${rows}A` : '');
