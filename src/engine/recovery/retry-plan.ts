import { SETTLED } from '../../events/states.ts';
import { CommandError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { findTask } from '../run/find-task.ts';
import { failedPaths, pathsInside, type RerunPaths, rerunPathsOf, reusableResults } from '../run/reuse.ts';

/** Which tasks of an ended job to retry. */
export type RetrySelection<Path extends string = string> = {
  /**
   * Paths of tasks. Default: those that failed without `continueOnFailure`, were not ready or were cancelled; for a
   * nested job or fan-out, the tasks inside it to which this applies, if any.
   */
  readonly tasks?: readonly Path[] | undefined;
  /** Whether completed tasks downstream of them run again, too. Default true. */
  readonly downstream?: boolean | undefined;
};

/** Where to start a rerun, which is a new job. */
export type RerunSelection<Path extends string = string> = {
  /**
   * Paths of tasks. Default: those that failed without `continueOnFailure`, were not ready or were cancelled; for a
   * nested job or fan-out, the tasks inside it to which this applies, if any.
   */
  readonly from?: Path | readonly Path[] | undefined;
};

/** What a retry or rerun would do: paths, in topological order. */
export type Preview = {
  /** Tasks that would run, as far as their rules and conditions allow. */
  readonly runs: readonly string[];
  /** Completed tasks that would not run again. */
  readonly keeps: readonly string[];
};

export const previewRetry = (job: JobRun, selection: RetrySelection): Preview => {
  const { leads, over, gone } = retryOf(job, selection);
  const runs = (index: number): boolean => over.has(index) || !isSettled(job, index);
  return previewOf(job, leads, gone, runs);
};

export const previewRerun = (job: JobRun, selection: RerunSelection): Preview => {
  const { leads, stand, gone } = rerunOf(job, selection);
  return previewOf(job, leads, gone, (index) => !stand.has(index));
};

const previewOf = (
  job: JobRun,
  leads: RerunPaths,
  gone: ReadonlySet<number>,
  runs: (index: number) => boolean,
): Preview => {
  const all = job.plan.order.filter((index) => !job.removed?.has(index) && !gone.has(index));
  const path = (index: number): string => job.pathOf(job.plan.graph.names[index] as string);
  const inside = (index: number): readonly string[] => {
    const task = job.tasks[index];
    const paths = task?.child && pathsInside(task, leads);
    return paths && task?.child ? runsInside(task.child, paths) : [];
  };
  return {
    runs: all.filter(runs).flatMap((index) => [path(index), ...inside(index)]),
    keeps: all.filter((index) => !runs(index) && job.tasks[index]?.state === 'completed').map(path),
  };
};

const runsInside = (child: JobRun, again: ReadonlySet<string>): readonly string[] => {
  if (child.isFanOut)
    return child.plan.tasks
      .map(({ name }, index) => ({ path: child.pathOf(name), state: child.tasks[index]?.state }))
      .filter(({ path, state }) => state !== 'completed' || again.has(path))
      .map(({ path }) => path);
  const leads = rerunPathsOf(child, again);
  const stand = reusableResults(child, leads);
  return previewOf(child, leads, NONE, (index) => !stand.has(index)).runs;
};

const NONE: ReadonlySet<number> = new Set();

/** Plans a retry: tasks to start over, and tasks to remove (`gone`). @throws UnknownTaskError, CommandError */
export const retryOf = (job: JobRun, selection: RetrySelection) => {
  const leads = rerunPathsOf(job, pathsAgain(job, selection.tasks, 'retry'));
  const over = startingOver(job, leads, selection);
  const gone = addedBy(job, (index) => over.has(index));
  for (const index of gone) over.delete(index);
  return { leads, over, gone };
};

/** Plans a rerun: results to reuse (`stand`), tasks to leave out (`gone`). @throws UnknownTaskError, CommandError */
export const rerunOf = (job: JobRun, { from }: RerunSelection) => {
  const paths = from === undefined || typeof from !== 'string' ? from : [from];
  const leads = rerunPathsOf(job, pathsAgain(job, paths, 'rerun'));
  const stand = new Set(reusableResults(job, leads));
  const gone = addedBy(job, (index) => !stand.has(index));
  for (const index of gone) stand.delete(index);
  return { leads, stand, gone };
};

/** @throws UnknownTaskError, CommandError */
const pathsAgain = (job: JobRun, tasks: readonly string[] | undefined, what: 'retry' | 'rerun'): readonly string[] => {
  const { name } = job.plan;
  if (!job.over)
    throw new CommandError('INVALID_STATE', `Job "${name}" is ${job.state}: it can't ${what} before it is over.`);
  const paths = tasks ?? failedPaths(job);
  for (const path of paths) findTask(job, path);
  // A retry without failed tasks runs the tasks that have not settled.
  if (paths.length > 0 || (what === 'retry' && job.settled < job.size)) return paths;
  const message = `Job "${name}" is ${job.state}, and has no failed task to ${what}. Name the tasks that are to run again.`;
  throw new CommandError('INVALID_STATE', message);
};

/** Returns the tasks that start over. `downstream: false` leaves out completed tasks downstream, except clean-up. */
const startingOver = (job: JobRun, leads: RerunPaths, { downstream = true }: RetrySelection): Set<number> => {
  const { graph, order, cleanUps } = job.plan;
  const late = new Set(cleanUps);
  const over = new Set<number>();
  for (const index of order) {
    const task = job.tasks[index];
    if (job.removed?.has(index) || !task || !SETTLED.has(task.state)) continue;
    const follows = (graph.upstream[index] ?? []).some((upstream) => over.has(upstream) || !isSettled(job, upstream));
    const isStale = follows && (downstream || task.state !== 'completed');
    const cleansUpAgain = follows && late.has(index);
    if (leads.has(index) || cleansUpAgain || task.state === 'cancelled' || isStale) over.add(index);
  }
  return over;
};

export const isSettled = (job: JobRun, index: number): boolean => SETTLED.has(job.tasks[index]?.state ?? 'unscheduled');

/** Returns the tasks added by tasks that run again, and everything downstream of them. */
const addedBy = ({ plan, removed }: JobRun, runsAgain: (index: number) => boolean): ReadonlySet<number> => {
  const gone = new Set<number>();
  if (!plan.sealed) return gone;
  const { graph, tasks } = plan;
  for (const index of plan.order.slice(plan.sealed.tasks.length)) {
    if (removed?.has(index)) continue;
    const by = tasks[index]?.addedBy;
    const adder = by === undefined ? undefined : graph.indexOf.get(by);
    const again = adder !== undefined && (runsAgain(adder) || gone.has(adder));
    if (again || (graph.upstream[index] ?? []).some((upstream) => gone.has(upstream))) gone.add(index);
  }
  return gone;
};
