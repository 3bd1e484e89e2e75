import { stopJob } from '../stop.ts';
import type { Reaction } from './reaction.ts';

/** The failure policy: what a task that failed for good means for the rest of the job. */
export const failure: Reaction = {
  onTask: (job, task, { to }) => {
    const { onFailure = 'abort' } = job.options;
    if (to !== 'failed' || task.state !== 'failed' || task.error?.tolerated || onFailure === 'continue') return;
    stopJob(job, { to: 'failed', mode: onFailure, cause: task.error });
  },
};
