import { SETTLED } from '../../events/states.ts';
import { CommandError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { findTask } from '../run/find-task.ts';
import { failedPaths, pathsInside, type RerunPaths, rerunPathsOf, reusableResults } from '../run/reuse.ts';

/** Selects the tasks of an ended job to retry. */
export type RetrySelection<Path extends string = string> = {
  /**
   * Paths of tasks. Default: all tasks that failed without `continueOnFailure`, were not ready or were cancelled. If
   * such tasks are inside a nested job or fan-out, the default has only their paths, not the outer path.
   */
  readonly tasks?: readonly Path[] | undefined;
  /** Whether completed tasks downstream of the selected tasks run again, too. Default true. */
  readonly downstream?: boolean | undefined;
};

/** Selects the tasks at which a rerun starts. A rerun is a new job. */
export type RerunSelection<Path extends string = string> = {
  /**
   * Paths of tasks. Default: all tasks that failed without `continueOnFailure`, were not ready or were cancelled. If
   * such tasks are inside a nested job or fan-out, the default has only their paths, not the outer path.
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
  const { rerunPaths, restarting, dropped } = planRetry(job, selection);
  const runs = (index: number): boolean => restarting.has(index) || !isSettled(job, index);
  return previewOf(job, rerunPaths, dropped, runs);
};

export const previewRerun = (job: JobRun, selection: RerunSelection): Preview => {
  const { rerunPaths, reusable, dropped } = planRerun(job, selection);
  return previewOf(job, rerunPaths, dropped, (index) => !reusable.has(index));
};

const previewOf = (
  job: JobRun,
  rerunPaths: RerunPaths,
  dropped: ReadonlySet<number>,
  runs: (index: number) => boolean,
): Preview => {
  const all = job.plan.order.filter((index) => !job.removed?.has(index) && !dropped.has(index));
  const path = (index: number): string => job.pathOf(job.plan.graph.names[index] as string);
  const inside = (index: number): readonly string[] => {
    const task = job.tasks[index];
    const paths = task?.child && pathsInside(task, rerunPaths);
    return task?.child && paths ? runsInside(task.child, paths) : [];
  };
  return {
    runs: all.filter(runs).flatMap((index) => [path(index), ...inside(index)]),
    keeps: all.filter((index) => !runs(index) && job.tasks[index]?.state === 'completed').map(path),
  };
};

const runsInside = (child: JobRun, pathsToRerun: ReadonlySet<string>): readonly string[] => {
  const rerunPaths = rerunPathsOf(child, pathsToRerun);
  if (child.isFanOut)
    return previewOf(
      child,
      rerunPaths,
      NONE,
      (index) => child.tasks[index]?.state !== 'completed' || rerunPaths.has(index),
    ).runs;
  const reusable = reusableResults(child, rerunPaths);
  return previewOf(child, rerunPaths, NONE, (index) => !reusable.has(index)).runs;
};

const NONE: ReadonlySet<number> = new Set();

/** Plans a retry: tasks to start over, and tasks to remove (`dropped`). @throws UnknownTaskError, CommandError */
export const planRetry = (job: JobRun, selection: RetrySelection) => {
  const rerunPaths = rerunPathsOf(job, selectedPaths(job, selection.tasks, 'retry'));
  const restarting = tasksToRestart(job, rerunPaths, selection);
  const dropped = addedBy(job, (index) => restarting.has(index));
  for (const index of dropped) restarting.delete(index);
  return { rerunPaths, restarting, dropped };
};

/** Plans a rerun: results to reuse (`reusable`), tasks to omit (`dropped`). @throws UnknownTaskError, CommandError */
export const planRerun = (job: JobRun, { from }: RerunSelection) => {
  const rerunPaths = rerunPathsOf(job, selectedPaths(job, typeof from === 'string' ? [from] : from, 'rerun'));
  const reusable = new Set(reusableResults(job, rerunPaths));
  const dropped = addedBy(job, (index) => !reusable.has(index));
  for (const index of dropped) reusable.delete(index);
  return { rerunPaths, reusable, dropped };
};

/** @throws UnknownTaskError, CommandError */
const selectedPaths = (
  job: JobRun,
  tasks: readonly string[] | undefined,
  what: 'retry' | 'rerun',
): readonly string[] => {
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

/** Returns the tasks that start over. With `downstream: false`, keeps completed downstream tasks, except clean-up. */
const tasksToRestart = (job: JobRun, rerunPaths: RerunPaths, { downstream = true }: RetrySelection): Set<number> => {
  const { order, cleanUps } = job.plan;
  const late = new Set(cleanUps);
  const restarting = new Set<number>();
  for (const index of order) {
    const task = job.tasks[index];
    if (job.removed?.has(index) || !task || !SETTLED.has(task.state)) continue;
    const isStale = waitsAgain(job, index, restarting) && (downstream || task.state !== 'completed' || late.has(index));
    if (rerunPaths.has(index) || task.state === 'cancelled' || isStale) restarting.add(index);
  }
  return restarting;
};

/** Whether an upstream of a task starts over or has not settled. */
export const waitsAgain = (job: JobRun, index: number, restarting: ReadonlySet<number>): boolean =>
  (job.plan.graph.upstream[index] ?? []).some((upstream) => restarting.has(upstream) || !isSettled(job, upstream));

export const isSettled = (job: JobRun, index: number): boolean => SETTLED.has(job.tasks[index]?.state ?? 'unscheduled');

/** Returns the tasks added by tasks that run again, and everything downstream of them. */
const addedBy = ({ plan, removed }: JobRun, runsAgain: (index: number) => boolean): ReadonlySet<number> => {
  const dropped = new Set<number>();
  if (!plan.sealed) return dropped;
  const { graph, tasks } = plan;
  for (const index of plan.order.slice(plan.sealed.tasks.length)) {
    if (removed?.has(index)) continue;
    const by = tasks[index]?.addedBy;
    const adder = by === undefined ? undefined : graph.indexOf.get(by);
    const isDropped = adder !== undefined && (runsAgain(adder) || dropped.has(adder));
    if (isDropped || (graph.upstream[index] ?? []).some((upstream) => dropped.has(upstream))) dropped.add(index);
  }
  return dropped;
};
