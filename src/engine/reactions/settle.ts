import { endJob } from '../end.ts';
import type { JobRun } from '../job-run.ts';
import { endIfStopped } from '../stop.ts';
import { SETTLED } from '../task-run.ts';
import type { Reaction } from './reaction.ts';

/** The end: a job is over when none of its tasks can change any more. */
export const settle: Reaction = {
  onTask: (job, task, { to }) => {
    if (job.stop) endIfStopped(job, SETTLED.has(to) ? task : undefined);
    else endIfSettled(job);
  },
  onJob: (job, { from }) => {
    if (from === 'idle') endIfSettled(job);
  },
};

export const endIfSettled = (job: JobRun): void => {
  if (job.stop) endIfStopped(job);
  else if (job.settled === job.size) endJob(job);
};
