import type { JobTable } from '../../../src/wire/job-table.ts';
import { REMOVED, STATE_LETTERS } from '../../../src/wire/letters.ts';
import type { TimeScale } from './time-axis.ts';

type Times = Pick<JobTable, 'startAt' | 'endAt'>;

export type RunningCurve = {
  /** How many ran in each column of pixels, on average. */
  readonly counts: Float32Array;
  /** The highest of them. */
  readonly most: number;
};

/** How many of some tasks ran at a time. `now` is the end of those that run, in ms since the start of the job. */
export const runningCurve = (
  { startAt, endAt }: Times,
  tasks: readonly number[],
  now: number,
  scale: TimeScale,
): RunningCurve => {
  const width = Math.max(1, Math.ceil(scale.width));
  const counts = new Float32Array(width);
  /** What changes from one column to the next, for tasks that run through whole ones. */
  const steps = new Float32Array(width + 1);
  for (const task of tasks) {
    const start = startAt[task] as number;
    if (start < 0) continue;
    const end = endAt[task] as number;
    const from = Math.max(0, scale.x(start));
    const to = Math.min(width, scale.x(end < 0 ? now : end));
    if (to <= from) continue;
    const [first, last] = [Math.floor(from), Math.min(width - 1, Math.floor(to))];
    if (first === last) {
      counts[first] = (counts[first] as number) + to - from;
      continue;
    }
    counts[first] = (counts[first] as number) + first + 1 - from;
    counts[last] = (counts[last] as number) + to - last;
    steps[first + 1] = (steps[first + 1] as number) + 1;
    steps[last] = (steps[last] as number) - 1;
  }
  let through = 0;
  let most = 0;
  for (let x = 0; x < width; x += 1) {
    through += steps[x] as number;
    counts[x] = (counts[x] as number) + through;
    most = Math.max(most, counts[x] as number);
  }
  return { counts, most };
};

/**
 * The tasks that run or have run, and when tasks waited: from when they were ready until they first began. Of what waits
 * between two attempts the columns have the first start alone: it counts as waiting.
 */
export const ranAndWaited = (
  { readyAt, startAt, endAt, state }: JobTable,
  tasks: readonly number[],
): { readonly ran: readonly number[]; readonly waits: Times } => {
  const isBegun = (task: number): boolean =>
    (startAt[task] as number) >= 0 && ((endAt[task] as number) >= 0 || state[task] === STATE_LETTERS.running);
  const until = readyAt.map((_, task) => (isBegun(task) ? startAt[task] : endAt[task]) as number);
  return { ran: tasks.filter(isBegun), waits: { startAt: readyAt, endAt: until } };
};

/** How many of some tasks ran at once at most. */
export const mostAtOnce = ({ startAt, endAt }: Times, tasks: readonly number[]): number => {
  const begun = tasks.filter((task) => (startAt[task] as number) >= 0);
  const starts = Float64Array.from(begun, (task) => startAt[task] as number).sort();
  const ends = Float64Array.from(begun, (task) => endAt[task] as number)
    .map((end) => (end < 0 ? Number.POSITIVE_INFINITY : end))
    .sort();
  let most = 0;
  let over = 0;
  for (const [at, start] of starts.entries()) {
    while ((ends[over] as number) <= start) over += 1;
    most = Math.max(most, at + 1 - over);
  }
  return most;
};

/** All tasks without others inside, within one; of the whole job for -1. */
export const leavesWithin = ({ parent, inside, state }: JobTable, index: number): number[] => {
  const isThere = (task: number): boolean => state[task] !== REMOVED;
  const leaves: number[] = [];
  const todo: number[] = [];
  if (index >= 0) for (const one of (inside.get(index) ?? []).filter(isThere)) todo.push(one);
  else for (const [task, around] of parent.entries()) if (around < 0 && isThere(task)) todo.push(task);
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    const within = (inside.get(at) ?? []).filter(isThere);
    if (within.length === 0) leaves.push(at);
    else for (const one of within) todo.push(one);
  }
  return leaves;
};
