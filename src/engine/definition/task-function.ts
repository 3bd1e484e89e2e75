import type { JobError } from '../errors/errors.ts';
import type { Answer } from './answer.ts';

/** How a task tells what it is doing; each call is a `task.log` event. `data` is made JSON-safe. */
export type TaskLogger = {
  readonly debug: (message: string, data?: unknown) => void;
  readonly info: (message: string, data?: unknown) => void;
  readonly warn: (message: string, data?: unknown) => void;
  readonly error: (message: string, data?: unknown) => void;
};

/** How a job ends, and why where it does not complete or is not ready. */
export type JobOutcome = {
  readonly state: 'completed' | 'failed' | 'timedOut' | 'cancelled' | 'notReady';
  readonly error?: JobError | undefined;
};

/** What a condition is asked with. */
export type ConditionScope<
  Context = Readonly<Record<string, unknown>>,
  Deps = Readonly<Record<string, unknown>>,
> = Pick<TaskScope<Context, Deps>, 'ctx' | 'deps' | 'jobId' | 'taskName' | 'outcome'>;

/** What a task keeps for its next attempt: kept by the journal, or as long as the process lives where there is none. */
export type Checkpoint<Value = unknown> = {
  /** What was saved last, by this attempt or one before it; `undefined` before the first. */
  readonly last: Value | undefined;
  /** Resolves once it is kept. @throws SerialisationError of what can't be kept */
  readonly save: (value: Value) => Promise<void>;
};

/** What a task function receives. */
export type TaskScope<Context = Readonly<Record<string, unknown>>, Deps = Readonly<Record<string, unknown>>> = {
  /** The job's input merged with the output of every task completed when this attempt started. Writing to it throws. */
  readonly ctx: Context;
  /** The outputs of the direct dependencies, by task name. */
  readonly deps: Deps;
  /** Aborts when the attempt is to stop; `signal.reason.code` says why. */
  readonly signal: AbortSignal;
  /** Whether the attempt still counts: `!signal.aborted`, as a question. */
  readonly isActive: () => boolean;
  /** Which try this is, from 1. */
  readonly attempt: number;
  /** How the job would end if it ended now: what a clean-up task cleans up after. */
  readonly outcome: JobOutcome;
  readonly jobId: string;
  /** The same for all attempts of this task of this job, and for no other: to be handed to services that take a request once. */
  readonly idempotencyKey: string;
  /** What the task keeps for its next attempt. */
  readonly checkpoint: Checkpoint;
  /** Its own name; in a nested job `outer/inner`, of an instance `name[3]`. */
  readonly taskName: string;
  readonly log: TaskLogger;
  /** Publishes how far the attempt is, from 0 to 1. @throws RangeError */
  readonly progress: (fraction: number, message?: string) => void;
};

/**
 * What a task may put out: a plain object that is merged into the context, or nothing. Arrays, maps, dates, functions
 * and the like are known by the well-known symbols that they have.
 */
export type TaskOutput = PlainObject | undefined | void;

/** What is no array, map, date, function and the like, as far as types can tell. */
export type PlainObject = object & {
  readonly [Symbol.iterator]?: never;
  readonly [Symbol.asyncIterator]?: never;
  readonly [Symbol.toPrimitive]?: never;
  readonly [Symbol.toStringTag]?: never;
  readonly [Symbol.hasInstance]?: never;
  readonly [Symbol.match]?: never;
};

/**
 * The port of whatever performs an attempt: called once per attempt, with its scope. An executor that starts a process
 * or sends a request is a function that makes one of these.
 */
export type TaskFunction<
  Context = Readonly<Record<string, unknown>>,
  Deps = Readonly<Record<string, unknown>>,
  Output = unknown,
> = (scope: TaskScope<Context, Deps>) => Output | Answer | PromiseLike<Output | Answer>;
