import type { TimedTask } from './real-workflows.ts';

/** `estimate`: how long the task is thought to take, in ms. */
export type EstimatedTask = TimedTask & { readonly estimate?: number | undefined; readonly priority?: number };

/**
 * Returns when each task starts, in ms: of the tasks whose upstreams have ended, that with the highest priority first,
 * then that with the longest path of estimates, then that declared first. Tasks end one by one; of those that end at the
 * same time, the one that started first. Slow and obvious, to compare the engine with.
 */
export const listSchedule = (tasks: readonly EstimatedTask[], workers: number): readonly number[] => {
  const downstreams = downstreamsOf(tasks);
  const paths = longestPaths(tasks, downstreams);
  const byRank = (a: number, b: number): number =>
    (tasks[b]?.priority ?? 0) - (tasks[a]?.priority ?? 0) || (paths[b] as number) - (paths[a] as number) || a - b;
  const missing = tasks.map(({ upstreams }) => upstreams.length);
  const ready = [...tasks.keys()].filter((at) => missing[at] === 0);
  const starts: number[] = [];
  const running: { readonly task: number; readonly end: number }[] = [];
  let now = 0;
  for (;;) {
    ready.sort(byRank);
    for (const at of ready.splice(0, workers - running.length)) {
      starts[at] = now;
      running.push({ task: at, end: now + (tasks[at]?.ms ?? 0) });
    }
    const [first] = [...running].sort((a, b) => a.end - b.end);
    if (!first) return starts;
    running.splice(running.indexOf(first), 1);
    now = first.end;
    for (const next of downstreams[first.task] ?? []) {
      missing[next] = (missing[next] ?? 0) - 1;
      if (missing[next] === 0) ready.push(next);
    }
  }
};

const downstreamsOf = (tasks: readonly TimedTask[]): readonly (readonly number[])[] => {
  const downstreams: number[][] = tasks.map(() => []);
  for (const [at, { upstreams }] of tasks.entries()) for (const upstream of upstreams) downstreams[upstream]?.push(at);
  return downstreams;
};

/** Returns the longest path of estimates that begins with each task; without any estimate, of tasks. */
const longestPaths = (
  tasks: readonly EstimatedTask[],
  downstreams: readonly (readonly number[])[],
): readonly number[] => {
  const known = tasks.flatMap(({ estimate }) => (estimate ? [estimate] : [])).sort((a, b) => a - b);
  const half = known.length / 2;
  const median = known.length % 2 === 1 ? known[half - 0.5] : ((known[half - 1] ?? 0) + (known[half] ?? 0)) / 2;
  const paths: number[] = [];
  const pathFrom = (at: number): number => {
    const own = known.length === 0 ? 1 : (tasks[at]?.estimate ?? median ?? 0);
    paths[at] ??= own + Math.max(0, ...(downstreams[at] ?? []).map(pathFrom));
    return paths[at];
  };
  for (const at of tasks.keys()) pathFrom(at);
  return paths;
};
