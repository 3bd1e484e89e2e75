import type { Box } from './fold.ts';

/** Where the cells of a block stand. */
export type CellGrid = {
  readonly columns: number;
  readonly rows: number;
  /** Row by row, the task at each place; -1 where there is none. */
  readonly tasks: Int32Array;
};

/**
 * Returns a grid of square cells for a block, about `aspect` times as wide as high, at least `least` columns wide. Of a box of
 * `layers`, each layer is a column. Long layers take several columns, with an empty one between layers; many short ones go on below, after an empty row.
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
  const longest = layers.reduce((most, { length }) => Math.max(most, length), 1);
  if (layers.length >= aspect * longest) return gridOfShortLayers(layers, longest, aspect, least);
  let tooLow = 0;
  let high = longest;
  while (high - tooLow > 1) {
    const middle = (tooLow + high) >> 1;
    if (widthOfLayers(layers, middle) <= aspect * middle) high = middle;
    else tooLow = middle;
  }
  const columns = Math.max(least, widthOfLayers(layers, high));
  const tasks = new Int32Array(columns * high).fill(-1);
  const gap = high < longest ? 1 : 0;
  let left = 0;
  for (const layer of layers) {
    for (const [at, task] of layer.entries()) tasks[(at % high) * columns + left + Math.floor(at / high)] = task;
    left += Math.ceil(layer.length / high) + gap;
  }
  return { columns, rows: high, tasks };
};

const widthOfLayers = (layers: readonly (readonly number[])[], high: number): number => {
  const columns = layers.reduce((sum, { length }) => sum + Math.ceil(length / high), 0);
  return layers.some(({ length }) => length > high) ? columns + layers.length - 1 : columns;
};

const gridOfShortLayers = (
  layers: readonly (readonly number[])[],
  longest: number,
  aspect: number,
  least: number,
): CellGrid => {
  const band = longest + 1;
  const bands = Math.max(1, Math.round(Math.sqrt(layers.length / band / aspect)));
  const columns = Math.max(least, Math.ceil(layers.length / bands));
  const rows = Math.ceil(layers.length / columns) * band - 1;
  const tasks = new Int32Array(columns * rows).fill(-1);
  for (const [at, layer] of layers.entries()) {
    const top = Math.floor(at / columns) * band;
    for (const [row, task] of layer.entries()) tasks[(top + row) * columns + (at % columns)] = task;
  }
  return { columns, rows, tasks };
};
