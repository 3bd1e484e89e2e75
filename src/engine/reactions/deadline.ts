import { SETTLED } from '../../events/states.ts';
import { AbortError } from '../errors/errors.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { expireTask } from '../run/attempt-result.ts';
import { abortAttempt } from '../run/shutdown.ts';
import { PausableTimer } from '../time/pausable-timer.ts';
import { hasLimit } from '../time/time-limit.ts';
import type { Reaction } from './reaction.ts';

/**
 * Deadlines: from a task's first `ready`, over all its attempts and waits; paused time does not count. If a person
 * retries the task after it failed, a new deadline starts.
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

/** Starts the timer of a deadline. `restMs`: what is left of it. */
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
