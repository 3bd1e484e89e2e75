import {
  type AnyTaskSpec,
  type Job,
  type JobEvent,
  type JobResult,
  jobFrom,
  type StartOptions,
  type TriggerRule,
} from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';

export const RULES = [
  'allSuccess',
  'allDone',
  'allFailed',
  'oneSuccess',
  'oneFailed',
  'oneDone',
  'noneFailed',
  'noneFailedMinOneSuccess',
  'noneSkipped',
  'allSkipped',
  'always',
] as const satisfies readonly TriggerRule[];

/** The rules in words of their own: whether a task runs once it knows all its upstreams by what they count as. */
export const runs = (rule: TriggerRule, all: string): boolean => {
  if (all === '') return true;
  switch (rule) {
    case 'allSuccess':
      return /^[ST]*$/.test(all);
    case 'allFailed':
      return /^[FT]*$/.test(all);
    case 'oneSuccess':
      return all.includes('S');
    case 'oneFailed':
      return /[FT]/.test(all);
    case 'oneDone':
      return /[SFT]/.test(all);
    case 'noneFailed':
      return !all.includes('F');
    case 'noneFailedMinOneSuccess':
      return !all.includes('F') && all.includes('S');
    case 'noneSkipped':
      return !all.includes('K');
    case 'allSkipped':
      return /^K*$/.test(all);
    case 'allDone':
    case 'always':
      return true;
  }
};

export const raise = (message: string): never => {
  throw new Error(message);
};

type Transition = Extract<JobEvent, { readonly type: 'task.transition' }>;

type Begun = {
  readonly clock: VirtualClock;
  readonly job: Job;
  readonly events: readonly JobEvent[];
  /** The names of the tasks whose functions were entered. */
  readonly ran: readonly string[];
};

export const begin = (tasks: readonly AnyTaskSpec[], options: StartOptions = {}): Begun => {
  const clock = virtualClock();
  const ran: string[] = [];
  const noted = tasks.map((task) => {
    if (!('run' in task)) return task;
    const { run } = task;
    return {
      ...task,
      run: (scope: Parameters<typeof run>[0]) => {
        ran.push(task.name);
        return run(scope);
      },
    };
  });
  const job = jobFrom('job', noted).start({}, { clock, ...options }) as unknown as Job;
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return { clock, job, events, ran };
};

export const transitions = (events: readonly JobEvent[], task: string): readonly Transition[] =>
  events.filter((event) => event.type === 'task.transition').filter((event) => event.task === task);

/** Each task and how it ended. */
export const states = ({ tasks }: JobResult): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(tasks).map(([name, { state, reason }]) => [name, reason ? `${state} ${reason}` : state]),
  );
