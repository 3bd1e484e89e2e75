import { isDeepStrictEqual } from 'node:util';
import type { JobRun } from './job-run.ts';
import { isInside } from './task-path.ts';
import { SETTLED, type TaskRun } from './task-run.ts';

/**
 * Takes over what an earlier job of the same tasks brought, but what is to run `again`, by path, and what depends on that:
 * those tasks are completed at once. A nested job of which but a part runs again takes over the rest when it begins.
 */
export const reuse = (job: JobRun, earlier: JobRun, again: ReadonlySet<string>): void => {
  const taken = new Set<number>();
  for (const index of reusable(job, earlier, again)) {
    taken.add(index);
    const was = earlier.tasks[index] as TaskRun;
    if (was.state === 'completed') complete(job, was);
    else if (was.reason === 'when') job.commandTask(job.wake(index), { type: 'task.skip', reason: 'when' }, WHEN);
  }
  for (const was of earlier.tasks) {
    if (!was?.child || taken.has(was.index)) continue;
    const inside = insideOf(was, again);
    if (!inside) continue;
    const task = job.wake(was.index);
    task.child = was.child;
    task.reuses = inside;
  }
};

const WHEN = { reason: 'when' } as const;

/** Which results of an earlier job stand, in topological order: a result stands if all that it was made from does. */
export const reusable = (
  job: Pick<JobRun, 'plan' | 'removed'>,
  earlier: JobRun,
  again: ReadonlySet<string>,
): readonly number[] => {
  const { graph, order } = job.plan;
  const outdated = indexesOf(earlier, again);
  const standing = new Set<number>();
  for (const index of order) {
    const was = earlier.tasks[index];
    const stands = was?.state === 'completed' || (was?.state === 'skipped' && !was.error);
    if (!stands || outdated.has(index) || job.removed?.has(index)) continue;
    if ((graph.upstream[index] ?? []).every((upstream) => standing.has(upstream))) standing.add(index);
  }
  return [...standing];
};

/** The tasks of a job that paths name, or lead into. */
export const indexesOf = (job: JobRun, paths: ReadonlySet<string>): ReadonlySet<number> => {
  const prefix = job.pathOf('');
  const indexes = new Set<number>();
  for (const path of paths) {
    if (!path.startsWith(prefix)) continue;
    // Names hold neither slashes nor brackets.
    const name = path.slice(prefix.length).split(/[/[]/, 1)[0] as string;
    const index = job.plan.graph.indexOf.get(name);
    if (index !== undefined) indexes.add(index);
  }
  return indexes;
};

/** Which paths lead into a task; none where the whole of it is to run again. */
export const insideOf = ({ path }: TaskRun, again: ReadonlySet<string>): ReadonlySet<string> | undefined => {
  if (again.has(path)) return undefined;
  const inside = [...again].filter((other) => isInside(other, path));
  return inside.length > 0 ? new Set(inside) : undefined;
};

/** The same for the job of an attempt, if it is of the same input; of a fan-out, for each item that is the same. */
export const reuseInside = (child: JobRun, earlier: JobRun | undefined, again: ReadonlySet<string>): void => {
  if (!earlier || child.over) return;
  if (!child.instances) {
    if (child.plan.graph.names.join('/') !== earlier.plan.graph.names.join('/')) return;
    if (!isDeepStrictEqual(child.context.at(0), earlier.context.at(0))) return;
    for (const was of earlier.tasks) if (was) keepCheckpoint(child, was);
    reuse(child, earlier, again);
    return;
  }
  for (const { index, instance } of child.plan.tasks.map((task, index) => ({ index, instance: task.instance }))) {
    const was = earlier.tasks[index];
    const isSame = isDeepStrictEqual(instance?.item, earlier.plan.tasks[index]?.instance?.item);
    if (!isSame || !was) continue;
    if (was.state === 'completed' && !again.has(was.path)) complete(child, was);
    else keepCheckpoint(child, was);
  }
};

/** What did not complete goes on from where it was. */
const keepCheckpoint = (job: JobRun, { index, state, checkpoint }: TaskRun): void => {
  if (checkpoint === undefined || state === 'completed') return;
  const task = job.known(index);
  task.checkpoint = checkpoint;
  job.recorder?.note(task.path, 'checkpoint', checkpoint);
};

/** An earlier result stands for a task of the same place. */
const complete = (job: JobRun, was: TaskRun): void => {
  const task = job.wake(was.index);
  const { output, passedOver } = was;
  if (output !== undefined) {
    task.output = output;
    job.recorder?.stage(job.recorder.encoded(`The output of task "${task.path}"`, output));
    if (!job.instances) {
      job.context.merge(output, job.plan.positions[was.index] as number);
      task.version = job.context.version;
    }
  }
  if (passedOver) {
    task.passedOver = passedOver;
    const names = [...passedOver].map((index) => job.plan.graph.names[index] as string);
    job.recorder?.note(task.path, 'branch', JSON.stringify(names));
  }
  job.commandTask(task, { type: 'task.reuse' }, { reason: 'reused', ...(output !== undefined && { output }) });
};

/** What is to be tried again where nobody says: what failed without leave, was not ready or cancelled; of what is nested, that within. */
export const failedPaths = (job: JobRun): readonly string[] =>
  job.tasks.flatMap((task) => {
    if (!task || job.removed?.has(task.index) || !SETTLED.has(task.state)) return [];
    const failed = task.state === 'failed' && !task.error?.tolerated;
    if (!failed && task.state !== 'notReady' && task.state !== 'cancelled') return [];
    const inside = task.child ? failedPaths(task.child) : [];
    return inside.length > 0 ? inside : [task.path];
  });
