import { isCleanUp } from '../model/run.ts';
import { stopJob } from '../run/shutdown.ts';
import type { Reaction } from './reaction.ts';

/** Stops the job after a task's final failure, as `onFailure` says. Ignores failed clean-up of a stopping job. */
export const failure: Reaction = {
  onTask: (job, task, { to }) => {
    if (to !== 'failed' || task.state !== 'failed' || task.error?.tolerated || (job.stop && isCleanUp(task))) return;
    const { onFailure = 'abort' } = job.options;
    if (onFailure !== 'continue') stopJob(job, { to: 'failed', mode: onFailure, cause: task.error });
  },
};
