import type { ErrorData } from '../../events/error-data.ts';
import type { JobEvent, JobState, JobTransition, TaskState, TaskTransition } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/event-stream.ts';
import { parentPath } from '../durable/task-path.ts';
import { closeSpan, type Span } from './attempt-spans.ts';
import { SETTLED } from './run.ts';

/** A stretch of time in epoch ms; without an end it goes on. */
export type Stretch = { readonly from: number; to?: number };

/** What the events of a job tell of one task, plain data. */
export type TaskRecord = {
  state: TaskState;
  /** Attempts begun; those of a sensor that brought "not yet" left out. */
  attempts: number;
  /** Attempts that use up no retry: interrupted ones, and those before a person asked for more. */
  forgiven: number;
  /** Attempts that died with their process, since a person last asked for more. */
  interruptions: number;
  polls: number;
  /** Where a paused task goes on. */
  held: 'ready' | 'running';
  /** When it was first and last ready, first and last ran, and settled, in epoch ms. */
  firstReadyAt?: number | undefined;
  queuedAt?: number | undefined;
  startedAt?: number | undefined;
  lastStartedAt?: number | undefined;
  endedAt?: number | undefined;
  /** The attempts before the last. */
  spans?: Span[];
  /** Of a task that has spans: the stay in the queue after the last of them, and the attempt that followed. */
  openSpan?: { readonly readyAt: number; startedAt: number | undefined } | undefined;
  paused?: Stretch[];
  /** Why it failed for good or was skipped; and why its last attempt failed, where another followed. */
  error?: ErrorData | undefined;
  lastError?: ErrorData | undefined;
  /** The attempt that `lastError` is of. */
  lastErrorAttempt?: number | undefined;
  reason?: string | undefined;
  /** Of `retrying` and `polling`: since when and until when, in epoch ms. */
  waitFrom?: number | undefined;
  dueAt?: number | undefined;
  output?: unknown;
  /** `seq` of the events by which it settled, and by which its last attempt began. */
  endedSeq?: number | undefined;
  runningSeq?: number | undefined;
  lateResults?: number;
  /** Whether it is paused because its retries are used up. */
  exhausted?: boolean;
};

/** What the events of a job tell, plain data. Tasks are found by their path: `outer/inner`, `name[3]`. */
export type JobRecord = {
  state: JobState;
  startedAt?: number | undefined;
  endedAt?: number | undefined;
  reason?: string | undefined;
  error?: ErrorData | undefined;
  paused: Stretch[];
  lastSeq: number;
  lastAt: number;
  resumptions: number;
  readonly tasks: Map<string, TaskRecord>;
  /** The tasks of each nested job and the instances of each fan-out, by the path of the task around them. */
  readonly nested: Map<string, Set<string>>;
  /** Tasks added and removed while it ran, in that order. */
  readonly growth: Growth[];
};

/** A task that was added, with what it depends on, or removed. */
export type Growth = {
  readonly task: string;
  readonly dependsOn: readonly string[] | undefined;
  readonly by?: string | undefined;
};

export const emptyRecord = (): JobRecord => ({
  state: 'idle',
  paused: [],
  lastSeq: -1,
  lastAt: 0,
  resumptions: 0,
  tasks: new Map(),
  nested: new Map(),
  growth: [],
});

/** Takes one more event into a record: events are told in order. */
export const recordEvent = (record: JobRecord, event: JobEvent): void => {
  record.lastSeq = event.seq;
  record.lastAt = event.at;
  if (event.type === 'task.transition') recordTask(record, event);
  else if (event.type === 'job.transition') recordJob(record, event);
  else if (event.type === 'job.resumed') record.resumptions++;
  else if (event.type === 'task.added')
    record.growth.push({ task: event.task, dependsOn: event.dependsOn, by: event.by });
  else if (event.type === 'task.removed') record.growth.push({ task: event.task, dependsOn: undefined });
  else if (event.type === 'task.lateResult' && !event.earlier) {
    const task = record.tasks.get(event.task);
    if (task) task.lateResults = (task.lateResults ?? 0) + 1;
  }
};

const recordJob = (record: JobRecord, event: JobTransition & { readonly at: number }): void => {
  const { from, to, at } = event;
  record.state = to;
  record.reason = event.reason;
  record.error = event.error;
  if (to === 'running' && from !== 'paused') {
    // Retried, it has its time limit anew.
    record.startedAt = at;
    record.endedAt = undefined;
    record.paused = [];
  }
  if (to === 'paused') record.paused.push({ from: at });
  else close(record.paused, at);
  if (isTerminalJobState(to)) record.endedAt = at;
};

const recordTask = (record: JobRecord, event: TaskTransition & { readonly at: number; readonly seq: number }): void => {
  const { from, to, at, seq } = event;
  const task = taskOf(record, event.task);
  task.state = to;
  const attempts = to === 'polling' ? event.attempt - 1 : event.attempt;
  if (event.reason !== undefined || task.reason !== undefined) task.reason = event.reason;
  const isHeld = to === 'paused' && event.error === undefined;
  if (from === 'running' && !isHeld && !SETTLED.has(to)) closeSpan(task, at);
  if (from === 'paused') close(task.paused ?? [], at);
  if (from === 'failed' && to === 'ready') startAnew(task, from, attempts, at);
  // Paused with an error its retries were used up: whoever lets it go on gives it more.
  if (from === 'paused' && to === 'ready' && task.exhausted) task.forgiven = attempts;
  task.attempts = attempts;
  task.exhausted = to === 'paused' && event.error !== undefined;
  if (event.error && !SETTLED.has(to)) {
    task.lastError = event.error;
    task.lastErrorAttempt = event.attempt;
  }
  if (to === 'unscheduled') {
    startAnew(task, from, attempts, at);
    task.startedAt = undefined;
    task.lastStartedAt = undefined;
    task.firstReadyAt = undefined;
    task.output = undefined;
    task.endedSeq = undefined;
  } else if (to === 'ready') {
    task.queuedAt = at;
    task.firstReadyAt ??= at;
    if (task.spans) task.openSpan = { readyAt: at, startedAt: undefined };
  } else if (to === 'running') {
    if (from !== 'paused') {
      task.runningSeq = seq;
      forgetNested(record, event.task);
      if (task.openSpan) task.openSpan.startedAt = at;
      if (task.startedAt === undefined) task.startedAt = at;
      else task.lastStartedAt = at;
    }
  } else if (to === 'paused') {
    task.held = from === 'running' && event.error === undefined ? 'running' : 'ready';
    task.paused ??= [];
    task.paused.push({ from: at });
  } else if (to === 'retrying' || to === 'polling') {
    task.waitFrom = at;
    task.dueAt = event.dueAt;
    if (to === 'polling') task.polls++;
    if (event.reason === INTERRUPTED) {
      task.forgiven++;
      task.interruptions++;
    }
  } else if (SETTLED.has(to)) {
    task.endedAt = at;
    task.endedSeq = seq;
    task.error = event.error;
    if (to === 'completed') task.output = event.output;
  }
};

/** The reason of a `retrying` whose attempt died with its process. */
export const INTERRUPTED = 'interrupted';

const startAnew = (task: TaskRecord, from: TaskState, attempts: number, at: number): void => {
  if (task.attempts > 0 && task.endedAt !== undefined) closeSpan(task, task.endedAt);
  task.forgiven = attempts;
  task.interruptions = 0;
  task.endedAt = undefined;
  if (task.error && from === 'failed') {
    task.lastError = task.error;
    task.lastErrorAttempt = attempts;
  }
  task.error = undefined;
  task.firstReadyAt = at;
  task.paused = [];
};

const taskOf = (record: JobRecord, path: string): TaskRecord => {
  const known = record.tasks.get(path);
  if (known) return known;
  const task: TaskRecord = {
    state: 'unscheduled',
    attempts: 0,
    forgiven: 0,
    interruptions: 0,
    polls: 0,
    held: 'ready',
  };
  record.tasks.set(path, task);
  const around = parentPath(path);
  if (around !== undefined) {
    const inner = record.nested.get(around) ?? new Set();
    inner.add(path);
    record.nested.set(around, inner);
  }
  return task;
};

/** A further attempt of a nested job begins with tasks to which nothing has happened. */
const forgetNested = (record: JobRecord, path: string): void => {
  for (const inner of record.nested.get(path) ?? []) {
    forgetNested(record, inner);
    record.tasks.delete(inner);
  }
  record.nested.delete(path);
};

const close = (stretches: Stretch[], at: number): void => {
  const last = stretches.at(-1);
  if (last && last.to === undefined) last.to = at;
};

/** How much of a stretch was paused, in ms. */
export const pausedWithin = (stretches: readonly Stretch[], from: number, to: number): number => {
  const clipped = stretches
    .map((stretch) => [Math.max(from, stretch.from), Math.min(to, stretch.to ?? to)] as const)
    .filter(([begin, end]) => begin < end)
    .sort(([a], [b]) => a - b);
  let total = 0;
  let reached = from;
  for (const [begin, end] of clipped) {
    total += Math.max(0, end - Math.max(begin, reached));
    reached = Math.max(reached, end);
  }
  return total;
};
