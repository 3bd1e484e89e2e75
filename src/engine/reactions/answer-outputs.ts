import { SETTLED } from '../../events/states.ts';
import type { JobRun, OutputWaiter } from '../model/run.ts';
import { outputOf } from '../run/output.ts';
import type { Reaction } from './reaction.ts';

/** Settles the promises for a task's output when the task settles, and all remaining ones when the job is over. */
export const answerOutputs: Reaction = {
  onTask: (job, task) => {
    if (job.waiting && task.endedAt !== undefined) answer(job, job.waiting, task.index);
  },
  onJob: (job) => {
    if (job.waiting && job.over) for (const index of job.waiting.keys()) answer(job, job.waiting, index);
  },
};

/** Settles the promises for tasks that had settled before the job was resumed. */
export const answerSettled = (job: JobRun): void => {
  if (!job.waiting) return;
  for (const index of [...job.waiting.keys()])
    if (job.ended || SETTLED.has(job.tasks[index]?.state ?? 'unscheduled')) answer(job, job.waiting, index);
};

const answer = (job: JobRun, everyone: Map<number, OutputWaiter[]>, index: number): void => {
  const waiting = everyone.get(index);
  if (!waiting) return;
  everyone.delete(index);
  for (const { resolve, reject } of waiting) {
    try {
      resolve(outputOf(job, index));
    } catch (error) {
      reject(error);
    }
  }
};
