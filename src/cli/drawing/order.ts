import type { Graph } from '../../engine/definition/graph.ts';
import type { Twins } from '../../engine/views/folding/twins.ts';

/**
 * Orders tasks for drawing, each after its upstreams. Tasks that became ready last come first, so chains stay together;
 * a root comes only if nothing else is ready. Each connected component is a part; tasks without edges form the last.
 */
export const drawingOrder = (graph: Graph, { twinOf }: Twins): readonly (readonly number[])[] => {
  const { upstream, downstream } = graph;
  const missing = upstream.map((needs) => needs.length);
  const isEnd = (task: number): boolean => downstream[task]?.length === 0;
  const parts = partsOf(graph);
  const joined = parts.filter(({ length }) => length > 1);
  const alone = parts.filter(({ length }) => length === 1).flat();

  const ordered = joined.map((part) => {
    const order: number[] = [];
    for (const root of rootsOf(part, graph)) {
      const free = [root];
      for (let task = free.pop(); task !== undefined; task = free.pop()) {
        order.push(task);
        const freed = (downstream[task] ?? []).filter((next) => {
          missing[next] = (missing[next] ?? 0) - 1;
          return missing[next] === 0;
        });
        // Tasks without downstreams come first, because their lines end there. Twins stay together.
        const rank = (next: number): number => (isEnd(next) ? -1 : (twinOf[next] ?? next));
        for (const next of freed.sort((a, b) => rank(b) - rank(a) || b - a)) free.push(next);
      }
    }
    return order;
  });
  return alone.length > 0 ? [...ordered, alone] : ordered;
};

/** Returns the connected components of the graph, in declaration order. */
const partsOf = ({ names, upstream, downstream }: Graph): readonly (readonly number[])[] => {
  const seen = new Uint8Array(names.length);
  const parts: number[][] = [];
  for (const start of names.keys()) {
    if (seen[start]) continue;
    seen[start] = 1;
    const part = [start];
    for (const task of part) {
      for (const next of [...(upstream[task] ?? []), ...(downstream[task] ?? [])]) {
        if (!seen[next]) part.push(next);
        seen[next] = 1;
      }
    }
    parts.push(part.sort((a, b) => a - b));
  }
  return parts;
};

/** Returns the roots of a part in the order of a walk up from its ends, so that the roots above a task are together. */
const rootsOf = (part: readonly number[], { upstream, downstream }: Graph): readonly number[] => {
  const roots: number[] = [];
  const seen = new Set<number>();
  const walk = part.filter((task) => downstream[task]?.length === 0).reverse();
  for (let task = walk.pop(); task !== undefined; task = walk.pop()) {
    if (seen.has(task)) continue;
    seen.add(task);
    const needs = upstream[task] ?? [];
    if (needs.length === 0) roots.push(task);
    for (const need of needs.toReversed()) walk.push(need);
  }
  return roots;
};
