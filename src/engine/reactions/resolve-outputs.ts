import { SETTLED } from '../../events/states.ts';
import type { JobRun, OutputWaiter } from '../model/run.ts';
import { outputOf } from '../run/output.ts';
import type { Reaction } from './reaction.ts';

/**
 * Settles the promises for a task's output when the task settles; when the job is over, all remaining ones, and that for
 * its end.
 */
export const resolveOutputs: Reaction = {
  onTask: (job, task) => {
    if (job.outputWaiters && task.endedAt !== undefined) resolveWaiters(job, job.outputWaiters, task.index);
  },
  onJob: (job) => {
    if (!job.over) return;
    job.finish();
    for (const index of job.outputWaiters?.keys() ?? []) resolveWaiters(job, job.outputWaiters as Waiters, index);
  },
};

/** Settles the promises for outputs of tasks that had settled before the job was resumed. */
export const resolveSettled = (job: JobRun): void => {
  if (!job.outputWaiters) return;
  for (const index of [...job.outputWaiters.keys()])
    if (job.ended || SETTLED.has(job.tasks[index]?.state ?? 'unscheduled'))
      resolveWaiters(job, job.outputWaiters, index);
};

type Waiters = Map<number, OutputWaiter[]>;

const resolveWaiters = (job: JobRun, all: Waiters, index: number): void => {
  const waiters = all.get(index);
  if (!waiters) return;
  all.delete(index);
  for (const { resolve, reject } of waiters) {
    try {
      resolve(outputOf(job, index));
    } catch (error) {
      reject(error);
    }
  }
};
