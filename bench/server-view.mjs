// npm run bench:server:view: jobs of 10,000 tasks as a page of them gets them: bytes of the columns, raw and zipped, how long the
// server takes for the first and for later answers, and what patches and the history take. Fails above 120 KB zipped or 30 bytes a change.
// node --disable-warning=ExperimentalWarning bench/server-view.mjs [tasks, default 10000]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { jobFrom } from '../dist/index.js';
import { createServer } from '../dist/server.js';
import { sqliteJournal } from '../dist/sqlite.js';
import { table } from './table.mjs';

const TASKS = Number(process.argv[2] ?? 10_000);
const PIPELINES = 24;
const STEPS = ['extract', 'check', 'clean', 'join', 'aggregate', 'publish'];

const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

let seed = 7;
const random = () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return seed / 2 ** 31;
};
const nap = () => new Promise((resolve) => setTimeout(resolve, random() * 60));

/** Pipelines of six steps that end in one task; the step `clean` is a map, and every hundredth of its items fails once. */
const maps = () => {
  const items = Math.floor((TASKS - PIPELINES * STEPS.length - 1) / PIPELINES);
  const over = Array.from({ length: items }, (_, at) => at);
  const each = async ({ index, attempt }) => {
    await nap();
    if (index % 100 === 0 && attempt === 1) throw new Error('not at once');
    return {};
  };
  const stepOf = (pipeline, step, at) => {
    const flow = { name: `${step}_${pipeline}`, dependsOn: at === 0 ? [] : [`${STEPS[at - 1]}_${pipeline}`] };
    return step === 'clean' ? { ...flow, kind: 'map', over, maxRetries: 1, each } : { ...flow, run: nap };
  };
  const pipelines = Array.from({ length: PIPELINES }, (_, at) => `orders_${at}`);
  return jobFrom('maps', [
    ...pipelines.flatMap((pipeline) => STEPS.map((step, at) => stepOf(pipeline, step, at))),
    { name: 'report', dependsOn: pipelines.map((pipeline) => `publish_${pipeline}`), run: nap },
  ]);
};

/** A hundred layers; each task waits for three of the layer before. */
const layers = () => {
  const width = Math.floor(TASKS / 100);
  const nameOf = (layer, at) => `${STEPS[layer % STEPS.length]}_${layer}_${at}`;
  const needs = (layer) => [...new Set([0, 1, 2].map(() => nameOf(layer - 1, Math.floor(random() * width))))];
  return jobFrom(
    'layers',
    Array.from({ length: width * 100 }, (_, task) => {
      const layer = Math.floor(task / width);
      return { name: nameOf(layer, task % width), dependsOn: layer === 0 ? [] : needs(layer), run: nap };
    }),
  );
};

const serve = async (file, definition) => {
  const journal = sqliteJournal(file, { synchronous: 'normal' });
  const server = createServer({ journal, definitions: [definition], tokens: false });
  await server.ready;
  const ask = (path, headers = {}) =>
    server.fetch(new Request(`http://localhost/api/v1${path}`, { headers }), {
      incoming: { socket: { remoteAddress: '127.0.0.1' } },
    });
  return { journal, server, ask };
};

const timed = async (what) => {
  const before = process.cpuUsage();
  const started = performance.now();
  const value = await what();
  const { user, system } = process.cpuUsage(before);
  return { value, ms: performance.now() - started, cpuMs: (user + system) / 1000 };
};

const zip = { 'accept-encoding': 'gzip' };
const bytesOf = async (answer) => (await answer).arrayBuffer().then((bytes) => Buffer.from(bytes));

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
const ms = ({ ms, cpuMs }) => `${ms.toFixed(1)} ms, CPU ${cpuMs.toFixed(1)}`;
const bar = { zipped: 120_000, change: 30 };

const measure = async (definition) => {
  const file = join(folder, `${definition.name}.db`);
  let at = await serve(file, definition);
  const job = at.server.engine.start(definition, {}, { jobId: 'j', maxConcurrency: 200 });
  await job.saved();
  const live = await (await at.ask('/jobs/j/view')).json();
  const patches = bytesOf(
    at.ask(`/jobs/j/patches?after=${live.seq}&epoch=${live.epoch}`, { accept: 'text/event-stream' }),
  );
  const running = await timed(() => job);
  const streamed = (await patches).toString();
  const frames = streamed.split('\n\n').filter((frame) => frame.includes('event: patch'));
  const changes = frames.reduce((sum, frame) => sum + JSON.parse(frame.split('data: ')[1]).length / 4, 0);
  const largest = Math.max(...streamed.split('\n\n').map((frame) => frame.length));
  await at.server.close();
  await at.journal.close();

  at = await serve(file, definition);
  const first = await timed(() => bytesOf(at.ask('/jobs/j/view', zip)));
  const later = [];
  for (let round = 0; round < 11; round++) later.push(await timed(() => bytesOf(at.ask('/jobs/j/view', zip))));
  const raw = await timed(() => bytesOf(at.ask('/jobs/j/view')));
  const unzipped = gunzipSync(first.value);
  if (unzipped.length !== raw.value.length) console.log(`zipped ${unzipped.length}, plain ${raw.value.length}`);
  const columns = JSON.parse(raw.value);
  const catchUp = await timed(() => bytesOf(at.ask('/jobs/j/patches?after=0', { accept: 'text/event-stream' })));
  const history = await timed(() => bytesOf(at.ask('/jobs/j/patches')));
  const zippedHistory = await timed(() => bytesOf(at.ask('/jobs/j/patches', zip)));

  const perChange = streamed.length / changes;
  console.log(
    `\n${definition.name}: ${columns.state.length} tasks, ${columns.seq + 1} events, load ${os.loadavg()[0].toFixed(1)}`,
  );
  console.log(
    table(
      ['what', 'figure', 'bar'],
      [
        ['columns, raw', kb(raw.value.length), ''],
        ['columns, zipped', kb(first.value.length), kb(bar.zipped)],
        ['first answer, of the journal', ms(first), ''],
        ['later answers, median', `${median(later.map((one) => one.ms)).toFixed(1)} ms`, ''],
        ['plain answer', ms(raw), ''],
        ['the job itself, with one who follows it', ms(running), ''],
        ['patches of the job', `${kb(streamed.length)}, ${changes} changes in ${frames.length} frames`, ''],
        ['a change', `${perChange.toFixed(1)} bytes`, `${bar.change} bytes`],
        ['largest frame', kb(largest), kb(65_536)],
        ['patches from the first event, of the journal', ms(catchUp), ''],
        ['history, raw', `${kb(history.value.length)}, ${ms(history)}`, ''],
        ['history, zipped', `${kb(zippedHistory.value.length)}, ${ms(zippedHistory)}`, ''],
      ],
    ),
  );
  await at.server.close();
  return first.value.length <= bar.zipped && largest <= 65_536 && perChange <= bar.change;
};

for (const definition of [maps(), layers()]) if (!(await measure(definition))) process.exitCode = 1;
