import type { JobRun, TaskRun } from '../model/run.ts';
import { INTERRUPTED } from '../model/task-record.ts';
import type { Reaction } from './reaction.ts';

/** Makes a `retrying` or `polling` task ready when its wait ends. The task takes no slot while it waits. */
export const wait: Reaction = {
  onTask: (job, task, { from, to }) => {
    if (from === 'retrying' || from === 'polling') {
      task.cancelBackoff?.();
      task.cancelBackoff = undefined;
    }
    if ((to === 'retrying' || to === 'polling') && task.state === to) startWait(job, task);
  },
};

/** Starts a task's wait; makes the task ready when the wait ends. */
export const startWait = (job: JobRun, task: TaskRun): void => {
  const again = (): void => void job.commandTask(task, { type: 'task.schedule' });
  const waitMs = restOfWait(job, task);
  // A poll always uses a timer, even for 0 ms, so that other tasks get their turn.
  if (waitMs > 0 || task.state === 'polling') task.cancelBackoff = job.clock.setTimer(again, waitMs);
  else again();
};

/** Returns what is left of a wait, in ms; never more than the whole wait, even if the clock was set back. */
const restOfWait = (job: JobRun, { dueAt, waitFrom, reason }: TaskRun): number => {
  if (dueAt === undefined) return reason === INTERRUPTED ? 0 : Number.POSITIVE_INFINITY;
  const left = Math.max(0, dueAt - job.clock.now());
  return waitFrom === undefined ? left : Math.min(left, Math.max(0, dueAt - waitFrom));
};
