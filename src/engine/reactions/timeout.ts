import { AbortError } from '../errors.ts';
import { timeOutAttempt } from '../outcome.ts';
import { hasLimit } from '../time-limit.ts';
import type { Reaction } from './reaction.ts';

/** Time limits of attempts: one that takes longer is aborted and has failed. Its slot is free, whatever it still does. */
export const timeout: Reaction = {
  onTask: (job, task, { to }) => {
    const { attempt, definition } = task;
    if (to !== 'running' || !attempt || !hasLimit(definition.timeout)) return;
    const limitMs = definition.timeout;
    attempt.cancelTimeout = job.clock.setTimer(() => {
      if (attempt.phase !== 'live') return;
      attempt.abort(new AbortError('TASK_TIMEOUT', `The attempt took longer than ${limitMs} ms.`));
      timeOutAttempt(job, task, limitMs);
    }, limitMs);
  },
};
