import { SETTLED } from '../../events/states.ts';
import { AbortError } from '../errors/errors.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { expireTask } from '../run/attempt-result.ts';
import { abortAttempt } from '../run/shutdown.ts';
import { PausableTimer } from '../time/pausable-timer.ts';
import { hasLimit } from '../time/time-limit.ts';
import type { Reaction } from './reaction.ts';

/**
 * Limits a task's time from its first `ready`, over all attempts and waits, but without paused time. A new deadline
 * starts if a person retries the task after it failed.
 */
export const deadline: Reaction = {
  onTask: (job, task, { from, to }) => {
    if ((from === 'unscheduled' || from === 'failed') && to === 'ready' && hasLimit(task.definition.deadline)) {
      startDeadline(job, task, task.definition.deadline);
    } else if (task.deadlineTimer && SETTLED.has(to)) {
      // Test `to`, not the task's state: a subscriber to this event may already have retried the task.
      task.deadlineTimer.cancel();
      task.deadlineTimer = undefined;
    }
  },
};

/** Starts the timer of a deadline. `restMs`: the time that is left until the deadline. */
export const startDeadline = (job: JobRun, task: TaskRun, limitMs: number, restMs = limitMs): void => {
  const expire = (): void => {
    const { attempt } = task;
    if (attempt?.phase === 'aborting') {
      if (attempt.onAborted) attempt.onAborted = () => expireTask(job, task, limitMs);
      return;
    }
    const reason = new AbortError('TASK_DEADLINE', `The task was not done within ${limitMs} ms.`);
    abortAttempt(task, reason, () => expireTask(job, task, limitMs));
  };
  task.deadlineTimer = new PausableTimer(job.clock, expire, restMs, job.paused || task.state === 'paused');
};
