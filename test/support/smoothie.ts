import { defineJob } from '../../src/index.ts';

/** The job of examples/smoothie.ts, which an import of that file would run. */
export const smoothie = defineJob('smoothie')
  .task('diceBanana', () => ({ banana: ['slice', 'slice', 'slice'] }))
  .task('diceMango', () => ({ mango: ['cube', 'cube'] }))
  .task('blend', { dependsOn: ['diceBanana', 'diceMango'] }, ({ ctx }) => ({
    smoothie: [...ctx.banana, ...ctx.mango].length,
  }))
  .task('garnish', { dependsOn: ['blend'] }, ({ deps }) => ({
    served: `a smoothie of ${deps.blend.smoothie} pieces, with mint`,
  }))
  .seal();
