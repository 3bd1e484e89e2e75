import type { JobRun, TaskRun } from '../model/run.ts';
import type { Reaction } from './reaction.ts';

/** Waits between attempts: a task that is `retrying` or `polling` holds no slot, and becomes ready again when its wait is over. */
export const wait: Reaction = {
  onTask: (job, task, { from, to }) => {
    if (from === 'retrying' || from === 'polling') {
      task.cancelBackoff?.();
      task.cancelBackoff = undefined;
      if (task.state !== to) return;
      task.dueAt = undefined;
    }
    if ((to !== 'retrying' && to !== 'polling') || task.state !== to) return;
    waitOut(job, task);
  },
};

/** Makes a task ready again once what is left of its wait is over. */
export const waitOut = (job: JobRun, task: TaskRun): void => {
  const again = (): void => {
    job.commandTask(task, { type: 'task.schedule' });
  };
  const { backoffMs = 0, state } = task;
  // A poll is always waited for, so that others have their turn.
  if (backoffMs > 0 || state === 'polling') task.cancelBackoff = job.clock.setTimer(again, backoffMs);
  else again();
};
