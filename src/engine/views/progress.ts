import { SETTLED } from '../../events/states.ts';
import { estimateOf, medianOf } from '../definition/estimates.ts';
import { pathLengths, sortGraph } from '../definition/graph.ts';
import type { TaskDefinition } from '../definition/plan.ts';
import { pausedWithin } from '../model/job-record.ts';
import type { TaskRecord } from '../model/task-record.ts';
import { type PoolNeed, remainingMs } from './remaining.ts';
import type { Limit, Work } from './work.ts';

/** How far a job is. */
export type JobProgress = {
  /** From 0 to 1, by how long the tasks are thought to take; by their number where nothing is known. */
  readonly fraction: number;
  /** How long the rest is thought to take, in ms; undefined where nothing is known. */
  readonly leftMs: number | undefined;
};

/** How far a job is that is over. */
export const AT_THE_END: JobProgress = Object.freeze({ fraction: 1, leftMs: 0 });

/**
 * Returns how far a job is at `now`, in epoch ms, as if its tasks took as long as they are thought to, and in the order
 * in which they would start. A task of which nothing is known takes the median of the others; if nothing is known of
 * any, the median of those that have completed, once there are three. From 5 % on, the progress that a task reports
 * decides how long it takes. Rate limits do not count.
 */
export const progressOf = (work: Work, now: number): JobProgress => {
  const parts: Part[] = [];
  const measured: number[] = [];
  flatten(work, now, parts, measured);
  const known = parts.flatMap(({ isWork, ms = 0 }) => (isWork && ms > 0 ? [ms] : []));
  const otherMs = medianOf(known) ?? (measured.length < ENOUGH ? undefined : medianOf(measured));
  let total = 0;
  let done = 0;
  const estimates = parts.map((part) => {
    const { ms = otherMs ?? 1, elapsedMs, fraction = 0 } = part;
    const wholeMs =
      elapsedMs !== undefined && fraction >= TOLD ? elapsedMs / fraction : Math.max(ms, (elapsedMs ?? 0) * 1.2);
    if (part.isWork) {
      total += ms;
      if (part.isDone) done += ms;
      else if (otherMs === undefined) done += fraction * ms;
      else if (elapsedMs !== undefined && wholeMs > 0) done += (ms * elapsedMs) / wholeMs;
    }
    return wholeMs - (elapsedMs ?? 0);
  });
  return {
    fraction: total === 0 ? 0 : Math.min(1, done / total),
    leftMs: otherMs === undefined ? undefined : leftOf(parts, estimates, known.length > 0 ? otherMs : undefined),
  };
};

const ENOUGH = 3;
const TOLD = 0.05;

/** A task, or the begin or end of what is inside one. */
type Part = {
  /** Whether it counts for the fraction. */
  readonly isWork: boolean;
  readonly isDone: boolean;
  /** How long it is thought to take; undefined if nothing is known. `orderMs`: the same, by which the job is ordered. */
  readonly ms: number | undefined;
  readonly orderMs: number | undefined;
  readonly elapsedMs?: number | undefined;
  /** How much of it is done, as it reports. */
  readonly fraction?: number | undefined;
  readonly priority: number;
  /** What it takes slots of; none of a task that waits, or that others do the work of. */
  readonly limits: readonly Limit[] | undefined;
  readonly slots: number;
  readonly upstream: number[];
  readonly downstream: number[];
};

/** Where a task begins and ends among the parts. */
type Ends = readonly [first: number, last: number];

/** Adds the tasks of a job and those inside them; collects how long those took that have completed. */
const flatten = (work: Work, now: number, parts: Part[], measured: number[], priority = 0): Ends[] => {
  const begins = measured.length;
  const ends = work.tasks.map((task, index): Ends => {
    const record = work.record(index);
    const own = task.priority ?? priority;
    const inside = work.inside(index);
    if (!inside) return leaf(work, task, index, now, parts, measured, own);
    const isDone = SETTLED.has(record?.state ?? 'unscheduled') || work.isGone(index);
    const first = add(parts, { ...JOINT, isDone: isDone || record?.startedAt !== undefined, priority: own });
    const innerEnds = flatten(inside, now, parts, measured, own);
    const last = add(parts, { ...JOINT, isDone, priority: own });
    for (const [from, to] of innerEnds) {
      if (isDone) parts[to] = { ...(parts[to] as Part), isDone };
      link(parts, first, from);
      link(parts, to, last);
    }
    return [first, last];
  });
  for (const [index, [first]] of ends.entries())
    for (const need of work.graph.upstream[index] ?? []) link(parts, (ends[need] as Ends)[1], first);
  if (work.isFanOut) fillFromSiblings(ends, parts, medianOf(measured.slice(begins)));
  return ends;
};

const JOINT = { isWork: false, ms: 0, orderMs: 0, limits: undefined, slots: 1 } as const;

/** Items of which nothing is known take as long as those that have completed. */
const fillFromSiblings = (ends: readonly Ends[], parts: Part[], ms: number | undefined): void => {
  for (const [first, last] of ms === undefined ? [] : ends)
    if (first === last && parts[first]?.ms === undefined) parts[first] = { ...(parts[first] as Part), ms };
};

const leaf = (
  work: Work,
  task: TaskDefinition,
  index: number,
  now: number,
  parts: Part[],
  measured: number[],
  priority: number,
): Ends => {
  const record = work.record(index);
  const state = record?.state ?? 'unscheduled';
  const waits = task.kind === 'sensor' || task.kind === 'external';
  const isGone = work.isGone(index);
  const isDone = SETTLED.has(state) || (isGone && state !== 'running');
  // What runs only after a failure is not expected to.
  const isUnlikely = state === 'unscheduled' && (task.trigger === 'oneFailed' || task.trigger === 'allFailed');
  const isMap = task.nested !== undefined;
  const whole = isMap ? work.history.get(work.within + task.name) : undefined;
  const ms = isUnlikely ? 0 : (whole ?? estimateOf(task, work.history, work.within, 0));
  const began = waits ? record?.firstReadyAt : (record?.lastStartedAt ?? record?.startedAt);
  if (record && state === 'completed' && record.reason !== 'reused' && began !== undefined && !isMap)
    measured.push(elapsed(record, began, record.endedAt ?? now));
  const runs = state === 'running' || (state === 'paused' && record?.resumesAs === 'running') || (waits && !isDone);
  const at = add(parts, {
    isWork: !isGone || state === 'running' || SETTLED.has(state),
    isDone,
    ms,
    orderMs: isUnlikely ? 0 : (whole ?? estimateOf(task, work.history, work.within)),
    elapsedMs: runs && record && began !== undefined ? elapsed(record, began, now) : undefined,
    fraction: isDone ? undefined : record?.progress?.fraction,
    priority,
    limits: waits || isMap ? undefined : work.limits(task.pool),
    slots: task.slots ?? 1,
  });
  const { dueAt = 0 } = record ?? {};
  if (state === 'retrying' && dueAt > now && Number.isFinite(dueAt))
    link(parts, add(parts, { ...JOINT, ms: dueAt - now, elapsedMs: 0, isDone: false, priority }), at);
  return [at, at];
};

const elapsed = ({ paused = [] }: TaskRecord<unknown>, from: number, to: number): number =>
  Math.max(0, to - from - pausedWithin(paused, from, to));

const add = (parts: Part[], part: Omit<Part, 'upstream' | 'downstream'>): number =>
  parts.push({ ...part, upstream: [], downstream: [] }) - 1;

const link = (parts: readonly Part[], from: number, to: number): void => {
  parts[from]?.downstream.push(to);
  parts[to]?.upstream.push(from);
};

/** `otherMs`: what a task counts of which nothing is known; undefined if the job is ordered by the number of tasks. */
const leftOf = (parts: readonly Part[], estimates: readonly number[], otherMs: number | undefined): number => {
  const graph = {
    upstream: parts.map(({ upstream }) => upstream),
    downstream: parts.map(({ downstream }) => downstream),
  };
  const weights = parts.map(({ isWork, orderMs = otherMs }) => (isWork && otherMs === undefined ? 1 : (orderMs ?? 0)));
  const lengths = pathLengths(graph, sortGraph(graph).order, weights);
  const order = [...parts.keys()].sort(
    (a, b) =>
      (parts[b] as Part).priority - (parts[a] as Part).priority ||
      (lengths[b] as number) - (lengths[a] as number) ||
      a - b,
  );
  const ranks = new Uint32Array(parts.length);
  for (const [rank, at] of order.entries()) ranks[at] = rank;
  const pools: Record<string, number> = {};
  const names = new Map<Limit, string>();
  const poolOf = (limit: Limit): string => {
    const known = names.get(limit) ?? String(names.size);
    names.set(limit, known);
    pools[known] = limit.room;
    return known;
  };
  const needs = parts.map(({ limits, slots }) =>
    limits
      ? limits.map(
          (limit): PoolNeed => ({
            pool: poolOf(limit),
            slots: limit.kind === 'pool' ? Math.min(slots, limit.room) : 1,
          }),
        )
      : 'free',
  );
  return remainingMs({
    downstream: graph.downstream,
    ranks,
    estimates,
    states: parts.map(({ isDone, elapsedMs }) => (isDone ? 'done' : elapsedMs === undefined ? undefined : 0)),
    maxConcurrency: Number.POSITIVE_INFINITY,
    pools,
    needs: (at) => needs[at],
  });
};
