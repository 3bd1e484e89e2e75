import type { Logger } from '../events/logger.ts';
import type { ChangePolicy } from './definition/definition-diff.ts';
import type { TaskType } from './definition/infer.ts';
import type { LimitOptions, StartOptions } from './definition/options.ts';
import type { AnyTaskSpec } from './definition/task-spec.ts';
import type { Journal } from './durable/journal.ts';
import type { Job } from './job.ts';
import type { AnyDefinition, JobDefinition } from './job-definition.ts';
import type { Clock } from './time/clock.ts';

export type EngineOptions = LimitOptions & {
  /** Stores the events of every job that has no journal of its own. Default none. */
  readonly journal?: Journal | undefined;
  /** Definitions, found by name, for the stored jobs that are resumed, retried or rerun. Default none. */
  readonly definitions?: readonly AnyDefinition[] | undefined;
  /** Receives every event of every job that has no logger of its own. Default none. */
  readonly logger?: Logger | undefined;
  /** Source of time and timers for the engine and its jobs. Default: the system clock. */
  readonly clock?: Clock | undefined;
  /** Returns a number from 0 to below 1, for the jitter of backoffs. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
};

export type CloseOptions = {
  /** `drain`: running tasks finish, nothing else starts. `abort`: running tasks are aborted. Default `drain`. */
  readonly mode?: 'drain' | 'abort' | undefined;
  /** Time limit of a drain in ms; after that it becomes an abort. Default no limit. */
  readonly graceMs?: number | undefined;
};

/** How a stored job is resumed, retried or rerun. Absent plain-data options keep the values of its start. */
export type TakeUpOptions = Omit<StartOptions, 'jobId' | 'jobKey' | 'metadata'> & {
  /** The job's definition. Default: the one of that name among the engine's `definitions`. */
  readonly definition?: AnyDefinition | undefined;
  /**
   * What to do if the definition has changed since the start. `refuse`: throw JournalError `DEFINITION_CHANGED` with
   * the changes. `accept`: continue unless a removed or changed task has begun. `force`: continue in any case. Default
   * `refuse`.
   */
  readonly changed?: ChangePolicy | undefined;
  /** Specs of tasks added to the running job that have yet to run, as its definition lacks them. Default none. */
  readonly added?: readonly AnyTaskSpec[] | undefined;
};

export type RecoverOptions = Pick<TakeUpOptions, 'changed'>;

/** A job whose definition the types do not know. */
export type AnyJob = Job<AnyContext, AnyTasks>;

export type AnyContext = Readonly<Record<string, unknown>>;
export type AnyTasks = TaskType<string, AnyContext, true, false>;

/** The option `definition`, with the types that the returned job then has. */
export type OfDefinition<Input extends object, Tasks extends TaskType, Given extends object> = {
  readonly definition?: JobDefinition<Input, Tasks, Given> | undefined;
};

/** What `recover` did with the unfinished jobs that no process ran. */
export type Recovery = {
  /** Jobs that were resumed. */
  readonly resumed: readonly AnyJob[];
  /** Jobs that could not be resumed, each with the reason. They are unchanged. */
  readonly refused: readonly { readonly jobId: string; readonly jobName: string; readonly error: Error }[];
};
