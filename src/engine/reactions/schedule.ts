import { SETTLED } from '../../events/states.ts';
import { onUpstreamSettled, scheduleTasks } from '../run/scheduling.ts';
import type { Reaction } from './reaction.ts';

/** Schedules tasks without upstreams when the job starts. Schedules or skips the downstream of each settled task. */
export const schedule: Reaction = {
  onJob: (job, { from, to }) => {
    if (from === 'idle' && to === 'running' && !job.stop) scheduleTasks(job, job.plan.roots.slice());
  },

  onTask: (job, task, { to }) => {
    if (!job.stop && task.state === to && SETTLED.has(to) && to !== 'cancelled') onUpstreamSettled(job, task);
  },
};
