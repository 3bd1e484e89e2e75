import { stripVTControlCharacters } from 'node:util';
import type { OutputStream } from '../terminal/io.ts';
import { textWidth } from '../terminal/text-width.ts';

export type LiveScreen = {
  /** Columns and rows of the window as they are now. */
  readonly size: () => { readonly columns: number; readonly rows: number };
  /**
   * Prints `above` for good and makes the live part be `lines`, in one write, or none if nothing changed. Each line must
   * be narrower than the window, and all of them fewer than its rows. Answers whether the stream takes more.
   */
  readonly draw: (above: string, lines: readonly string[]) => boolean;
  /** Somebody has typed a line: the terminal's echo of its end has moved the cursor one row further down. */
  readonly typed: () => void;
  /** Prints `above`, takes the live part away and shows the cursor again. */
  readonly erase: (above: string) => void;
};

/**
 * The last rows of a terminal, rewritten in place. The cursor waits in the row below them: what the terminal echoes there
 * (`^C`) harms nothing, what is typed there stays while the rows do, and a shell finds a free row should the program be killed.
 *
 * All of a change is one write in synchronized output (https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036),
 * and only rows that differ are rewritten: the new text first, then what is left of the old one erased. Lines do not wrap,
 * even if the terminal thinks them wider than we do. `log-update` 7.2 is not used: it prints a line above in a write of its
 * own that takes the live part away until the next, rewrites everything between the first and the last row that changed,
 * after erasing it, knows neither backpressure nor that terminals wrap rows anew when they become narrower, and brings ten
 * packages.
 */
export const createLiveScreen = (stream: OutputStream): LiveScreen => {
  let drawn: readonly string[] = [];
  let isHidden = false;
  const size = (): { columns: number; rows: number } => ({ columns: stream.columns || 80, rows: stream.rows || 24 });
  let drawnAt = size();
  /** How many lines were typed since. */
  let typed = 0;

  const write = (text: string): boolean => text === '' || stream.write(`${BEGIN}${text}${END}`);
  /** To the first row of the live part, where everything from there on is erased. */
  const restart = (): string => {
    const { columns, rows } = size();
    const height = (columns < drawnAt.columns ? heightOf(drawn, columns) : drawn.length) + typed;
    return `${up(Math.min(height, rows - 1))}\r${ERASE_BELOW}`;
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
    typed: () => {
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

/** From the row below `before` to the row below `after`, each row that differs written on the way. */
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
  // Nothing moves: what somebody has begun to type stands as it is.
  return text === '' || before.length === 0 ? text : `${SAVE_CURSOR}${text}${RESTORE_CURSOR}`;
};

const unwrapped = (text: string): string => (text === '' ? '' : `${NO_WRAP}${text}${WRAP}`);

/** How many rows the lines take in a window that has become so narrow: terminals wrap what no longer fits. */
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
