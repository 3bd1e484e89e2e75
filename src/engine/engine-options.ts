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
  /** Keeps the events of every job that has no journal of its own. Default none. */
  readonly journal?: Journal | undefined;
  /** What jobs of the journal are resumed with, found by name. Default none. */
  readonly definitions?: readonly AnyDefinition[] | undefined;
  /** Told of every event of every job that has no logger of its own. */
  readonly logger?: Logger | undefined;
  /** Default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to below 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
};

export type CloseOptions = {
  /** `drain`: what runs finishes, nothing starts. `abort`: what runs is told to stop. Default `drain`. */
  readonly mode?: 'drain' | 'abort' | undefined;
  /** How long that may take in ms; then a drain becomes an abort. Default no limit. */
  readonly graceMs?: number | undefined;
};

/** How a job of the journal is taken up again. What the start was told holds still, where nothing is said here. */
export type TakeUpOptions = Omit<StartOptions, 'jobId' | 'jobKey' | 'metadata'> & {
  /** Default that of its name among the engine's `definitions`. */
  readonly definition?: AnyDefinition | undefined;
  /**
   * What to do where the definition is not the one that the job was started with. `refuse`: a JournalError
   * `DEFINITION_CHANGED` that says what has changed. `accept`: go on if no task that was removed or changed has begun.
   * `force`: go on in any case. Default `refuse`.
   */
  readonly changed?: ChangePolicy | undefined;
  /** Tasks that were added to the job while it ran, of which some are still to run: they are not in its definition. Default none. */
  readonly added?: readonly AnyTaskSpec[] | undefined;
};

export type RecoverOptions = Pick<TakeUpOptions, 'changed'>;

/** A job of which nothing is known but that it runs tasks. */
export type AnyJob = Job<AnyContext, AnyTasks>;

export type AnyContext = Readonly<Record<string, unknown>>;

export type AnyTasks = TaskType<string, AnyContext, true, false>;

/** The definition of a job, which types what is answered. */
export type OfDefinition<Input extends object, Tasks extends TaskType, Given extends object> = {
  readonly definition?: JobDefinition<Input, Tasks, Given> | undefined;
};

/** What became of the jobs whose process had died. */
export type Recovery = {
  /** Those that go on. */
  readonly resumed: readonly AnyJob[];
  /** Those that can't, each with the reason; nothing has changed about them. */
  readonly refused: readonly { readonly jobId: string; readonly jobName: string; readonly error: Error }[];
};
