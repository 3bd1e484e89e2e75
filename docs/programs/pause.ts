import { defineJob } from 'tintype';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const hour = 3_600_000;
const sleep = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
let password = 'wrong';

const nightly = defineJob('nightly', { timeout: 8 * hour })
  .task('dump', () => sleep(2 * hour))
  .task('upload', { dependsOn: ['dump'], maxRetries: 1, onExhausted: 'pause' }, async () => {
    await sleep(hour);
    if (password !== 'right') throw new Error('access denied');
  })
  .task('report', { dependsOn: ['upload'] }, () => ({ reported: true }))
  .seal();

const job = nightly.start({}, { clock });
job.events$.subscribe((event) => {
  if (event.type !== 'job.transition' && event.type !== 'task.transition') return;
  const who = event.type === 'task.transition' ? event.task : 'JOB';
  console.log(`${event.at / hour} h: ${who} ${event.from} -> ${event.to}${event.reason ? ` (${event.reason})` : ''}`);
});

await clock.advance(hour);
job.pause('ann'); // dump goes on, upload waits
await clock.advance(9 * hour);
job.resume();
await clock.advance(3 * hour);

console.log(job.explain('upload')[0]?.reasons[0]?.text);
password = 'right';
job.task('report').pause('bob'); // held once it is ready
job.retry('upload');
await clock.advance(2 * hour);
job.task('report').resume();
console.log((await job).state);
