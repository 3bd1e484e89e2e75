import type { TaskState } from '../../events/event.ts';
import type { JobError, TaskError } from '../errors/errors.ts';
import type { Directive } from './directive.ts';
import type { Trace } from './trace.ts';

/** Log of an attempt: each call publishes a `task.log` event. `data` is made JSON-safe. */
export type TaskLogger = {
  readonly debug: (message: string, data?: unknown) => void;
  readonly info: (message: string, data?: unknown) => void;
  readonly warn: (message: string, data?: unknown) => void;
  readonly error: (message: string, data?: unknown) => void;
};

/** How a job ends. `error` is set if it fails, times out or is cancelled. */
export type JobOutcome = {
  readonly state: 'completed' | 'failed' | 'timedOut' | 'cancelled' | 'notReady';
  readonly error?: JobError | undefined;
};

/** What has become of a task so far. */
export type TaskOutcome = {
  readonly state: TaskState;
  /** Set if the task failed, or was skipped because of a failure. */
  readonly error?: TaskError | undefined;
  /** Number of attempts that have begun. */
  readonly attempts: number;
  /** From the first attempt to the end, or to now, in ms; `undefined` before the first attempt. */
  readonly durationMs: number | undefined;
};

/** What a task's condition (`when`) receives. */
export type ConditionScope<
  Context = Readonly<Record<string, unknown>>,
  Deps = Readonly<Record<string, unknown>>,
> = Pick<TaskScope<Context, Deps>, 'ctx' | 'deps' | 'tasks' | 'jobId' | 'taskName' | 'outcome'>;

/** State of type `Value` that a task saves for its next attempt. Without a journal it lasts as long as the process. */
export type Checkpoint<Value = unknown> = {
  /** The value saved last, by this attempt or an earlier one; `undefined` before the first save. */
  readonly last: Value | undefined;
  /** Saves a value; resolves when it is stored. Rejects with SerialisationError; after the attempt, CommandError. */
  readonly save: (value: Value) => Promise<void>;
};

/** What a task function receives. */
export type TaskScope<Context = Readonly<Record<string, unknown>>, Deps = Readonly<Record<string, unknown>>> = {
  /** The job's input merged with the outputs of all tasks completed before this attempt. Setting a key throws. */
  readonly ctx: Context;
  /** Outputs of the direct dependencies, by task name; of a fan-out, the list of results. */
  readonly deps: Deps;
  /**
   * What became of the tasks upstream, by name: of the dependencies, and of all that those wait for. Typed are the
   * dependencies.
   */
  readonly tasks: Readonly<Record<keyof Deps & string, TaskOutcome>>;
  /** Aborts when the attempt has to stop; `signal.reason.code` says why. */
  readonly signal: AbortSignal;
  /** Returns whether the attempt's result will be used: false after an abort. */
  readonly isActive: () => boolean;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** How the job would end if it ended now; meant for clean-up tasks. */
  readonly outcome: JobOutcome;
  readonly jobId: string;
  /** Identifies this task of this job, with the same value in all attempts. For services that deduplicate requests. */
  readonly idempotencyKey: string;
  /** Returns the state saved by earlier attempts, and the function that saves it. The type is not checked at run time. */
  readonly checkpoint: <Value = unknown>() => Checkpoint<Value>;
  /** Path of the task: its name, `outer/inner` in a nested job, `name[3]` for an instance of a fan-out. */
  readonly taskName: string;
  readonly log: TaskLogger;
  /** The trace of the attempt, or at least of its job, if an interceptor has set it; commands and HTTP requests of files pass it on. */
  readonly trace?: Trace | undefined;
  /** Publishes the progress of the attempt, from 0 to 1. @throws OptionError if `fraction` is outside */
  readonly progress: (fraction: number, message?: string) => void;
};

/** What a task may output: a plain object, which is merged into the context, or nothing. */
export type TaskOutput = PlainObject | undefined | void;

/** An object type that excludes arrays, maps, dates, functions and the like by their well-known symbols. */
export type PlainObject = object & {
  readonly [Symbol.iterator]?: never;
  readonly [Symbol.asyncIterator]?: never;
  readonly [Symbol.toPrimitive]?: never;
  readonly [Symbol.toStringTag]?: never;
  readonly [Symbol.hasInstance]?: never;
  readonly [Symbol.match]?: never;
};

/** Performs one attempt. Executors, which run a process or send a request, create such functions. */
export type TaskFunction<
  Context = Readonly<Record<string, unknown>>,
  Deps = Readonly<Record<string, unknown>>,
  Output = unknown,
> = (scope: TaskScope<Context, Deps>) => Output | Directive | PromiseLike<Output | Directive>;
