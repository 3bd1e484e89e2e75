import { AbortError } from '../errors/errors.ts';
import type { Attempt } from '../model/attempt.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { timeOutAttempt } from '../run/outcome.ts';
import { interrupt } from '../run/stop.ts';
import { PausableTimer } from '../time/pausable-timer.ts';
import { hasLimit } from '../time/time-limit.ts';
import type { Reaction } from './reaction.ts';

/**
 * Time limits of attempts: one that takes longer is aborted and has failed. Its slot is free, whatever it still does. Of a fan-out
 * it is the limit of finding the items; each instance then has one of its own.
 */
export const timeout: Reaction = {
  onTask: (job, task, { to }) => {
    const { attempt, definition } = task;
    if (to !== 'running' || !attempt || attempt.timer || !hasLimit(definition.timeout)) return;
    startTimeout(job, task, attempt, definition.timeout);
  },
};

/** `restMs`: what is left of it. */
export const startTimeout = (job: JobRun, task: TaskRun, attempt: Attempt, limitMs: number, restMs = limitMs): void => {
  const { kind, nested } = task.definition;
  const expire = (): void => {
    if (attempt.phase !== 'live') return;
    const reason = new AbortError('TASK_TIMEOUT', `The attempt took longer than ${limitMs} ms.`);
    interrupt(task, reason, () => timeOutAttempt(job, task, limitMs));
  };
  // What a function does goes on while its job is paused, and so does its time.
  const standsStill = kind === 'external' || nested ? job.paused : false;
  attempt.timer = new PausableTimer(job.clock, expire, restMs, standsStill || task.state === 'paused');
};
