import type { Box } from './fold.ts';

/** Where the cells of a block stand. */
export type CellGrid = {
  readonly columns: number;
  readonly rows: number;
  /** Row by row, the task at each place; -1 where there is none. */
  readonly tasks: Int32Array;
};

/**
 * Returns a grid of square cells for a block, about `aspect` times as wide as high, at least `least` columns wide. The layers of a
 * box of `layers` are columns; if they are too many for the aspect, they go on below, an empty row between.
 */
export const cellGrid = (box: Pick<Box, 'cells' | 'columns' | 'kind'>, aspect: number, least = 16): CellGrid =>
  box.kind === 'layers' && box.columns
    ? gridOfLayers(
        box.columns.map(({ tasks }) => tasks),
        aspect,
        least,
      )
    : gridOfCells(box.cells, aspect, least);

const gridOfCells = (cells: readonly number[], aspect: number, least: number): CellGrid => {
  const columns = Math.max(least, Math.ceil(Math.sqrt(cells.length * aspect)));
  const rows = Math.ceil(cells.length / columns);
  const tasks = new Int32Array(columns * rows).fill(-1);
  tasks.set(cells);
  return { columns, rows, tasks };
};

const gridOfLayers = (layers: readonly (readonly number[])[], aspect: number, least: number): CellGrid => {
  const high = layers.reduce((most, { length }) => Math.max(most, length), 0);
  const bands = Math.max(1, Math.round(Math.sqrt(layers.length / (high + 1) / aspect)));
  const columns = Math.max(least, Math.ceil(layers.length / bands));
  const rows = Math.ceil(layers.length / columns) * (high + 1) - 1;
  const tasks = new Int32Array(columns * rows).fill(-1);
  for (const [at, layer] of layers.entries()) {
    const top = Math.floor(at / columns) * (high + 1);
    for (const [row, task] of layer.entries()) tasks[(top + row) * columns + (at % columns)] = task;
  }
  return { columns, rows, tasks };
};
