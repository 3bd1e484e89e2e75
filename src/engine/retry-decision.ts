import { backoffMs, mayRetry } from '../machines/retry.ts';
import { isA, NonRetryableError, RetryAfterError } from './errors.ts';
import type { JobRun } from './job-run.ts';
import type { TaskRun } from './task-run.ts';

export type RetryDecision =
  | { readonly retry: true; readonly waitMs: number }
  | { readonly retry: false }
  /** The policy's own function threw, or gave a wait that is none. */
  | { readonly retry: false; readonly thrown: unknown };

/** Whether what an attempt threw is worth another, and after what wait. Nothing starts again in a job that is ending. */
export const decideRetry = (job: JobRun, { retry, attempts }: TaskRun, thrown: unknown): RetryDecision => {
  if (job.stop || !mayRetry(retry, attempts) || isA(thrown, NonRetryableError)) return { retry: false };
  try {
    if (retry.retryIf && !yesOrNo(retry.retryIf(thrown, attempts))) return { retry: false };
    if (isA(thrown, RetryAfterError)) return { retry: true, waitMs: thrown.delayMs };
    const waitMs = backoffMs(retry, attempts, thrown, job.random);
    if (!(Number.isFinite(waitMs) && waitMs >= 0)) {
      throw new RangeError(
        `The backoff gave a wait of ${waitMs}: expected a finite number of milliseconds, 0 or more.`,
      );
    }
    return { retry: true, waitMs };
  } catch (error) {
    return { retry: false, thrown: error };
  }
};

/** A promise would count as yes, whatever it resolves to, and its rejection would end the process. */
const yesOrNo = (answer: unknown): boolean => {
  if (!(answer instanceof Promise)) return Boolean(answer);
  answer.catch(() => {});
  throw new TypeError('retryIf answered a promise: expected true or false at once');
};
