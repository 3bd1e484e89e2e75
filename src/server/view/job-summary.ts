import { parentPaths, withoutNumbers } from '../../engine/durable/task-path.ts';
import { INTERRUPTED } from '../../engine/model/task-record.ts';
import type { JobEvent, Stamp, TaskTransition } from '../../events/event.ts';

/** What the metrics of a definition need to know of one job; of a size that does not grow with its tasks. */
export type JobSummary = {
  attempts: number;
  /** Attempts after a task's first one. */
  retries: number;
  timeouts: number;
  /** Attempts that failed, and tasks that failed without one. */
  failures: number;
  /** How many times a task waited so long for its attempt: from `ready` to `running`, in ms, rounded by `roundedMs`. */
  readonly waits: Map<number, number>;
  /** By name, the first tasks that failed, at most `MAX_FAILING`; instances of a fan-out are one: `resize[]`. */
  readonly failing: Map<string, Failing>;
  /** Paths of nested jobs and fan-outs in which a task failed since they began. */
  readonly failedInside: Set<string>;
};

export type Failing = { failures: number; failed: number; code: string | undefined };

/** How many failing tasks of a job are told apart. */
const MAX_FAILING = 200;

export const emptySummary = (): JobSummary => ({
  attempts: 0,
  retries: 0,
  timeouts: 0,
  failures: 0,
  waits: new Map(),
  failing: new Map(),
  failedInside: new Set(),
});

/** Updates a summary with the next event of its job. Counts as `metrics()` does. */
export const summarise = (summary: JobSummary, event: JobEvent): void => {
  if (event.type !== 'task.transition') return;
  const { task, from, to, attempt, reason, at, readyAt } = event;
  if (from === 'ready' && to === 'running') {
    summary.attempts++;
    if (attempt > 1) summary.retries++;
    summary.failedInside.delete(task);
    // Events of older versions do not have it.
    const ms = readyAt === undefined ? undefined : roundedMs(Math.max(0, at - readyAt));
    if (ms !== undefined) summary.waits.set(ms, (summary.waits.get(ms) ?? 0) + 1);
  }
  // A check that returned "not yet" is no attempt.
  if (to === 'polling') summary.attempts--;
  if (from === 'running' && reason === 'timeout') summary.timeouts++;
  if (isFailure(event)) countFailure(summary, event);
};

/** Whether an attempt failed, or the task without one. A task that can't run because of another one has not failed. */
const isFailure = ({ from, to, reason, error }: TaskTransition): boolean =>
  to === 'failed'
    ? reason !== 'upstreamFailed'
    : from === 'running' && (to === 'retrying' || to === 'paused') && error !== undefined && reason !== INTERRUPTED;

const countFailure = (summary: JobSummary, event: TaskTransition & Stamp): void => {
  const { task, to, reason, error, tolerated } = event;
  // What failed is the task inside, unless the time of the outer one was up.
  const isOfInside = summary.failedInside.delete(task) && reason !== 'timeout' && reason !== 'deadline';
  if (to === 'failed' && !tolerated) for (const path of parentPaths(task)) summary.failedInside.add(path);
  if (isOfInside) return;
  summary.failures++;
  const name = withoutNumbers(task);
  if (!summary.failing.has(name) && summary.failing.size >= MAX_FAILING) return;
  const failing = summary.failing.get(name) ?? { failures: 0, failed: 0, code: undefined };
  failing.failures++;
  if (to === 'failed') failing.failed++;
  failing.code = error?.code ?? failing.code;
  summary.failing.set(name, failing);
};

/** Up to 64 ms a whole number; beyond that to 32 steps between a power of two and the next, so at most 1.6 % off. */
export const roundedMs = (ms: number): number => {
  if (ms < 64) return Math.round(ms);
  const step = 2 ** (Math.floor(Math.log2(ms)) - 5);
  return Math.round(ms / step) * step;
};
