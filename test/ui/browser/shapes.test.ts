import { type AnyTaskSpec, jobFrom } from 'tintype';
import { expect, test } from 'vitest';
import {
  describeInBrowser,
  gates,
  openUi,
  type SeenBox,
  type SeenScene,
  servedUi,
  type UiPage,
  until,
} from './support.ts';

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);

/** The tasks of nested jobs. */
const SPECS = new Map<object, readonly AnyTaskSpec[]>();

/** Graphs with about so many tasks. Nothing in them runs before its gate opens. */
const SHAPES: Readonly<Record<string, (count: number, wait: () => Promise<void>) => readonly AnyTaskSpec[]>> = {
  chain: (count, run) =>
    upTo(count).map((at) => ({ name: `step${at}`, dependsOn: at === 0 ? [] : [`step${at - 1}`], run })),
  wide: (count, run) =>
    upTo(count).map((at) => ({
      name: `task${at}`,
      dependsOn: at === 0 ? [] : at === count - 1 ? upTo(count - 2).map((one) => `task${one + 1}`) : ['task0'],
      run,
    })),
  layers: (count, run) => {
    const width = Math.ceil(Math.sqrt(count));
    return upTo(count).map((at) => {
      const [layer, row] = [Math.floor(at / width), at % width];
      const above = layer === 0 ? [] : [...new Set([row, (row * 7 + layer) % width, (row + 3) % width])];
      return { name: `l${layer}_${row}`, dependsOn: above.map((one) => `l${layer - 1}_${one}`), run };
    });
  },
  'nested and map': (count, run) => {
    const groups = Math.max(1, Math.round(Math.sqrt(count) / 5));
    const items = Math.max(1, Math.floor(count / groups) - 3);
    const inside: readonly AnyTaskSpec[] = [
      { name: 'load', run: () => {} },
      { name: 'clean', kind: 'map', dependsOn: ['load'], over: upTo(items), each: run },
      { name: 'store', dependsOn: ['clean'], run },
    ];
    const inner = jobFrom('inner', inside);
    SPECS.set(inner, inside);
    return [
      ...upTo(groups).map((at): AnyTaskSpec => ({ name: `group${at}`, kind: 'job', definition: inner })),
      { name: 'sum', dependsOn: upTo(groups).map((at) => `group${at}`), run },
    ];
  },
};

const SIZES = [1, 14, 1000, 10_000];

describeInBrowser('a graph', () => {
  test.each(
    Object.keys(SHAPES),
  )('shows each task in one box, no box over another, no edge to the left: %s', async (shape) => {
    const { pass } = gates();
    const jobs = SIZES.map((size) => {
      const tasks = SHAPES[shape]?.(size, () => pass('all')) ?? [];
      return { id: `of${size}`, tasks, definition: jobFrom(`of${size}`, tasks) };
    });
    const { url, server } = await servedUi();
    for (const { id, definition } of jobs) void server.engine.start(definition, {}, { jobId: id });
    const ui = await openUi(url);
    for (const { id, tasks } of jobs) {
      const leaves = leavesIn(tasks);
      for (const open of ['', '?open=group0', '?open=group0,group0/clean']) {
        if (open !== '' && shape !== 'nested and map') continue;
        await ui.go(`/jobs/${id}${open}`);
        const scene = await sceneWith(ui, leaves.length);
        expect(scene.boxes.flatMap((box) => (box.isUnfolded ? [] : box.cells)).sort()).toEqual(leaves);
        expect(scene.boxes.length).toBeLessThan(open.includes('clean') ? 12_000 : 120);
        expectNoOverlap(scene);
        expectEdges(scene, tasks);
        for (const { from, to } of scene.edges)
          expect(right(scene.boxes[from] as SeenBox)).toBeLessThan((scene.boxes[to] as SeenBox).x);
        if (open !== '')
          expect(scene.boxes.filter(({ isUnfolded }) => isUnfolded).map(({ key }) => key)).toEqual(
            open.slice(6).split(','),
          );
      }
    }
  });
});

/** Whatever a task waits for is in its box, or in one from which an edge comes. */
const expectEdges = ({ boxes, edges }: SeenScene, tasks: readonly AnyTaskSpec[]): void => {
  const boxOf = new Map(
    boxes.flatMap(({ parent, tasks: own }, at) => (parent < 0 ? own.map((task) => [task, at] as const) : [])),
  );
  const drawn = new Set(edges.map(({ from, to }) => `${from} ${to}`));
  const missing = tasks.flatMap(({ name, dependsOn = [] }) =>
    dependsOn.filter((up) => {
      const [from, to] = [boxOf.get(up), boxOf.get(name)];
      return from === undefined || to === undefined || (from !== to && !drawn.has(`${from} ${to}`));
    }),
  );
  expect(missing).toEqual([]);
};

/** Paths of the tasks without others inside, sorted. */
const leavesIn = (tasks: readonly AnyTaskSpec[], prefix = ''): readonly string[] =>
  tasks
    .flatMap((task) => {
      const path = prefix + task.name;
      if (task.kind === 'job') return leavesIn(SPECS.get(task.definition) ?? [], `${path}/`);
      if (task.kind === 'map') return (task.over as readonly unknown[]).map((_, at) => `${path}[${at}]`);
      return path;
    })
    .sort();

/** The scene when all tasks are in it. */
const sceneWith = async (ui: UiPage, leaves: number): Promise<SeenScene> => {
  await ui.painted(0);
  return until(async () => {
    const scene = await ui.scene();
    expect(scene.boxes.reduce((sum, box) => sum + (box.isUnfolded ? 0 : box.cells.length), 0)).toBe(leaves);
    return scene;
  });
};

const right = ({ x, width }: SeenBox): number => x + width;

const bottom = ({ y, height }: SeenBox): number => y + height;

const expectNoOverlap = ({ boxes }: SeenScene): void => {
  const faults: string[] = [];
  for (const parent of new Set(boxes.map((box) => box.parent))) {
    const inside = boxes.filter((box) => box.parent === parent);
    // From left to right, each against those that begin before it ends.
    const sorted = inside.toSorted((one, other) => one.x - other.x);
    for (const [at, one] of sorted.entries()) {
      for (const other of sorted.slice(at + 1)) {
        if (other.x >= right(one)) break;
        if (one.y < bottom(other) && other.y < bottom(one)) faults.push(`${one.key} and ${other.key}`);
      }
      const around = boxes[parent];
      if (
        around &&
        !(one.x >= around.x && right(one) <= right(around) && one.y >= around.y && bottom(one) <= bottom(around))
      )
        faults.push(`${one.key} outside of ${around.key}`);
    }
  }
  expect(faults).toEqual([]);
};
