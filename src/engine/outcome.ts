import { errorData, textOf } from '../events/error-data.ts';
import { reportConflicts } from './conflict.ts';
import type { Overlap } from './context.ts';
import { TaskError, type TaskErrorCode } from './errors.ts';
import type { JobRun } from './job-run.ts';
import { isNotReady } from './not-ready.ts';
import { isPlainObject } from './plain-object.ts';
import { decideRetry } from './retry-decision.ts';
import type { TaskRun } from './task-run.ts';

/** What an attempt brought: an output that is merged, nothing, "not ready", or something that is no output. */
export const succeedAttempt = (job: JobRun, task: TaskRun, value: unknown): void => {
  if (value === undefined) {
    job.commandTask(task, { type: 'attempt.succeeded' });
    return;
  }
  let refusal: string | undefined;
  try {
    if (isNotReady(value)) {
      const reason = textOf(value.reason);
      job.commandTask(task, { type: 'attempt.notReady', reason }, { reason });
      return;
    }
    if (!isPlainObject(value)) refusal = describe(value);
  } catch (error) {
    refuse(job, task, `an object that can't be read: ${messageOf(error)}`, error);
    return;
  }
  if (refusal === undefined) complete(job, task, value as object);
  else refuse(job, task, `${refusal}: expected a plain object, which is merged into the context, or nothing`);
};

const complete = (job: JobRun, task: TaskRun, value: object): void => {
  let output: object;
  let overlaps: readonly Overlap[];
  try {
    output = job.frozen(value);
    overlaps = job.context.merge(output, job.plan.positions[task.index] as number);
  } catch (error) {
    refuse(job, task, `an object that can't be read: ${messageOf(error)}`, error);
    return;
  }
  task.output = output;
  const succeed = (): boolean => job.commandTask(task, { type: 'attempt.succeeded', output }, { output });
  if (overlaps.length === 0) {
    succeed();
    return;
  }
  job.together(() => {
    succeed();
    reportConflicts(job, overlaps);
  });
};

/** An output that can't be merged: a failure that no retry mends. */
const refuse = (job: JobRun, task: TaskRun, what: string, ...cause: [cause?: unknown]): void => {
  const error = taskError(task, 'INVALID_OUTPUT', `put out ${what}`, ...cause);
  fail(job, task, error, 'invalidOutput');
};

const describe = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return `an instance of ${value.constructor?.name ?? 'a class'}`;
  return typeof value === 'function' ? 'a function' : `the ${typeof value} ${textOf(value)}`.slice(0, 80);
};

/** What an attempt threw: tried again as far as the policy and the error itself allow. */
export const failAttempt = (job: JobRun, task: TaskRun, thrown: unknown): void => {
  const error = taskError(task, 'TASK_FAILED', `failed in attempt ${task.attempts}: ${messageOf(thrown)}`, thrown);
  failOrRetry(job, task, error, thrown, 'error');
};

/** An attempt that took longer than its time limit. */
export const timeOutAttempt = (job: JobRun, task: TaskRun, limitMs: number): void => {
  const error = taskError(task, 'TASK_TIMEOUT', `timed out in attempt ${task.attempts}, after ${limitMs} ms`);
  failOrRetry(job, task, error, error, 'timeout');
};

/** A task that took longer than its deadline, over all attempts. */
export const expireTask = (job: JobRun, task: TaskRun, limitMs: number): void => {
  const { lastError } = task;
  const cause = lastError ? ([lastError] as const) : ([] as const);
  const error = taskError(task, 'TASK_DEADLINE', `was not done within its deadline of ${limitMs} ms`, ...cause);
  if (!task.actor) return;
  task.error = error;
  job.commandTask(task, { type: 'task.expire', error }, { reason: 'deadline', error: errorData(error) });
};

const failOrRetry = (job: JobRun, task: TaskRun, error: TaskError, thrown: unknown, reason: string): void => {
  const decision = decideRetry(job, task, thrown);
  if (decision.retry) {
    task.lastError = error;
    task.backoffMs = decision.waitMs;
    const dueAt = job.clock.now() + decision.waitMs;
    const details = { reason, error: errorData(error), ...(Number.isFinite(dueAt) && { dueAt }) };
    job.commandTask(task, { type: 'attempt.failed', error }, details);
  } else if ('thrown' in decision) {
    const message = `failed in attempt ${task.attempts}, and its retry policy threw: ${messageOf(decision.thrown)}`;
    fail(job, task, taskError(task, 'TASK_FAILED', message, decision.thrown), reason);
  } else {
    fail(job, task, error, reason);
  }
};

const fail = (job: JobRun, task: TaskRun, error: TaskError, reason: string): void => {
  if (!task.actor) return;
  task.error = error;
  job.commandTask(task, { type: 'attempt.failed', error, final: true }, { reason, error: errorData(error) });
};

const taskError = (task: TaskRun, code: TaskErrorCode, what: string, ...cause: [cause?: unknown]): TaskError => {
  const { name, continueOnFailure } = task.definition;
  const about = { taskName: name, attempt: task.attempts, tolerated: continueOnFailure ?? false };
  return new TaskError(code, `Task "${name}" ${what}`, cause.length === 0 ? about : { ...about, cause: cause[0] });
};

const messageOf = (thrown: unknown): string => errorData(thrown).message;
