import type { Actor } from 'xstate';
import type { TaskState } from '../events/event.ts';
import type { RetryPolicy } from '../machines/retry.ts';
import type { taskLogic } from '../machines/task.ts';
import type { Attempt } from './attempt.ts';
import type { TaskError } from './errors.ts';
import type { TaskDefinition } from './plan.ts';

/** One task within one job: what the engine remembers of it. Made when something first happens to the task. */
export type TaskRun = {
  readonly index: number;
  readonly definition: TaskDefinition;
  readonly retry: RetryPolicy;
  /** Gone once the task has settled. */
  actor: Actor<typeof taskLogic> | undefined;
  state: TaskState;
  /** Attempts begun. */
  attempts: number;
  /** The attempt under way. */
  attempt: Attempt | undefined;
  /** When it was first ready, first ran and settled, in epoch ms. */
  readyAt: number | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** Why it failed for good, or why its upstream's failure skipped it. */
  error: TaskError | undefined;
  /** Why the last attempt failed, where another followed. */
  lastError: TaskError | undefined;
  /** How long it is `retrying`, in ms. */
  backoffMs: number;
  reason: string | undefined;
  output: object | undefined;
  lateResults: number;
  /** Calls off the timers that outlast an attempt: the backoff, the deadline. */
  cancelBackoff: (() => void) | undefined;
  cancelDeadline: (() => void) | undefined;
};
