import { SETTLED } from '../../events/states.ts';
import { estimateOf, medianOf } from '../definition/estimates.ts';
import { criticalPath, type Edges, pathLengths, sortGraph } from '../definition/graph.ts';
import { durationOf, type JobRun } from '../model/run.ts';
import { type Work, workOf } from './work.ts';

/** The longest path through tasks, by number, and how much longer each task could be without a longer path. */
export type CriticalPath = { readonly path: readonly number[]; readonly slack: (index: number) => number };

/**
 * Returns the critical path: the longest by the sum of the weights of its tasks. If several are equally long, the task
 * that comes first wins at each step.
 */
export const criticalPathOf = ({ upstream, downstream }: Edges, weights: ArrayLike<number>): CriticalPath => {
  const graph = { upstream, downstream };
  const { order } = sortGraph(graph);
  const after = pathLengths(graph, order, weights);
  const before = pathLengths({ upstream: downstream, downstream: upstream }, [...order].reverse(), weights);
  const longest = Array.from(after).reduce((most, length) => Math.max(most, length), 0);
  return {
    path: criticalPath(graph, after),
    slack: (index) => longest - (before[index] ?? 0) - (after[index] ?? 0) + (weights[index] ?? 0),
  };
};

/**
 * Returns how long the tasks of a job take, in ms: what is over as it was measured, what runs as long as it has run or as
 * it is thought to, if that is longer, and the rest as it is thought to. Undefined where nothing is known.
 */
export const weightsOf = (work: Work, now: number): readonly number[] | undefined => {
  const { tasks, history, within } = work;
  const known = tasks.map((task) => estimateOf(task, history, within, 0));
  const took = tasks.map((_, index) => durationOf(work.record(index), () => now));
  const isOver = tasks.map((_, index) => SETTLED.has(work.record(index)?.state ?? 'unscheduled') || work.isGone(index));
  const measured = took.filter((ms, index): ms is number => ms !== undefined && isOver[index] === true);
  const otherMs = medianOf(known.filter((ms): ms is number => ms !== undefined && ms > 0)) ?? medianOf(measured);
  if (otherMs === undefined) return undefined;
  return tasks.map((_, index) =>
    isOver[index] ? (took[index] ?? 0) : Math.max(took[index] ?? 0, known[index] ?? otherMs),
  );
};

/** The critical path of a job. `slackMs`: undefined where nothing is known of how long tasks take. */
export type RunPath = {
  readonly has: (index: number) => boolean;
  readonly slackMs: ((index: number) => number) | undefined;
};

/** Returns the names of the tasks on the critical path of a job, in its order; none where no task is known to take time. */
export const criticalTasksOf = (run: JobRun): readonly string[] => {
  const work = workOf(run);
  const weights = weightsOf(work, run.endedAt ?? run.clock.now());
  if (!weights?.some((ms) => ms > 0)) return [];
  const { path } = criticalPathOf(work.graph, weights);
  return path.flatMap((index) => (work.isGone(index) ? [] : (work.tasks[index]?.name ?? [])));
};

/** Returns the critical path of a job that runs or ran here: by the number of tasks where nothing is known. */
export const criticalPathOfRun = (run: JobRun): RunPath => {
  const work = workOf(run);
  const weights = weightsOf(work, run.endedAt ?? run.clock.now());
  const { path, slack } = criticalPathOf(
    work.graph,
    weights ?? work.tasks.map((_, index) => (work.isGone(index) ? 0 : 1)),
  );
  const tasks = new Set(path);
  return { has: (index) => tasks.has(index), slackMs: weights && slack };
};
