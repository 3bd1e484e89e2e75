import { createEngine, defineJob, memoryJournal } from 'tintype';
import { virtualClock } from 'tintype/testing';

const nightly = defineJob<{ day: string }>('nightly')
  .task('read', ({ ctx }) => {
    if (ctx.day === '2026-11-30') throw new Error('no such file');
    return { rows: 3 };
  })
  .task('load', { dependsOn: ['read'] }, ({ ctx }) => ({ loaded: ctx.rows }))
  .seal();

const HOUR = 3_600_000;
const clock = virtualClock(Date.parse('2026-11-28T02:00:00Z'));
const journal = memoryJournal();
const engine = createEngine({ journal, clock });
for (const day of ['2026-11-28', '2026-11-29', '2026-11-30']) {
  await engine.start(nightly, { day }, { jobId: day, labels: { team: 'data', day } });
  await clock.advance(24 * HOUR);
}

const later = createEngine({ journal, clock }); // knows no definition
const { jobs, cursor } = await later.list({ labels: { team: 'data' }, limit: 2 });
for (const { id, state, startedAt = 0 } of jobs) console.log(`${id}: ${state}, ${new Date(startedAt).toISOString()}`);
for (const { id, state } of (await later.list({ labels: { team: 'data' }, cursor })).jobs)
  console.log(`${id}: ${state}`);

const failed = await later.find('2026-11-30');
console.log(`${failed?.name} of ${failed?.labels.day}: ${failed?.error?.message}`);
for (const [path, { state, attempts }] of Object.entries(failed?.tasks ?? {}))
  console.log(`  ${path}: ${state}, attempts ${attempts}`);
console.log(JSON.stringify((await later.find('2026-11-29'))?.tasks.load?.output));

console.log(`removed: ${await later.prune({ olderThanMs: 48 * HOUR })}`);
await later.remove('2026-11-30');
console.log(`left: ${(await later.list()).jobs.map(({ id }) => id)}`);
