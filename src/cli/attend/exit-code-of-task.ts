import { JobError, NonRetryableError, RetryAfterError, TaskError } from '../../engine/errors/errors.ts';
import { ProcessError } from '../../executors/process/error.ts';

/** The error that a task's executor threw, without what is wrapped around it; of a task with tasks in it, that of the first. */
export const thrownBy = (error: TaskError | undefined): unknown => {
  const cause = error?.cause;
  if (cause instanceof TaskError) return thrownBy(cause) ?? cause;
  if (cause instanceof JobError && cause.cause instanceof TaskError) return thrownBy(cause.cause) ?? cause;
  const isWrapper = cause instanceof NonRetryableError || cause instanceof RetryAfterError;
  return isWrapper ? (cause.cause ?? cause) : cause;
};

/** The exit code of the process that failed, or the signal that ended it. */
export const exitCodeOfTask = (error: TaskError | undefined): number | string | undefined => {
  // A task that never ran has no exit code.
  const thrown = error?.code === 'UPSTREAM_FAILED' ? undefined : thrownBy(error);
  return thrown instanceof ProcessError ? (thrown.signal ?? thrown.exitCode ?? undefined) : undefined;
};
