import type { Logger } from '../../events/logger.ts';
import type { RetryOptions } from '../../machines/retry.ts';
import type { Journal, Labels } from '../durable/journal.ts';
import type { Clock } from '../time/clock.ts';
import type { Intercept } from './intercept.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { ConditionScope, TaskScope } from './task-function.ts';
import type { Trace } from './trace.ts';
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
  /** Names of the tasks that this task waits for. Default: no task. */
  readonly dependsOn?: readonly Needs[] | undefined;
  /** Which outcomes of the tasks in `dependsOn` this task requires in order to run. Default `allSuccess`. */
  readonly trigger?: Rule | undefined;
  /** Condition, evaluated when the trigger rule is satisfied. Falsy skips the task; an error or a promise fails it. */
  readonly when?: ((scope: Condition) => Answer) | undefined;
  /** Time limit in ms for all attempts and waits, from the first `ready` on, without paused time. Default: no limit. */
  readonly deadline?: number | undefined;
  /** Whether the job tolerates a failure of this task: downstream tasks run, the job can complete. Default false. */
  readonly continueOnFailure?: Tolerated | undefined;
  /** Ready tasks with a higher number run first. Default 0. */
  readonly priority?: number | undefined;
  /**
   * How long the task takes, in ms; in a fan-out, one item. Of ready tasks with the same priority, the one with the longer
   * chain of estimates runs first. Default: the median of the last five runs that the journal knows; of a task
   * without any, the median of the others.
   */
  readonly estimate?: number | undefined;
};

/** How a task's attempts are limited and retried. */
export type AttemptOptions = {
  /**
   * Time limit of one attempt in ms. A timeout is a failure that may be retried. In a fan-out, the limit applies to the
   * `over` function, and to each instance separately. Default: no limit.
   */
  readonly timeout?: number | undefined;
  /** Maximum number of attempts after the first. Default: the job's `maxRetries`. */
  readonly maxRetries?: number | undefined;
  /** How long to wait between attempts, and which errors to retry. Default: the job's `retry`. */
  readonly retry?: RetryOptions | undefined;
  /** When no retry is left: `fail` the task, or `pause` it until `job.retry`. Default: the job's `onExhausted`. */
  readonly onExhausted?: 'fail' | 'pause' | undefined;
  /**
   * How often an attempt may be interrupted and repeated without using up a retry: by the death of its process, by an
   * InterruptedError of the executor, or of an external task with `onMissedHeartbeat: 'release'` by a missed heartbeat. The next interruption fails the task with
   * `TASK_INTERRUPTED`. Default: the job's `maxInterruptions`.
   */
  readonly maxInterruptions?: number | undefined;
};

/** Which workers may perform attempts. */
export type WorkerOption = { readonly tags?: readonly string[] | undefined };

/** What each attempt of a task takes a slot of. */
export type SlotOptions = {
  /**
   * The workers that may perform the attempts, if the engine has an executor: those that have all of the `tags`, at most 16
   * of 1 to 63 letters, digits and `. _ - /`. Without an executor, or if that does not take the task, the tags have no effect. Default: any worker.
   */
  readonly worker?: WorkerOption | undefined;
  /** Name of the pool. Default: no pool. */
  readonly pool?: string | undefined;
  /** Number of slots of the pool. Default 1. */
  readonly slots?: number | undefined;
};

/** Options of tasks that run a function: plain tasks, sensors and fan-outs. */
export interface TaskOptions<
  Needs extends string = string,
  Tolerated extends boolean = boolean,
  Rule extends TriggerRule = TriggerRule,
  Condition = ConditionScope,
  Answer extends boolean = boolean,
  Scope = TaskScope,
  Extra extends object = object,
  Schema extends StandardSchema | undefined = StandardSchema | undefined,
> extends FlowOptions<Needs, Tolerated, Rule, Condition, Answer>,
    AttemptOptions,
    SlotOptions {
  /** Schema of the output; its result is merged into the context. A violation fails the task without retry. */
  readonly output?: Schema;
  /** Returns properties, not a promise, to add to each attempt's scope. If `enrich` throws, a warning is logged. */
  readonly enrich?: ((scope: Scope) => Extra) | undefined;
  /**
   * Returns the specs of tasks that join the job when this task has completed, from its output; see `expand`. Called again with
   * the stored output when the job is resumed, so that they need not be handed over as `added`.
   */
  readonly expansion?:
    | ((output: Readonly<Record<string, unknown>>) => readonly { readonly name: string }[])
    | undefined;
}

/** How long a sensor waits between its checks, and what happens when its time is over. */
export type SensorPace<Soft extends boolean = boolean> = {
  /** Wait between checks in ms. Default 1,000. */
  readonly interval?: number | undefined;
  /** How the wait grows. A function gets the last check's number (from 1) and returns ms. Default `fixed`. */
  readonly backoff?: 'fixed' | 'linear' | 'exponential' | ((check: number) => number) | undefined;
  /** Growth factor of `exponential`. Default 2. */
  readonly factor?: number | undefined;
  /** Longest interval in ms; does not apply to a `backoff` function. Default 100 × `interval`. */
  readonly maxInterval?: number | undefined;
  /**
   * Whether a sensor that is out of time is skipped instead of failed: when its `deadline` passes, or the `timeout` of a
   * check after which there is no retry. An error of the check fails the task all the same. Default false.
   */
  readonly softFail?: Soft | undefined;
};

/** What only an external task has: whom it is for, and how it is supervised while somebody works on it. */
export type ExternalOptions = {
  /** Who may work on the task: a person, a role or a queue, as text of 1 to 200 characters. Default: nobody is named. */
  readonly owner?: string | undefined;
  /** What whoever works on the task is asked, in words for people. Default: nothing. */
  readonly description?: string | undefined;
  /** What whoever works on the task has to know: plain JSON. The definition keeps a frozen copy. Default: nothing. */
  readonly data?: unknown;
  /** Longest time in ms without a heartbeat of a claimed task; see `onMissedHeartbeat`. Default: no limit. */
  readonly heartbeatTimeout?: number | undefined;
  /**
   * After a missed heartbeat: `fail` the attempt, which uses up a retry, or `release` the task, so that it is ready for
   * somebody else. The task is released up to `maxInterruptions` times. Default `fail`.
   */
  readonly onMissedHeartbeat?: 'fail' | 'release' | undefined;
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
  /** Maximum number of attempts that start within a period. Default: no limit. */
  readonly rateLimit?: RateLimitOptions | undefined;
  /** Pools by name, for the `pool` option of tasks: `{ db: 4, api: { limit: 10, periodMs: 1_000 } }`. */
  readonly pools?: Readonly<Record<string, PoolOption>> | undefined;
};

/** How much of what an attempt logs the journal keeps. */
export type LogLimits = {
  /** How many of its first lines. Default 1,000. */
  readonly first?: number | undefined;
  /** How many of its last lines. Default 1,000. */
  readonly last?: number | undefined;
  /** How many bytes of both together; half of them for the first lines. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
};

/** Settings of a job. A definition may set them; a start may override them. */
export type JobOptions = LimitOptions & {
  /** Whether tasks run one at a time, in topological order. Default false. */
  readonly sequential?: boolean | undefined;
  /** Time limit of the whole job in ms. Paused time does not count. Default: no limit. */
  readonly timeout?: number | undefined;
  /**
   * What a task's final failure does. `abort`: running tasks are aborted, no others start. `drain`: running tasks
   * finish, no others start. `continue`: only the failed task's downstream is skipped. Clean-up tasks (trigger rule
   * `always`) run in any case. Default `abort`.
   */
  readonly onFailure?: FailurePolicy | undefined;
  /** How long, in ms, the job waits for aborted attempts to clean up before it ends. Default 0. */
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
   * What happens if two tasks write the same context key and neither is downstream of the other. `event`: a
   * `context.conflict` event is published. `error`: the job also fails. Default `event`.
   */
  readonly contextConflict?: 'event' | 'error' | undefined;
  /** Whether the input and all outputs are deep-frozen. Default true. */
  readonly freeze?: boolean | undefined;
  /** How many lines the journal keeps of each attempt of a task. `events$` and loggers get all. Default: see there. */
  readonly logs?: LogLimits | undefined;
};

/** Options of a definition: the settings of its jobs, and the schema of their input. */
export type DefinitionOptions<Schema extends StandardSchema | undefined = StandardSchema | undefined> = JobOptions & {
  /** Schema that validates each job's input. The schema's result becomes the initial context. */
  readonly input?: Schema;
  /**
   * Returns what a journal keeps of the input of a job, of the items of its fan-outs and of the input of its nested jobs,
   * and what the job takes of messages from other processes: a copy without secrets, or the value itself. A resume calls `over` or `input` again for the parts that
   * were left out; if that fails or gives other parts, it continues with what was kept, and `job.resumed` lists it. Default: all of it.
   */
  readonly redact?: ((value: unknown) => unknown) | undefined;
  /**
   * Paths in the input, such as `params.day`, of what the schema computes at the start of each job, from the time for
   * example. Starts with one `jobKey` may differ there: the job keeps what the first one computed. Default: none.
   */
  readonly computed?: readonly string[] | undefined;
};

/** What a job is found and read by. */
export type Description = {
  /** Plain data that is stored in the journal with the job. Default: no metadata. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Texts by their keys, by which `engine.list` finds the job. At most 32: keys of up to 63 letters, digits and `. _ - /`,
   * values of up to 200 characters. Default: no labels.
   */
  readonly labels?: Labels | undefined;
};

/** Options of one start of a job. */
export type StartOptions = JobOptions &
  Description & {
    /** Id of the job. Default: a random UUID. */
    readonly jobId?: string | undefined;
    /**
     * If a job of the same name was started with this key, the start returns a handle of that job, whose `found` is true;
     * another input is refused. Without a journal, only an engine
     * compares keys, and only with its jobs that are not over; `definition.start` requires a journal.
     * Excludes `jobId`: the key determines the id.
     */
    readonly jobKey?: string | undefined;
    /**
     * Stores the job's events. An attempt starts only when all events before it have been stored. Without an engine, a
     * journal of your own must be `durable(journal)`.
     */
    readonly journal?: Journal | undefined;
    /** Cancels the job when the signal aborts. */
    readonly signal?: AbortSignal | undefined;
    /**
     * Receives every event. A logger that has `child` and no `log`, such as pino's, gets an object and a message; any
     * other, such as `console` and winston's, one line of text. Outputs are never logged. Default: no logger.
     */
    readonly logger?: Logger | undefined;
    /** A function around the function of each attempt, for tracing for example. Default: none. */
    readonly intercept?: Intercept | undefined;
    /** The trace that the job belongs to, for `intercept`: that of the request that starts it, for example. Default: none. */
    readonly trace?: Trace | undefined;
    /** XState inspection callback or observer for the job's actor, such as the one of `@statelyai/inspect`. */
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

/** `task` runs a function, `sensor` polls, `external` is completed from outside, `job` and `map` run inner tasks. */
export type TaskKind = 'task' | 'sensor' | 'external' | 'job' | 'map';
