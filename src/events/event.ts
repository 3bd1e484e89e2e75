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

/** What every event carries. */
export type Stamp = {
  readonly jobId: string;
  readonly jobName: string;
  /** Position in the job's stream, from 0, without gaps. */
  readonly seq: number;
  /** When it happened, in epoch ms of the job's clock. */
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
  /** Its name; a task of a nested job is `outer/inner`, the instance of a fan-out `name[3]`. */
  readonly task: string;
  readonly from: TaskState;
  readonly to: TaskState;
  /** The attempt it belongs to, from 1; 0 before the first. */
  readonly attempt: number;
  /** Why: `error`, `timeout`, `deadline`, `invalidOutput`, `upstreamFailed`, the text given to `cancel` or `notReady` … */
  readonly reason?: string;
  readonly error?: ErrorData;
  /** What the task put out, on `completed` alone. The one field that need not survive JSON. */
  readonly output?: object;
  /** When a `retrying` or `polling` task becomes ready again, in epoch ms. */
  readonly dueAt?: number;
};

export type TaskProgress = {
  readonly type: 'task.progress';
  readonly task: string;
  readonly attempt: number;
  /** From 0 to 1. */
  readonly fraction: number;
  readonly message?: string;
};

export type TaskLog = {
  readonly type: 'task.log';
  readonly task: string;
  readonly attempt: number;
  readonly level: LogLevel;
  readonly message: string;
  /** What was handed to the log call beside the message, made JSON-safe. */
  readonly data?: unknown;
};

/** An attempt that had timed out or been cancelled ended after all; what it brought was dropped. */
export type TaskLateResult = {
  readonly type: 'task.lateResult';
  readonly task: string;
  readonly attempt: number;
  readonly outcome: 'succeeded' | 'failed';
  /** Of an earlier attempt of the task around it: the task that has this path now is another. */
  readonly earlier?: true;
};

/** Two tasks that the graph does not order wrote the same key. */
export type ContextConflict = {
  readonly type: 'context.conflict';
  readonly key: string;
  /** The two writers, in topological order. */
  readonly tasks: readonly [string, string];
  /** The writer whose value stays. */
  readonly kept: string;
};

/** A running job has been given another task. */
export type TaskAdded = {
  readonly type: 'task.added';
  readonly task: string;
  readonly dependsOn: readonly string[];
  /** The task that added it, if one did: by `expand`. */
  readonly by?: string;
};

/** A task that had not started has been taken out of a running job. */
export type TaskRemoved = {
  readonly type: 'task.removed';
  readonly task: string;
};

/** The process that ran the job is dead, and another goes on with it. */
export type JobResumed = {
  readonly type: 'job.resumed';
  /** Which process, in words. */
  readonly by: string;
  /** What has changed in its definition since, where that was accepted. */
  readonly changes?: readonly string[];
};

/** What happened, before the stream stamps it. */
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

/** Everything that a job publishes: plain data, told apart by `type`. */
export type JobEvent = JobFact & Stamp;
