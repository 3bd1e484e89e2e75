import { backoffMs } from '../../machines/retry.ts';
import { hasRetryLeft } from '../../machines/task.ts';
import { yesOrNo } from '../definition/yes-or-no.ts';
import { isA, NonRetryableError, OptionError, RetryAfterError, SchemaError } from '../errors/errors.ts';
import { isCleanUp, type JobRun, type TaskRun } from '../model/run.ts';

export type RetryDecision =
  | { readonly retry: true; readonly waitMs: number }
  /** `exhausted`: it would be worth another, but none is left. */
  | { readonly retry: false; readonly exhausted?: boolean }
  /** The policy's own function threw, or gave a wait that is none. */
  | { readonly retry: false; readonly thrown: unknown };

/**
 * Whether what an attempt threw is worth another, and after what wait. Nothing starts again in a job that is ending, but
 * clean-up.
 */
export const decideRetry = (job: JobRun, task: TaskRun, thrown: unknown): RetryDecision => {
  const { retry, attempts, forgiven, snapshot } = task;
  if ((job.stop && !isCleanUp(task)) || neverHelps(thrown)) return { retry: false };
  const left = hasRetryLeft(snapshot.context);
  if (!left && !pauses(job, task)) return { retry: false };
  try {
    if (retry.retryIf && !yesOrNo('retryIf', retry.retryIf(thrown, attempts))) return { retry: false };
    if (!left) return { retry: false, exhausted: true };
    if (isA(thrown, RetryAfterError)) return { retry: true, waitMs: thrown.delayMs };
    const waitMs = backoffMs(retry, attempts - forgiven, thrown, job.random);
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

/** What is refused once is refused however often it is tried. */
const neverHelps = (thrown: unknown): boolean =>
  isA(thrown, NonRetryableError) || isA(thrown, SchemaError) || isA(thrown, OptionError);

/** Whether a task whose retries are used up waits for a person. */
const pauses = (job: JobRun, { definition }: TaskRun): boolean =>
  (definition.onExhausted ?? job.options.onExhausted) === 'pause' && !job.stop;
