import { stopJob } from '../stop.ts';
import { hasLimit } from '../time-limit.ts';
import type { Reaction } from './reaction.ts';

/** The time limit of the job, over all its tasks. */
export const jobTimeout: Reaction = {
  onJob: (job, { from }) => {
    const { timeout } = job.options;
    if (from === 'idle' && job.state === 'running' && hasLimit(timeout)) {
      job.cancelTimeout = job.clock.setTimer(() => stopJob(job, { to: 'timedOut', mode: 'abort' }), timeout);
    }
  },
};
