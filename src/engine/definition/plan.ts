import { UnknownTaskError } from '../errors/errors.ts';
import { didYouMean } from '../errors/suggest.ts';
import { type Graph, pathLengths } from './graph.ts';
import type { DefinitionOptions, ExternalPace, SensorPace, TaskKind, TaskOptions } from './options.ts';
import type { Sealed } from './sealed.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { TaskFunction } from './task-function.ts';
import type { ItemScope, MapOptions, NestedJobOptions } from './task-spec.ts';

/** One task of a sealed definition. */
export type TaskDefinition = Omit<TaskOptions, 'dependsOn' | 'output'> & {
  readonly name: string;
  /** What it does; absent where it runs a function. */
  readonly kind?: Exclude<TaskKind, 'task'> | undefined;
  /** Each once, in the order they were named. */
  readonly dependsOn: readonly string[];
  /** Performs an attempt: the function of a task, the check of a sensor, the function of each item of a fan-out. */
  readonly run: TaskFunction;
  readonly output?: StandardSchema | undefined;
  readonly sensor?: SensorPace | undefined;
  readonly external?: ExternalPace | undefined;
  /** What runs a job of its own instead of a function; it takes no slot. */
  readonly nested?: NestedJob | FanOut | undefined;
  /** Of a task that was added by another as the job ran: that. */
  readonly addedBy?: string | undefined;
  /** Of a fan-out's instance: its item. */
  readonly instance?: ItemScope | undefined;
};

export type NestedJob = NestedJobOptions & { readonly definition: Sealed };

export type FanOut = MapOptions & { readonly definition?: undefined };

/** What a job needs to know of its definition; shared by all its jobs and never changed. */
export type Plan = {
  readonly name: string;
  readonly tasks: readonly TaskDefinition[];
  readonly options: DefinitionOptions;
  readonly graph: Graph;
  /** How many upstreams each task has. */
  readonly upstreamCounts: readonly number[];
  /** Tasks without upstreams, in declaration order. */
  readonly roots: readonly number[];
  /** Tasks that run on every way out, in topological order. */
  readonly cleanUps: readonly number[];
  /** Whether any task takes slots of a pool, or runs a job whose tasks may. */
  readonly pooled: boolean;
  /** Topological order. */
  readonly order: readonly number[];
  /** Where each task stands in the topological order. */
  readonly positions: ArrayLike<number>;
  /** Where each task stands in the order among tasks that are ready: priority, then longer chain, then declaration. */
  readonly ranks: ArrayLike<number>;
  /** For each task how many tasks the longest chain from it to an end holds. */
  readonly lengths: ArrayLike<number>;
  /** Whether it is a running job's own, to which tasks have been added: those have no rank. */
  readonly grown: boolean;
  /** Of a grown one: that of the definition. */
  readonly sealed?: Plan | undefined;
};

export const createPlan = (
  name: string,
  tasks: readonly TaskDefinition[],
  options: DefinitionOptions,
  graph: Graph,
  order: readonly number[],
): Plan => {
  const lengths = pathLengths(graph, order);
  const priority = (index: number): number => tasks[index]?.priority ?? 0;
  const length = (index: number): number => lengths[index] ?? 0;
  const ranked = [...tasks.keys()].sort((a, b) => priority(b) - priority(a) || length(b) - length(a) || a - b);
  const upstreamCounts = graph.upstream.map((upstream) => upstream.length);
  const roots = [...tasks.keys()].filter((index) => upstreamCounts[index] === 0);
  const cleanUps = order.filter((index) => tasks[index]?.trigger === 'always');
  const positions = inverse(order);
  return {
    name,
    tasks,
    options,
    graph,
    upstreamCounts,
    roots,
    cleanUps,
    pooled: tasks.some(({ pool, nested }) => pool !== undefined || nested !== undefined),
    order,
    positions,
    ranks: inverse(ranked),
    lengths,
    grown: false,
  };
};

/** Which of two tasks goes first: priority, then the longer chain, then declaration. */
export const comparePlaces = ({ tasks, lengths }: Plan, a: number, b: number): number =>
  (tasks[b]?.priority ?? 0) - (tasks[a]?.priority ?? 0) || (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b;

/** Sorts tasks by which goes first when all are ready. */
export const sortByPlace = (plan: Plan, sequential: boolean | undefined, indexes: number[]): number[] => {
  if (indexes.length < 2) return indexes;
  const { positions, ranks, grown } = plan;
  if (grown && !sequential) return indexes.sort((a, b) => comparePlaces(plan, a, b));
  const places = sequential ? positions : ranks;
  return indexes.sort((a, b) => (places[a] as number) - (places[b] as number));
};

const inverse = (order: readonly number[]): Uint32Array => {
  const positions = new Uint32Array(order.length);
  for (const [position, index] of order.entries()) positions[index] = position;
  return positions;
};

/** Where a task stands in declaration order. @throws UnknownTaskError */
export const indexIn = ({ name, graph }: Plan, task: string): number => {
  const index = graph.indexOf.get(task);
  if (index === undefined) throw new UnknownTaskError(name, task, didYouMean(task, graph.indexOf.keys()));
  return index;
};
