import { isDeepStrictEqual } from 'node:util';
import { SETTLED } from '../../events/states.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/** For each task that runs again, by index: the paths that select it, which are its own or paths inside it. */
export type RerunPaths = ReadonlyMap<number, ReadonlySet<string>>;

/** Finds the tasks of a job that run again because a path names them or a task inside them. */
export const rerunPathsOf = (job: JobRun, paths: Iterable<string>): RerunPaths => {
  const prefix = job.pathOf('');
  const rerunPaths = new Map<number, Set<string>>();
  for (const path of paths) {
    if (!path.startsWith(prefix)) continue;
    // Names contain neither slashes nor brackets, but for that with which the name of an instance begins.
    const name = path.slice(prefix.length).split(/(?!^)[/[]/, 1)[0] as string;
    const index = job.plan.graph.indexOf.get(name);
    if (index === undefined) continue;
    const known = rerunPaths.get(index);
    if (known) known.add(path);
    else rerunPaths.set(index, new Set([path]));
  }
  return rerunPaths;
};

/** For a task that runs again: returns the paths inside that do; undefined if the whole task does. */
export const pathsInside = ({ index, path }: TaskRun, rerunPaths: RerunPaths): ReadonlySet<string> | undefined => {
  const paths = rerunPaths.get(index);
  return paths?.has(path) ? undefined : paths;
};

/** Returns the tasks whose results can be reused, in topological order: all their upstreams must be reusable, too. */
export const reusableResults = ({ plan, tasks, removed }: JobRun, rerunPaths: RerunPaths): ReadonlySet<number> => {
  const reusable = new Set<number>();
  for (const index of plan.order) {
    const task = tasks[index];
    const isReusable = task?.state === 'completed' || (task?.state === 'skipped' && !task.error);
    if (!isReusable || rerunPaths.has(index) || removed?.has(index)) continue;
    if ((plan.graph.upstream[index] ?? []).every((upstream) => reusable.has(upstream))) reusable.add(index);
  }
  return reusable;
};

/**
 * Reuses results of an earlier job: their tasks complete, or are skipped, at once. If only a part of a nested job or fan-out runs again,
 * its other results are reused when it begins.
 */
export const reuseResults = (
  job: JobRun,
  earlier: JobRun,
  rerunPaths: RerunPaths,
  reusable: ReadonlySet<number> = reusableResults(earlier, rerunPaths),
): void => {
  const indexOf = ({ definition }: TaskRun): number | undefined => job.plan.graph.indexOf.get(definition.name);
  for (const at of reusable) {
    const previous = earlier.tasks[at] as TaskRun;
    const index = indexOf(previous);
    if (index === undefined) continue;
    if (previous.state === 'completed') complete(job, index, previous);
    else skipAgain(job, index, previous);
  }
  for (const at of rerunPaths.keys()) {
    const previous = earlier.tasks[at];
    const index = previous && indexOf(previous);
    if (previous && index !== undefined) reusePart(job, index, previous, pathsInside(previous, rerunPaths));
  }
};

/** Sets the paths inside a task that run again when the task begins. Stores them for a resume in another process. */
export const reuseWhenStarted = (task: TaskRun, pathsToRerun: ReadonlySet<string>): void => {
  task.pathsToRerun = pathsToRerun;
  task.job.recorder?.put(task.path, 'again', JSON.stringify([...pathsToRerun]));
};

/** Skips a task as it was skipped before: neither its condition nor its function is called again. */
const skipAgain = (job: JobRun, index: number, { reason = '' }: TaskRun): void => {
  job.commandTask(job.activate(index), { type: 'task.skip', reason }, { reason });
};

/** Reuses earlier results in a child job: all if its input is the same; in a fan-out, results of unchanged items. */
export const reuseInChild = (child: JobRun, earlier: JobRun | undefined, pathsToRerun: ReadonlySet<string>): void => {
  if (!earlier || child.over) return;
  if (!child.isFanOut) {
    if (child.plan.graph.names.join('/') !== earlier.plan.graph.names.join('/')) return;
    if (!isDeepStrictEqual(child.context.at(0), earlier.context.at(0))) return;
    for (const previous of earlier.tasks) if (previous) keepCheckpoint(child, previous);
    reuseResults(child, earlier, rerunPathsOf(earlier, pathsToRerun));
    return;
  }
  const rerunPaths = rerunPathsOf(earlier, pathsToRerun);
  for (const { index, instance } of child.plan.tasks.map((task, index) => ({ index, instance: task.instance }))) {
    const previous = earlier.tasks[index];
    const isSame = isDeepStrictEqual(instance?.item, earlier.plan.tasks[index]?.instance?.item);
    if (!isSame || !previous) continue;
    if (previous.state === 'completed' && !rerunPaths.has(index)) complete(child, index, previous);
    else {
      keepCheckpoint(child, previous);
      reusePart(child, index, previous, pathsInside(previous, rerunPaths));
    }
  }
};

/** Lets a nested job or fan-out of which only the paths `inside` run again reuse its other results when it begins. */
const reusePart = (job: JobRun, index: number, { child }: TaskRun, inside: ReadonlySet<string> | undefined): void => {
  if (!child || !inside) return;
  const task = job.activate(index);
  task.child = child;
  reuseWhenStarted(task, inside);
};

/** Copies the checkpoint of a task that did not complete. */
const keepCheckpoint = (job: JobRun, { index, state, checkpoint }: TaskRun): void => {
  if (checkpoint === undefined || state === 'completed') return;
  const task = job.taskAt(index);
  task.checkpoint = checkpoint;
  job.recorder?.put(task.path, 'checkpoint', checkpoint);
};

/** Completes a task with an earlier result. If the journal can't store that in one piece, the task runs instead. */
const complete = (job: JobRun, index: number, previous: TaskRun): void => {
  const { output, branchesNotTaken } = previous;
  const text = textOf(job, previous);
  if (text === UNSTORABLE) {
    reuseInside(job, index, previous);
    return;
  }
  const task = job.activate(index);
  if (branchesNotTaken) {
    const names = [...branchesNotTaken].map((at) => previous.job.plan.graph.names[at] as string);
    task.branchesNotTaken = new Set(names.flatMap((name) => job.plan.graph.indexOf.get(name) ?? []));
    job.recorder?.put(task.path, 'branch', JSON.stringify(names));
  }
  reuse(job, task, output, text, 'reused');
};

/** Completes a task with an output, without an attempt. Returns false if the journal can't store the output. */
export const completeAs = (job: JobRun, task: TaskRun, output: object | undefined, reason: string): boolean => {
  const text = textOf(job, { output, path: task.path });
  if (text === UNSTORABLE) return false;
  reuse(job, task, output && job.frozen(output), text, reason);
  return true;
};

const reuse = (
  job: JobRun,
  task: TaskRun,
  output: object | undefined,
  text: string | undefined,
  reason: string,
): void => {
  if (output !== undefined && !job.isFanOut) {
    job.context.merge(output, job.plan.positions[task.index] as number);
    task.version = job.context.version;
  }
  job.commandTask(task, { type: 'task.reuse' }, { reason, output, text });
};

/** Starts a fan-out or nested job that reuses all results inside: the journal stores these one by one. */
const reuseInside = (job: JobRun, index: number, previous: TaskRun): void => reusePart(job, index, previous, new Set());

const textOf = (
  { recorder, isFanOut }: JobRun,
  { output, path }: Pick<TaskRun, 'output' | 'path'>,
): string | typeof UNSTORABLE | undefined => {
  if (!recorder || output === undefined) return undefined;
  try {
    return recorder.encodeOutput(`The output of task "${path}"`, output, isFanOut);
  } catch {
    return UNSTORABLE;
  }
};

const UNSTORABLE = Symbol('unkeepable');

/** Returns the paths to retry by default: failed (not tolerated), not ready and cancelled tasks, the innermost ones. */
export const failedPaths = (job: JobRun): readonly string[] =>
  job.tasks.flatMap((task) => {
    if (!task || job.removed?.has(task.index) || !SETTLED.has(task.state)) return [];
    const failed = task.state === 'failed' && !task.error?.tolerated;
    if (!failed && task.state !== 'notReady' && task.state !== 'cancelled') return [];
    const inside = task.child ? failedPaths(task.child) : [];
    return inside.length > 0 ? inside : [task.path];
  });
