import { isDeepStrictEqual } from 'node:util';
import { SETTLED } from '../../events/states.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/** The tasks that run again, by index, each with the paths that select it: its own, or paths inside it. */
export type Leads = ReadonlyMap<number, ReadonlySet<string>>;

/** Finds the tasks of a job that the paths name or lead into. */
export const leadsOf = (job: JobRun, paths: Iterable<string>): Leads => {
  const prefix = job.pathOf('');
  const leads = new Map<number, Set<string>>();
  for (const path of paths) {
    if (!path.startsWith(prefix)) continue;
    // Names contain neither slashes nor brackets.
    const name = path.slice(prefix.length).split(/[/[]/, 1)[0] as string;
    const index = job.plan.graph.indexOf.get(name);
    if (index === undefined) continue;
    const known = leads.get(index);
    if (known) known.add(path);
    else leads.set(index, new Set([path]));
  }
  return leads;
};

/** Returns the paths inside a task that run again; undefined if the whole task does. */
export const insideOf = ({ index, path }: TaskRun, leads: Leads): ReadonlySet<string> | undefined => {
  const paths = leads.get(index);
  return paths?.has(path) ? undefined : paths;
};

/** Returns the tasks whose results can be reused, in topological order: all their upstreams must be reusable, too. */
export const standing = ({ plan, tasks, removed }: JobRun, leads: Leads): ReadonlySet<number> => {
  const stand = new Set<number>();
  for (const index of plan.order) {
    const task = tasks[index];
    const stands = task?.state === 'completed' || (task?.state === 'skipped' && !task.error);
    if (!stands || leads.has(index) || removed?.has(index)) continue;
    if ((plan.graph.upstream[index] ?? []).every((upstream) => stand.has(upstream))) stand.add(index);
  }
  return stand;
};

/**
 * Reuses results of an earlier job: the tasks complete at once. If only part of a nested job runs again, its other
 * results are reused when it begins.
 */
export const reuse = (
  job: JobRun,
  earlier: JobRun,
  leads: Leads,
  stand: ReadonlySet<number> = standing(earlier, leads),
): void => {
  const indexOf = ({ definition }: TaskRun): number | undefined => job.plan.graph.indexOf.get(definition.name);
  for (const at of stand) {
    const was = earlier.tasks[at] as TaskRun;
    const index = indexOf(was);
    if (index === undefined) continue;
    if (was.state === 'completed') complete(job, index, was);
    else if (was.reason === 'when') job.commandTask(job.wake(index), { type: 'task.skip', reason: 'when' }, WHEN);
  }
  for (const at of leads.keys()) {
    const was = earlier.tasks[at];
    const inside = was && insideOf(was, leads);
    const index = was && indexOf(was);
    if (!was?.child || !inside || index === undefined) continue;
    const task = job.wake(index);
    task.child = was.child;
    reuseLater(task, inside);
  }
};

/** Sets which paths inside a task run again when it begins; stored, since another process may begin it. */
export const reuseLater = (task: TaskRun, again: ReadonlySet<string>): void => {
  task.reuses = again;
  task.job.recorder?.note(task.path, 'again', JSON.stringify([...again]));
};

const WHEN = { reason: 'when' } as const;

/** Reuses results in a child job if its input is the same; for a fan-out, those of each item that is the same. */
export const reuseInside = (child: JobRun, earlier: JobRun | undefined, again: ReadonlySet<string>): void => {
  if (!earlier || child.over) return;
  if (!child.instances) {
    if (child.plan.graph.names.join('/') !== earlier.plan.graph.names.join('/')) return;
    if (!isDeepStrictEqual(child.context.at(0), earlier.context.at(0))) return;
    for (const was of earlier.tasks) if (was) keepCheckpoint(child, was);
    reuse(child, earlier, leadsOf(earlier, again));
    return;
  }
  for (const { index, instance } of child.plan.tasks.map((task, index) => ({ index, instance: task.instance }))) {
    const was = earlier.tasks[index];
    const isSame = isDeepStrictEqual(instance?.item, earlier.plan.tasks[index]?.instance?.item);
    if (!isSame || !was) continue;
    if (was.state === 'completed' && !again.has(was.path)) complete(child, index, was);
    else keepCheckpoint(child, was);
  }
};

/** Copies the checkpoint of a task that did not complete. */
const keepCheckpoint = (job: JobRun, { index, state, checkpoint }: TaskRun): void => {
  if (checkpoint === undefined || state === 'completed') return;
  const task = job.known(index);
  task.checkpoint = checkpoint;
  job.recorder?.note(task.path, 'checkpoint', checkpoint);
};

/** Completes a task with an earlier result. If the journal can't store the result, the task runs instead. */
const complete = (job: JobRun, index: number, was: TaskRun): void => {
  const { output, passedOver } = was;
  const text = textOf(job, was);
  if (text === UNKEEPABLE) return;
  const task = job.wake(index);
  if (output !== undefined && !job.instances) {
    job.context.merge(output, job.plan.positions[index] as number);
    task.version = job.context.version;
  }
  if (passedOver) {
    const names = [...passedOver].map((at) => was.job.plan.graph.names[at] as string);
    task.passedOver = new Set(names.flatMap((name) => job.plan.graph.indexOf.get(name) ?? []));
    job.recorder?.note(task.path, 'branch', JSON.stringify(names));
  }
  job.commandTask(task, { type: 'task.reuse' }, { reason: 'reused', output, text });
};

const textOf = ({ recorder }: JobRun, { output, path }: TaskRun): string | typeof UNKEEPABLE | undefined => {
  if (!recorder || output === undefined) return undefined;
  try {
    return recorder.encoded(`The output of task "${path}"`, output);
  } catch {
    return UNKEEPABLE;
  }
};

const UNKEEPABLE = Symbol('unkeepable');

/** Returns the default paths to retry: failed (not tolerated), not ready and cancelled tasks, or those inside them. */
export const failedPaths = (job: JobRun): readonly string[] =>
  job.tasks.flatMap((task) => {
    if (!task || job.removed?.has(task.index) || !SETTLED.has(task.state)) return [];
    const failed = task.state === 'failed' && !task.error?.tolerated;
    if (!failed && task.state !== 'notReady' && task.state !== 'cancelled') return [];
    const inside = task.child ? failedPaths(task.child) : [];
    return inside.length > 0 ? inside : [task.path];
  });
