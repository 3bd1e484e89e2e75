import { SETTLED } from '../../events/states.ts';
import { followUp, launch } from '../run/flow.ts';
import type { Reaction } from './reaction.ts';

/** Scheduling: starts the tasks without upstreams, and starts or skips the downstream of each settled task. */
export const schedule: Reaction = {
  onJob: (job, { from, to }) => {
    if (from === 'idle' && to === 'running' && !job.stop) launch(job, job.plan.roots.slice());
  },

  onTask: (job, task, { to }) => {
    if (!job.stop && task.state === to && SETTLED.has(to) && to !== 'cancelled') followUp(job, task);
  },
};
