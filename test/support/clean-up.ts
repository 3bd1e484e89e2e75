import {
  type AnyTaskSpec,
  type Job,
  type JobEvent,
  type JobResult,
  jobFrom,
  type StartOptions,
  type TaskScope,
  type TaskState,
} from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { expect } from 'vitest';

export type Begun = {
  readonly clock: VirtualClock;
  readonly job: Job;
  readonly events: readonly JobEvent[];
  /** `name state` of each transition of a task, and `JOB state`. */
  readonly lines: readonly string[];
};

/** Makes tasks with the clock of their job, and the job itself for later. */
export type MakeTasks = (clock: VirtualClock, job: () => Job) => readonly AnyTaskSpec[];

export const begin = (tasks: MakeTasks, options: StartOptions = {}): Begun => {
  const clock = virtualClock();
  const specs = tasks(clock, () => job);
  const job = jobFrom('job', specs).start({}, { clock, ...options }) as unknown as Job;
  const events: JobEvent[] = [];
  const lines: string[] = [];
  job.events$.subscribe((event) => {
    events.push(event);
    if (event.type === 'task.transition') lines.push(`${event.task} ${event.to}`);
    if (event.type === 'job.transition') lines.push(`JOB ${event.to}`);
  });
  return { clock, job, events, lines };
};

export const raise = (message: string): never => {
  throw new Error(message);
};

/** Works for so long, and stops at once when told to. */
export const works =
  (clock: VirtualClock, ms: number, output?: object) =>
  ({ signal }: Pick<TaskScope, 'signal'>) =>
    new Promise<object | undefined>((resolve, reject) => {
      const callOff = clock.setTimer(() => resolve(output), ms);
      signal.addEventListener('abort', () => {
        callOff();
        reject(signal.reason);
      });
    });

export const statesOf = ({ tasks }: JobResult): Readonly<Record<string, TaskState>> =>
  Object.fromEntries(Object.entries(tasks).map(([name, { state }]) => [name, state]));

export const expectOrder = (lines: readonly string[], first: string, second: string): void => {
  expect(lines).toContain(first);
  expect(lines).toContain(second);
  expect(lines.indexOf(first), `${first} before ${second}`).toBeLessThan(lines.indexOf(second));
};

export const failsAt10 = (clock: VirtualClock) => () =>
  new Promise((_, reject) => clock.setTimer(() => reject(new Error('trouble')), 10));
