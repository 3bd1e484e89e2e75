import type { Reaction } from './reaction.ts';

/** Slots: when a task becomes ready, leaves the queue or ends an attempt, runs the next ones that limits allow. */
export const runReady: Reaction = {
  onTask: (job, _task, { from, to }) => {
    if (to === 'ready' || from === 'running' || (from === 'ready' && to !== 'running')) job.dispatcher.dispatch();
  },
};
