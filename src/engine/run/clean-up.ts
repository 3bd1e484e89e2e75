import { SETTLED } from '../../events/states.ts';
import { isCleanUp, type JobRun, type TaskRun } from '../model/run.ts';
import { isUnscheduled, scheduleTasks } from './scheduling.ts';

/** Finds a stopping job's clean-up tasks, and the upstreams that each waits for. None if the job never started. */
export const planCleanUp = (job: JobRun): void => {
  if (job.cleanUp || job.startedAt === undefined || job.plan.cleanUps.length === 0) return;
  const waiting = new Map<number, number>();
  const dependents = new Map<number, number[]>();
  for (const index of job.plan.cleanUps) {
    if (!isPending(job, index)) continue;
    const awaited = unsettledUpstreams(job, index);
    waiting.set(index, awaited.length);
    for (const upstream of awaited) dependents.set(upstream, [...(dependents.get(upstream) ?? []), index]);
  }
  job.cleanUp = { waiting, dependents };
};

/** Starts the clean-up tasks that wait for no upstream. */
export const startCleanUp = (job: JobRun): void => {
  const { waiting } = job.cleanUp ?? {};
  if (!waiting || waiting.size === 0) return;
  const due = [...waiting.keys()].filter((index) => waiting.get(index) === 0);
  startAll(job, waiting, due);
};

/** Starts the clean-up tasks that waited only for this task, which has now settled. */
export const afterSettling = (job: JobRun, task: TaskRun): void => {
  const { waiting, dependents } = job.cleanUp ?? {};
  const due: number[] = [];
  for (const index of dependents?.get(task.index) ?? []) {
    const left = (waiting?.get(index) ?? 0) - 1;
    waiting?.set(index, left);
    if (left === 0) due.push(index);
  }
  dependents?.delete(task.index);
  if (waiting && due.length > 0) startAll(job, waiting, due);
};

/** Returns the active tasks and clean-up upstream of a task. Looks further upstream past tasks that never start. */
export const unsettledUpstreams = (job: JobRun, index: number): readonly number[] => {
  const { upstream } = job.plan.graph;
  const seen = new Set<number>(upstream[index]);
  const found: number[] = [];
  for (const at of seen) {
    if (isPending(job, at)) found.push(at);
    else if (isUnscheduled(job, at)) for (const further of upstream[at] ?? []) seen.add(further);
    else if (!SETTLED.has(job.tasks[at]?.state ?? 'completed')) found.push(at);
  }
  return found;
};

const startAll = (job: JobRun, waiting: Map<number, number>, due: number[]): void => {
  for (const index of due) waiting.delete(index);
  scheduleTasks(job, due);
};

const isPending = (job: JobRun, index: number): boolean => {
  const task = job.tasks[index];
  const cleansUp = task ? isCleanUp(task) : job.plan.tasks[index]?.trigger === 'always';
  return cleansUp && isUnscheduled(job, index);
};
