import { defineJob, notReady } from 'tintype';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const sleep = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
const flaky = () => Promise.reject(new Error('connection reset'));

const publish = defineJob('publish').external('sign').seal();

const etl = defineJob('etl', { pools: { db: 2 } })
  .task('orders', { pool: 'db', slots: 2 }, () => sleep(60_000))
  .task('customers', { pool: 'db' }, () => sleep(60_000))
  .task('join', { dependsOn: ['orders', 'customers'] }, () => {})
  .task('rates', { maxRetries: 3, retry: { delayMs: 30_000 } }, flaky)
  .sensor('upload', { interval: 10_000 }, () => notReady('no file yet'))
  .task('archive', { dependsOn: ['upload'] }, () => {})
  .job('publish', {}, publish)
  .seal();

const job = etl.start({}, { clock });
await clock.advance(25_000);
job.task('archive').pause('ann');

for (const { task, state, reasons } of job.explain()) {
  console.log(`${task} (${state})`);
  for (const { kind, text } of reasons) console.log(`  ${kind}: ${text}`);
}

job.pause('bob');
console.log(JSON.stringify(job.explain('publish/sign')[0]?.reasons));
await job.cancel('seen enough');
console.log(job.explain('orders')[0]?.reasons[0]?.text);
