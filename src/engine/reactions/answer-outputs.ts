import type { JobRun } from '../job-run.ts';
import { outputOf } from '../output.ts';
import type { Reaction } from './reaction.ts';

/** Answers those who wait for the output of one task, as soon as that task has settled; and all others when the job is over. */
export const answerOutputs: Reaction = {
  onTask: (job, task) => {
    if (task.endedAt !== undefined) answer(job, task.index);
  },
  onJob: (job) => {
    if (job.over) for (const index of job.waiting.keys()) answer(job, index);
  },
};

const answer = (job: JobRun, index: number): void => {
  const waiting = job.waiting.get(index);
  if (!waiting) return;
  job.waiting.delete(index);
  for (const { resolve, reject } of waiting) {
    try {
      resolve(outputOf(job, index));
    } catch (error) {
      reject(error);
    }
  }
};
