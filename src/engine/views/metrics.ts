import { produce, type WritableDraft } from 'immer';
import { type OperatorFunction, scan } from 'rxjs';
import type { JobEvent, Stamp, TaskState, TaskTransition } from '../../events/event.ts';
import { isTerminalJobState, SETTLED } from '../../events/states.ts';
import { recordStored, StoredTask } from '../model/job-record.ts';
import { runningSince } from '../model/task-record.ts';

/** Counts and sums over all events so far; plain data. */
export type Metrics = {
  /** How many tasks are in each state now; a task is counted from its first event on. */
  readonly tasks: Readonly<Record<TaskState, number>>;
  readonly attempts: number;
  /** Checks of sensors that brought "not yet", which count as no attempt. */
  readonly polls: number;
  /** Attempts after the first of a task. */
  readonly retries: number;
  /** Attempts that ended by their time limit. */
  readonly timeouts: number;
  readonly lateResults: number;
  readonly conflicts: number;
  /** Time that ended attempts took, all together, in ms. */
  readonly runMs: number;
  /** Time from `ready` to `running`, all together, in ms. */
  readonly waitMs: number;
};

/**
 * The metrics after each event, of one job or of many.
 * @param initial States, by path, of tasks counted from the beginning, for the events of one job. Default none.
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

/** The tasks of a job by path: the state of each, and the record of each that has begun and not settled. */
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
 * Counts a transition of a task whose record is still that from before it. `before` is the state that the task was
 * counted in: of a task in a nested job that is tried again, that of the attempt before.
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
