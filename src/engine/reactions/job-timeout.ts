import { isTerminalJobState } from '../../events/states.ts';
import type { JobRun } from '../model/run.ts';
import { stopJob } from '../run/shutdown.ts';
import { PausableTimer } from '../time/pausable-timer.ts';
import { hasLimit } from '../time/time-limit.ts';
import type { Reaction } from './reaction.ts';

/** Limits the time of the job, over all its tasks, but without paused time. */
export const jobTimeout: Reaction = {
  onJob: (job, { from }) => {
    const { timeout } = job.options;
    if ((from === 'idle' || isTerminalJobState(from)) && !job.over && hasLimit(timeout)) startJobTimeout(job, timeout);
  },
};

export const startJobTimeout = (job: JobRun, restMs: number): void => {
  const expire = (): void => stopJob(job, { to: 'timedOut', mode: 'abort' });
  job.timer = new PausableTimer(job.clock, expire, restMs, job.paused);
};
