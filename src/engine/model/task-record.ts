import type { ErrorData } from '../../events/error-data.ts';
import type { Stamp, TaskProgress, TaskState, TaskTransition } from '../../events/event.ts';
import { SETTLED } from '../../events/states.ts';
import type { TaskSnapshot } from '../../machines/task.ts';
import type { Span } from './attempt-spans.ts';

/** A period in epoch ms. Without `to`, the period has not ended. */
export type Stretch = { readonly from: number; to?: number };

/**
 * The record of one task: its state after its transitions so far. `recordTransition` updates the record, in a running
 * job and when a resume rebuilds records from stored events. `Failure` and `Output`: types of errors and output.
 */
export class TaskRecord<Failure = ErrorData, Output = unknown> {
  /** The machine's snapshot after the last transition; kept when the actor has stopped. */
  declare snapshot: TaskSnapshot;
  /** In epoch ms: `queuedAt` is the last `ready`, `startedAt` the first attempt, `endedAt` the end. */
  declare queuedAt: number | undefined;
  declare startedAt: number | undefined;
  declare endedAt: number | undefined;
  declare output: Output | undefined;
  // The fields below stay absent until they are set, to save memory: most tasks never have them.
  /** The error of the final failure; for a task skipped after an upstream's failure, the error that says so. */
  declare error?: Failure | undefined;
  /** The last error that was not final, and the number of its attempt. */
  declare lastError?: Failure | undefined;
  declare lastErrorAttempt?: number | undefined;
  declare reason?: string | undefined;
  /** When the task was first ready since it last started over, in epoch ms; undefined if that is `queuedAt`. */
  declare firstQueuedAt?: number | undefined;
  /** When the last attempt began, in epoch ms; undefined if there was only one. */
  declare lastStartedAt?: number | undefined;
  /** The ended attempts that another attempt followed or may follow. */
  declare spans?: Span[] | undefined;
  /** For a task with spans: when the task was ready again after the last span, and when its next attempt started. */
  declare openSpan?: { readonly readyAt: number; startedAt: number | undefined } | undefined;
  /** Number of attempts that died with their process or lost their worker, since the task last started over. */
  declare interruptions?: number | undefined;
  /** Who claimed the last attempt of an external task. */
  declare worker?: string | undefined;
  /** Number of sensor checks that returned "not yet"; they do not count as attempts. */
  declare polls?: number | undefined;
  /** Why the last of these checks was not ready. */
  declare pollReason?: string | undefined;
  /** In `retrying` and `polling`: when the wait began (`waitFrom`) and when it ends (`dueAt`), in epoch ms. */
  declare waitFrom?: number | undefined;
  declare dueAt?: number | undefined;
  /** The periods in which the task was paused, since it last started over. */
  declare paused?: Stretch[] | undefined;
  /** Who paused the task, in words. */
  declare pausedBy?: string | undefined;
  /** Whether the task is paused because its retries are used up. */
  declare exhausted?: boolean | undefined;
  /** What the last attempt last reported. */
  declare progress?: Pick<TaskProgress, 'fraction' | 'message'> | undefined;
  /** Number of results that arrived too late. */
  declare lateResults?: number | undefined;

  constructor(snapshot: TaskSnapshot) {
    this.snapshot = snapshot;
    this.queuedAt = undefined;
    this.startedAt = undefined;
    this.endedAt = undefined;
    this.output = undefined;
  }

  get state(): TaskState {
    return this.snapshot.value;
  }

  /** Number of attempts, without sensor checks that returned "not yet". */
  get attempts(): number {
    return this.snapshot.context.attempt;
  }

  /** Number of attempts that use up no retry: interrupted and released ones, and all before the task was last retried or reset. */
  get attemptsNotCounted(): number {
    return this.snapshot.context.attemptsNotCounted;
  }

  /** The state in which a paused task continues. */
  get resumesAs(): 'ready' | 'running' {
    return this.snapshot.context.resumesAs;
  }

  get firstReadyAt(): number | undefined {
    return this.firstQueuedAt ?? this.queuedAt;
  }
}

/** The reason of a transition that follows the death of an attempt's process. */
export const INTERRUPTED = 'interrupted';

/** The reason of a transition that follows a missed heartbeat. */
export const HEARTBEAT = 'heartbeat';

/**
 * Records a transition; no other code decides what a transition changes in a record. `snapshot`: the machine's snapshot
 * after the transition. `error`: the event's error, converted to the type that the record stores.
 */
export const recordTransition = <Failure, Output>(
  task: TaskRecord<Failure, Output>,
  event: TaskTransition & Pick<Stamp, 'at'>,
  snapshot: TaskSnapshot,
  error: Failure | undefined,
): void => {
  const { from, to, at, reason, output, worker } = event;
  task.snapshot = snapshot;
  if (reason !== undefined || task.reason !== undefined) task.reason = reason;
  if (from === 'running') {
    if (!SETTLED.has(to) && !(to === 'paused' && task.resumesAs === 'running')) closeSpan(task, at);
  } else if (from === 'paused') {
    endPause(task, at);
  } else if (from === 'retrying' || from === 'polling') {
    task.waitFrom = undefined;
    task.dueAt = undefined;
  }
  if (to === 'running') {
    if (from !== 'paused') startAttempt(task, at, worker);
  } else if (to === 'ready') {
    if (from === 'failed') startAnew(task, from);
    if (from === 'running' && reason === HEARTBEAT) countInterruption(task);
    enqueue(task, from, at);
  } else if (SETTLED.has(to)) {
    task.endedAt = at;
    if (error !== undefined || task.error !== undefined) task.error = error;
    if (output !== undefined) task.output = output as Output;
  } else if (to === 'unscheduled') {
    startAnew(task, from);
    task.startedAt = undefined;
    if (task.lastStartedAt !== undefined) task.lastStartedAt = undefined;
    task.output = undefined;
  } else {
    suspend(task, event, error !== undefined);
    if (error === undefined) return;
    task.lastError = error;
    task.lastErrorAttempt = event.attempt;
  }
};

/** Returns why a task did not complete; before its end, why its last attempt failed. A task that skipped itself has no error. */
export const errorToShow = <Failure>({ state, error, lastError }: TaskRecord<Failure>): Failure | undefined =>
  error ?? (state === 'completed' || state === 'skipped' ? undefined : lastError);

/** Records a report of progress. One of an earlier attempt is left out. */
export const recordProgress = (task: TaskRecord<unknown>, { attempt, fraction, message }: TaskProgress): void => {
  if (attempt === task.attempts) task.progress = message === undefined ? { fraction } : { fraction, message };
};

/** Whether an attempt has begun and not ended. */
export const isBegun = ({ state, resumesAs }: TaskRecord<unknown>): boolean =>
  state === 'running' || (state === 'paused' && resumesAs === 'running');

/** Whether anything has happened to a task that still counts: a task that was reset before its first attempt is untouched. */
export const isTouched = ({ state, attempts }: TaskRecord<unknown>): boolean => state !== 'unscheduled' || attempts > 0;

/** Adds the attempt that has ended to the spans, because another attempt may follow. */
const closeSpan = (task: TaskRecord<unknown>, endedAt: number): void => {
  const startedAt = task.lastStartedAt ?? task.startedAt ?? endedAt;
  task.spans ??= [];
  task.spans.push({ readyAt: task.queuedAt ?? startedAt, startedAt, endedAt });
  task.openSpan = undefined;
};

const startAttempt = (task: TaskRecord<unknown>, at: number, worker: string | undefined): void => {
  if (worker !== undefined || task.worker !== undefined) task.worker = worker;
  if (task.startedAt === undefined) task.startedAt = at;
  else task.lastStartedAt = at;
  if (task.openSpan) task.openSpan.startedAt = at;
  if (task.progress) task.progress = undefined;
};

const enqueue = (task: TaskRecord<unknown>, from: TaskState, at: number): void => {
  const isFirst = from === 'unscheduled' || from === 'failed';
  if (!isFirst) task.firstQueuedAt ??= task.queuedAt;
  else if (task.firstQueuedAt !== undefined) task.firstQueuedAt = undefined;
  task.queuedAt = at;
  if (task.spans) task.openSpan = { readyAt: at, startedAt: undefined };
};

/** Records that a task waits for its next attempt, for its next check, or for a person. */
const suspend = (
  task: TaskRecord<unknown>,
  { to, at, reason, dueAt }: TaskTransition & Pick<Stamp, 'at'>,
  hasFailed: boolean,
): void => {
  if (to === 'paused') {
    task.paused ??= [];
    task.paused.push({ from: at });
    task.exhausted = hasFailed;
    task.pausedBy = hasFailed ? 'its own onExhausted' : reason;
    return;
  }
  task.waitFrom = at;
  task.dueAt = dueAt;
  if (to === 'polling') {
    task.polls = (task.polls ?? 0) + 1;
    task.pollReason = reason;
  } else if (reason === INTERRUPTED) countInterruption(task);
};

const countInterruption = (task: TaskRecord<unknown>): void => {
  task.interruptions = (task.interruptions ?? 0) + 1;
};

const endPause = (task: TaskRecord<unknown>, at: number): void => {
  closeStretch(task.paused ?? [], at);
  task.exhausted = undefined;
  task.pausedBy = undefined;
};

/** Clears the outcome of a task that starts over, because a person retries it or one of its upstreams. */
const startAnew = (task: TaskRecord<unknown>, from: TaskState): void => {
  if (task.attempts > 0 && task.endedAt !== undefined) closeSpan(task, task.endedAt);
  task.endedAt = undefined;
  if (task.interruptions) task.interruptions = 0;
  if (task.error !== undefined && from === 'failed') {
    task.lastError = task.error;
    task.lastErrorAttempt = task.attempts;
  }
  if (task.error !== undefined) task.error = undefined;
  if (task.paused) task.paused = undefined;
};

/** Returns since when a running task has run without a pause, in epoch ms. */
export const runningSince = ({ startedAt, lastStartedAt, paused }: TaskRecord<unknown>): number | undefined => {
  const began = lastStartedAt ?? startedAt;
  const resumed = paused?.at(-1)?.to;
  return began !== undefined && resumed !== undefined ? Math.max(began, resumed) : began;
};

/** Ends the last stretch at this time, if it is still open. */
export const closeStretch = (stretches: Stretch[], at: number): void => {
  const last = stretches.at(-1);
  if (last && last.to === undefined) last.to = at;
};

/** Copies a record, except for its snapshot, errors and output. The copy shares no list with the original. */
export const copyRecord = (to: TaskRecord<unknown>, from: TaskRecord<unknown>): void => {
  to.queuedAt = from.queuedAt;
  to.startedAt = from.startedAt;
  to.endedAt = from.endedAt;
  copyDefined(to, from, RARE_FIELDS);
  if (from.spans) to.spans = [...from.spans];
  if (from.openSpan) to.openSpan = { ...from.openSpan };
  if (from.paused) to.paused = from.paused.map((stretch) => ({ ...stretch }));
};

/** Copies the fields that are not undefined: an absent one stays absent, so that the record stays small. */
export const copyDefined = <Type extends object>(to: Type, from: Type, fields: readonly (keyof Type)[]): void => {
  for (const field of fields) if (from[field] !== undefined) to[field] = from[field];
};

const RARE_FIELDS = [
  'lastErrorAttempt',
  'reason',
  'firstQueuedAt',
  'lastStartedAt',
  'interruptions',
  'worker',
  'polls',
  'pollReason',
  'waitFrom',
  'dueAt',
  'pausedBy',
  'exhausted',
  'progress',
  'lateResults',
] as const satisfies readonly (keyof TaskRecord<unknown>)[];
