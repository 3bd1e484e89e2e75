import { defineJob } from 'tintype';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const sleep = (ms: number) => new Promise<void>((done) => clock.setTimer(done, ms));
const diskFull = new Error('disk full');

const nightly = defineJob('nightly', { onFailure: 'continue' })
  .task('fetch', () => sleep(20).then(() => ({ rows: [3, 4] })))
  .task('notify', { continueOnFailure: true }, () => sleep(5).then(() => Promise.reject(new Error('no network'))))
  .task('sum', { dependsOn: ['fetch'], enrich: () => ({ start: 100 }) }, ({ deps, start }) =>
    sleep(10).then(() => ({ total: deps.fetch.rows.reduce((sum, row) => sum + row, start) })),
  )
  .task('store', { dependsOn: ['sum'], maxRetries: 1, retry: { delayMs: 50 } }, () => Promise.reject(diskFull))
  .task('report', { dependsOn: ['store'] }, () => {})
  .task('mail', { dependsOn: ['report'] }, () => {})
  .seal();

const job = nightly.start({}, { clock });
job.output('sum').then(({ total }) => console.log(`at ${clock.now()} ms: the total is ${total}, the job ${job.state}`));
job.output('report').catch((error) => console.log(`at ${clock.now()} ms: ${error.code}: ${error.message}`));
await clock.runAll();

const result = await job;
console.log(`the job ${result.state}: ${result.error?.message}`);
console.log(`its root cause is what store threw: ${result.error?.rootCause() === diskFull}`);
for (const { taskName, attempt, tolerated } of result.errors) {
  console.log(`  ${taskName} failed in attempt ${attempt}${tolerated ? ', tolerated' : ''}`);
}
for (const [name, { state, attempts, durationMs, reason }] of Object.entries(result.tasks)) {
  console.log(`  ${name}: ${state}, attempts ${attempts}, ${durationMs ?? '-'} ms, ${reason ?? '-'}`);
}
for (const { task, state, subtree } of result.frontier())
  console.log(`frontier: ${task} ${state}, holds up ${subtree}`);
for (const { task, subtree } of result.boundarySubtrees()) console.log(`boundary: ${task}, above ${subtree}`);

let error: unknown = result.tasks.mail.error;
while (error instanceof Error) {
  console.log(error.message);
  error = error.cause;
}
