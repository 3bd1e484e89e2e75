import { type AnyTaskSpec, type Clock, CommandError, type JobEvent, jobFrom, type TaskScope } from 'tintype';

export const boom = new Error('boom');
export const fails = (): never => {
  throw boom;
};

/** An event in a line: `outer/inner ready>running`. */
export const line = (event: JobEvent): string => {
  if (event.type === 'job.transition') return `JOB ${event.from}>${event.to}`;
  if (event.type === 'task.transition') return `${event.task} ${event.from}>${event.to}`;
  return `${event.type} ${'task' in event ? event.task : ''}`;
};

export const listen = (job: {
  readonly events$: { subscribe(next: (event: JobEvent) => void): unknown };
}): JobEvent[] => {
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return events;
};

/** A job of one task `outer`, which runs a job of these tasks. */
export const nest = (inner: readonly AnyTaskSpec[], options: object = {}, innerOptions: object = {}) =>
  jobFrom('parent', [
    { kind: 'job', name: 'outer', definition: jobFrom('child', inner, innerOptions), ...options },
    { name: 'after', dependsOn: ['outer'], run: ({ ctx }) => ({ after: ctx.outer }) },
  ]);

/** A task that ends after `ms`, with its own name as its output. */
export const takes =
  (clock: Clock, ms: number) =>
  ({ taskName }: TaskScope) =>
    new Promise((resolve) => clock.setTimer(() => resolve({ [taskName]: true }), ms));

/** A command that comes when it can't be carried out any more changes nothing. */
export const ifItMay = (command: () => void): void => {
  try {
    command();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
};
