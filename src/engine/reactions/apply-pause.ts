import { pauseTask } from '../run/pause.ts';
import type { Reaction } from './reaction.ts';

/** Pauses a task when it becomes ready, if its pause was requested before. */
export const applyPause: Reaction = {
  onTask: (job, task, { to }) => {
    const by = to === 'ready' && task.state === 'ready' && !job.ending ? job.pauseRequests?.get(task.index) : undefined;
    if (by !== undefined) pauseTask(task, by);
  },
};
