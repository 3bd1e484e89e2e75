import type { ErrorData } from '../../events/error-data.ts';
import type { JobEvent, JobState, JobTransition, Stamp, TaskTransition } from '../../events/event.ts';
import { isTerminalJobState, SETTLED } from '../../events/states.ts';
import {
  initialTaskSnapshot,
  nextTask,
  type TaskCommand,
  type TaskSnapshot,
  taskSnapshot,
} from '../../machines/task.ts';
import { parentPath } from '../durable/task-path.ts';
import {
  closeStretch,
  INTERRUPTED,
  recordProgress,
  recordTransition,
  type Stretch,
  TaskRecord,
} from './task-record.ts';

/** A task's record, rebuilt from events, with the `seq` of the events that settled it and last started it. */
export class StoredTask extends TaskRecord {
  declare endedSeq?: number | undefined;
  declare runningSeq?: number | undefined;
  /** Whom an external task is for, as its last `ready` said. */
  declare owner?: string | undefined;

  constructor() {
    // Allow any number of retries: the events say whether the task was retried, so the machine must not decide again.
    super(initialTaskSnapshot(Number.POSITIVE_INFINITY));
  }
}

/** A job's record, rebuilt from its events: plain data. Keys of `tasks` are paths: `outer/inner`, `name[3]`. */
export type JobRecord = {
  state: JobState;
  startedAt?: number | undefined;
  endedAt?: number | undefined;
  /** When the job started, and each time when it was retried, in epoch ms. */
  readonly begins: number[];
  reason?: string | undefined;
  error?: ErrorData | undefined;
  paused: Stretch[];
  lastSeq: number;
  lastAt: number;
  resumptions: number;
  readonly tasks: Map<string, StoredTask>;
  /** The paths of the tasks directly inside a nested job or fan-out, by the path of the task that runs it. */
  readonly nested: Map<string, Set<string>>;
  /** Tasks added and removed while the job ran, in order. */
  readonly growth: Growth[];
};

/** A task that was added, or removed if `dependsOn` is undefined. `by`: the task that added it. */
export type Growth = {
  readonly task: string;
  readonly dependsOn: readonly string[] | undefined;
  readonly by?: string | undefined;
};

export const emptyRecord = (): JobRecord => ({
  state: 'idle',
  begins: [],
  paused: [],
  lastSeq: -1,
  lastAt: 0,
  resumptions: 0,
  tasks: new Map(),
  nested: new Map(),
  growth: [],
});

/** Updates a record with the next event. Call it with all events, in order. */
export const recordEvent = (record: JobRecord, event: JobEvent): void => {
  record.lastSeq = event.seq;
  record.lastAt = event.at;
  if (event.type === 'task.transition') recordTask(record, event);
  else if (event.type === 'job.transition') recordJob(record, event);
  else if (event.type === 'job.resumed') record.resumptions++;
  else if (event.type === 'task.added')
    record.growth.push({ task: event.task, dependsOn: event.dependsOn, by: event.by });
  else if (event.type === 'task.removed') record.growth.push({ task: event.task, dependsOn: undefined });
  else if (event.type === 'task.progress') {
    const task = record.tasks.get(event.task);
    if (task) recordProgress(task, event);
  } else if (event.type === 'task.lateResult' && !event.earlier) {
    const task = record.tasks.get(event.task);
    if (task) task.lateResults = (task.lateResults ?? 0) + 1;
  }
};

const recordJob = (record: JobRecord, event: JobTransition & Stamp): void => {
  const { from, to, at } = event;
  record.state = to;
  record.reason = event.reason;
  record.error = event.error;
  recordTimes(record, from, to, at);
  if (isBegin(from, to)) {
    record.begins.push(at);
    record.paused = [];
  }
  if (to === 'paused') record.paused.push({ from: at });
  else closeStretch(record.paused, at);
};

/** Whether a transition starts or retries a job; either starts the job's time limit from zero. */
const isBegin = (from: JobState, to: JobState): boolean => to === 'running' && from !== 'paused';

/** Records when a job began and ended, in epoch ms. */
export const recordTimes = (
  job: { startedAt?: number | undefined; endedAt?: number | undefined },
  from: JobState,
  to: JobState,
  at: number,
): void => {
  if (isTerminalJobState(to)) job.endedAt = at;
  if (!isBegin(from, to)) return;
  job.startedAt = at;
  job.endedAt = undefined;
};

const recordTask = (record: JobRecord, event: TaskTransition & Stamp): void => {
  recordStored(taskOf(record, event.task), event);
  // A new attempt of a nested job starts without records of its tasks.
  if (event.to === 'running' && event.from !== 'paused') clearNested(record, event.task);
};

/** Records a transition that was read from a journal or a stream. */
export const recordStored = (task: StoredTask, event: TaskTransition & Stamp): void => {
  const { from, to, seq } = event;
  recordTransition(task, event, snapshotAfter(task, event), event.error);
  if (event.owner !== undefined) task.owner = event.owner;
  if (SETTLED.has(to)) task.endedSeq = seq;
  else if (to === 'unscheduled') task.endedSeq = undefined;
  else if (to === 'running' && from !== 'paused') task.runningSeq = seq;
};

/** Returns the machine's snapshot after a stored transition: sends it the command that caused the transition. */
const snapshotAfter = (task: TaskRecord, event: TaskTransition): TaskSnapshot => {
  const { from, to } = event;
  const attempt = to === 'polling' ? event.attempt - 1 : event.attempt;
  const next = nextTask(task.snapshot, commandOf(event, task.exhausted === true));
  const { context } = next;
  if (next.value === to && context.attempt === attempt) return next;
  // The paused task's attempt died with its process, and such an attempt uses up no retry.
  const died = from === 'paused' && to === 'ready' && task.resumesAs === 'running';
  return taskSnapshot(to, {
    ...context,
    attempt,
    ...(died && { resumesAs: 'ready', attemptsNotCounted: task.attemptsNotCounted + 1 }),
  });
};

const commandOf = ({ from, to, reason = '', error }: TaskTransition, exhausted: boolean): TaskCommand => {
  if (to === 'unscheduled') return { type: 'task.reset' };
  if (to === 'skipped') return { type: 'task.skip', reason };
  if (to === 'cancelled') return { type: 'task.cancel', reason };
  if (to === 'notReady') return { type: 'attempt.notReady', reason };
  if (to === 'polling') return { type: 'attempt.poll' };
  if (to === 'completed') return { type: from === 'unscheduled' ? 'task.reuse' : 'attempt.succeeded' };
  if (to === 'failed') return from === 'running' ? { ...FAILED, final: true } : { type: 'task.expire', error };
  if (to === 'retrying') return reason === INTERRUPTED ? { type: 'attempt.interrupted' } : FAILED;
  if (to === 'paused') return error ? { ...FAILED, pause: true } : { type: 'task.pause' };
  if (from === 'paused') return { type: exhausted ? 'task.retry' : 'task.resume' };
  if (to === 'running') return { type: 'task.run' };
  if (from === 'running') return { type: 'attempt.released' };
  return { type: from === 'failed' ? 'task.retry' : 'task.schedule' };
};

const FAILED = { type: 'attempt.failed', error: undefined } as const;

const taskOf = (record: JobRecord, path: string): StoredTask => {
  const known = record.tasks.get(path);
  if (known) return known;
  const task = new StoredTask();
  record.tasks.set(path, task);
  const parent = parentPath(path);
  if (parent !== undefined) {
    const inner = record.nested.get(parent) ?? new Set();
    inner.add(path);
    record.nested.set(parent, inner);
  }
  return task;
};

const clearNested = (record: JobRecord, path: string): void => {
  for (const inner of record.nested.get(path) ?? []) {
    clearNested(record, inner);
    record.tasks.delete(inner);
  }
  record.nested.delete(path);
};

/**
 * Returns when a task began, for display, in epoch ms. Takes the last start or retry of the job before the task's last
 * attempt, and returns the start of the task's first attempt after it.
 */
export const beganAt = (
  { begins }: JobRecord,
  { startedAt, lastStartedAt, spans = [] }: TaskRecord<unknown>,
): number | undefined => {
  const last = lastStartedAt ?? startedAt;
  if (last === undefined) return undefined;
  const begin = begins.findLast((begin) => begin <= last) ?? Number.NEGATIVE_INFINITY;
  return spans.find((span) => span.startedAt !== undefined && span.startedAt >= begin)?.startedAt ?? last;
};

/** Returns how many ms between `from` and `to` were paused; counts overlapping pauses once. */
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
