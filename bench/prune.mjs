// npm run bench:prune: how long it takes to remove jobs that are over, in batches as `tintype prune` and `engine.prune`
// do, and one by one as they did before, each with its lease and its transactions.
// node --disable-warning=ExperimentalWarning bench/prune.mjs [jobs, default 14000] [of them one by one, default a tenth]
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { sqliteJournal } from '../dist/sqlite.js';
import { timed } from './measure.mjs';
import { table } from './table.mjs';

const JOBS = Number(process.argv[2] ?? 14_000);
const ONE_BY_ONE = Number(process.argv[3] ?? Math.ceil(JOBS / 10));
/** What a job of three small tasks leaves. */
const EVENTS = 12;
const NOW = Date.now();

const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const lease = (owner) => ({ owner, host: 'bench', pid: 1, processStart: '' });

const job = (number) => ({
  id: `job-${number}`,
  name: 'nightly',
  createdAt: NOW - 1_000_000 + number,
  fingerprint: 'f',
  shape: '[]',
  input: '{"day":"2026-11-30"}',
  options: '{}',
  metadata: '{}',
});

const data = JSON.stringify({ type: 'task.transition', task: 'load', attempt: 1, from: 'ready', to: 'running' });

const fill = async (file) => {
  const journal = sqliteJournal(file, { synchronous: 'normal' });
  const events = Array.from({ length: EVENTS }, (_, seq) => ({ seq, data, ...(seq % 4 === 3 && { output: data }) }));
  for (let from = 0; from < JOBS; from += 500) {
    const numbers = Array.from({ length: Math.min(500, JOBS - from) }, (_, at) => from + at);
    await journal.append(
      numbers.map((number) => ({
        jobId: `job-${number}`,
        fence: 1,
        at: NOW,
        creates: { job: job(number), lease: lease('writer') },
        events,
        notes: [],
        state: 'completed',
        startedAt: NOW - 500_000,
        endedAt: NOW - 400_000,
        release: true,
      })),
    );
  }
  await journal.close();
};

const inBatches = async (journal) => {
  while ((await journal.removeEnded({ endedBefore: NOW })).more);
};

const oneByOne = async (journal) => {
  const jobs = await journal.jobs({ states: ['completed'], order: 'oldest', limit: ONE_BY_ONE });
  for (const { id } of jobs) {
    await journal.acquire(id, lease(`pruner of ${id}`));
    await journal.remove(id);
  }
};

const full = join(folder, 'full.db');
await fill(full);
const measured = async (name, remove) => {
  const file = join(folder, `${name}.db`);
  copyFileSync(full, file);
  const journal = sqliteJournal(file);
  const ms = await timed(() => remove(journal));
  const { length } = await journal.jobs();
  await journal.close();
  return { ms, removed: JOBS - length };
};

const size = (statSync(full).size / 2 ** 20).toFixed(0);
console.log(`${JOBS} jobs of ${EVENTS} events, ${size} MiB; synchronous full. Load ${os.loadavg()[0].toFixed(1)}.`);
const before = await measured('one-by-one', oneByOne);
const now = await measured('in-batches', inBatches);
const perJob = ({ ms, removed }) => ms / removed;
const row = (name, result) => [
  name,
  String(result.removed),
  `${(result.ms / 1000).toFixed(2)} s`,
  `${(1000 * perJob(result)).toFixed(0)} µs`,
];
console.log(table(['', 'removed', 'time', 'a job'], [row('one by one', before), row('in batches', now)]));
console.log(`In batches is ${(perJob(before) / perJob(now)).toFixed(0)} times as fast a job.`);
