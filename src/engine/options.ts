import type { Logger } from '../events/logger.ts';
import type { RetryOptions } from '../machines/retry.ts';
import type { Clock } from './clock.ts';

/** What to do with the rest of a job when a task has failed for good. */
export type FailurePolicy = 'abort' | 'drain' | 'continue';

export type TaskOptions<Needs extends string = string, Tolerated extends boolean = boolean> = {
  /** Tasks that must have ended well before this one starts. */
  readonly dependsOn?: readonly Needs[] | undefined;
  /** Time limit of one attempt in ms. Default none. A timeout is a failure that may be retried. */
  readonly timeout?: number | undefined;
  /** Time limit over all attempts and the waits between them in ms, from the first `ready`. Default none. */
  readonly deadline?: number | undefined;
  /** Tries after the first. Default: the job's. */
  readonly maxRetries?: number | undefined;
  /** How to wait between tries, and for which errors. Default: the job's. */
  readonly retry?: RetryOptions | undefined;
  /** A failure of this task counts as done: its downstream runs, the job completes. Default false. */
  readonly continueOnFailure?: Tolerated | undefined;
  /** Higher runs first among tasks that are ready. Default 0. */
  readonly priority?: number | undefined;
};

/** Settings of a job that its definition may hold and a start may override. */
export type JobOptions = {
  /** How many attempts run at once. Default `Infinity`. */
  readonly maxConcurrency?: number | undefined;
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
  /** What two writers of one key that the graph does not order mean: a `context.conflict` event, or a failed job. Default `event`. */
  readonly contextConflict?: 'event' | 'error' | undefined;
  /** Deep-freeze the input and all outputs. Default true. */
  readonly freeze?: boolean | undefined;
};

export type StartOptions = JobOptions & {
  /** Default a random UUID. */
  readonly jobId?: string | undefined;
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
