import { AbortError } from '../errors/errors.ts';
import type { Attempt } from '../model/attempt.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { timeOutAttempt } from '../run/attempt-result.ts';
import { abortAttempt } from '../run/shutdown.ts';
import { PausableTimer } from '../time/pausable-timer.ts';
import { hasLimit } from '../time/time-limit.ts';
import type { Reaction } from './reaction.ts';

/**
 * Aborts and fails an attempt that exceeds its time limit. Its slots are free then, even if its function continues. For
 * a fan-out, the limit covers only finding the items; each instance has a limit of its own.
 */
export const timeout: Reaction = {
  onTask: (job, task, { to }) => {
    const { attempt, definition } = task;
    if (to !== 'running' || !attempt || attempt.timer || !hasLimit(definition.timeout)) return;
    startTimeout(job, task, attempt, definition.timeout);
  },
};

/** Starts the timer of an attempt's time limit. `restMs`: the time that is left. */
export const startTimeout = (job: JobRun, task: TaskRun, attempt: Attempt, limitMs: number, restMs = limitMs): void => {
  const { kind, nested } = task.definition;
  const expire = (): void => {
    if (attempt.phase !== 'live') return;
    const reason = new AbortError('TASK_TIMEOUT', `The attempt took longer than ${limitMs} ms.`);
    abortAttempt(task, reason, () => timeOutAttempt(job, task, limitMs));
  };
  // A running function continues while its job is paused, and so does its time limit.
  const standsStill = kind === 'external' || nested ? job.paused : false;
  attempt.timer = new PausableTimer(job.clock, expire, restMs, standsStill || task.state === 'paused');
};
