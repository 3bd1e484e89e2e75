import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Box, type FoldInput, type Folding, type FoldOptions, fold } from '../../../src/engine/views/fold.ts';
import { allBoxes, anyColumns, columnsOf, flatColumns, nestedColumns, SHAPES } from '../../support/task-columns.ts';

const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));

const keysOf = ({ boxes }: Folding): string[] => boxes.map(({ key }) => key);

const boxOf = (folding: Folding, key: string): Box => {
  const box = allBoxes(folding).find((one) => one.key === key);
  if (!box) throw new Error(`no box ${key} in ${allBoxes(folding).map((one) => one.key)}`);
  return box;
};

const leavesOf = ({ names, parent }: FoldInput): number[] => {
  const parents = new Set(Array.from(parent));
  return [...names.keys()].filter((task) => !parents.has(task));
};

/** Any options, with some of the boxes of this input unfolded. */
const anyOptions = (input: FoldInput): fc.Arbitrary<FoldOptions> => {
  const keys = [...allBoxes(fold(input, { all: true })), ...allBoxes(fold(input, { budget: 5 }))].map(({ key }) => key);
  return fc.record({
    budget: fc.integer({ min: 1, max: 60 }),
    open: fc.subarray([...new Set(keys)]).map((open) => new Set(open)),
    all: fc.boolean(),
  });
};

const inputs = anyColumns().chain((input) => anyOptions(input).map((options) => ({ input, options })));

describe('a folding of any tasks', () => {
  test('shows nested jobs of an unfolded block as boxes, folded', () => {
    const lines = ['a', ...times(6, (at) => [`job${at} <- a`, `job${at}/x`, `job${at}/y <- job${at}/x`]).flat()];
    const folding = fold(columnsOf(lines), { budget: 5, open: new Set(['alike//job0']) });
    expect(folding.boxes.map(({ key, inner }) => [key, inner])).toEqual([
      ['a', undefined],
      ...times(6, (at) => [`job${at}`, undefined]),
    ]);
  });

  test('has every leaf in exactly one box, and each box has a key of its own', () => {
    fc.assert(
      fc.property(inputs, ({ input, options }) => {
        const folding = fold(input, options);
        expect(folding.boxes.flatMap(({ cells }) => cells).sort((a, b) => a - b)).toEqual(leavesOf(input));
        const boxes = allBoxes(folding);
        for (const { inner, cells } of boxes)
          if (inner)
            expect(inner.boxes.flatMap((box) => box.cells).sort((a, b) => a - b)).toEqual(
              cells.toSorted((a, b) => a - b),
            );
        expect(new Set(boxes.map(({ key }) => key)).size).toBe(boxes.length);
        for (const { columns, kind, tasks, cells } of boxes)
          if (columns)
            expect(columns.flatMap((column) => column.tasks).sort((a, b) => a - b)).toEqual(
              (kind === 'table' ? tasks : cells).toSorted((a, b) => a - b),
            );
        expect(fold(input, options)).toEqual(folding);
      }),
      { numRuns: 300 },
    );
  });

  test('has the edges of the tasks between boxes, and no circle', () => {
    fc.assert(
      fc.property(inputs, ({ input, options }) => {
        const levels = [fold(input, options)];
        for (const { boxes, edges } of levels) {
          const boxOfTask = new Map(boxes.flatMap(({ tasks }, at) => tasks.map((task) => [task, at] as const)));
          const wanted = new Map<string, number>();
          for (const [task, to] of boxOfTask)
            for (const need of new Set(input.up[task])) {
              const from = boxOfTask.get(need);
              if (from === undefined || from === to) continue;
              wanted.set(`${from} ${to}`, (wanted.get(`${from} ${to}`) ?? 0) + 1);
            }
          expect(new Map(edges.map(({ from, to, count }) => [`${from} ${to}`, count]))).toEqual(wanted);
          const left = new Set(boxes.keys());
          for (let isLess = true; isLess; ) {
            const free = [...left].filter((at) => !edges.some(({ from, to }) => to === at && left.has(from)));
            for (const at of free) left.delete(at);
            isLess = free.length > 0;
          }
          expect([...left]).toEqual([]);
          for (const { inner } of boxes) if (inner) levels.push(inner);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('has at most as many boxes as it may, if none is unfolded', () => {
    fc.assert(
      fc.property(anyColumns(150), fc.integer({ min: 22, max: 60 }), (input, budget) => {
        expect(fold(input, { budget }).boxes.length).toBeLessThanOrEqual(budget);
      }),
      { numRuns: 200 },
    );
  });

  test('keeps what is unfolded while the job grows', () => {
    fc.assert(
      fc.property(anyColumns(), fc.nat(), (grown, cut) => {
        const count = 1 + (cut % grown.names.length);
        const input: FoldInput = {
          names: grown.names.slice(0, count),
          parent: Array.from(grown.parent).slice(0, count),
          kind: Array.from(grown.kind).slice(0, count),
          up: grown.up.slice(0, count),
        };
        const open = new Set(allBoxes(fold(input, { all: true })).flatMap(({ key, inner }) => (inner ? [key] : [])));
        const before = allBoxes(fold(input, { open })).flatMap(({ key, inner }) => (inner ? [key] : []));
        const after = allBoxes(fold(grown, { open })).flatMap(({ key, inner }) => (inner ? [key] : []));
        expect(after).toEqual(expect.arrayContaining(before));
      }),
      { numRuns: 200 },
    );
  });
});

describe('folding', () => {
  const chains = (count: number, length: number, more = ''): string[] =>
    times(count, (row) =>
      times(length, (step) => `step${step}_row${row} <- ${step === 0 ? more : `step${step - 1}_row${row}`}`),
    ).flat();

  test('shows nested jobs and fan-outs as boxes with a cell for each leaf', () => {
    const folding = fold(
      columnsOf(['a', 'job <- a', 'job/x', 'job/y <- job/x', 'job/y[0]', 'job/y[1]', 'map <- job', 'map[0]']),
    );
    expect(folding.boxes.map(({ key, kind, cells }) => [key, kind, cells])).toEqual([
      ['a', 'task', [0]],
      ['job', 'nested', [2, 4, 5]],
      ['map', 'map', [7]],
    ]);
    expect(folding.edges).toEqual([
      { from: 0, to: 1, count: 1 },
      { from: 1, to: 2, count: 1 },
    ]);
    const { inner } = boxOf(
      fold(columnsOf(['job', 'job/x', 'job/y <- job/x', 'job/y[0]']), { open: new Set(['job']) }),
      'job',
    );
    expect(inner?.boxes.map(({ key, kind }) => [key, kind])).toEqual([
      ['job/x', 'task'],
      ['job/y', 'map'],
    ]);
  });

  test('leaves 40 tasks as they are, and folds chains of 4 steps beyond that', () => {
    expect(fold(columnsOf(chains(10, 4))).boxes).toHaveLength(40);
    const lines = [...chains(2, 4), ...times(40, (at) => `other${at} <- step3_row0, step3_row1`)];
    const chain = boxOf(fold(columnsOf(lines)), 'chain//step0_row1');
    expect(chain).toMatchObject({ kind: 'chain', title: 'row1', tasks: [4, 5, 6, 7], canOpen: true });
  });

  test('folds chains that begin at the same place into a table, a row for each', () => {
    const lines = ['start', ...chains(12, 5, 'start'), 'step2_row3[0]', 'step2_row3[1]'];
    const folding = fold(columnsOf(lines));
    expect(keysOf(folding)).toEqual(['start', 'table//step0_row0']);
    const table = boxOf(folding, 'table//step0_row0');
    expect(table.title).toBe('12 × 5 steps');
    expect(table.rows).toEqual(times(12, (row) => `row${row}`));
    expect(table.columns?.map(({ title }) => title)).toEqual(['step0', 'step1', 'step2', 'step3', 'step4']);
    expect(table.columns?.[2]?.tasks[3]).toBe(1 + 3 * 5 + 2);
    expect(table.cells).toHaveLength(12 * 5 + 1);
    const row = fold(columnsOf(lines), { open: new Set(['chain//step0_row2']) });
    expect(keysOf(row)).toEqual(['start', 'table//step0_row0', ...times(5, (step) => `step${step}_row2`)]);
    const rows = fold(columnsOf(lines), { open: new Set(['table//step0_row0']) });
    expect(keysOf(rows)).toEqual(['start', ...times(12, (at) => `chain//step0_row${at}`)]);
  });

  test('folds tasks with the same upstreams and downstreams into a block, which stays unfolded when it grows', () => {
    const lines = (count: number): string[] => ['a', ...times(count, (at) => `load_${at} <- a`), 'b'];
    const folding = fold(columnsOf(lines(100)));
    expect(folding.boxes.map(({ key, title }) => [key, title])).toEqual([
      ['a', 'a'],
      ['alike//load_0', 'load: 100 tasks'],
      ['b', 'b'],
    ]);
    const open = new Set(['alike//load_0']);
    expect(fold(columnsOf(lines(100)), { open }).boxes).toHaveLength(102);
    expect(fold(columnsOf(lines(300)), { open }).boxes).toHaveLength(302);
    // More than a thousand boxes would be of no use.
    expect(fold(columnsOf(lines(1500)), { open }).boxes).toHaveLength(3);
    expect(boxOf(fold(columnsOf(lines(1500))), 'alike//load_0').canOpen).toBe(false);
  });

  test('folds all layers or none', () => {
    const layers = (SHAPES.layers as (count: number) => FoldInput)(121);
    expect(fold(layers).boxes.map(({ kind }) => kind)).toEqual(times(11, () => 'layer'));
    const many = fold((SHAPES.layers as (count: number) => FoldInput)(10_000));
    expect(many.boxes.map(({ kind, title }) => [kind, title])).toEqual([['layers', '10,000 tasks in 100 layers']]);
    expect(many.boxes[0]?.columns?.map(({ tasks }) => tasks.length)).toEqual(times(100, () => 100));
  });

  test('shows the tasks around one, unfolded', () => {
    const input = (SHAPES.chain as (count: number) => FoldInput)(10_000);
    expect(keysOf(fold(input, { around: { task: 5000 } }))).toEqual(['t4998', 't4999', 't5000', 't5001', 't5002']);
    expect(keysOf(fold(input, { around: { task: 0, steps: 1 } }))).toEqual(['t0', 't1']);
    const nested = columnsOf(['job', ...times(9, (at) => `job/s${at} <- ${at === 0 ? '' : `job/s${at - 1}`}`)]);
    expect(keysOf(fold(nested, { around: { task: 5, steps: 1 } }))).toEqual(['job/s3', 'job/s4', 'job/s5']);
  });

  test('unfolds everything up to 1,000 boxes', () => {
    expect(
      allBoxes(fold(nestedColumns(800), { all: true })).every(
        ({ kind }) => !['chain', 'table', 'alike', 'layer'].includes(kind),
      ),
    ).toBe(true);
    expect(allBoxes(fold(nestedColumns(10_000), { all: true })).length).toBeLessThanOrEqual(1000);
    expect(fold(flatColumns(times(1000, () => [])), { all: true }).boxes).toHaveLength(1000);
    expect(fold(flatColumns(times(1001, () => [])), { all: true }).boxes).toHaveLength(1);
  });

  test('goes as deep as jobs are nested, and as far as a chain is long', () => {
    const depth = 10_000;
    const nested: FoldInput = {
      names: times(depth, (at) => `t${at}`),
      parent: times(depth, (at) => at - 1),
      kind: 'j'.repeat(depth),
      up: times(depth, () => []),
    };
    expect(fold(nested).boxes[0]?.cells).toEqual([depth - 1]);
    expect(fold((SHAPES.chain as (count: number) => FoldInput)(depth)).boxes[0]?.cells).toHaveLength(depth);
  });
});
