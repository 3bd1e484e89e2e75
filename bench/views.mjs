// Measures folding and layout of many tasks, in every shape: npm run bench:views [tasks]
import { cellGrid } from '../dist/engine/views/cell-grid.js';
import { fold } from '../dist/engine/views/fold.js';
import { layout } from '../dist/engine/views/layout.js';
import { table } from './table.mjs';

const BUDGET_MS = 250;
const ROUNDS = 7;

const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));

const chance = (seed) => {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (state >>> 0) % limit;
  };
};

const flat = (up) => ({
  names: up.map((_, at) => `task_${at}`),
  parent: up.map(() => -1),
  kind: 't'.repeat(up.length),
  up,
});

const nested = (count) => {
  const names = [];
  const parent = [];
  const up = [];
  const kinds = [];
  const add = (name, needs, kind = 't', around = -1) => {
    parent.push(around);
    up.push(needs);
    kinds.push(kind);
    return names.push(name) - 1;
  };
  const start = add('start', []);
  const loads = times(24, (table) => {
    let last = start;
    for (const step of ['extract', 'clean', 'split', 'merge', 'check', 'load']) {
      last = add(`${step}_table${table}`, [last], step === 'split' ? 'm' : 't');
      if (step === 'split') for (let item = 0; item < (count * 0.7) / 24; item++) add(`[${item}]`, [], 't', last);
    }
    return last;
  });
  const reports = times(6, (mart) => {
    const job = add(`mart_${mart}`, loads, 'j');
    const inside = [];
    for (let at = 0; at < (count * 0.29) / 6; at++)
      inside.push(add(`m${at}`, at < 40 ? [] : [inside[at - 40], inside[at - 39]], 't', job));
    return add(`report_${mart}`, [job]);
  });
  add('notify', reports);
  return { names, parent, kind: kinds.join(''), up };
};

const SHAPES = {
  chain: (count) => flat(times(count, (at) => (at === 0 ? [] : [at - 1]))),
  wide: (count) =>
    flat(times(count, (at) => (at === 0 ? [] : at < count - 1 ? [0] : times(count - 2, (middle) => middle + 1)))),
  'layers, fan-in 3': (count) => {
    const next = chance(2);
    const width = Math.round(Math.sqrt(count));
    return flat(
      times(count, (at) => {
        const above = Math.floor(at / width) - 1;
        return above < 0 ? [] : [...new Set(times(3, () => above * width + next(width)))];
      }),
    );
  },
  'warehouse-like': (count) => {
    const next = chance(9);
    return flat(times(count, (at) => (at > 0 && next(10) < 9 ? [...new Set(times(2, () => next(at)))] : [])));
  },
  'layers, all to all': (count) => {
    const width = Math.round(Math.sqrt(count));
    return flat(times(count, (at) => (at < width ? [] : times(width, (by) => at - (at % width) - width + by))));
  },
  'nested and maps': nested,
};

const measure = (box, aspect) => {
  if (box.kind === 'task') return { width: 168, height: 36 };
  const { columns, rows } = cellGrid(box, aspect);
  return { width: Math.max(168, columns * 9 + 20), height: 44 + rows * 9 };
};

const OPTIONS = {
  measure,
  frame: { top: 40, right: 18, bottom: 14, left: 18 },
  window: { width: 1380, height: 760 },
};

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Time of the processor, so that other work on the machine does not count. */
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const timed = (input, options) => {
  const folds = [];
  const layouts = [];
  let placed;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = cpuMs();
    const folding = fold(input, options);
    const folded = cpuMs();
    placed = layout(folding, OPTIONS);
    folds.push(folded - begun);
    layouts.push(cpuMs() - folded);
  }
  return { first: folds[0] + layouts[0], fold: median(folds), layout: median(layouts), placed };
};

const count = Number(process.argv[2] ?? 10_000);
const rows = [];
let isOver = false;
for (const [name, shape] of Object.entries(SHAPES)) {
  for (const [what, tasks, options] of [
    ['folded', count, {}],
    ['unfolded', Math.min(count, 1000), { all: true }],
    ['without blocks', count, { budget: Number.POSITIVE_INFINITY }],
  ]) {
    const { first, fold: foldMs, layout: layoutMs, placed } = timed(shape(tasks), options);
    if (what === 'folded' && foldMs + layoutMs > BUDGET_MS) isOver = true;
    rows.push([
      name,
      what,
      String(tasks),
      String(placed.boxes.length),
      foldMs.toFixed(1),
      layoutMs.toFixed(1),
      first.toFixed(1),
      `${Math.round(placed.width)} × ${Math.round(placed.height)}`,
    ]);
  }
}
console.log(table(['shape', '', 'tasks', 'boxes', 'fold ms', 'layout ms', 'both, first', 'size'], rows, 2));
console.log(
  `Budget of fold and layout: ${BUDGET_MS} ms, folded. Time of the processor, median of ${ROUNDS}; "first" is before the code is warm.`,
);
if (isOver) process.exitCode = 1;
