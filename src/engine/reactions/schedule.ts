import { SETTLED } from '../../events/states.ts';
import { followUp, launch } from '../run/flow.ts';
import type { Reaction } from './reaction.ts';

/** Readiness: what a settled task decides for its downstream, as the rule of each says; and at the start all that waits on nothing. */
export const schedule: Reaction = {
  onJob: (job, { from, to }) => {
    if (from === 'idle' && to === 'running' && !job.stop) launch(job, job.plan.roots.slice());
  },

  onTask: (job, task, { to }) => {
    if (!job.stop && task.state === to && SETTLED.has(to) && to !== 'cancelled') followUp(job, task);
  },
};
