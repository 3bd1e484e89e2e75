// npm run bench:schedule: what durations gain, on 25 real workflows and the virtual clock. By how many workers and by what
// the order of ready tasks goes: the makespan, divided by what it can't be shorter than (the longest path, and the work
// divided by the workers). Then how well the time left is told, and what it takes to read what earlier runs took.
// node bench/schedule.mjs [how many of the workflows, smallest first, default all]
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { PLAN } from '../dist/engine/definition/sealed.js';
import { jobFrom, memoryJournal } from '../dist/index.js';
import { sqliteJournal } from '../dist/sqlite.js';
import { seededRandom, virtualClock } from '../dist/testing.js';
import { median } from './measure.mjs';
import { table } from './table.mjs';

const WORKERS = [2, 4, 8, 16, 32];
const SEED = 17;
/** When the time left is asked for, as a part of the makespan. */
const MOMENTS = [0.25, 0.5, 0.75];

const workflows = readFileSync(new URL('../test/fixtures/workflows.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => {
    const { name, cs, up } = JSON.parse(line);
    const upstreams = up.split(',').map((list) => (list === '' ? [] : list.split(' ').map(Number)));
    return { name, tasks: cs.split(' ').map((text, at) => ({ ms: 10 * Number(text), upstreams: upstreams[at] })) };
  })
  .sort((a, b) => a.tasks.length - b.tasks.length)
  .slice(0, Number(process.argv[2] ?? Number.POSITIVE_INFINITY));

const random = seededRandom(SEED);
for (const { tasks } of workflows) for (const task of tasks) task.guess = task.ms * 2 ** (2 * random() - 1);

/** By name of an order: the options of a task that bring it about. */
const ORDERS = {
  declaration: (_, at) => ({ priority: -at }),
  chain: () => ({}),
  'estimates exact': ({ ms }) => ({ estimate: ms }),
  'estimates within × 2': ({ guess }) => ({ estimate: guess }),
};

const definedOf = (tasks, optionsOf, clock) =>
  jobFrom(
    'workflow',
    tasks.map((task, at) => ({
      name: `t${at}`,
      dependsOn: task.upstreams.map((upstream) => `t${upstream}`),
      ...optionsOf(task, at),
      run: () => new Promise((resolve) => clock.setTimer(resolve, task.ms)),
    })),
  );

/** Runs a workflow; returns its makespan. */
const run = async (definition, clock, workers) => {
  const job = definition.start({}, { clock, maxConcurrency: workers, freeze: false });
  await clock.runAll();
  const { state, tasks } = await job;
  if (state !== 'completed') throw new Error(`The job ended ${state}.`);
  return Math.max(...definition.tasks.map(({ name }) => tasks[name].startedAt + tasks[name].durationMs));
};

const boundOf = (tasks, definition, workers) => {
  const { order, graph } = definition[PLAN];
  const ends = [];
  for (const at of order)
    ends[at] = tasks[at].ms + graph.upstream[at].reduce((most, need) => Math.max(most, ends[need]), 0);
  return Math.max(...ends, tasks.reduce((sum, { ms }) => sum + ms, 0) / workers);
};

/** Returns by what factor the time left that a job tells is off, at each moment. `makespan`: how long it will have taken. */
const factorsOf = async (definition, clock, makespan, options) => {
  const job = definition.start({}, { clock, freeze: false, ...options });
  const factors = [];
  for (const moment of MOMENTS) {
    await clock.advance(makespan * (moment - (MOMENTS[MOMENTS.indexOf(moment) - 1] ?? 0)));
    let told;
    job.progress$.subscribe(({ leftMs }) => (told = leftMs)).unsubscribe();
    const left = makespan * (1 - moment);
    factors.push(Math.max(told / left, left / told));
  }
  await clock.runAll();
  return factors;
};

/** By order and number of workers; by order. */
const ratios = Object.fromEntries(
  Object.keys(ORDERS).map((order) => [order, Object.fromEntries(WORKERS.map((workers) => [workers, []]))]),
);
const ESTIMATED = Object.keys(ORDERS).filter((order) => order.startsWith('estimates'));
const HISTORY = 'history exact';
const TOLD = [...ESTIMATED, HISTORY];
const factors = Object.fromEntries(TOLD.map((order) => [order, []]));
const began = performance.now();
for (const workers of WORKERS) {
  for (const { tasks } of workflows) {
    for (const [order, optionsOf] of Object.entries(ORDERS)) {
      const clock = virtualClock();
      const definition = definedOf(tasks, optionsOf, clock);
      const makespan = await run(definition, clock, workers);
      ratios[order][workers].push(makespan / boundOf(tasks, definition, workers));
      const told = (options) => factorsOf(definition, clock, makespan, { maxConcurrency: workers, ...options });
      factors[order]?.push(...(await told({})));
    }
    // The journal has what the tasks took in one run before.
    const clock = virtualClock();
    const journal = memoryJournal();
    const definition = definedOf(tasks, () => ({}), clock);
    const options = { clock, journal, maxConcurrency: workers, freeze: false };
    for (let time = 0; time < 2; time++) {
      const earlier = definition.start({}, options);
      await clock.runAll();
      const { durationMs } = await earlier;
      if (time === 1) factors[HISTORY].push(...(await factorsOf(definition, clock, durationMs, options)));
    }
  }
  process.stderr.write(`${workers} workers done, ${Math.round((performance.now() - began) / 1000)} s\n`);
}

const mean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
const all = (order) => WORKERS.flatMap((workers) => ratios[order][workers]);
const percent = (part) => `${(100 * part).toFixed(1)} %`;

console.log(`${workflows.length} workflows, makespan / lower bound, geometric means; seed ${SEED}\n`);
console.log(
  table(
    ['order by', ...WORKERS.map((workers) => `${workers} workers`), 'all'],
    Object.keys(ORDERS).map((order) => [
      order,
      ...WORKERS.map((workers) => mean(ratios[order][workers]).toFixed(3)),
      mean(all(order)).toFixed(3),
    ]),
  ),
);
for (const order of ESTIMATED) {
  const gains = all(order).map((ratio, at) => all('chain')[at] / ratio);
  const large = gains.filter((gain) => gain > 1.1).length;
  console.log(
    `\n${order}: ${percent(mean(gains) - 1)} shorter than by chain on average, by more than 10 % in ${large} of ${gains.length} cases (${percent(large / gains.length)}), at best ${percent(Math.max(...gains) - 1)}`,
  );
}

console.log('\nTime left within × 1.5 of the truth');
const parts = (order, at) => factors[order].filter((_, index) => at === undefined || index % MOMENTS.length === at);
const share = (values) => percent(values.filter((factor) => factor <= 1.5).length / values.length);
console.log(
  table(
    ['', ...MOMENTS.map((moment) => `at ${100 * moment} %`), 'all'],
    TOLD.map((order) => [order, ...MOMENTS.map((_, at) => share(parts(order, at))), share(parts(order))]),
  ),
);

/** Runs a job of many tasks five times, then reads what the journal has kept, as each start does. */
const readAndWrite = async (count) => {
  const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
  const journal = sqliteJournal(join(folder, 'jobs.db'), { synchronous: 'normal' });
  const tasks = Array.from({ length: count }, (_, at) => ({ name: `extract-and-load-${at}`, run: () => {} }));
  const definition = jobFrom('nightly', tasks);
  for (let time = 0; time < 5; time++) await definition.start({}, { journal });
  const reads = Array.from({ length: 21 }, () => {
    const start = performance.now();
    journal.durations('nightly');
    return performance.now() - start;
  });
  journal.close();
  rmSync(folder, { recursive: true, force: true });
  return reads;
};
const reads = await readAndWrite(10_000);
console.log(`\nWhat five runs of 10,000 tasks took is read from SQLite in ${median(reads).toFixed(1)} ms (target: 20)`);
