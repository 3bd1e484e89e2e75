import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cellGrid } from '../../../src/engine/views/cell-grid.ts';
import { type Box, type FoldInput, fold } from '../../../src/engine/views/fold.ts';
import { type Layout, type LayoutOptions, layout, type PlacedBox } from '../../../src/engine/views/layout.ts';
import { allBoxes, anyColumns, columnsOf, nestedColumns, SHAPES } from '../../support/task-columns.ts';

const CELL = 9;

const measure = (box: Box, aspect: number) => {
  if (box.kind === 'task') return { width: 60 + 7 * box.title.length, height: 36 };
  const { columns, rows } = cellGrid(box, aspect);
  return { width: Math.max(168, columns * CELL + 20), height: 44 + rows * CELL };
};

const OPTIONS: LayoutOptions = {
  measure,
  frame: { top: 40, right: 18, bottom: 14, left: 18 },
  frameWidth: ({ title }) => 60 + 7 * title.length,
  window: { width: 1380, height: 380 },
};

const overlaps = (boxes: readonly PlacedBox[]): string[] => {
  const found: string[] = [];
  const byLeft = boxes.toSorted((a, b) => a.x - b.x);
  for (const [at, a] of byLeft.entries())
    for (let next = at + 1; next < byLeft.length; next++) {
      const b = byLeft[next] as PlacedBox;
      if (b.x >= a.x + a.width) break;
      if (a.parent !== b.parent) continue;
      if (b.y < a.y + a.height - 0.01 && a.y < b.y + b.height - 0.01) found.push(`${a.box.key} over ${b.box.key}`);
    }
  return found;
};

const EDGE = 0.01;

/** What is wrong with a layout, in words. */
const faultsOf = ({ boxes, edges, width, height }: Layout): string[] => [
  ...overlaps(boxes),
  ...boxes.flatMap(({ x, y, width: w, height: h, parent, box: { key } }) => {
    const around = boxes[parent];
    const frame = around ?? { x: 0, y: 0, width, height };
    const isInside =
      x >= frame.x - EDGE &&
      y >= frame.y - EDGE &&
      x + w <= frame.x + frame.width + EDGE &&
      y + h <= frame.y + frame.height + EDGE;
    return isInside ? [] : [`${key} is not within ${around?.box.key ?? 'the layout'}`];
  }),
  ...edges.flatMap(({ points }) => {
    const ys = points.filter((_, index) => index % 2 === 1);
    return ys.every((y) => y >= 0 && y <= height) ? [] : ['an edge leaves the layout'];
  }),
  ...edges.flatMap(({ from, to, points }) => {
    const [a, b] = [boxes[from] as PlacedBox, boxes[to] as PlacedBox];
    const xs = points.filter((_, index) => index % 2 === 0);
    const isRight = a.x + a.width < b.x && xs.every((x, index) => index === 0 || x >= (xs[index - 1] as number));
    const isJoined =
      xs[0] === a.x + a.width && xs.at(-1) === b.x && Math.abs((points[1] as number) - a.y - a.height / 2) < EDGE;
    return isRight && isJoined ? [] : [`the edge from ${a.box.key} to ${b.box.key} does not lead to the right`];
  }),
];

const placedOf = (input: FoldInput, open: ReadonlySet<string> = new Set()): Layout =>
  layout(fold(input, { open }), OPTIONS);

describe('a layout', () => {
  test('has no overlaps and no edge to the left, whatever the graph and whatever is unfolded', () => {
    fc.assert(
      fc.property(
        anyColumns(),
        fc.integer({ min: 1, max: 40 }),
        fc.infiniteStream(fc.boolean()),
        (input, budget, chance) => {
          const keys = allBoxes(fold(input, { budget, all: true })).concat(allBoxes(fold(input, { budget })));
          const open = new Set(keys.flatMap(({ key }) => (chance.next().value ? [key] : [])));
          const folding = fold(input, { budget, open });
          const placed = layout(folding, OPTIONS);
          expect(faultsOf(placed)).toEqual([]);
          expect(placed.boxes).toHaveLength(allBoxes(folding).length);
          expect(layout(fold(input, { budget, open }), OPTIONS)).toEqual(placed);
        },
      ),
      { numRuns: 200 },
    );
  });

  test.each(
    Object.entries(SHAPES).flatMap(([name, shape]) =>
      [3, 10, 200, 1000, 10_000].map((count) => ({ name, count, shape })),
    ),
  )('of $count tasks, $name, folded', ({ count, shape }) => {
    const placed = placedOf(shape(count));
    expect(faultsOf(placed)).toEqual([]);
    expect(placed.boxes.length).toBeLessThanOrEqual(90);
    expect(placed.boxes.reduce((sum, { box }) => sum + box.cells.length, 0)).toBe(count);
  });

  test.each(Object.entries(SHAPES))('of 1,000 tasks, %s, unfolded', (_name, shape) => {
    const placed = layout(fold(shape(1000), { all: true }), OPTIONS);
    expect(faultsOf(placed)).toEqual([]);
    expect(placed.boxes).toHaveLength(1000);
  });

  test('of nested jobs and fan-outs has what is inside within its box', () => {
    const input = nestedColumns(1500);
    const placed = placedOf(input, new Set(['mart_sales', 'mart_people']));
    expect(faultsOf(placed)).toEqual([]);
    expect(placed.boxes.filter(({ parent }) => parent >= 0).length).toBeGreaterThan(2);
  });

  test('puts boxes without edges into rows below all others', () => {
    const placed = placedOf(columnsOf(['a', 'b <- a', 'c <- b', 'd', 'e', 'f']));
    const at = (key: string): PlacedBox => placed.boxes.find(({ box }) => box.key === key) as PlacedBox;
    expect(at('d').y).toBeGreaterThan(at('a').y + at('a').height);
    expect([at('e').y, at('f').y]).toEqual([at('d').y, at('d').y]);
  });

  test('takes the aspect of blocks that is largest in the window', () => {
    const block = (window: { width: number; height: number }) => {
      const { boxes, width, height } = layout(fold(SHAPES.wide?.(2000) as FoldInput), { ...OPTIONS, window });
      return { scale: Math.min(window.width / width, window.height / height), box: boxes[1] as PlacedBox };
    };
    const flat = block({ width: 1600, height: 200 });
    const high = block({ width: 900, height: 900 });
    expect(flat.box.width / flat.box.height).toBeGreaterThan(4);
    expect(high.box.width / high.box.height).toBeLessThan(3);
  });

  test('lets few edges cross: a graph that can be drawn without crossings is', () => {
    // Pairs of roots that are declared far from each other lead to one task each.
    const roots = Array.from({ length: 8 }, (_, at) => `root${at}`);
    const pairs = [2, 0, 3, 1].map((at) => `pair${at} <- root${at}, root${7 - at}`);
    const { boxes, edges } = placedOf(columnsOf([...roots, ...pairs, 'end <- pair0, pair1, pair2, pair3']));
    const yOf = (at: number): number => boxes[at]?.y ?? 0;
    const crossed = edges.flatMap((a) =>
      edges.filter((b) => boxes[a.from]?.x === boxes[b.from]?.x && yOf(a.from) < yOf(b.from) && yOf(a.to) > yOf(b.to)),
    );
    expect(crossed).toEqual([]);
  });

  test('goes a thousand unfolded jobs deep', () => {
    const count = 10_000;
    const names = Array.from({ length: count }, (_, at) => `t${at}`);
    const nested: FoldInput = {
      names,
      parent: names.map((_, at) => at - 1),
      kind: 'j'.repeat(count),
      up: names.map(() => []),
    };
    const placed = layout(fold(nested, { all: true }), OPTIONS);
    expect(placed.boxes).toHaveLength(1000);
    expect(placed.boxes.map(({ parent }) => parent)).toEqual(placed.boxes.map((_, at) => at - 1));
  });

  test('of nothing is empty', () => {
    expect(placedOf(columnsOf([]))).toMatchObject({ width: 0, height: 0, boxes: [], edges: [] });
  });
});
