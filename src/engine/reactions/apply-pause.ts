import { pauseTask } from '../run/pause.ts';
import type { Reaction } from './reaction.ts';

/** Requested pauses: pauses a task that becomes ready if that was requested before. */
export const applyPause: Reaction = {
  onTask: (job, task, { to }) => {
    const by = to === 'ready' && task.state === 'ready' && !job.ending ? job.pauseRequests?.get(task.index) : undefined;
    if (by !== undefined) pauseTask(task, by);
  },
};
