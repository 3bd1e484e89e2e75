import { count, formatValue, refuseArgument } from '../engine/definition/option-rules.ts';
import { UnknownTaskError } from '../engine/errors/errors.ts';
import { didYouMean, knownNames } from '../engine/errors/suggest.ts';
import type { JobEvent, TaskState } from '../events/event.ts';

/**
 * What `expect(…)` gets from `tintypeMatchers`, on a job, its result, or recorded events of one job. `task` is a path:
 * `name`, `outer/inner` in a nested job, `name[3]` in a fan-out. Declare it once, in a file of your tests:
 * @example
 * import type { TintypeMatchers } from 'tintype/testing';
 *
 * declare module 'vitest' {
 *   interface Matchers<T> extends TintypeMatchers {}
 * }
 */
export interface TintypeMatchers {
  /** The task is `completed` now. */
  toHaveCompleted(task: string): void;
  /** The task has begun so many attempts by now; checks of sensors that returned "not yet" do not count. */
  toHaveAttempts(task: string, attempts: number): void;
}

/** What a matcher returns to the test runner. */
export type MatcherResult = { readonly pass: boolean; readonly message: () => string };

/**
 * Matchers for `expect` of Vitest: `expect.extend(tintypeMatchers)`, in a test or a file of `setupFiles`. See
 * `TintypeMatchers` for their types.
 * @throws UnknownTaskError if the job has no such task; OptionError for what is neither a job, a result nor events
 * @example
 * expect.extend(tintypeMatchers);
 * expect(await job).toHaveCompleted('dice');
 * expect(job).toHaveAttempts('dice', 2);
 */
export const tintypeMatchers = {
  toHaveCompleted: (received: unknown, task: string): MatcherResult => {
    const found = taskIn(received, task, 'toHaveCompleted');
    const pass = found.state === 'completed';
    return {
      pass,
      message: () => (pass ? `${found.title} has completed.` : `${found.title} has not completed: ${standing(found)}`),
    };
  },
  toHaveAttempts: (received: unknown, task: string, attempts: number): MatcherResult => {
    if (!count.test(attempts) || attempts === Number.POSITIVE_INFINITY)
      refuseArgument(
        'toHaveAttempts',
        'attempts',
        `It was given ${formatValue(attempts)}: expected a whole number, 0 or more.`,
      );
    const found = taskIn(received, task, 'toHaveAttempts');
    const pass = found.attempts === attempts;
    const message = pass
      ? `${found.title} has had ${inWords(attempts)}.`
      : `${found.title} has not had ${inWords(attempts)}: ${standing(found)}`;
    return { pass, message: () => message };
  },
};

/** What the matchers look at of a task. */
type Standing = {
  readonly title: string;
  readonly state: TaskState;
  readonly attempts: number;
  readonly error: { readonly code?: unknown; readonly message: string } | undefined;
  readonly hint: string;
};

const standing = ({ state, attempts, error, hint }: Standing): string => {
  const after = attempts > 0 ? ` after ${inWords(attempts)}` : '';
  const why = error ? `\n${typeof error.code === 'string' ? `${error.code}: ` : ''}${error.message}` : '';
  return `it is ${state}${after}.${hint}${why}`;
};

const inWords = (attempts: number): string => `${attempts} attempt${attempts === 1 ? '' : 's'}`;

const taskIn = (received: unknown, task: string, matcher: string): Standing => {
  if (Array.isArray(received)) return byEvents(received as readonly JobEvent[], task, matcher);
  const given = (typeof received === 'object' && received !== null ? received : {}) as Partial<Handle & Result>;
  const jobName = given.jobName ?? given.name ?? '';
  const title = `Task "${task}" of job "${jobName}"`;
  if (typeof given.task === 'function') {
    const { state, attempts, error } = given.task(task);
    return { title, state, attempts, error, hint: '' };
  }
  if (typeof given.tasks !== 'object' || Array.isArray(given.tasks))
    refuseArgument(
      matcher,
      'received',
      `expect was given ${formatValue(received)}: expected a job, its result, or recorded events.`,
    );
  const tasks = given.tasks as Tasks;
  const found = resultIn(tasks, task);
  if (!found) throw new UnknownTaskError(jobName, task, knownNames(task, Object.keys(tasks)));
  return { title, state: found.state, attempts: found.attempts, error: found.error, hint: '' };
};

type Found = Pick<Standing, 'state' | 'attempts' | 'error'> & { readonly tasks?: Tasks | undefined };
type Tasks = Readonly<Record<string, Found>>;

/** What is looked at of a job's handle. */
type Handle = { readonly name: string; readonly task: (path: string) => Found };

/** What is looked at of a job's result, or of a job that `engine.find` returned. */
type Result = { readonly jobName: string; readonly tasks: Tasks };

/** A found job has all tasks by their paths, a result those inside others within these. */
const resultIn = (tasks: Tasks, path: string): Found | undefined => {
  if (Object.hasOwn(tasks, path)) return tasks[path];
  for (const [name, { tasks: inner }] of Object.entries(tasks)) {
    if (!inner || !path.startsWith(name)) continue;
    const rest = path.slice(name.length);
    const found = rest.startsWith('[') || rest.startsWith('/') ? resultIn(inner, rest.replace(/^\//, '')) : undefined;
    if (found) return found;
  }
  return undefined;
};

const byEvents = (events: readonly JobEvent[], task: string, matcher: string): Standing => {
  const jobs = new Map(events.map(({ jobId, jobName }) => [jobId, jobName]));
  if (jobs.size > 1)
    refuseArgument(matcher, 'received', `The events are of ${jobs.size} jobs: filter those of one by jobId.`);
  const transitions = events.filter((event) => event.type === 'task.transition');
  const last = transitions.findLast((event) => event.task === task);
  const known = transitions.map((event) => event.task);
  return {
    title: `Task "${task}" of job "${[...jobs.values()][0] ?? ''}"`,
    state: last?.to ?? 'unscheduled',
    attempts: last?.attempt ?? 0,
    error: last?.error,
    hint: last ? '' : ` No event is about it.${didYouMean(task, known)}`,
  };
};
