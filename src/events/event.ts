/* Events: plain data about what happened in a job. `event.ts` declares the types, `event-stream.ts` stamps and delivers
 * events. Subscribers: `log-to.ts` writes each event to a logger, as a line (`logger.ts`) or as an object (`structured-logger.ts`); `event-logger.ts` prints transitions; `isolate.ts`
 * isolates the job from errors of a logger. `operators.ts` and `task-states.ts` are RxJS operators; `bounded-queue.ts`
 * holds what a slow reader has not read. `states.ts` and `levels.ts` classify states and events; `event-problems.ts`
 * checks stored ones. `error-data.ts` and `json-safe.ts` make values JSON-safe; `date-text.ts`, `iso-text.ts`,
 * `cut-text.ts`, `text-width.ts`, `plain-object.ts` and `thenable.ts` are helpers. `system-clock.ts` is the default clock;
 * `under-way.ts` counts the engine's work that goes on without a timer of a clock. */
import type { ErrorData } from './error-data.ts';

export type TaskState =
  | 'unscheduled'
  | 'ready'
  | 'running'
  | 'retrying'
  | 'polling'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'notReady'
  | 'skipped'
  | 'cancelled';

export type JobState = 'idle' | 'running' | 'paused' | 'completed' | 'failed' | 'timedOut' | 'cancelled' | 'notReady';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The fields that every event has. */
export type Stamp = {
  readonly jobId: string;
  readonly jobName: string;
  /** Position in the job's stream, from 0, without gaps. */
  readonly seq: number;
  /** Time of the event, in epoch ms of the job's clock. */
  readonly at: number;
};

export type JobTransition = {
  readonly type: 'job.transition';
  readonly from: JobState;
  readonly to: JobState;
  readonly reason?: string;
  readonly error?: ErrorData;
};

export type TaskTransition = {
  readonly type: 'task.transition';
  /** The task's path: `name`, in a nested job `outer/inner`, for an instance of a fan-out `name[3]`. */
  readonly task: string;
  readonly from: TaskState;
  readonly to: TaskState;
  /** Number of the attempt, from 1; 0 before the first. */
  readonly attempt: number;
  /** Why: `error`, `timeout`, `deadline`, `invalidOutput`, `upstreamFailed`, the text given to `cancel` or `notReady` … */
  readonly reason?: string;
  readonly error?: ErrorData;
  /** Whether the job continues regardless, because of `continueOnFailure`, only on `failed`. */
  readonly tolerated?: true;
  /** The task's output, only on `completed`. The only field that may hold values that JSON can't represent. */
  readonly output?: object;
  /** When a `retrying` or `polling` task becomes ready again, in epoch ms. */
  readonly dueAt?: number;
  /** When the task had become ready, in epoch ms, only on `ready → running`. */
  readonly readyAt?: number;
  /** Who claimed an external task, or the worker of the engine's executor that performs the attempt, only on `running`. */
  readonly worker?: string;
  /** Whom an external task is for, only on `ready`. */
  readonly owner?: string;
};

export type TaskProgress = {
  readonly type: 'task.progress';
  readonly task: string;
  readonly attempt: number;
  /** From 0 to 1. */
  readonly fraction: number;
  readonly message?: string;
  /**
   * Set at the end of an attempt with more reports than the journal keeps: this is the last one, and how many are missing
   * before it. Who heard the job while it ran has had it already.
   */
  readonly omitted?: number;
};

export type TaskLog = {
  readonly type: 'task.log';
  readonly task: string;
  readonly attempt: number;
  readonly level: LogLevel;
  readonly message: string;
  /** The second argument of the log call, made JSON-safe. */
  readonly data?: unknown;
  /** Set at the end of an attempt with more lines than the journal keeps: how many lines are missing before `last`. */
  readonly omitted?: number;
  /** With `omitted`: the last lines of the attempt. Who heard the job while it ran has had them already. */
  readonly last?: readonly KeptLine[];
};

/** A line of a log, as a `task.log` event has it. `at` is in epoch ms. */
export type KeptLine = Pick<TaskLog, 'level' | 'message' | 'data'> & Pick<Stamp, 'at'>;

/** An attempt ended after it had timed out or been cancelled. Its result is dropped. */
export type TaskLateResult = {
  readonly type: 'task.lateResult';
  readonly task: string;
  readonly attempt: number;
  readonly outcome: 'succeeded' | 'failed';
  /** Set if the attempt belongs to an earlier attempt of the enclosing nested job or fan-out. */
  readonly earlier?: true;
};

/** Two tasks that the graph does not order wrote the same key. */
export type ContextConflict = {
  readonly type: 'context.conflict';
  readonly key: string;
  /** The two writers, in topological order. */
  readonly tasks: readonly [string, string];
  /** The writer whose value is used. */
  readonly kept: string;
};

/** A task was added to the running job. */
export type TaskAdded = {
  readonly type: 'task.added';
  readonly task: string;
  readonly dependsOn: readonly string[];
  /** The task that added this task with `expand`, if one did. */
  readonly by?: string;
};

/** A task that had not started was removed from the running job. */
export type TaskRemoved = { readonly type: 'task.removed'; readonly task: string };

/** The process that ran the job died or handed the job off, and another process continues it. */
export type JobResumed = {
  readonly type: 'job.resumed';
  /** Description of the process that continues the job. */
  readonly by: string;
  /** Changes of the job's definition that were accepted on resume, in words. */
  readonly changes?: readonly string[];
  /**
   * Paths of the fan-outs and nested jobs whose items or input continue without what the journal did not keep of them,
   * since it could not be computed again; an empty path is the job's own input.
   */
  readonly redacted?: readonly string[];
};

/** An event before the stream stamps it. */
export type JobFact =
  | JobResumed
  | JobTransition
  | TaskTransition
  | TaskProgress
  | TaskLog
  | TaskLateResult
  | TaskAdded
  | TaskRemoved
  | ContextConflict;

/** Any event of a job: plain data, discriminated by `type`. */
export type JobEvent = JobFact & Stamp;
