import type { Logger } from '../../events/logger.ts';
import type { RetryOptions } from '../../machines/retry.ts';
import type { Journal } from '../durable/journal.ts';
import type { Clock } from '../time/clock.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { ConditionScope, TaskScope } from './task-function.ts';
import type { TriggerRule } from './trigger.ts';

/** What happens to the rest of a job after a task's final failure; see `JobOptions.onFailure`. */
export type FailurePolicy = 'abort' | 'drain' | 'continue';

/** When a task runs, and what its failure means. Every kind of task accepts these options. */
export type FlowOptions<
  Needs extends string = string,
  Tolerated extends boolean = boolean,
  Rule extends TriggerRule = TriggerRule,
  Condition = ConditionScope,
  Answer extends boolean = boolean,
> = {
  /** Names of the tasks whose outcomes this one waits for. Default none. */
  readonly dependsOn?: readonly Needs[] | undefined;
  /** Which outcomes of those tasks it requires. Default `allSuccess`. */
  readonly trigger?: Rule | undefined;
  /** Condition, evaluated once the trigger rule is satisfied. Falsy skips the task; a throw or promise fails it. */
  readonly when?: ((scope: Condition) => Answer) | undefined;
  /** Time limit in ms from the first `ready`, over all attempts and waits; paused time excluded. Default none. */
  readonly deadline?: number | undefined;
  /** Whether a failure of this task counts as done: its downstream runs and the job can complete. Default false. */
  readonly continueOnFailure?: Tolerated | undefined;
  /** Among ready tasks, those with the higher number run first. Default 0. */
  readonly priority?: number | undefined;
};

/** How a task's attempts are limited and retried. */
export type AttemptOptions = {
  /**
   * Time limit of one attempt in ms; a timeout is a failure that may be retried. For a fan-out it limits finding the
   * items, and each instance by itself. Default none.
   */
  readonly timeout?: number | undefined;
  /** Maximum number of attempts after the first. Default: the job's `maxRetries`. */
  readonly maxRetries?: number | undefined;
  /** How long to wait between attempts, and which errors to retry. Default: the job's `retry`. */
  readonly retry?: RetryOptions | undefined;
  /** If no retry is left: `fail`, or `pause` until `job.retry`. Default: the job's `onExhausted`. */
  readonly onExhausted?: 'fail' | 'pause' | undefined;
  /**
   * How many attempts may be interrupted by the death of their process and repeated without using up a retry; the next
   * interruption fails the task with `TASK_INTERRUPTED`. Default: the job's `maxInterruptions`.
   */
  readonly maxInterruptions?: number | undefined;
};

/** The pool slots that each attempt of a task takes. */
export type SlotOptions = {
  /** Name of the pool. Default none. */
  readonly pool?: string | undefined;
  /** Number of slots of the pool. Default 1. */
  readonly slots?: number | undefined;
};

/** Options of tasks that run a function: plain tasks, sensors and fan-outs. */
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
    /** Schema of the output; its result is merged into the context. A violation fails without retry. Default none. */
    readonly output?: Schema;
    /** Returns properties (no promise) to add to each attempt's scope. If it throws, a warning is logged. */
    readonly enrich?: ((scope: Scope) => Extra) | undefined;
  };

/** How long a sensor waits between its checks. */
export type SensorPace = {
  /** Wait between checks in ms. Default 1,000. */
  readonly interval?: number | undefined;
  /** How the interval grows; a function takes the last check's number, from 1, and returns ms. Default `fixed`. */
  readonly backoff?: 'fixed' | 'linear' | 'exponential' | ((check: number) => number) | undefined;
  /** Growth factor of `exponential`. Default 2. */
  readonly factor?: number | undefined;
  /** Longest interval in ms; does not apply to a `backoff` function. Default 100 × `interval`. */
  readonly maxInterval?: number | undefined;
};

/** How an external task is supervised while its owner works on it. */
export type ExternalPace = {
  /** Longest time in ms without a heartbeat before a claimed task's attempt fails. Default no limit. */
  readonly heartbeatTimeout?: number | undefined;
};

/** A limit on starts: at most `limit` within any period of `periodMs`. */
export type RateLimitOptions = {
  readonly limit: number;
  /** Length of the period in ms. */
  readonly periodMs: number;
};

/** A pool: its number of slots, or an object with slots, a rate limit of starts, or both. */
export type PoolOption = number | ({ readonly slots?: number | undefined } & Partial<RateLimitOptions>);

/** Limits on the attempts of a job, or of all jobs of an engine. */
export type LimitOptions = {
  /** Maximum number of attempts that run at once. Default `Infinity`. */
  readonly maxConcurrency?: number | undefined;
  /** Maximum number of attempts that start within a period. Default no limit. */
  readonly rateLimit?: RateLimitOptions | undefined;
  /** Named limits that tasks take slots of: `{ db: 4, api: { limit: 10, periodMs: 1_000 } }`. Default none. */
  readonly pools?: Readonly<Record<string, PoolOption>> | undefined;
};

/** Settings of a job. A definition may set them; a start may override them. */
export type JobOptions = LimitOptions & {
  /** Whether tasks run one at a time, in topological order. Default false. */
  readonly sequential?: boolean | undefined;
  /** Time limit of the whole job in ms. Paused time does not count. Default none. */
  readonly timeout?: number | undefined;
  /**
   * What a task's final failure does: `abort` aborts running tasks, `drain` lets them finish, and neither starts
   * others; `continue` skips only the failed task's downstream. Clean-up tasks (rule `always`) run in any case. Default
   * `abort`.
   */
  readonly onFailure?: FailurePolicy | undefined;
  /** How long aborted attempts may take to clean up, in ms; then the job ends without them. Default 0. */
  readonly graceMs?: number | undefined;
  /** `maxRetries` of tasks that set none. Default 0. */
  readonly maxRetries?: number | undefined;
  /** `retry` of tasks that set none. Default: no wait, every error is retried. */
  readonly retry?: RetryOptions | undefined;
  /** `onExhausted` of tasks that set none. Default `fail`. */
  readonly onExhausted?: 'fail' | 'pause' | undefined;
  /** `maxInterruptions` of tasks that set none. Default 10. */
  readonly maxInterruptions?: number | undefined;
  /**
   * What happens if two tasks, neither downstream of the other, write the same key: a `context.conflict` event is
   * published; with `error` the job also fails. Default `event`.
   */
  readonly contextConflict?: 'event' | 'error' | undefined;
  /** Whether the input and all outputs are deep-frozen. Default true. */
  readonly freeze?: boolean | undefined;
};

/** Options of a definition: the settings of its jobs, and the schema of their input. */
export type DefinitionOptions<Schema extends StandardSchema | undefined = StandardSchema | undefined> = JobOptions & {
  /** Schema that validates the input of each job; what the schema makes of it is the initial context. Default none. */
  readonly input?: Schema;
};

/** Options of one start of a job. */
export type StartOptions = JobOptions & {
  /** Id of the job. Default: a random UUID. */
  readonly jobId?: string | undefined;
  /**
   * If a job of this name was started with the same key, the start returns that job. Without a journal, an engine
   * compares only its jobs that are not over. Excludes `jobId`, which is derived from the key.
   */
  readonly jobKey?: string | undefined;
  /** Plain data that is stored in the journal with the job. Default none. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Stores the job's events. An attempt starts only when everything it relies on has been stored. Default none. */
  readonly journal?: Journal | undefined;
  /** Cancels the job when it aborts. Default none. */
  readonly signal?: AbortSignal | undefined;
  /** Receives every event as one line; console, pino and winston fit. Default none. */
  readonly logger?: Logger | undefined;
  /** XState inspection callback or observer for the job's actor, such as `@statelyai/inspect`. Default none. */
  readonly inspect?: Inspect | undefined;
  /** Source of time and timers. Default: the system clock. */
  readonly clock?: Clock | undefined;
  /** Returns a number from 0 to below 1, for the jitter of backoffs. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
};

/** An XState inspection callback or observer, declared without XState's types. */
export type Inspect =
  | { bivariant(event: { readonly type: string }): void }['bivariant']
  | { next?: { bivariant(event: { readonly type: string }): void }['bivariant'] | undefined };

/** `task` runs a function, `sensor` checks until ready, `external` is completed from outside, `map` is a fan-out. */
export type TaskKind = 'task' | 'sensor' | 'external' | 'job' | 'map';
