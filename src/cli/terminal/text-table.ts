import { cutEnd, cutMiddle, textWidth } from '../../events/text-width.ts';
import type { Printer } from './printer.ts';

export type Column = {
  readonly title: string;
  /** Aligns the column to the right, for numbers. */
  readonly right?: boolean;
  /** Adds colour to a cell; must not change its width. */
  readonly paint?: (cell: string) => string;
  /** Where to cut cells if the table is wider than the terminal. Default: cells are not cut. */
  readonly cut?: 'middle' | 'end';
};

/** Lays out rows as lines below the titles of their columns. Cuts cells where allowed, to fit the terminal's width. */
export const textTable = (
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { style, columns: room }: Pick<Printer, 'style' | 'columns'>,
): readonly string[] => {
  const widths = columnWidths(columns, rows);
  shrink(widths, columns, room);
  const lineOf = (cells: readonly string[], paint: (cell: string, column: Column) => string): string =>
    columns
      .map((column, at) => {
        const width = widths[at] ?? 0;
        const cell = (column.cut === 'middle' ? cutMiddle : cutEnd)(cells[at] ?? '', width);
        const padding = ' '.repeat(width - textWidth(cell));
        return column.right ? padding + paint(cell, column) : paint(cell, column) + padding;
      })
      .join(GAP)
      .trimEnd();
  return [
    lineOf(
      columns.map(({ title }) => title),
      (title) => style('bold', title),
    ),
    ...rows.map((cells) => lineOf(cells, (cell, { paint }) => (paint && cell !== '' ? paint(cell) : cell))),
  ];
};

/** Returns the width of each column: that of its title or of its widest cell, whichever is wider. */
export const columnWidths = (columns: readonly Column[], rows: readonly (readonly string[])[]): number[] =>
  columns.map(({ title }, at) =>
    rows.reduce((width, cells) => Math.max(width, textWidth(cells[at] ?? '')), textWidth(title)),
  );

/** The gap between two columns. */
export const GAP = '  ';

/** The width below which no column is cut. */
const LEAST_WIDTH = 8;

/** Narrows the widest columns that may be cut, down to `LEAST_WIDTH` each, until the table fits. */
const shrink = (widths: number[], columns: readonly Column[], room: number): void => {
  if (room === Number.POSITIVE_INFINITY) return;
  let excess = widths.reduce((sum, width) => sum + width, GAP.length * (columns.length - 1)) - room;
  for (; excess > 0; excess--) {
    let widest = -1;
    for (const [at, { cut }] of columns.entries()) {
      if (cut !== undefined && (widths[at] ?? 0) > (widths[widest] ?? LEAST_WIDTH)) widest = at;
    }
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
};
