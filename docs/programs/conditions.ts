import { branch, defineJob, type Job } from 'tintype';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms));

const order = defineJob<{ amount: number }>('order')
  .task('reserve', () => ({ shelf: 7 }))
  .task('route', { dependsOn: ['reserve'] }, ({ ctx }) => branch(ctx.amount > 100 ? 'approve' : 'charge'))
  .task('approve', { dependsOn: ['route'] }, () => sleep(1_000))
  .task('charge', { dependsOn: ['route'] }, () => ({ paid: true }))
  .task('ship', { dependsOn: ['approve', 'charge'], trigger: 'oneSuccess' }, () => ({ shipped: true }))
  .task('gift', { dependsOn: ['ship'], when: ({ ctx }) => ctx.amount > 50 }, () => {})
  .task('release', { dependsOn: ['reserve', 'ship'], trigger: 'always' }, ({ deps }) => {
    console.log(`  shelf ${deps.reserve?.shelf} is free, ${deps.ship ? 'and empty' : 'nothing was shipped'}`);
  })
  .seal();

const follow = async (what: string, job: Pick<Job, 'events$' | 'result'>) => {
  console.log(what);
  job.events$.subscribe((event) => {
    if (event.type === 'task.transition' && event.to === 'skipped')
      console.log(`  ${event.task} skipped: ${event.reason}`);
  });
  const { state } = await job.result();
  console.log(`  the job is ${state}`);
};

await follow('an order of 20', order.start({ amount: 20 }, { clock }));

const large = order.start({ amount: 500 }, { clock });
const end = follow('an order of 500, called off while it waits for approval', large);
await clock.advance(10);
large.cancel('out of stock');
await end;
