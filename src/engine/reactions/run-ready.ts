import type { Reaction } from './reaction.ts';

/**
 * Slots: whenever a task becomes ready, waits no longer or has ended its attempt, runs what comes first, as far as the
 * limits allow.
 */
export const runReady: Reaction = {
  onTask: (job, _task, { from, to }) => {
    if (to === 'ready' || from === 'running' || (from === 'ready' && to !== 'running')) job.dispatcher.dispatch();
  },
};
