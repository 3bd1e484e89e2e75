import { defineJob, type TaskResult } from 'tintype';

export const statesOf = (tasks: Readonly<Record<string, TaskResult>>): Record<string, string> =>
  Object.fromEntries(Object.entries(tasks).map(([name, { state }]) => [name, state]));

/** An ETL whose `load` fails as long as it is told to; it notes what ran. */
export const etl = () => {
  const ran: string[] = [];
  const world = { broken: true };
  const definition = defineJob<{ day: number }>('etl', { onFailure: 'continue' })
    .task('extract', ({ ctx }) => {
      ran.push('extract');
      return { rows: [ctx.day, new Date(5)] as const };
    })
    .task('count', { dependsOn: ['extract'] }, () => {
      ran.push('count');
      return { counted: 1 };
    })
    .task('load', { dependsOn: ['extract'] }, ({ attempt, ctx }) => {
      ran.push(`load ${attempt}`);
      if (world.broken) throw new RangeError('no space');
      return { loaded: ctx.rows.length };
    })
    .task('tell', { dependsOn: ['load', 'count'] }, ({ ctx }) => {
      ran.push('tell');
      return { told: `${ctx.loaded} ${ctx.counted}` };
    })
    .seal();
  return { ran, world, definition };
};
