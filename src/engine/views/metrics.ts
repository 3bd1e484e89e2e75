import { produce, type WritableDraft } from 'immer';
import { type OperatorFunction, scan } from 'rxjs';
import type { JobEvent, Stamp, TaskState, TaskTransition } from '../../events/event.ts';
import { isTerminalJobState, SETTLED } from '../../events/states.ts';
import { recordStored, StoredTask } from '../model/job-record.ts';
import { runningSince } from '../model/task-record.ts';

/** Counts and sums over all events so far; plain data. */
export type Metrics = {
  /** Number of tasks in each state. A task is counted from its first event on. */
  readonly tasks: Readonly<Record<TaskState, number>>;
  readonly attempts: number;
  /** Sensor checks that returned "not yet"; not counted as attempts. */
  readonly polls: number;
  /** Attempts after a task's first one. */
  readonly retries: number;
  /** Attempts that exceeded the task's `timeout`. */
  readonly timeouts: number;
  readonly lateResults: number;
  readonly conflicts: number;
  /** Total time of ended attempts and checks, in ms. */
  readonly runMs: number;
  /** Total time from `ready` to `running`, in ms. */
  readonly waitMs: number;
};

/**
 * Emits the metrics after each event, for one job or many.
 * @param initial States of tasks by path, to count tasks of a single job before their first event. Default: no tasks.
 */
export const metrics =
  (initial: Readonly<Record<string, TaskState>> = {}): OperatorFunction<JobEvent, Metrics> =>
  (events$) => {
    const jobs = new Map<string, KnownTasks>();
    let states = new Map(Object.entries(initial));
    const tasksOf = ({ jobId }: Stamp): KnownTasks => {
      const known = jobs.get(jobId) ?? { states, records: new Map() };
      states = new Map();
      jobs.set(jobId, known);
      return known;
    };
    const next = produce((counts: WritableDraft<Metrics>, event: JobEvent) => {
      if (event.type === 'job.transition' && isTerminalJobState(event.to)) jobs.delete(event.jobId);
      else count(counts, event, tasksOf(event));
    });
    return events$.pipe(scan(next, { ...NONE, tasks: countStates(initial) } as Metrics));
  };

/** The tasks of a job by path: `states` of all, `records` of those that have begun but not settled. */
type KnownTasks = { readonly states: Map<string, TaskState>; readonly records: Map<string, StoredTask> };

const count = (counts: WritableDraft<Metrics>, event: JobEvent, { states, records }: KnownTasks): void => {
  if (event.type === 'task.lateResult') counts.lateResults++;
  else if (event.type === 'context.conflict') counts.conflicts++;
  else if (event.type === 'task.transition') {
    const { task, to } = event;
    const record = records.get(task) ?? new StoredTask();
    countTransition(counts, event, states.get(task) ?? event.from, record);
    recordStored(record, event);
    states.set(task, to);
    if (SETTLED.has(to) || to === 'unscheduled') records.delete(task);
    else records.set(task, record);
  } else if (event.type === 'task.added') {
    counts.tasks.unscheduled++;
    states.set(event.task, 'unscheduled');
  } else if (event.type === 'task.removed') {
    const state = states.get(event.task);
    if (state) counts.tasks[state]--;
    states.delete(event.task);
  }
};

/**
 * Counts a transition that `record` does not contain yet. `before` is the state in which the task was counted. In a
 * retried nested job, it is the state from the previous attempt of the nested job, not the event's `from`.
 */
const countTransition = (
  counts: WritableDraft<Metrics>,
  { from, to, attempt, reason, at }: TaskTransition & Stamp,
  before: TaskState,
  record: StoredTask,
): void => {
  counts.tasks[before] = Math.max(0, counts.tasks[before] - 1);
  counts.tasks[to]++;
  if (from === 'running') {
    counts.runMs += Math.max(0, at - (runningSince(record) ?? at));
    if (reason === 'timeout') counts.timeouts++;
  }
  if (from === 'ready' && to === 'running') {
    counts.attempts++;
    if (attempt > 1) counts.retries++;
    counts.waitMs += Math.max(0, at - (record.queuedAt ?? at));
  }
  if (to === 'polling') {
    counts.attempts--;
    counts.polls++;
  }
};

export const countStates = (states: Readonly<Record<string, TaskState>>): Metrics['tasks'] => {
  const counts: Record<TaskState, number> = { ...NO_TASKS };
  for (const state of Object.values(states)) counts[state]++;
  return counts;
};

const NO_TASKS: Readonly<Record<TaskState, number>> = {
  unscheduled: 0,
  ready: 0,
  running: 0,
  retrying: 0,
  polling: 0,
  paused: 0,
  completed: 0,
  failed: 0,
  notReady: 0,
  skipped: 0,
  cancelled: 0,
};

const NONE: Metrics = {
  tasks: NO_TASKS,
  attempts: 0,
  polls: 0,
  retries: 0,
  timeouts: 0,
  lateResults: 0,
  conflicts: 0,
  runMs: 0,
  waitMs: 0,
};
