import { buildGraph, type Graph, sortGraph } from '../../engine/definition/graph.ts';
import { parentPath } from '../../engine/durable/task-path.ts';
import type { JobRecord } from '../../engine/model/job-record.ts';
import type { JobEvent, TaskState } from '../../events/event.ts';
import { SETTLED } from '../../events/states.ts';
import { activeTasks, childCountsOf, type LivePlan, type LiveState, type LiveTask } from './state.ts';

export type LiveEstimate = {
  /** Handles an event. Needed to estimate tasks that are added while the job runs. */
  readonly record: (event: JobEvent) => void;
  /** Returns the estimated time left, in ms; `undefined` while too little is known. */
  readonly leftMs: (nowMs: number, states: States) => number | undefined;
};

type States = Readonly<Record<string, TaskState>>;

/**
 * Estimates how long a job will take from how long its tasks took, once three have completed and 2 s have passed.
 *
 * - A task needs the mean time of the completed tasks minus its own time so far, but at least a fifth of its own time.
 *   From 5 % progress on, its progress decides instead.
 * - The time left is the longest path through the tasks that have not ended or, if longer, the sum of their times
 *   divided by `workers`. Default of `workers`: the most tasks that were seen to run at once.
 * - The estimate is made once a second and counts down in between. The time shown moves a fifth of the way towards each
 *   new estimate, so that one surprising task does not make the time jump.
 */
export const createLiveEstimate = (plan: LivePlan, state: LiveState, workers?: number): LiveEstimate => {
  const tasks = plan.names.map((name) => ({ name, dependsOn: plan.upstream(name) }));
  let sorted: SortedGraph | undefined;
  let most = 1;
  let estimatedAt = Number.NEGATIVE_INFINITY;
  let endsAt: number | undefined;

  return {
    record: (event) => {
      if (event.type !== 'task.added' || parentPath(event.task) !== undefined) return;
      tasks.push({ name: event.task, dependsOn: event.dependsOn });
      sorted = undefined;
    },
    leftMs: (nowMs, states) => {
      if (workers === undefined) most = Math.max(most, activeTasks(state).working.size);
      const isDue = nowMs - estimatedAt >= ESTIMATE_EVERY_MS;
      const meanMs = isDue && nowMs - (state.record.begins[0] ?? nowMs) >= 2000 ? meanOf(tasks, state) : undefined;
      if (meanMs !== undefined) {
        estimatedAt = nowMs;
        sorted ??= sortedGraph(tasks);
        const needs = sorted.names.map((name) => needOf(name, meanMs, states[name], state, nowMs));
        const expected = nowMs + restOf(sorted, needs, workers ?? most);
        endsAt = endsAt === undefined ? expected : endsAt + (expected - endsAt) * STEP;
      }
      return endsAt === undefined ? undefined : Math.max(0, endsAt - nowMs);
    },
  };
};

const ESTIMATE_EVERY_MS = 1000;
const STEP = 0.2;

/** Returns the mean duration of the completed top-level tasks, in ms; `undefined` if there are fewer than three. */
const meanOf = (tasks: readonly { readonly name: string }[], { record }: LiveState): number | undefined => {
  let count = 0;
  let totalMs = 0;
  for (const { name } of tasks) {
    const { state, startedAt, endedAt } = record.tasks.get(name) ?? {};
    if (state !== 'completed' || startedAt === undefined || endedAt === undefined) continue;
    count++;
    totalMs += Math.max(0, endedAt - startedAt);
  }
  return count < 3 ? undefined : totalMs / count;
};

export type SortedGraph = Pick<Graph, 'names' | 'upstream'> & { readonly order: readonly number[] };

const sortedGraph = (tasks: readonly { readonly name: string; readonly dependsOn: readonly string[] }[]) => {
  const graph = buildGraph(tasks);
  return { ...graph, order: sortGraph(graph).order };
};

/** Returns the longest path through `needs` or, if that is longer, the sum of `needs` divided by `workers`. In ms. */
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

/** Returns how much longer a task is expected to take, in ms. */
const needOf = (
  name: string,
  meanMs: number,
  taskState: TaskState | undefined,
  { live, record }: LiveState,
  nowMs: number,
): number => {
  if (taskState === undefined || SETTLED.has(taskState)) return 0;
  const task = live.get(name);
  if (!task || taskState === 'ready') return meanMs;
  const elapsedMs = nowMs - task.since;
  const fraction = fractionOf(task, record);
  if (fraction !== undefined && fraction >= 0.05) return (elapsedMs * (1 - fraction)) / fraction;
  return Math.max(meanMs - elapsedMs, elapsedMs / 5);
};

/** Returns how much of a task is done, 0 to 1: its reported progress, else the share of its instances that ended. */
const fractionOf = ({ fraction, path }: LiveTask, record: JobRecord): number | undefined => {
  if (fraction !== undefined) return fraction;
  const { heard, ended } = childCountsOf(record, path);
  return heard > 1 ? ended / heard : undefined;
};
