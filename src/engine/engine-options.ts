import type { JobState } from '../events/event.ts';
import type { Logger } from '../events/logger.ts';
import type { ChangePolicy } from './definition/definition-diff.ts';
import type { Executor } from './definition/executor.ts';
import type { TaskType } from './definition/infer.ts';
import type { Intercept } from './definition/intercept.ts';
import type { LimitOptions, StartOptions } from './definition/options.ts';
import type { AnyTaskSpec } from './definition/task-spec.ts';
import type { Journal, JournalJob, Labels } from './durable/journal.ts';
import type { Job } from './job.ts';
import type { AnyDefinition, JobDefinition } from './job-definition.ts';
import type { Definitions } from './recovery/find-definition.ts';
import type { Clock } from './time/clock.ts';

export type EngineOptions = LimitOptions & {
  /** Journal of the jobs that are started without their own. Default: no journal. */
  readonly journal?: Journal | undefined;
  /**
   * Definitions of stored jobs to resume, retry or rerun: a list, in which the engine finds them by name; or a function
   * that finds the definition of a job when it is needed, and returns that, a promise of it, or `undefined` for a job
   * that it does not know. Default: no definitions.
   */
  readonly definitions?: Definitions<AnyDefinition> | undefined;
  /** Logger of the jobs that are started without their own. Default: no logger. */
  readonly logger?: Logger | undefined;
  /** Interceptor of the attempts of jobs that are started without their own. Default: none. */
  readonly intercept?: Intercept | undefined;
  /**
   * Performs attempts elsewhere, such as on other machines. `maxConcurrency`, pools and rates count these too. Default: the
   * engine performs all attempts in this process.
   */
  readonly executor?: Executor | undefined;
  /** Source of time and timers for the engine and its jobs. Default: the system clock. */
  readonly clock?: Clock | undefined;
  /** Returns a number from 0 to below 1, for the jitter of backoffs. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
};

export type CloseOptions = {
  /** `drain`: running tasks finish, nothing else starts. `abort`: running tasks are aborted. Default `drain`. */
  readonly mode?: 'drain' | 'abort' | undefined;
  /**
   * Time limit of a drain in ms; after that it becomes an abort. Also the time limit of clean-up after an abort; then
   * that ends, too. Default: 10,000 for an abort, no limit for a drain.
   */
  readonly graceMs?: number | undefined;
};

/** How a stored job is resumed, retried or rerun. An option left out keeps its first value, if that is plain data. */
export type TakeUpOptions = Omit<StartOptions, 'jobId' | 'jobKey' | 'metadata' | 'labels'> & {
  /** The job's definition. Default: the definition that the engine's `definitions` have for the job. */
  readonly definition?: AnyDefinition | undefined;
  /**
   * What to do if the definition has changed since the start. `refuse`: throw JournalError `DEFINITION_CHANGED` with
   * the changes. `accept`: continue unless a removed or changed task has begun. `force`: continue in any case. Default
   * `refuse`.
   */
  readonly changed?: ChangePolicy | undefined;
  /** Specs of tasks added to the running job that have yet to run; the journal does not store functions. */
  readonly added?: readonly AnyTaskSpec[] | undefined;
};

export type RecoverOptions = Pick<TakeUpOptions, 'changed'> & {
  /** Returns whether a job is resumed, of those that no process runs; the others stay as they are. Default: all are. */
  readonly filter?: ((job: JournalJob) => boolean) | undefined;
  /**
   * How often to look again, in ms, until the engine is closed: a job whose process has died is then resumed within that
   * time, once its lease is free. Keeps the process alive. Default: look once.
   */
  readonly everyMs?: number | undefined;
};

/** Which jobs of the journal are listed. */
export type ListOptions = {
  /** Default: all states. */
  readonly states?: readonly JobState[] | undefined;
  /** Name of the jobs' definition. Default: all names. */
  readonly name?: string | undefined;
  /** Labels that a job must have, all of them. Default: none. */
  readonly labels?: Labels | undefined;
  /** When the jobs were created at the earliest, in epoch ms. Default: any time. */
  readonly since?: number | undefined;
  /** Number of jobs of a page. Default 100. */
  readonly limit?: number | undefined;
  /** The `cursor` of the page before. Default: the first page. */
  readonly cursor?: string | undefined;
};

/** Which jobs of the journal are removed. */
export type PruneOptions = Pick<ListOptions, 'name' | 'labels'> & {
  /** How long ago the jobs ended at the latest, in ms. */
  readonly olderThanMs: number;
  /** How the jobs ended. Default: in any way. */
  readonly states?: readonly JobState[] | undefined;
  /** How many of the newest jobs that are over stay, of those with this name, these labels and states. Default 0. */
  readonly keepNewest?: number | undefined;
};

/** A job of any definition. */
export type AnyJob = Job<AnyContext, AnyTasks>;

export type AnyContext = Readonly<Record<string, unknown>>;
export type AnyTasks = TaskType<string, AnyContext, 'certain'>;

/** The option `definition`, which determines the types of the returned job. */
export type OfDefinition<Input extends object, Tasks extends TaskType, Given extends object> = {
  readonly definition?: JobDefinition<Input, Tasks, Given> | undefined;
};

/** What `recover` did with the unfinished jobs that no process ran. */
export type Recovery = {
  /** Jobs that were resumed. */
  readonly resumed: readonly AnyJob[];
  /** Jobs that could not be resumed, each with the reason. The jobs are unchanged. */
  readonly refused: readonly { readonly jobId: string; readonly jobName: string; readonly error: Error }[];
};
