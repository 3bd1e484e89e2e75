// What it costs to make logs, metrics and traces of the events of a job: npm run bench:events [rounds [words of cases]]
// CPU time by the recorded events of 5,000 tasks, of tintype and of the packages that it uses, in alternating rounds.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { createInspector } from '@statelyai/inspect';
import { jobFrom } from '../dist/index.js';
import { inspectToFile } from '../dist/inspect.js';
import {
  bareIntercept,
  exposition,
  otelAlone,
  ourIntercept,
  ourMetrics,
  ourOtel,
  ourPino,
  ownCounters,
  pinoAlone,
  promClientAlone,
} from './consumers.mjs';
import { median } from './measure.mjs';
import { layered } from './shapes.mjs';
import { subscribers } from './subscribers.mjs';
import { table } from './table.mjs';

/** What tintype may cost, against the bare calls of the package beneath. */
const MOST_RATIO = 1.3;

const [rounds = 11, only] = process.argv.slice(2).map((given, at) => (at === 0 ? Number(given) : new RegExp(given)));
if (!(rounds >= 7)) throw new Error('Fewer than 7 rounds say nothing.');

const LAYERS = 50;
const WIDTH = 100;
const TASKS = LAYERS * WIDTH;

const definition = jobFrom(
  'layered',
  layered(LAYERS, WIDTH).map((task) => ({ ...task, run: () => {} })),
);

const recorded = async () => {
  const events = [];
  const job = definition.start({});
  job.events$.subscribe((event) => events.push(event));
  await job;
  const transitions = events.filter(({ type }) => type === 'task.transition').length;
  if (transitions !== 3 * TASKS) throw new Error(`${transitions} transitions are not three for each task.`);
  return events;
};

/** Gives each event to what `make` makes. */
const fed = (make) => (events) => {
  const next = make();
  return () => {
    for (const event of events) next(event);
  };
};

/** Runs the job with what `attach` resolves to as its options. */
const live =
  (attach = async () => ({ options: {} })) =>
  async () => {
    const { options, end } = await attach();
    return async () => {
      const { state } = await definition.start({}, options);
      if (state !== 'completed') throw new Error(`The job ended ${state}.`);
      await end?.();
    };
  };

const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
const inspectorAlone = async () => {
  const { inspect } = createInspector({ send: (event) => void JSON.stringify(event) });
  return { options: { inspect }, end: () => wait(0) };
};

const inspected = async () => {
  const inspection = await inspectToFile(join(folder, 'job.jsonl'));
  return { options: { inspect: inspection }, end: inspection.close };
};

/**
 * What is measured: `prepare` takes the events and returns what is timed. `per` is how many `unit`s a task makes. `bare`
 * is what it is compared with. `most` is the bar for the time of a unit, in µs; `mostRatio` that of the comparison.
 */
const ALL_CASES = [
  { name: 'nobody listens', prepare: fed(() => () => {}) },
  { name: 'metrics: own counters', prepare: fed(ownCounters) },
  { name: 'metrics: prom-client, as in its README', prepare: fed(promClientAlone) },
  { name: 'again (A/A)', prepare: fed(promClientAlone), bare: 'metrics: prom-client, as in its README' },
  {
    name: 'metrics: tintype/prometheus',
    prepare: fed(ourMetrics),
    most: 6,
    bare: 'metrics: prom-client, as in its README',
    mostRatio: MOST_RATIO,
  },
  { name: 'logs: pino alone', prepare: fed(pinoAlone), unit: 'line', per: 2 },
  { name: 'again (A/A)', prepare: fed(pinoAlone), unit: 'line', per: 2, bare: 'logs: pino alone' },
  {
    name: 'logs: tintype/pino',
    prepare: fed(ourPino()),
    unit: 'line',
    per: 2,
    most: 5,
    bare: 'logs: pino alone',
    mostRatio: MOST_RATIO,
  },
  { name: 'logs: tintype/pino, level off', prepare: fed(ourPino('silent')), most: 1 },
  { name: 'traces: SDK alone', prepare: fed(otelAlone), unit: 'span', per: 2 },
  { name: 'again (A/A)', prepare: fed(otelAlone), unit: 'span', per: 2, bare: 'traces: SDK alone' },
  {
    name: 'traces: tintype/otel',
    prepare: fed(ourOtel),
    unit: 'span',
    per: 2,
    most: 6,
    bare: 'traces: SDK alone',
    mostRatio: MOST_RATIO,
  },
  { name: 'context: API alone', prepare: bareIntercept, unit: 'attempt' },
  { name: 'context: intercept of tintype/otel', prepare: ourIntercept, unit: 'attempt', most: 3 },
  { name: 'job: nothing attached', prepare: live() },
  { name: 'again (A/A)', prepare: live(), bare: 'job: nothing attached' },
  { name: 'job: @statelyai/inspect alone', prepare: live(inspectorAlone), bare: 'job: nothing attached' },
  {
    name: 'job: inspectToFile',
    prepare: live(inspected),
    bare: 'job: @statelyai/inspect alone',
  },
];

const CASES = ALL_CASES.filter(({ name, bare = name }) => only?.test(`${name} ${bare}`) ?? true);

const cpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

const timed = async (events, prepare) => {
  const run = await prepare(events);
  // What the preparation left behind is not collected on account of the run.
  globalThis.gc({ type: 'minor' });
  const begun = cpuUs();
  await run();
  return cpuUs() - begun;
};

/** Without the garbage of the case before, and warm: a full collection throws away machine code, too. */
const timedWarm = async (events, prepare) => {
  globalThis.gc();
  for (let run = 0; run < 4; run++) await timed(events, prepare);
  return timed(events, prepare);
};

const [loadBefore] = os.loadavg();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const events = await recorded();
const allCompleted = new RegExp(`^tintype_task_transitions_total\\{to="completed".*\\} ${TASKS}$`, 'm');
if (!allCompleted.test(await exposition(events))) throw new Error('tintype/prometheus has not counted all tasks.');
const times = new Map(CASES.map((kase) => [kase, []]));
for (let round = -2; round < rounds; round++) {
  for (const kase of round % 2 === 0 ? CASES : CASES.toReversed()) {
    const us = (await timedWarm(events, kase.prepare)) / TASKS / (kase.per ?? 1);
    if (round >= 0) times.get(kase).push(us);
  }
}
rmSync(folder, { recursive: true });

const us = (value) => value.toFixed(2);
const missed = [];
const bar = (name, value, most, unit) => {
  if (most === undefined) return '';
  if (value > most) missed.push(`${name}: ${us(value)} ${unit}, at most ${most} ${unit}`);
  return `≤ ${most}`;
};
const least = (kase) => Math.min(...times.get(kase));
const rows = CASES.map((kase) => {
  const { name, unit = 'task', bare, most, mostRatio } = kase;
  const compared = CASES.find((other) => other.name === bare);
  const ratio = compared && least(kase) / least(compared);
  return [
    name,
    unit,
    us(least(kase)),
    us(median(times.get(kase))),
    bar(name, least(kase), most, 'µs'),
    ratio ? us(ratio) : '',
    ratio ? bar(name, ratio, mostRatio, '×') : '',
  ];
});
console.log(
  [
    `node ${process.version}, ${os.cpus().length} × ${os.cpus()[0]?.model ?? 'unknown processor'}, load ${loadBefore.toFixed(1)} before, ${os.loadavg()[0].toFixed(1)} after`,
    `CPU time in µs, by ${events.length} events of ${TASKS} tasks, ${rounds} alternating rounds`,
    table(['', 'for each', 'least', 'median', 'bar', 'against bare', 'bar'], rows, 2),
    missed.length === 0 ? 'All bars are held.' : `Missed: ${missed.join('; ')}`,
  ].join('\n'),
);
if (!only) {
  const beside = await subscribers();
  console.log(`\n${beside.text}`);
  missed.push(...beside.missed);
}
if (missed.length > 0) process.exitCode = 1;
