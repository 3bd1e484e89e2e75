import { defineJob, memoryJournal } from 'tintype';
import { createServer } from 'tintype/server';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(Date.UTC(2026, 0, 5, 9, 30)); // time to turn by hand, so that the program ends at once
const takes = (ms: number) => () => new Promise<void>((done) => clock.setTimer(done, ms));

const nightly = defineJob('nightly')
  .task('download', takes(90_000))
  .task('convert', takes(90_000))
  .task('upload', takes(60_000)) // it waits for a slot
  .external('proofread', { owner: 'press' }) // nobody claims it
  .seal();
const broken = defineJob('broken')
  .task('connect', () => Promise.reject(new Error('connection refused')))
  .seal();

const server = createServer({ journal: memoryJournal(), clock, maxConcurrency: 2, tokens: false });
await server.ready;
await Promise.all([server.engine.start(broken), server.engine.start(nightly).saved()]);
await clock.advance(120_000);

// What Prometheus scrapes: a line for each series, such as tintype_slots{pool="(engine)",kind="size"} 2
const answer = await server.fetch(new Request('http://localhost/metrics'));
const lines = (await answer.text()).split('\n');
const sum = (name: string, ...labels: string[]): number =>
  lines
    .filter((line) => line.split(/[{ ]/, 1)[0] === name && labels.every((label) => line.includes(label)))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);

console.log(`oldest ready unit: ${sum('tintype_units_oldest_ready_seconds', 'owner="press"')} s`);

const waits = 'tintype_task_queue_wait_seconds';
const long = sum(`${waits}_count`) - sum(`${waits}_bucket`, 'le="15"');
console.log(`queue wait: ${long} of ${sum(`${waits}_count`)} tasks waited for more than 15 s`);

const busy = sum('tintype_slot_busy_seconds_total', 'pool="(engine)"');
const slots = sum('tintype_slots', 'pool="(engine)"', 'kind="size"');
console.log(`slot utilisation: ${(100 * busy) / (slots * 120)} % of 120 s`);

const failed = sum('tintype_jobs_ended_total', 'state="failed"');
console.log(`jobs that failed: ${failed} of ${sum('tintype_jobs_ended_total')} that ended`);

const appends = 'tintype_journal_append_seconds';
const slow = sum(`${appends}_count`) - sum(`${appends}_bucket`, 'le="1"');
console.log(`journal: ${slow} appends of more than 1 s, ${sum('tintype_journal_errors_total')} errors`);

const closed = server.close({ graceMs: 1000 });
await clock.advance(1000);
await closed;
