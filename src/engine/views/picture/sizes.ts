import type { TaskState } from '../../../events/event.ts';
import { cutMiddle, textWidth } from '../../../events/text-width.ts';
import { type CellGrid, cellGrid } from '../cell-grid.ts';
import type { Box } from '../fold.ts';
import { countText } from '../folding/titles.ts';
import type { Measure } from '../layout.ts';
import type { Size } from '../placing/shelves.ts';
import type { Picture } from './picture.ts';

/* Lengths in px. */
export const CELL = 9;
export const PAD = 10;
export const STRIP = 26;
export const HEAD = 30;
export const ROW = 18;
export const STEP = 46;
export const WIDE_STEP = 120;
export const BAR = 14;

export const FONT = 13;
export const SMALL = 11;

/** The room between an unfolded box and what is inside it. */
export const FRAME = { top: 38, right: 16, bottom: 16, left: 16 };

/** The maximum length of a name, in terminal columns. */
export const MAX_NAME = 40;

/** Chains of more steps are drawn as cells. */
export const MAX_SEGMENTS = 24;

export const CARD = 34;
/** Height of a line of notes. */
export const NOTE = 14;

/** Estimates the width of a text in a sans-serif font: what is measured can't be known here. */
export const widthOf = (text: string, size: number): number => {
  const wide = text.match(/[A-ZÄÖÜmwMW@%—…]/g)?.length ?? 0;
  const narrow = text.match(/[iljt.,:;'|!()[\] f]/g)?.length ?? 0;
  return size * (0.61 * textWidth(text) + 0.18 * wide - 0.24 * narrow);
};

/** Cuts a name that is too long out of its middle, in terminal columns. */
export const shortName = (name: string, columns = MAX_NAME): string => cutMiddle(name.replace(/\s+/g, ' '), columns);

/** What stands at the right of the head of a block: how many of its leaves are done, and how many have failed. */
export type Tally = { readonly done: string; readonly failed: string };

export const tallyOf = ({ cells }: Box, { tasks }: Picture): Tally => {
  const count = (state: TaskState): number => cells.filter((cell) => tasks[cell]?.state === state).length;
  if (cells.some((cell) => tasks[cell]?.state === undefined)) return { done: countText(cells.length), failed: '' };
  const failed = count('failed');
  return {
    done: `${countText(count('completed'))} / ${countText(cells.length)}`,
    failed: failed === 0 ? '' : `${countText(failed)} failed`,
  };
};

/** Returns the width that the head of a block needs: its title and its tally. */
export const headWidthOf = (box: Box, picture: Picture): number => {
  const { done, failed } = tallyOf(box, picture);
  const tally = [done, failed].reduce((sum, text) => sum + (text === '' ? 0 : TALLY_GAP + widthOf(text, SMALL)), 0);
  return Math.ceil(widthOf(shortName(box.title), FONT) * BOLD + 2 * PAD + TALLY_GAP + tally);
};

export const TALLY_GAP = 8;

/** How much wider than others bold letters are. */
const BOLD = 1.1;

/** Returns the measure of boxes for a layout: cards of tasks are as wide as most of their names need. */
export const measureOf = (picture: Picture, boxes: readonly Box[]): Measure => {
  const cards = boxes.filter(({ kind }) => kind === 'task').map((box) => cardWidth(box, picture));
  const usual = Math.min(
    MAX_CARD,
    cards.reduce((most, width) => Math.max(most, width), MIN_CARD),
  );
  return (box, aspect) => {
    if (box.kind === 'task') {
      const notes = picture.tasks[box.tasks[0] ?? -1]?.notes.length ?? 0;
      return { width: Math.max(usual, cardWidth(box, picture)), height: CARD + NOTE * notes };
    }
    return sizeOfBlock(box, aspect, picture);
  };
};

const MIN_CARD = 96;
const MAX_CARD = 240;

const cardWidth = ({ tasks: [task = -1], title }: Box, { tasks }: Picture): number => {
  const { state, duration = '', notes = [] } = tasks[task] ?? {};
  const name = widthOf(shortName(title), FONT) + (duration === '' ? 0 : widthOf(duration, SMALL) + PAD);
  return Math.ceil(
    (state === undefined ? 0 : STRIP) +
      2 * PAD +
      Math.max(name, ...notes.map((note) => widthOf(shortName(note), SMALL))),
  );
};

const sizeOfBlock = (box: Box, aspect: number, picture: Picture): Size => {
  const head = headWidthOf(box, picture);
  if (box.kind === 'table' && box.columns) {
    const width = labelWidth(box) + box.columns.reduce((sum, _, at) => sum + stepWidth(box, at), 0) + PAD;
    return { width: Math.max(head, width), height: HEAD + ROW + ROW * (box.rows?.length ?? 0) + PAD };
  }
  if (isBar(box)) return { width: Math.max(head, 236, 2 * PAD + box.tasks.length * 12), height: HEAD + BAR + PAD };
  const { columns, rows } = gridOf(box, aspect, picture);
  return { width: columns * CELL + 2 * PAD, height: HEAD + rows * CELL + PAD };
};

/** Returns whether a chain is drawn as a bar of its steps. */
export const isBar = ({ kind, tasks }: Box): boolean => kind === 'chain' && tasks.length <= MAX_SEGMENTS;

/** Returns the grid of a block, at least as wide as its head. */
export const gridOf = (box: Box, aspect: number, picture: Picture): CellGrid =>
  cellGrid(box, aspect, Math.ceil((headWidthOf(box, picture) - 2 * PAD) / CELL));

export const labelWidth = ({ rows = [] }: Box): number =>
  2 * PAD + rows.reduce((most, row) => Math.max(most, widthOf(shortName(row, MAX_LABEL), SMALL)), 24);

export const MAX_LABEL = 22;

/** Returns the width of a column of a table: more, if its tasks have others inside. */
export const stepWidth = ({ columns, cells }: Box, column: number): number =>
  isGroupColumn(cells, columns?.[column]?.tasks ?? []) ? WIDE_STEP : STEP;

const isGroupColumn = (cells: readonly number[], tasks: readonly number[]): boolean => {
  const leaves = new Set(cells);
  return tasks.some((task) => !leaves.has(task));
};
