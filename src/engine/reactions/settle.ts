import { SETTLED } from '../../events/states.ts';
import { endIfSettled, endIfStopped } from '../run/shutdown.ts';
import type { Reaction } from './reaction.ts';

/** Ends the job when none of its tasks can change any more. */
export const settle: Reaction = {
  onTask: (job, task, { to }) => {
    if (job.stop) endIfStopped(job, SETTLED.has(to) ? task : undefined);
    else endIfSettled(job);
  },
  onJob: (job, { from, to }) => {
    if (from === 'idle' || from === to) endIfSettled(job);
  },
};
