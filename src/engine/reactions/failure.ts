import { isCleanUp } from '../model/run.ts';
import { stopJob } from '../run/stop.ts';
import type { Reaction } from './reaction.ts';

/** The failure policy: what a task that failed for good means for the rest of the job. Clean-up that fails hurries nobody. */
export const failure: Reaction = {
  onTask: (job, task, { to }) => {
    const { onFailure = 'abort' } = job.options;
    if (
      (job.stop && isCleanUp(task)) ||
      to !== 'failed' ||
      task.state !== 'failed' ||
      task.error?.tolerated ||
      onFailure === 'continue'
    )
      return;
    stopJob(job, { to: 'failed', mode: onFailure, cause: task.error });
  },
};
