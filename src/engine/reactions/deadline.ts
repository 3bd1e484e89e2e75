import { AbortError } from '../errors.ts';
import { expireTask } from '../outcome.ts';
import { hasLimit } from '../time-limit.ts';
import type { Reaction } from './reaction.ts';

/** Deadlines: from a task's first `ready` on, over all its attempts and the waits between them. */
export const deadline: Reaction = {
  onTask: (job, task, { from, to }) => {
    if (from === 'unscheduled' && to === 'ready' && hasLimit(task.definition.deadline)) {
      const limitMs = task.definition.deadline;
      task.cancelDeadline = job.clock.setTimer(() => {
        if (task.attempt?.phase === 'aborting') return;
        task.attempt?.abort(new AbortError('TASK_DEADLINE', `The task was not done within ${limitMs} ms.`));
        expireTask(job, task, limitMs);
      }, limitMs);
    } else if (task.endedAt !== undefined) {
      task.cancelDeadline?.();
      task.cancelDeadline = undefined;
    }
  },
};
