import { UnknownTaskError } from './errors.ts';
import { type Graph, pathLengths } from './graph.ts';
import type { JobOptions, TaskOptions } from './options.ts';
import { didYouMean } from './suggest.ts';
import type { TaskFunction } from './task-function.ts';

/** One task of a sealed definition. */
export type TaskDefinition = Omit<TaskOptions, 'dependsOn'> & {
  readonly name: string;
  /** Each once, in the order they were named. */
  readonly dependsOn: readonly string[];
  readonly run: TaskFunction;
};

/** What a job needs to know of its definition; shared by all its jobs and never changed. */
export type Plan = {
  readonly name: string;
  readonly tasks: readonly TaskDefinition[];
  readonly options: JobOptions;
  readonly graph: Graph;
  /** How many upstreams each task has. */
  readonly upstreamCounts: readonly number[];
  /** Tasks without upstreams, in declaration order. */
  readonly roots: readonly number[];
  /** Topological order. */
  readonly order: readonly number[];
  /** Where each task stands in the topological order. */
  readonly positions: Uint32Array;
  /** The order among tasks that are ready: priority, then longer chain, then declaration. */
  readonly ranked: readonly number[];
  /** Where each task stands in that order. */
  readonly ranks: Uint32Array;
  /** For each task how many tasks the longest chain from it to an end holds. */
  readonly lengths: Uint32Array;
};

export const createPlan = (
  name: string,
  tasks: readonly TaskDefinition[],
  options: JobOptions,
  graph: Graph,
  order: readonly number[],
): Plan => {
  const lengths = pathLengths(graph, order);
  const priority = (index: number): number => tasks[index]?.priority ?? 0;
  const length = (index: number): number => lengths[index] ?? 0;
  const ranked = [...tasks.keys()].sort((a, b) => priority(b) - priority(a) || length(b) - length(a) || a - b);
  const upstreamCounts = graph.upstream.map((upstream) => upstream.length);
  const roots = [...tasks.keys()].filter((index) => upstreamCounts[index] === 0);
  const positions = inverse(order);
  return {
    name,
    tasks,
    options,
    graph,
    upstreamCounts,
    roots,
    order,
    positions,
    ranked,
    ranks: inverse(ranked),
    lengths,
  };
};

const inverse = (order: readonly number[]): Uint32Array => {
  const positions = new Uint32Array(order.length);
  for (const [position, index] of order.entries()) positions[index] = position;
  return positions;
};

/** Where a task stands in declaration order. @throws UnknownTaskError */
export const indexIn = ({ name, graph }: Plan, task: string): number => {
  const index = graph.indexOf.get(task);
  if (index === undefined) throw new UnknownTaskError(name, task, didYouMean(task, graph.names));
  return index;
};
