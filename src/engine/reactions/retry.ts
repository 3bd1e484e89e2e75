import type { Reaction } from './reaction.ts';

/** Retries: a task that is `retrying` waits out its backoff, without a slot, and becomes ready again. */
export const retry: Reaction = {
  onTask: (job, task, { from, to }) => {
    if (from === 'retrying') {
      task.cancelBackoff?.();
      task.cancelBackoff = undefined;
    }
    if (to !== 'retrying' || task.state !== 'retrying') return;
    const again = (): void => {
      job.commandTask(task, { type: 'task.schedule' });
    };
    if (task.backoffMs > 0) task.cancelBackoff = job.clock.setTimer(again, task.backoffMs);
    else again();
  },
};
