import { defineJob, eventLogger } from 'tintype';

const smoothie = defineJob('smoothie')
  .task('diceBanana', () => ({ banana: ['slice', 'slice', 'slice'] }))
  .task('diceMango', () => ({ mango: ['cube', 'cube'] }))
  .task('blend', { dependsOn: ['diceBanana', 'diceMango'] }, ({ ctx }) => ({
    smoothie: [...ctx.banana, ...ctx.mango].length,
  }))
  .task('garnish', { dependsOn: ['blend'] }, ({ deps }) => ({
    served: `a smoothie of ${deps.blend.smoothie} pieces, with mint`,
  }))
  .seal();

const job = smoothie.start();
job.events$.subscribe(eventLogger());
const { served } = await job.orThrow();
console.log(served);
