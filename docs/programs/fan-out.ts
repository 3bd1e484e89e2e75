import { defineJob } from 'tintype';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const sleep = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms));

const thumbnails = defineJob<{ folder: string }>('thumbnails')
  .task('list', ({ ctx }) => ({ files: ['sky', 'sea', 'broken', 'land'].map((name) => `${ctx.folder}/${name}.png`) }))
  .map(
    'shrink',
    { dependsOn: ['list'], over: ({ ctx }) => ctx.files, concurrency: 2, maxRetries: 1, continueOnFailure: true },
    async ({ item, index, attempt }) => {
      await sleep(30 - 10 * index);
      if (item.includes('broken')) throw new Error('not a picture');
      if (item.includes('sea') && attempt === 1) throw new Error('disk busy');
      return item.length;
    },
  )
  .task('report', { dependsOn: ['shrink'] }, ({ ctx: { shrink = [] } }) => ({
    report: shrink.map((one) => (one.status === 'fulfilled' ? `${one.value} bytes` : 'nothing')).join(', '),
  }))
  .seal();

const job = thumbnails.start({ folder: 'img' }, { clock });
job.events$.subscribe((event) => {
  if (event.type !== 'task.transition' || !event.task.startsWith('shrink[')) return;
  if (event.to !== 'ready') console.log(`${event.at} ms: ${event.task} ${event.to}`);
});
await clock.runAll();

const { ctx, state, tasks } = await job;
console.log(`the job is ${state}: ${ctx.report}`);
console.log(`attempts: ${Object.values(tasks.shrink.tasks ?? {}).map(({ attempts }) => attempts)}`);
console.log(`shrink[2] failed: ${job.task('shrink[2]').error?.rootCause()}`);
