import { pauseTask } from '../run/pause.ts';
import type { Reaction } from './reaction.ts';

/** Holding: a task that was to be paused before it started is paused when it is ready. */
export const hold: Reaction = {
  onTask: (job, task, { to }) => {
    const by = to === 'ready' && task.state === 'ready' && !job.ending ? job.heldTasks?.get(task.index) : undefined;
    if (by !== undefined) pauseTask(task, by);
  },
};
