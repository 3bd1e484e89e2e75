import { createEngine, defineJob } from 'tintype';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const take = (ms: number) => () => new Promise<void>((resolve) => void clock.setTimer(() => resolve(), ms));

const engine = createEngine({ maxConcurrency: 10, pools: { db: 3, mail: { limit: 1, periodMs: 60 } }, clock });

const report = defineJob('report')
  .task('customers', { pool: 'db' }, take(20))
  .task('orders', { pool: 'db' }, take(30))
  .task('vacuum', { pool: 'db', slots: 3, priority: 1 }, take(10))
  .task('render', { dependsOn: ['customers', 'orders'] }, take(5))
  .task('send', { dependsOn: ['render'], pool: 'mail' }, take(5))
  .seal();

engine.events$.subscribe((event) => {
  if (event.type === 'task.transition' && event.to === 'running')
    console.log(`${clock.now()} ms: ${event.jobId} ${event.task}`);
});
for (const jobId of ['monday', 'tuesday']) engine.start(report, {}, { jobId });

await clock.advance(15);
for (const usage of engine.usage) console.log(JSON.stringify(usage));
for (const reason of engine.job('tuesday')?.explain('customers')[0]?.reasons ?? []) console.log(reason.text);
await clock.runAll();
console.log(`${engine.jobs.length} jobs left at ${clock.now()} ms`);
