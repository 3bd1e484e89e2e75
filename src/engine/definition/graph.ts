import { Heap } from './heap.ts';

/** A dependency graph. A task is represented by its index in declaration order. */
export type Graph = {
  readonly names: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Direct upstreams of each task, without duplicates, in the order of `dependsOn`. */
  readonly upstream: readonly (readonly number[])[];
  /** Direct downstreams of each task, in declaration order. */
  readonly downstream: readonly (readonly number[])[];
};

export type Edges = Pick<Graph, 'upstream' | 'downstream'>;

/** Builds the graph. Ignores unknown and self dependencies; if a name occurs twice, uses only the first task. */
export const buildGraph = (
  tasks: readonly { readonly name: string; readonly dependsOn: readonly string[] }[],
): Graph => {
  const names: string[] = [];
  const needs: (readonly string[])[] = [];
  const indexOf = new Map<string, number>();
  for (const { name, dependsOn } of tasks) {
    if (indexOf.has(name)) continue;
    indexOf.set(name, names.length);
    names.push(name);
    needs.push(dependsOn);
  }
  const downstream: number[][] = names.map(() => []);
  const upstream = needs.map((dependsOn, index) => {
    const found: number[] = [];
    for (const name of dependsOn.length > 1 ? new Set(dependsOn) : dependsOn) {
      const at = indexOf.get(name);
      if (at === undefined || at === index) continue;
      found.push(at);
      downstream[at]?.push(index);
    }
    return found;
  });
  return { names, indexOf, upstream, downstream };
};

export type Sorted = {
  /** Topological order by Kahn's algorithm; ties are broken by declaration order. */
  readonly order: readonly number[];
  /** Each cycle as a path: every task waits on the next, starting with the task declared first. Empty for a DAG. */
  readonly cycles: readonly (readonly number[])[];
};

/** Sorts topologically. If tasks wait on one another, `order` lacks them and all that depend on them. */
export const sortGraph = (graph: Edges): Sorted => {
  const { upstream, downstream } = graph;
  const missing = upstream.map((needs) => needs.length);
  const free = new Heap<number>((a, b) => a - b);
  for (const [index, count] of missing.entries()) if (count === 0) free.push(index);
  const order: number[] = [];
  for (let index = free.pop(); index !== undefined; index = free.pop()) {
    order.push(index);
    for (const next of downstream[index] ?? []) {
      missing[next] = (missing[next] ?? 0) - 1;
      if (missing[next] === 0) free.push(next);
    }
  }
  return { order, cycles: order.length === upstream.length ? [] : cyclesOf(graph, order) };
};

/** Maximum number of reported cycles that share a task with an earlier one. A large graph can have any number. */
const MAX_OVERLAPPING_CYCLES = 20;

/**
 * Finds cycles among the tasks outside `order` by depth-first search: one for each dependency that leads back to a task
 * of the current path. Without those dependencies the graph has no cycle.
 */
const cyclesOf = ({ upstream }: Edges, order: readonly number[]): readonly (readonly number[])[] => {
  const visited = new Uint8Array(upstream.length);
  for (const index of order) visited[index] = 1;
  const cycles: (readonly number[])[] = [];
  let overlapping = 0;
  for (const start of upstream.keys()) {
    if (visited[start]) continue;
    const path: number[] = [];
    const placeOf = new Map<number, number>();
    /** For each place of the path: how many of its dependencies were followed. */
    const followed: number[] = [];
    /** For each place of the path: the last place up to it that is in a reported cycle, -1 if none is. */
    const reported: number[] = [];
    const enter = (index: number): void => {
      visited[index] = 1;
      placeOf.set(index, path.length);
      reported.push(reported.at(-1) ?? -1);
      followed.push(0);
      path.push(index);
    };
    for (enter(start); path.length > 0; ) {
      const top = path.length - 1;
      const next = upstream[path[top] as number]?.[followed[top] as number];
      if (next === undefined) {
        placeOf.delete(path.pop() as number);
        reported.pop();
        followed.pop();
        continue;
      }
      followed[top] = (followed[top] as number) + 1;
      const place = placeOf.get(next);
      if (!visited[next]) enter(next);
      if (place === undefined) continue;
      const overlaps = (reported[top] as number) >= place;
      if (overlaps && ++overlapping > MAX_OVERLAPPING_CYCLES) continue;
      cycles.push(fromFirstDeclared(path.slice(place)));
      for (let at = place; at <= top; at++) reported[at] = at;
    }
  }
  return cycles;
};

const fromFirstDeclared = (cycle: readonly number[]): readonly number[] => {
  const first = cycle.indexOf(cycle.reduce((least, member) => Math.min(least, member)));
  return [...cycle.slice(first), ...cycle.slice(0, first)];
};

/** Returns, for each task, the length of the longest chain that starts with the task: the sum of weights, default 1. */
export const pathLengths = (
  { downstream }: Edges,
  order: readonly number[],
  weights?: ArrayLike<number>,
): Uint32Array | Float64Array => {
  const lengths = weights ? new Float64Array(downstream.length) : new Uint32Array(downstream.length);
  for (let at = order.length - 1; at >= 0; at--) {
    const index = order[at] as number;
    let longest = 0;
    for (const next of downstream[index] ?? []) longest = Math.max(longest, lengths[next] ?? 0);
    lengths[index] = longest + (weights ? (weights[index] as number) : 1);
  }
  return lengths;
};

/** Returns the longest chain of tasks. If several are equally long, the task declared first wins at each step. */
export const criticalPath = ({ upstream, downstream }: Edges, lengths: ArrayLike<number>): number[] => {
  const longest = (candidates: readonly number[]): number | undefined =>
    candidates.reduce<number | undefined>(
      (best, index) => (best === undefined || (lengths[index] ?? 0) > (lengths[best] ?? 0) ? index : best),
      undefined,
    );
  const roots = [...upstream.keys()].filter((index) => upstream[index]?.length === 0);
  const path: number[] = [];
  for (let index = longest(roots); index !== undefined; index = longest(downstream[index] ?? [])) path.push(index);
  return path;
};

/** Returns the tasks reachable from `start` along `edges`, in declaration order, without `start` itself. */
export const reachable = (start: number, edges: readonly (readonly number[])[]): number[] => {
  const seen = new Set<number>([start]);
  for (const index of seen) for (const next of edges[index] ?? []) seen.add(next);
  seen.delete(start);
  return [...seen].sort((a, b) => a - b);
};

/** Returns whether `later` is downstream of `earlier`. `earlier` must precede `later` in topological order. */
export const isOrdered = (
  earlier: number,
  later: number,
  upstream: Graph['upstream'],
  positions: ArrayLike<number>,
): boolean => {
  const from = positions[earlier] as number;
  const seen = new Set<number>([later]);
  for (const index of seen) {
    for (const next of upstream[index] ?? []) {
      if (next === earlier) return true;
      if ((positions[next] as number) > from) seen.add(next);
    }
  }
  return false;
};
