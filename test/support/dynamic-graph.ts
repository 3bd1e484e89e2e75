import {
  type AnyTaskSpec,
  type Clock,
  type Job,
  type JobEvent,
  jobFrom,
  type StartOptions,
  type TaskFunction,
} from 'tintype';

export const boom = new Error('boom');
export const fails = (): never => {
  throw boom;
};

/** Puts out its own name under its own name. */
const tells: TaskFunction = ({ taskName }) => ({ [taskName]: taskName });

/** `'b<a'` is a task b that depends on a. */
export const spec = (text: string, more: object = {}): AnyTaskSpec => {
  const [name = '', needs] = text.split('<');
  return { name, run: tells, dependsOn: needs ? needs.split(',') : [], ...more };
};

export const takes =
  (clock: Clock, ms: number): TaskFunction =>
  ({ taskName }) =>
    new Promise((resolve) => clock.setTimer(() => resolve({ [taskName]: taskName }), ms));

const line = (event: JobEvent): string => {
  if (event.type === 'job.transition') return `JOB ${event.from}>${event.to}`;
  if (event.type === 'task.transition') return `${event.task} ${event.from}>${event.to}`;
  return `${event.type} ${'task' in event ? event.task : 'key' in event ? event.key : ''}`;
};

export const start = (tasks: readonly AnyTaskSpec[], options?: StartOptions) => {
  const job = jobFrom('job', tasks).start({}, options);
  const lines: string[] = [];
  job.events$.subscribe((event) => lines.push(line(event)));
  return { job, lines };
};

/** Does something in the event that reads so. */
export const within = (job: Job<object>, text: string, deed: () => void): void => {
  let done = false;
  job.events$.subscribe((event) => {
    if (done || line(event) !== text) return;
    done = true;
    deed();
  });
};

export const statesOf = (tasks: Readonly<Record<string, { readonly state: string }>>) =>
  Object.fromEntries(Object.entries(tasks).map(([name, { state }]) => [name, state]));
