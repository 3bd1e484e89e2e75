import { backoffMs } from '../../machines/retry.ts';
import { hasRetryLeft } from '../../machines/task.ts';
import { requireAtOnce, requireBoolean, requireWait } from '../definition/hook-results.ts';
import { isA, NonRetryableError, OptionError, RetryAfterError, SchemaError } from '../errors/errors.ts';
import { isStopped, type JobRun, type TaskRun } from '../model/run.ts';

export type RetryDecision =
  | { readonly retry: true; readonly waitMs: number }
  /** `exhausted`: the error is worth a retry, but none is left. */
  | { readonly retry: false; readonly exhausted?: boolean }
  /** The policy's own function threw, or returned an invalid wait. */
  | { readonly retry: false; readonly thrown: unknown };

/** Decides whether and after how long to retry after an error. In a job that is ending, retries only clean-up. */
export const decideRetry = (job: JobRun, task: TaskRun, thrown: unknown): RetryDecision => {
  const { retry, attempts, attemptsNotCounted, snapshot } = task;
  if (isStopped(task) || isNotRetryable(thrown)) return { retry: false };
  const left = hasRetryLeft(snapshot.context);
  if (!left && !pauses(job, task)) return { retry: false };
  try {
    if (retry.retryIf && !requireBoolean('retryIf', retry.retryIf(thrown, attempts))) return { retry: false };
    if (!left) return { retry: false, exhausted: true };
    if (isA(thrown, RetryAfterError)) {
      return { retry: true, waitMs: Math.min(thrown.delayMs, retry.maxDelayMs ?? Number.POSITIVE_INFINITY) };
    }
    const random = (): number => requireAtOnce('random', job.random());
    const waitMs = requireWait('a wait', backoffMs(retry, attempts - attemptsNotCounted, thrown, random));
    return { retry: true, waitMs };
  } catch (error) {
    return { retry: false, thrown: error };
  }
};

/** Whether a retry can't help: the error forbids it, or the same check would fail again. */
const isNotRetryable = (thrown: unknown): boolean =>
  isA(thrown, NonRetryableError) || isA(thrown, SchemaError) || isA(thrown, OptionError);

/** Whether a task that has used up its retries waits for a person. */
const pauses = (job: JobRun, { definition }: TaskRun): boolean =>
  (definition.onExhausted ?? job.options.onExhausted) === 'pause' && !job.stop;
