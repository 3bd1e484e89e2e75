import { PausableTimer } from '../pausable-timer.ts';
import { stopJob } from '../stop.ts';
import { hasLimit } from '../time-limit.ts';
import type { Reaction } from './reaction.ts';

/** The time limit of the job, over all its tasks. Paused time does not count. */
export const jobTimeout: Reaction = {
  onJob: (job, { from }) => {
    const { timeout } = job.options;
    if (from === 'idle' && !job.over && hasLimit(timeout)) {
      job.timer = new PausableTimer(
        job.clock,
        () => stopJob(job, { to: 'timedOut', mode: 'abort' }),
        timeout,
        job.paused,
      );
    }
  },
};
