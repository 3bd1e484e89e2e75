import type { Reaction } from './reaction.ts';

/** Slots: whenever a task becomes ready or an attempt has ended, runs what comes first, as far as the limit allows. */
export const runReady: Reaction = {
  onTask: (job, _task, { from, to }) => {
    if (job.stop || (to !== 'ready' && from !== 'running')) return;
    while (job.running < job.limit) {
      const next = job.nextReady();
      if (!next) return;
      job.commandTask(next, { type: 'task.run' });
    }
  },
};
