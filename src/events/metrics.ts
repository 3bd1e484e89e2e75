import { type Observable, type OperatorFunction, scan } from 'rxjs';
import type { JobEvent, TaskState } from './event.ts';

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

/** The metrics after each event, of one job's events or of many jobs'. */
export const metrics = (): OperatorFunction<JobEvent, Metrics> => (events$: Observable<JobEvent>) => {
  /** Since when each task under way has been in its state. */
  const since = new Map<string, number>();
  return events$.pipe(scan((metrics, event) => next(metrics, event, since), NONE));
};

const next = (metrics: Metrics, event: JobEvent, since: Map<string, number>): Metrics => {
  if (event.type === 'task.lateResult') return { ...metrics, lateResults: metrics.lateResults + 1 };
  if (event.type === 'context.conflict') return { ...metrics, conflicts: metrics.conflicts + 1 };
  if (event.type !== 'task.transition') return metrics;
  const { from, to, attempt, reason, at } = event;
  const task = JSON.stringify([event.jobId, event.task]);
  const spentMs = Math.max(0, at - (since.get(task) ?? at));
  if (to === 'ready' || to === 'running') since.set(task, at);
  else since.delete(task);
  const begins = to === 'running' && from === 'ready';
  return {
    ...metrics,
    tasks: { ...metrics.tasks, [from]: Math.max(0, metrics.tasks[from] - 1), [to]: metrics.tasks[to] + 1 },
    attempts: metrics.attempts + (begins ? 1 : 0) - (to === 'polling' ? 1 : 0),
    polls: metrics.polls + (to === 'polling' ? 1 : 0),
    retries: metrics.retries + (begins && attempt > 1 ? 1 : 0),
    timeouts: metrics.timeouts + (from === 'running' && reason === 'timeout' ? 1 : 0),
    runMs: metrics.runMs + (from === 'running' ? spentMs : 0),
    waitMs: metrics.waitMs + (begins ? spentMs : 0),
  };
};

/** A count for each state of a task. */
export const NO_TASKS: Readonly<Record<TaskState, number>> = {
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
