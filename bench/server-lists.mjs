// npm run bench:server:lists: pages of 100,000 kept jobs over HTTP, 500 each created in the same ms, while 100 more start;
// fails if a job is missing or comes twice, and prints how long a page of 50 takes by filter, beside the bar of 10 ms.
// node --disable-warning=ExperimentalWarning bench/server-lists.mjs [jobs, default 100000]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { createClient } from '../dist/client.js';
import { jobFrom } from '../dist/index.js';
import { createServer } from '../dist/server.js';
import { sqliteJournal } from '../dist/sqlite.js';
import { storeManyJobs, TOPICS } from './many-jobs.mjs';
import { table } from './table.mjs';

const JOBS = Number(process.argv[2] ?? 100_000);
const REPEATS = 21;
const NOW = Date.now();

const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const journal = sqliteJournal(join(folder, 'jobs.db'), { synchronous: 'normal' });
await storeManyJobs(journal, JOBS, NOW);

const more = jobFrom('more', [{ name: 'wait', kind: 'external' }]);
const server = createServer({ journal, definitions: [more], tokens: false });
const { url } = await server.listen({ port: 0 });
await server.ready;
const client = createClient({ url });

const seen = new Map();
let started = 0;
for await (const { id } of client.jobs.all({ limit: 500 })) {
  seen.set(id, (seen.get(id) ?? 0) + 1);
  if (seen.size % 1_000 === 0 && started < 100)
    await client.jobs.start({ definition: 'more', jobId: `more-${started++}` });
}
const doubled = [...seen.values()].filter((times) => times > 1).length;
const missing = Array.from({ length: JOBS }, (_, number) => `job-${number}`).filter((id) => !seen.has(id)).length;

const QUERIES = {
  'no filter': {},
  'a state': { state: 'failed' },
  'two states': { state: ['failed', 'cancelled'] },
  'a name': { name: 'weekly' },
  'a name without jobs': { name: 'none' },
  'a topic': { topic: 'kitchen' },
  'a label': { label: 'team:team-3' },
  'state, name and topic': { state: 'failed', name: 'nightly', topic: 'garden' },
  'a name in other case': { q: 'NIGHT' },
  'a beginning of few': { q: 'job-99' },
  'a beginning of none': { q: 'none' },
  'since and before': { since: NOW - 60_000, before: NOW - 30_000 },
};
for (const name of TOPICS) await client.topics.create({ name });
const rows = [];
for (const [filter, query] of Object.entries(QUERIES)) {
  const times = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const began = performance.now();
    await client.jobs.list({ ...query, limit: 50 });
    times.push(performance.now() - began);
  }
  const [p50, worst] = [times.sort((a, b) => a - b)[REPEATS >> 1], times.at(-1)];
  rows.push([filter, p50.toFixed(1), worst.toFixed(1), p50 < 10 ? '' : 'above the bar of 10 ms']);
}
console.log(
  `${JOBS} jobs, load ${os.loadavg()[0].toFixed(1)}: ${missing} missing, ${doubled} twice, while ${started} more started\n`,
);
console.log(table(['a page of 50 by', 'p50 ms', 'worst ms', ''], rows));
await server.close({ graceMs: 0 });
await journal.close();
process.exitCode = missing + doubled > 0 ? 1 : 0;
