import { JobError, NonRetryableError, RetryAfterError, TaskError } from '../../engine/errors/errors.ts';
import { ProcessError } from '../../executors/process/error.ts';

/** Unwraps the error that a task's executor threw. For a nested job, returns the error of its first failed task. */
export const thrownBy = (error: TaskError | undefined): unknown => {
  const cause = error?.cause;
  if (cause instanceof TaskError) return thrownBy(cause) ?? cause;
  if (cause instanceof JobError && cause.cause instanceof TaskError) return thrownBy(cause.cause) ?? cause;
  const isWrapper = cause instanceof NonRetryableError || cause instanceof RetryAfterError;
  return isWrapper ? (cause.cause ?? cause) : cause;
};

/** Returns the error of the process that a task ran, if that process failed. */
export const processErrorOf = (error: TaskError | undefined): ProcessError | undefined => {
  // A task whose upstream failed has not run itself.
  const thrown = error?.code === 'UPSTREAM_FAILED' ? undefined : thrownBy(error);
  return thrown instanceof ProcessError ? thrown : undefined;
};

/** Returns the exit code of the process that failed, or the signal that ended it. */
export const exitCodeOfTask = (error: TaskError | undefined): number | string | undefined => {
  const failed = processErrorOf(error);
  return failed?.signal ?? failed?.exitCode ?? undefined;
};
