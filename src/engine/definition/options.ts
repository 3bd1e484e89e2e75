import type { Logger } from '../../events/logger.ts';
import type { RetryOptions } from '../../machines/retry.ts';
import type { Journal } from '../durable/journal.ts';
import type { Clock } from '../time/clock.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { ConditionScope, TaskScope } from './task-function.ts';
import type { TriggerRule } from './trigger.ts';

/** What to do with the rest of a job when a task has failed for good. */
export type FailurePolicy = 'abort' | 'drain' | 'continue';

/** What every kind of task can be told about when it runs and what its failure means. */
export type FlowOptions<
  Needs extends string = string,
  Tolerated extends boolean = boolean,
  Rule extends TriggerRule = TriggerRule,
  Condition = ConditionScope,
  Answer extends boolean = boolean,
> = {
  /** Tasks whose outcomes this one waits for. */
  readonly dependsOn?: readonly Needs[] | undefined;
  /** Which outcomes of those it waits for. Default `allSuccess`. */
  readonly trigger?: Rule | undefined;
  /** Whether it runs once its rule says so; else it is skipped. Asked once. Default: it runs. */
  readonly when?: ((scope: Condition) => Answer) | undefined;
  /** Time limit over all attempts and the waits between them in ms, from the first `ready`. Default none. */
  readonly deadline?: number | undefined;
  /** A failure of this task counts as done: its downstream runs, the job completes. Default false. */
  readonly continueOnFailure?: Tolerated | undefined;
  /** Higher runs first among tasks that are ready. Default 0. */
  readonly priority?: number | undefined;
};

/** How a task's attempts are limited and tried again. */
export type AttemptOptions = {
  /** Time limit of one attempt in ms. Default none. A timeout is a failure that may be retried. */
  readonly timeout?: number | undefined;
  /** Tries after the first. Default: the job's. */
  readonly maxRetries?: number | undefined;
  /** How to wait between tries, and for which errors. Default: the job's. */
  readonly retry?: RetryOptions | undefined;
  /** `pause`: when no retry is left the task waits, paused, for `job.retry`, instead of failing. Default: the job's. */
  readonly onExhausted?: 'fail' | 'pause' | undefined;
  /** How many attempts may die with their process, each made up for by another that uses up no retry. Default: the job's. */
  readonly maxInterruptions?: number | undefined;
};

/** Which limits a task's attempts count against. */
export type SlotOptions = {
  /** The pool whose slots each attempt takes. Default none. */
  readonly pool?: string | undefined;
  /** How many slots of the pool an attempt takes. Default 1. */
  readonly slots?: number | undefined;
};

export type TaskOptions<
  Needs extends string = string,
  Tolerated extends boolean = boolean,
  Rule extends TriggerRule = TriggerRule,
  Condition = ConditionScope,
  Answer extends boolean = boolean,
  Scope = TaskScope,
  Extra extends object = object,
  Schema extends StandardSchema | undefined = StandardSchema | undefined,
> = FlowOptions<Needs, Tolerated, Rule, Condition, Answer> &
  AttemptOptions &
  SlotOptions & {
    /** Checks the output; what it makes of it is merged. A violation is not retried. */
    readonly output?: Schema;
    /** What to add to the scope of each attempt. Where it throws, the attempt gets the plain scope, and a warning is logged. */
    readonly enrich?: ((scope: Scope) => Extra) | undefined;
  };

/** How long a sensor waits between its checks. */
export type SensorPace = {
  /** The wait between checks in ms. Default 1,000. */
  readonly interval?: number | undefined;
  /** How the interval grows: `fixed`, `linear`, `exponential`, or a function of the check, from 1, that gives ms. Default `fixed`. */
  readonly backoff?: 'fixed' | 'linear' | 'exponential' | ((check: number) => number) | undefined;
  /** Growth of `exponential`. Default 2. */
  readonly factor?: number | undefined;
  /** The longest interval in ms. Default 100 × `interval`. */
  readonly maxInterval?: number | undefined;
};

/** How an external task is completed from outside. */
export type ExternalPace = {
  /** How long a claimed task may go without a heartbeat in ms; then its attempt fails. Default no limit. */
  readonly heartbeatTimeout?: number | undefined;
};

/** At most so many starts within any period. */
export type RateLimitOptions = {
  readonly limit: number;
  /** In ms. */
  readonly periodMs: number;
};

/** A pool: so many slots, a rate of starts, or both. */
export type PoolOption = number | ({ readonly slots?: number | undefined } & Partial<RateLimitOptions>);

/** What limits the attempts of a job, or of all jobs of an engine. */
export type LimitOptions = {
  /** How many attempts run at once. Default `Infinity`. */
  readonly maxConcurrency?: number | undefined;
  /** How many attempts start within a period. Default no limit. */
  readonly rateLimit?: RateLimitOptions | undefined;
  /** Named limits that tasks take slots of: `{ db: 4, api: { limit: 10, periodMs: 1_000 } }`. Default none. */
  readonly pools?: Readonly<Record<string, PoolOption>> | undefined;
};

/** Settings of a job that its definition may hold and a start may override. */
export type JobOptions = LimitOptions & {
  /** One task at a time, in topological order. Default false. */
  readonly sequential?: boolean | undefined;
  /** Time limit of the whole job in ms. Default none. */
  readonly timeout?: number | undefined;
  /**
   * `abort`: the first final failure cancels the rest. `drain`: what runs finishes, nothing starts. `continue`:
   * independent branches finish, the downstream of the failure is skipped. Default `abort`.
   */
  readonly onFailure?: FailurePolicy | undefined;
  /** How long aborted attempts may take to clean up before the job ends without them, in ms. Default 0. */
  readonly graceMs?: number | undefined;
  /** For tasks that do not say. Default 0. */
  readonly maxRetries?: number | undefined;
  /** For tasks that do not say. */
  readonly retry?: RetryOptions | undefined;
  /** For tasks that do not say. Default `fail`. */
  readonly onExhausted?: 'fail' | 'pause' | undefined;
  /** For tasks that do not say. Default 10. */
  readonly maxInterruptions?: number | undefined;
  /** What two writers of one key that the graph does not order mean: a `context.conflict` event, or a failed job. Default `event`. */
  readonly contextConflict?: 'event' | 'error' | undefined;
  /** Deep-freeze the input and all outputs. Default true. */
  readonly freeze?: boolean | undefined;
};

/** What a definition alone may hold beside the settings. */
export type DefinitionOptions<Schema extends StandardSchema | undefined = StandardSchema | undefined> = JobOptions & {
  /** Checks the input of each job; what it makes of it is the first context. */
  readonly input?: Schema;
};

export type StartOptions = JobOptions & {
  /** Default a random UUID. */
  readonly jobId?: string | undefined;
  /**
   * Makes the start idempotent: where a job of this name was started with the same key, it is answered instead. Takes a
   * journal; an engine without one looks among its jobs that are not over.
   */
  readonly jobKey?: string | undefined;
  /** What the program wants kept in the journal with the job: plain data. Default nothing. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Keeps the events of the job, and holds back each attempt until all that it relies on is kept. Default none. */
  readonly journal?: Journal | undefined;
  /** Cancels the job when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Told of every event, one line each: console, pino and winston fit. */
  readonly logger?: Logger | undefined;
  /** XState's inspection callback, handed to the job actor: `@statelyai/inspect` plugs in here. */
  readonly inspect?: Inspect | undefined;
  /** Default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to below 1; draws the jitter of backoffs. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
};

/** An XState inspection callback or observer, spelled without XState's types. */
export type Inspect =
  | { bivariant(event: { readonly type: string }): void }['bivariant']
  | { next?: { bivariant(event: { readonly type: string }): void }['bivariant'] | undefined };

export type TaskKind = 'task' | 'sensor' | 'external' | 'job' | 'map';
