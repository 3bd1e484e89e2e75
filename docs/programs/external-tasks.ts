import { CommandError, defineJob } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { z } from 'zod';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once

const contract = defineJob('contract')
  .task('draft', () => ({ text: 'We agree.' }))
  .external('review', {
    dependsOn: ['draft'],
    output: z.object({ approved: z.boolean() }),
    heartbeatTimeout: 60_000,
    maxRetries: 1,
  })
  .task('send', { dependsOn: ['draft', 'review'] }, ({ ctx }) => ({ sent: ctx.approved ? ctx.text : 'No.' }))
  .seal();

const job = contract.start({}, { clock });
job.events$.subscribe((event) => {
  if (event.type === 'task.progress') console.log(`review at ${event.fraction * 100} %: ${event.message}`);
  if (event.type !== 'task.transition' || event.task !== 'review') return;
  const { at, from, to, attempt, reason } = event;
  console.log(`${at / 1_000} s: review ${from} -> ${to}, attempt ${attempt}${reason ? ` (${reason})` : ''}`);
});
await clock.advance(0);

const attempted = (command: () => unknown) => {
  try {
    command();
  } catch (error) {
    console.log(error instanceof CommandError ? error.code : (error as Error).message);
  }
};

const review = job.task('review');
const anns = review.claim('ann');
attempted(() => review.claim('bob'));
review.progress(0.5, 'page 1 of 2', anns);
await clock.advance(60_000); // nothing more is heard of ann

const bobs = review.claim('bob');
attempted(() => review.complete({ approved: false }, anns));
attempted(() => review.complete({ approved: 'yes' as never }, bobs));
review.complete({ approved: true }, bobs);
console.log((await job.orThrow()).sent);
