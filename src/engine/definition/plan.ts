import { UnknownTaskError } from '../errors/errors.ts';
import { knownNames } from '../errors/suggest.ts';
import { type Graph, pathLengths } from './graph.ts';
import type { DefinitionOptions, ExternalOptions, SensorPace, TaskKind, TaskOptions } from './options.ts';
import { PLAN, type Sealed } from './sealed.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { TaskFunction } from './task-function.ts';
import type { ItemScope, MapOptions, NestedJobOptions } from './task-spec.ts';

/** One task of a sealed definition. */
export type TaskDefinition = Omit<TaskOptions, 'dependsOn' | 'output'> & {
  readonly name: string;
  /** Absent for a plain task. */
  readonly kind?: Exclude<TaskKind, 'task'> | undefined;
  /** Names of the upstreams, without duplicates, in the order in which they were given. */
  readonly dependsOn: readonly string[];
  /** Performs an attempt; for a sensor, one check. Does nothing for an external task or a nested job. */
  readonly run: TaskFunction;
  readonly output?: StandardSchema | undefined;
  readonly sensor?: SensorPace | undefined;
  readonly external?: ExternalOptions | undefined;
  /** The nested job or fan-out that the task runs. The task itself takes no slot; the tasks inside do. */
  readonly nested?: NestedJob | FanOut | undefined;
  /** Name of the task that added this task while the job ran. Absent if no task did. */
  readonly addedBy?: string | undefined;
  /** Item and index of an instance of a fan-out. */
  readonly instance?: ItemScope | undefined;
};

export type NestedJob = NestedJobOptions & { readonly definition: Sealed; readonly each?: undefined };
export type FanOut = MapOptions & {
  readonly definition?: undefined;
  readonly input?: undefined;
  readonly output?: undefined;
  /** What each instance is, if it does not just run a function: a nested job or a sensor. */
  readonly each?: Pick<TaskDefinition, 'kind' | 'nested' | 'sensor'> | undefined;
};

/** Returns the plan of the job that a task runs, or that each instance of a fan-out runs. */
export const planInside = ({ nested }: Pick<TaskDefinition, 'nested'>): Plan | undefined =>
  (nested?.definition ?? nested?.each?.nested?.definition)?.[PLAN] as Plan | undefined;

/** A definition in the form that jobs run. Jobs share it, so it never changes; a job whose tasks change copies it. */
export type Plan = {
  readonly name: string;
  readonly tasks: readonly TaskDefinition[];
  readonly options: DefinitionOptions;
  readonly graph: Graph;
  /** Number of upstreams of each task. */
  readonly upstreamCounts: readonly number[];
  /** Tasks without upstreams, in declaration order. */
  readonly roots: readonly number[];
  /** Tasks that run even if the job fails or is cancelled (trigger rule `always`), in topological order. */
  readonly cleanUps: readonly number[];
  /** Whether pools may be used, by a task of this plan or inside a nested job or fan-out. */
  readonly pooled: boolean;
  /** The tasks in topological order. */
  readonly order: readonly number[];
  /** Position of each task in the topological order. */
  readonly positions: ArrayLike<number>;
  /** Rank of each task among ready tasks: higher priority first, then longer chain, then earlier declaration. */
  readonly ranks: ArrayLike<number>;
  /** How long each task takes, in ms, as far as it is known (`otherMs` if not). Undefined if nothing is known. */
  readonly weights: ArrayLike<number> | undefined;
  /** What a task weighs of which nothing is known, in ms: the median of the others. Undefined if nothing is known. */
  readonly otherMs: number | undefined;
  /** For each task, the weight of the longest chain that starts with the task; without weights, its number of tasks. */
  readonly lengths: ArrayLike<number>;
  /** Whether the plan is a running job's own copy, made when its tasks changed. `ranks` lacks added tasks. */
  readonly grown: boolean;
  /** If `grown`: the definition's plan. */
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
  const upstreamCounts = graph.upstream.map((upstream) => upstream.length);
  return {
    name,
    tasks,
    options,
    graph,
    upstreamCounts,
    roots: [...tasks.keys()].filter((index) => upstreamCounts[index] === 0),
    cleanUps: order.filter((index) => tasks[index]?.trigger === 'always'),
    pooled: tasks.some(({ pool, nested }) => pool !== undefined || nested !== undefined),
    order,
    positions: inverse(order),
    ranks: ranksOf(tasks, lengths),
    weights: undefined,
    otherMs: undefined,
    lengths,
    grown: false,
  };
};

/** Returns a plan whose tasks have these weights, in ms. */
export const weighed = (plan: Plan, weights: ArrayLike<number>, otherMs: number): Plan => {
  const lengths = pathLengths(plan.graph, plan.order, weights);
  return { ...plan, weights, otherMs, lengths, ranks: ranksOf(plan.tasks, lengths) };
};

const ranksOf = (tasks: Plan['tasks'], lengths: Plan['lengths']): Uint32Array =>
  inverse([...tasks.keys()].sort((a, b) => compareRanks({ tasks, lengths }, a, b)));

/**
 * Compares ready tasks: negative if `a` runs first. Priority decides (of a task without one, `usual`), then the longer
 * chain, then declaration.
 */
export const compareRanks = (
  { tasks, lengths }: Pick<Plan, 'tasks' | 'lengths'>,
  a: number,
  b: number,
  usual = 0,
): number =>
  (tasks[b]?.priority ?? usual) - (tasks[a]?.priority ?? usual) || (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b;

/** Sorts ready tasks in place: topologically for a sequential job, otherwise by rank. */
export const sortByRank = (plan: Plan, sequential: boolean | undefined, indexes: number[]): number[] => {
  if (indexes.length < 2) return indexes;
  const { positions, ranks, grown } = plan;
  if (grown && !sequential) return indexes.sort((a, b) => compareRanks(plan, a, b));
  const ranking = sequential ? positions : ranks;
  return indexes.sort((a, b) => (ranking[a] as number) - (ranking[b] as number));
};

const inverse = (order: readonly number[]): Uint32Array => {
  const positions = new Uint32Array(order.length);
  for (const [position, index] of order.entries()) positions[index] = position;
  return positions;
};

/**
 * Returns what `deps` and `job.output` hold of a task that has put out `merged`, which the context holds. Of a fan-out,
 * and of a nested job without `output`, that is what the context holds under the task's name.
 */
export const ownOutput = ({ name, nested, instance }: TaskDefinition, merged: unknown): unknown =>
  nested && !nested.output && !instance ? (merged as Readonly<Record<string, unknown>> | undefined)?.[name] : merged;

/** Returns the index of a task in declaration order. @throws UnknownTaskError */
export const indexIn = ({ name, graph }: Plan, task: string): number => {
  const index = graph.indexOf.get(task);
  if (index === undefined) throw new UnknownTaskError(name, task, knownNames(task, graph.indexOf.keys()));
  return index;
};
