import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellGrid } from '../../../src/engine/views/cell-grid.ts';

const tasksIn = (tasks: Int32Array): number[] => [...tasks].filter((task) => task >= 0);

test('a grid has every cell once, in order, and about the aspect', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.constantFrom(1.2, 2.2, 4, 8, 16), (count, aspect) => {
      const cells = Array.from({ length: count }, (_, at) => at);
      const { columns, rows, tasks } = cellGrid({ kind: 'alike', cells }, aspect);
      expect(tasksIn(tasks)).toEqual(cells);
      expect(tasks).toHaveLength(columns * rows);
      if (count > 1000) expect(columns / rows / aspect).toBeGreaterThan(0.8);
    }),
  );
});

test('a grid of layers has every leaf once, and no two layers touch in a column', () => {
  const lengths = fc.oneof(
    fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 200 }),
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 100, maxLength: 900, size: 'max' }),
  );
  fc.assert(
    fc.property(lengths, fc.constantFrom(1.2, 2.2, 4, 8, 16), (sizes, aspect) => {
      let next = 0;
      const columns = sizes.map((size) => ({ title: '', tasks: Array.from({ length: size }, () => next++) }));
      const cells = columns.flatMap(({ tasks }) => tasks);
      const grid = cellGrid({ kind: 'layers', cells, columns }, aspect);
      expect(tasksIn(grid.tasks).sort((a, b) => a - b)).toEqual(cells);
      const layerOf = columns.flatMap(({ tasks }, layer) => tasks.map(() => layer));
      // Bands of layers are apart by an empty row; in a band, a column is of one layer.
      for (let column = 0; column < grid.columns; column++)
        for (let row = 0; row + 1 < grid.rows; row++) {
          const [upper = -1, lower = -1] = [
            grid.tasks[row * grid.columns + column],
            grid.tasks[(row + 1) * grid.columns + column],
          ];
          if (upper >= 0 && lower >= 0) expect(layerOf[upper]).toBe(layerOf[lower]);
        }
    }),
  );
});
