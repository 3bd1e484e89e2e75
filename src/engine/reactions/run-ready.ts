import type { Reaction } from './reaction.ts';

/** Slots: whenever a task becomes ready or an attempt has ended, runs what comes first, as far as the limits allow. */
export const runReady: Reaction = {
  onTask: (job, _task, { from, to }) => {
    if (to === 'ready' || from === 'running') job.dispatcher.dispatch();
  },
};
