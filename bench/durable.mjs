// npm run bench:durable: what it costs to keep jobs in a journal, how fast a job whose process died goes on, and BullMQ
// beside it, where the machine has a redis-server.
// node --expose-gc bench/durable.mjs [rounds, default 5]
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { createEngine, jobFrom, memoryJournal } from '../dist/index.js';
import { sqliteJournal } from '../dist/sqlite.js';
import { flowRuns } from './bullmq.mjs';
import { FULL, MEMORY, NONE, NORMAL, withEachJournal } from './journals.mjs';
import { median, timed } from './measure.mjs';
import { redisVersion, startRedis } from './redis.mjs';
import { resumeRun } from './resume.mjs';
import { flat, layered, three } from './shapes.mjs';
import { table } from './table.mjs';
import { inTurns } from './turns.mjs';

const rounds = Number(process.argv[2] ?? 5);
const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const JOBS = 1_000;
const CHILDREN = 2_000;
/** BullMQ's documentation calls 100 to 300 usual where a worker waits for I/O. */
const CONCURRENCY = 100;

const nothing = async () => {};
const defined = (name, tasks) =>
  jobFrom(
    name,
    tasks.map((task) => ({ ...task, run: nothing })),
  );
const layers = defined('layered', layered(100, 100));
const chainOfThree = defined('three', three());
const children = flat(CHILDREN);
const wide = defined('wide', [...children, { name: 'root', dependsOn: children.map(({ name }) => name) }]);

const start = async (engine, definition, options) => {
  const { state } = await engine.start(definition, {}, options);
  if (state !== 'completed') throw new Error(`The job ended ${state}.`);
};
const atOnce = (engine) => Promise.all(Array.from({ length: JOBS }, () => start(engine, chainOfThree)));
const inTurn = async (engine) => {
  for (let job = 0; job < JOBS; job++) await start(engine, chainOfThree);
};

/** By name of a case: how many of what it counts it does, and what does it on an engine. */
const CASES = {
  'layered 100 × 100': { count: layers.tasks.length, unit: 'tasks', work: (engine) => start(engine, layers) },
  'jobs of 3, at once': { count: JOBS, unit: 'jobs', tasks: 3 * JOBS, work: atOnce },
  'jobs of 3, in turn': { count: JOBS, unit: 'jobs', tasks: 3 * JOBS, work: inTurn },
  [`1 on ${CHILDREN.toLocaleString('en')}`]: {
    count: CHILDREN + 1,
    unit: 'tasks',
    work: (engine) => start(engine, wide, { maxConcurrency: CONCURRENCY }),
  },
};
const [LAYERED, AT_ONCE, IN_TURN, WIDE] = Object.keys(CASES);

const load = () => os.loadavg()[0].toFixed(2);
const number = (value) => (value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en'));
const times = (ratio) => `${ratio.toFixed(2)} ×`;

/** How long the disk takes to make 4 KB durable, in ms: every FULL commit waits that long. */
const syncMs = async () => {
  const page = Buffer.alloc(4_096, 1);
  const file = openSync(join(folder, 'sync'), 'w');
  const all = [];
  for (let write = 0; write < 100; write++) {
    all.push(
      await timed(() => {
        writeSync(file, page);
        fdatasyncSync(file);
      }),
    );
  }
  closeSync(file);
  return median(all);
};

/** BullMQ's runs of the cases that it can do, and how to end its Redis; or why there are none. */
const bullmqRuns = async () => {
  const version = redisVersion();
  if (version === undefined)
    return { why: 'there is no redis-server on the PATH (Debian: apt-get install redis-server)' };
  const bullmq = await import('bullmq').catch(notFound);
  if (bullmq === undefined) return { why: 'the package bullmq is not installed (npm install)' };
  const redis = await startRedis(folder);
  const flows = flowRuns(bullmq, { port: redis.port, concurrency: CONCURRENCY });
  return {
    version,
    stop: redis.stop,
    runs: { [AT_ONCE]: flows.threesAtOnce(JOBS), [IN_TURN]: flows.threesInTurn(JOBS), [WIDE]: flows.wide(CHILDREN) },
  };
};

const notFound = (error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
};

const BULLMQ = 'BullMQ flows, AOF everysec';
const tintype = { createEngine, memoryJournal, sqliteJournal };
const bullmq = await bullmqRuns();

console.log(`node ${process.version}, ${os.cpus().length} × ${os.cpus()[0]?.model ?? 'unknown processor'}`);
console.log(`load ${load()} before; 4 KB are durable in ${(await syncMs()).toFixed(2)} ms (median of 100)\n`);

const results = {};
for (const [name, { work }] of Object.entries(CASES)) {
  const flow = bullmq.runs?.[name];
  const runs = { ...withEachJournal(tintype, folder, work), ...(flow ? { [BULLMQ]: flow } : {}) };
  results[name] = await inTurns(runs, { rounds });
  process.stderr.write(`${name} done\n`);
}
await bullmq.stop?.();
// Each is a new process, which nothing can warm up.
const resumed = await inTurns({ cold: await resumeRun(folder) }, { rounds, patienceMs: 0, fewRounds: rounds });

/** How many a second. */
const rate = (name, by) => {
  const result = results[name][by];
  return result && (CASES[name].count * 1_000) / result.ms;
};
const row = (by, cell) => [by, ...Object.keys(CASES).map((name) => (results[name][by] ? cell(name, by) : '–'))];

console.log(`a second, medians of ${rounds} in alternating order (of 3 where a run takes over 2 s)`);
console.log(
  table(
    ['', ...Object.entries(CASES).map(([name, { unit }]) => `${name}: ${unit}`)],
    [NONE, MEMORY, NORMAL, FULL, ...(bullmq.runs ? [BULLMQ] : [])].map((by) =>
      row(by, (name) => number(rate(name, by))),
    ),
  ),
);

const against = (name, over, under) => (results[name][under] ? times(rate(name, over) / rate(name, under)) : '–');
const ratios = (label, over, under) => [label, ...Object.keys(CASES).map((name) => against(name, over, under))];
console.log('\nhow much faster');
console.log(
  table(
    ['', ...Object.keys(CASES)],
    [
      ratios('no journal against NORMAL', NONE, NORMAL),
      ratios('NORMAL against FULL', NORMAL, FULL),
      ...(bullmq.runs
        ? [ratios('NORMAL against BullMQ', NORMAL, BULLMQ), ratios('FULL against BullMQ', FULL, BULLMQ)]
        : []),
    ],
  ),
);
console.log(
  bullmq.runs ? `\nRedis ${bullmq.version}, on this machine, started for this.` : `\nWithout BullMQ: ${bullmq.why}.`,
);
console.log(`All task functions are async and do nothing. "In turn": each job starts when the one before it has ended.
"1 on ${CHILDREN.toLocaleString('en')}": one task waits for ${CHILDREN.toLocaleString('en')}, ${CONCURRENCY} at once; so many at once has BullMQ's worker everywhere.
NORMAL and FULL: SQLite's \`synchronous\`. What NORMAL has written survives the process, as with AOF everysec; FULL survives a power cut.
`);

const bytesPerTask = (name) => results[name][NORMAL].bytes / (CASES[name].tasks ?? CASES[name].count);
console.log('bytes of database per task, log moved into it');
console.log(
  table(
    ['', ...Object.keys(CASES)],
    [['the whole file', ...Object.keys(CASES).map((name) => number(bytesPerTask(name)))]],
  ),
);

const { ms, endMs } = resumed.cold;
console.log(`
a job of 10,000 tasks, 9,900 completed when its process was killed, resumed by a new process, cold
from opening the journal to the first task   ${number(ms)} ms
from opening the journal to the job's end    ${number(endMs)} ms
`);

const verdict = (what, target, value, met) => [met ? 'met' : 'NOT MET', what, value, target];
const normal = rate(LAYERED, NORMAL);
const share = rate(LAYERED, FULL) / normal;
console.log('targets');
console.log(
  table(
    ['', '', 'measured', 'target'],
    [
      verdict('layered 100 × 100, NORMAL', '≥ 10,000 tasks/s', `${number(normal)} tasks/s`, normal >= 10_000),
      verdict('layered 100 × 100, FULL against NORMAL', '≥ 0.50 ×', times(share), share >= 0.5),
      verdict('resume of 10,000 tasks, to the first task', '< 1,000 ms', `${number(ms)} ms`, ms < 1_000),
    ],
    2,
  ),
);
console.log(`\nload ${load()} after`);
