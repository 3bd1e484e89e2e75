import { defineJob, notReady } from 'tintype';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const minutes = 60_000;
const sleep = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms));

const look = (attempt: number) => {
  if (clock.now() === 4 * minutes && attempt === 1) throw new Error('connection reset');
  return clock.now() < 20 * minutes ? notReady('no file yet') : { file: 'sales.csv' };
};

const load = defineJob('load')
  .sensor(
    'upload',
    { interval: minutes, backoff: 'exponential', maxInterval: 8 * minutes, deadline: 60 * minutes, maxRetries: 1 },
    ({ attempt }) => look(attempt),
  )
  .task('import', { dependsOn: ['upload'] }, ({ ctx }) => ({ imported: ctx.file }))
  .task('backup', () => sleep(2 * minutes))
  .seal();

const job = load.start({}, { clock, maxConcurrency: 1 });
job.events$.subscribe((event) => {
  if (event.type !== 'task.transition') return;
  const { at, task, from, to, attempt, reason, dueAt } = event;
  if (from !== 'running' && to !== 'running') return;
  const next = dueAt === undefined ? '' : `, next at ${dueAt / minutes} min`;
  console.log(`${at / minutes} min: ${task} ${to}, attempt ${attempt}${reason ? ` (${reason}${next})` : ''}`);
});
await clock.runAll();

const { tasks, ctx } = await job;
console.log(`${tasks.upload.polls} looks in vain, ${tasks.upload.attempts} attempts: ${ctx.file} is there`);
