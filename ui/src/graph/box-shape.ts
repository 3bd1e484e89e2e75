import { type CellGrid, cellGrid } from '../../../src/engine/views/cell-grid.ts';
import type { Box } from '../../../src/engine/views/fold.ts';
import type { JobModel } from '../job/job-model.ts';

/* Where things are within a box, in px at a scale of 1. Both what is painted and what is hit come from here. */

export const CELL = 9;
export const PAD = 10;
export const HEAD = 24;
export const TASK = { width: 172, height: 32, strip: 28 } as const;
export const FRAME = { top: HEAD + 14, right: 18, bottom: 16, left: 18 } as const;
/** A longer name needs a wider box: from afar its letters are larger, and the counts stand beside it. */
const SHORT_NAME = 8;
const LONG_NAME_PX = 240;
const ROW = 18;
const ROW_NAME = 84;
const COLUMN_HEAD = 16;
const STEP = { least: 22, inside: 84, height: 15, chain: 30 } as const;

export type Place = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/** A task drawn as a bar or a cell of its own, relative to the box. */
export type Spot = Place & { readonly task: number };

export type BoxShape =
  | { readonly kind: 'task'; readonly width: number; readonly height: number }
  | {
      readonly kind: 'cells';
      readonly width: number;
      readonly height: number;
      readonly grid: CellGrid;
      readonly x: number;
      readonly y: number;
    }
  | {
      readonly kind: 'spots';
      readonly width: number;
      readonly height: number;
      readonly spots: readonly Spot[];
      readonly rowNames: readonly { readonly y: number; readonly text: string }[];
      readonly columnNames: readonly { readonly x: number; readonly width: number; readonly text: string }[];
    };

/** The shape of a folded box. `aspect`: about how many times as wide as high a block of cells is to be. */
export const boxShape = (model: JobModel, box: Box, aspect: number): BoxShape => {
  if (box.kind === 'task') return { kind: 'task', width: TASK.width, height: TASK.height };
  if (box.kind === 'chain') return chainShape(model, box);
  if (box.kind === 'table') return tableShape(model, box);
  const grid = cellGrid(box, aspect);
  return {
    kind: 'cells',
    width: Math.max(box.title.length > SHORT_NAME ? LONG_NAME_PX : TASK.width, grid.columns * CELL + 2 * PAD),
    height: HEAD + 8 + grid.rows * CELL + PAD,
    grid,
    x: PAD,
    y: HEAD + 8,
  };
};

const chainShape = (model: JobModel, { tasks }: Box): BoxShape => {
  const widths = tasks.map((task) => (model.inside(task).length > 0 ? STEP.inside : STEP.chain));
  const spots: Spot[] = [];
  const columnNames: { x: number; width: number; text: string }[] = [];
  let x = PAD;
  for (const [at, task] of tasks.entries()) {
    const width = (widths[at] as number) - 3;
    spots.push({ x, y: HEAD + 4, width, height: STEP.height, task });
    columnNames.push({ x, width, text: model.name(task) });
    x += widths[at] as number;
  }
  return {
    kind: 'spots',
    width: Math.max(TASK.width, x - 3 + PAD),
    height: HEAD + STEP.height + 24,
    spots,
    rowNames: [],
    columnNames,
  };
};

const tableShape = (model: JobModel, { columns = [], rows = [] }: Box): BoxShape => {
  const spots: Spot[] = [];
  const columnNames: { x: number; width: number; text: string }[] = [];
  const top = HEAD + COLUMN_HEAD + 2;
  let x = PAD + ROW_NAME;
  for (const { title, tasks } of columns) {
    const width = tasks.some((task) => model.inside(task).length > 0) ? STEP.inside : STEP.least;
    columnNames.push({ x, width, text: title });
    for (const [row, task] of tasks.entries())
      spots.push({ x, y: top + row * ROW, width: width - 3, height: STEP.height, task });
    x += width;
  }
  return {
    kind: 'spots',
    width: x - 3 + PAD,
    height: top + rows.length * ROW + PAD - 3,
    spots,
    rowNames: rows.map((text, row) => ({ y: top + row * ROW + STEP.height / 2, text })),
    columnNames,
  };
};

/** The task of a box at a point relative to its corner; -1 if there is none. */
export const taskAt = (shape: BoxShape, box: Box, x: number, y: number): number => {
  if (shape.kind === 'task') return box.tasks[0] ?? -1;
  if (shape.kind === 'spots')
    return (
      shape.spots.find((spot) => x >= spot.x && x < spot.x + spot.width + 3 && y >= spot.y && y < spot.y + ROW)?.task ??
      -1
    );
  const column = Math.floor((x - shape.x) / CELL);
  const row = Math.floor((y - shape.y) / CELL);
  if (column < 0 || column >= shape.grid.columns || row < 0 || row >= shape.grid.rows) return -1;
  return shape.grid.tasks[row * shape.grid.columns + column] ?? -1;
};

/** Where a task is drawn within a box. */
export const placeOf = (shape: BoxShape, task: number): Place | undefined => {
  if (shape.kind === 'task') return { x: 0, y: 0, width: shape.width, height: shape.height };
  if (shape.kind === 'spots') return shape.spots.find((spot) => spot.task === task);
  const at = shape.grid.tasks.indexOf(task);
  if (at < 0) return undefined;
  const { columns } = shape.grid;
  return {
    x: shape.x + (at % columns) * CELL,
    y: shape.y + Math.floor(at / columns) * CELL,
    width: CELL - 1.6,
    height: CELL - 1.6,
  };
};
