import type { Reaction } from './reaction.ts';

/** Runs ready tasks, as limits allow, when a task becomes ready, leaves the queue or ends an attempt. */
export const runReady: Reaction = {
  onTask: (job, _task, { from, to }) => {
    if (to === 'ready' || from === 'running' || from === 'paused' || (from === 'ready' && to !== 'running'))
      job.dispatcher.dispatch();
  },
};
