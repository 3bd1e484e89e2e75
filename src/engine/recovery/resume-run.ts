import type { AbortError } from '../errors/errors.ts';
import { renewClaim } from '../kinds/external.ts';
import { Attempt } from '../model/attempt.ts';
import { pausedWithin } from '../model/job-record.ts';
import { isStopped, type JobRun, type TaskRun } from '../model/run.ts';
import type { Stretch } from '../model/task-record.ts';
import { startDeadline } from '../reactions/deadline.ts';
import { startJobTimeout } from '../reactions/job-timeout.ts';
import { linkSignal } from '../reactions/parent-signal.ts';
import { startTimeout } from '../reactions/timeout.ts';
import { startWait } from '../reactions/wait.ts';
import { expireTask, timeOutAttempt } from '../run/attempt-result.ts';
import { planCleanUp, startCleanUp } from '../run/clean-up.ts';
import { interruptAttempt } from '../run/interruption.ts';
import { evaluateAll, recheckCondition } from '../run/scheduling.ts';
import { applyStop, endIfSettled } from '../run/shutdown.ts';
import { hasLimit } from '../time/time-limit.ts';
import type { JobHistory } from './job-history.ts';

/**
 * Continues a restored job: restarts timers with the time that is left, interrupts the attempts that died with their
 * process, and continues what was about to happen. `by`: the resuming process, in words.
 */
export const resumeRun = (job: JobRun, history: JobHistory, by: string, changes: readonly string[]): void => {
  job.batch(() => {
    const redacted = [...(history.note('', 'input') ? [''] : []), ...redactedTasks(job)];
    job.publish({
      type: 'job.resumed',
      by,
      ...(changes.length > 0 && { changes }),
      ...(redacted.length > 0 && { redacted }),
    });
    restartTimers(job, history);
    continueTasks(job, () => job.dispatcher.dispatch());
  });
};

/** Returns the paths of the tasks that continue without what the journal did not keep of their items or input. */
const redactedTasks = (job: JobRun): readonly string[] =>
  [...job.active].flatMap((task) => [
    ...(task.redacted && task.child && !task.child.over ? [task.path] : []),
    ...(task.child ? redactedTasks(task.child) : []),
  ]);

const restartTimers = (job: JobRun, history: JobHistory): void => {
  const { timeout } = job.options;
  const { startedAt = job.clock.now(), paused } = history.record;
  linkSignal(job);
  if (hasLimit(timeout) && !job.over) startJobTimeout(job, remainingMs(job, timeout, startedAt, paused));
  restartTaskTimers(job, history, paused);
};

/** Returns what is left of a time limit, in ms; never more than the limit, even if the clock was set back. */
const remainingMs = (job: JobRun, limitMs: number, since: number, paused: readonly Stretch[]): number => {
  const now = job.clock.now();
  const passed = now - since - pausedWithin(paused, since, now);
  return Math.min(limitMs, Math.max(0, limitMs - passed));
};

/** `paused`: the periods in which the enclosing jobs and tasks were paused. */
const restartTaskTimers = (job: JobRun, history: JobHistory, paused: readonly Stretch[]): void => {
  for (const task of job.active) restartTimersOf(job, task, history, [...paused, ...(task.paused ?? [])]);
};

const restartTimersOf = (job: JobRun, task: TaskRun, history: JobHistory, paused: readonly Stretch[]): void => {
  const { deadline, timeout, kind } = task.definition;
  const { attempt, child, state } = task;
  if (hasLimit(deadline)) {
    const since = task.firstReadyAt ?? job.clock.now();
    startDeadline(job, task, deadline, remainingMs(job, deadline, since, paused));
    if (task.exhausted) task.deadlineTimer?.pause();
  }
  if (state === 'ready') {
    recheckCondition(job, task);
    if (kind !== 'external' || task.conditionError) job.dispatcher.enqueue(task);
  }
  if (!attempt) return;
  renewClaim(task);
  if (hasLimit(timeout) && !child?.isFanOut) {
    const since = task.lastStartedAt ?? task.startedAt ?? job.clock.now();
    startTimeout(job, task, attempt, timeout, remainingMs(job, timeout, since, paused));
  }
  if (child) restartTaskTimers(child, history, paused);
  if (child?.stop) restoreAbort(job, task, child.stop.reason);
};

/** Restores the abort of an attempt whose nested job was being stopped. The code of `reason` decides the outcome. */
const restoreAbort = (job: JobRun, task: TaskRun, reason: AbortError | undefined): void => {
  const { attempt, definition } = task;
  if (!attempt || !reason || task.child?.stop?.mode !== 'abort') return;
  attempt.abort(reason);
  attempt.phase = 'aborting';
  const { timeout, deadline } = definition;
  if (reason.code === 'TASK_TIMEOUT' && hasLimit(timeout)) attempt.onAborted = () => timeOutAttempt(job, task, timeout);
  if (reason.code === 'TASK_DEADLINE' && hasLimit(deadline)) attempt.onAborted = () => expireTask(job, task, deadline);
};

/** Continues what the process that died had not finished: stops, waits, interrupted attempts and scheduling. */
const continueTasks = (job: JobRun, done?: () => void): void => {
  const { stop } = job;
  if (stop) {
    if (!stop.endsCleanUp) planCleanUp(job);
    applyStop(job, stop);
  }
  const end = (): void => {
    if (!job.over) endIfSettled(job);
    done?.();
  };
  job.sweep(
    [...job.active],
    (task) => continueTask(job, task),
    () => {
      if (!stop) return evaluateAll(job, end);
      startCleanUp(job);
      end();
    },
  );
};

const continueTask = (job: JobRun, task: TaskRun): void => {
  const { state, attempt, child } = task;
  if (state === 'running' && !attempt) endDeadAttempt(job, task);
  else if (state === 'retrying' || state === 'polling') startWait(job, task);
  if (child && attempt && !child.over) continueTasks(child);
};

/** Ends an attempt that died with its process, without using up a retry. Starts another, up to `maxInterruptions`. */
const endDeadAttempt = (job: JobRun, task: TaskRun): void => {
  if (!isStopped(task)) task.attempt = new Attempt(task.attempts, 0);
  interruptAttempt(job, task, DIED);
};

const DIED = 'each time its process died while it ran. It is not tried again, since it may be what kills the process.';
