import { buildGraph, type Graph, sortGraph } from '../../engine/definition/graph.ts';
import type { JobEvent, TaskState } from '../../events/event.ts';
import type { LivePlan, LiveState, LiveTask } from './state.ts';

export type LiveEstimate = {
  /** Hears of tasks that are added while the job runs. */
  readonly record: (event: JobEvent) => void;
  /** How long the job will take from now on, in ms, or `undefined` while there is too little to go on. */
  readonly leftMs: (nowMs: number) => number | undefined;
};

/**
 * Estimates the rest of a job, from what its tasks have taken so far:
 *
 * - A task that has not started is expected to take as long as those of this run that completed took on average. One
 *   that runs needs what is missing to that average, or by what it says of its progress; one that has taken longer than
 *   the average is expected to need another fifth of its time.
 * - The rest is the longest path through what has not ended (nothing can be faster than that), or all that work divided
 *   among the workers, whichever is longer. Without `workers`, as many are assumed as were ever seen to run at once.
 * - It is worked out anew once a second, in one pass over the graph, and what is shown moves a fifth of the way towards
 *   it: one surprising task does not make it jump. In between it counts down.
 * - It says nothing before three tasks have completed and two seconds have passed.
 */
export const createLiveEstimate = (plan: LivePlan, state: LiveState, workers?: number): LiveEstimate => {
  const tasks = plan.names.map((name) => ({ name, dependsOn: plan.upstream(name) }));
  let sorted: SortedGraph | undefined;
  let most = 1;
  let estimatedAt = Number.NEGATIVE_INFINITY;
  let endsAt: number | undefined;

  return {
    record: (event) => {
      if (event.type !== 'task.added' || !state.tasks.has(event.task)) return;
      tasks.push({ name: event.task, dependsOn: event.dependsOn });
      sorted = undefined;
    },
    leftMs: (nowMs) => {
      most = Math.max(most, state.working);
      if (nowMs - estimatedAt >= ESTIMATE_EVERY_MS && isEnough(state, nowMs)) {
        estimatedAt = nowMs;
        sorted ??= sortedGraph(tasks);
        const needs = sorted.names.map((name) => needOf(name, state, nowMs));
        const expected = nowMs + restOf(sorted, needs, workers ?? most);
        endsAt = endsAt === undefined ? expected : endsAt + (expected - endsAt) * STEP;
      }
      return endsAt === undefined ? undefined : Math.max(0, endsAt - nowMs);
    },
  };
};

const ESTIMATE_EVERY_MS = 1000;

const STEP = 0.2;

const isEnough = ({ completed, jobStartedAt }: LiveState, nowMs: number): boolean =>
  completed.count >= 3 && jobStartedAt !== undefined && nowMs - jobStartedAt >= 2000;

/** A graph with its tasks in topological order. */
export type SortedGraph = Pick<Graph, 'names' | 'upstream'> & { readonly order: readonly number[] };

const sortedGraph = (tasks: readonly { readonly name: string; readonly dependsOn: readonly string[] }[]) => {
  const graph = buildGraph(tasks);
  return { ...graph, order: sortGraph(graph).order };
};

/** The longest path through what each task still needs, or all of it shared among the workers, if that is longer. */
export const restOf = ({ upstream, order }: SortedGraph, needs: readonly number[], workers: number): number => {
  const ends = new Float64Array(needs.length);
  let longest = 0;
  let work = 0;
  for (const index of order) {
    let start = 0;
    for (const before of upstream[index] ?? []) start = Math.max(start, ends[before] ?? 0);
    const need = needs[index] ?? 0;
    ends[index] = start + need;
    work += need;
    longest = Math.max(longest, start + need);
  }
  return Math.max(longest, work / workers);
};

/** What a task of the file is expected to need yet, in ms. */
const needOf = (name: string, { tasks, live, completed }: LiveState, nowMs: number): number => {
  if (!UNENDED.has(tasks.get(name))) return 0;
  const meanMs = completed.totalMs / completed.count;
  const task = live.get(name);
  if (!task || task.state === 'ready') return meanMs;
  const elapsedMs = nowMs - task.startedAt;
  const fraction = fractionOf(task);
  if (fraction !== undefined && fraction >= 0.05) return (elapsedMs * (1 - fraction)) / fraction;
  return Math.max(meanMs - elapsedMs, elapsedMs / 5);
};

const UNENDED: ReadonlySet<TaskState | undefined> = new Set([
  'unscheduled',
  'ready',
  'running',
  'retrying',
  'polling',
  'paused',
]);

/** How much of a task is done: as it says itself, or by its instances, which all become ready at once. */
const fractionOf = ({ fraction, inner }: LiveTask): number | undefined =>
  fraction ?? (inner.heard > 1 ? inner.ended / inner.heard : undefined);
