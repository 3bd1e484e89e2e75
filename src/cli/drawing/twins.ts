import type { Graph } from '../../engine/definition/graph.ts';

/** Which tasks of a graph can share a line of its drawing. */
export type Twins = {
  /** For each task the number of its set of downstreams, or -1 where nothing waits for it. Tasks of one set lead to the same tasks. */
  readonly setOf: readonly number[];
  /** For each set of downstreams how many tasks it has. */
  readonly sizes: readonly number[];
  /** For each task the first declared with the same upstreams and the same downstreams. */
  readonly twinOf: readonly number[];
  /** For each first declared twin how many there are. */
  readonly counts: readonly number[];
};

export const twinsOf = ({ upstream, downstream }: Pick<Graph, 'upstream' | 'downstream'>): Twins => {
  const sets = new Map<string, number>();
  const sizes: number[] = [];
  const setOf = downstream.map((next) => {
    if (next.length === 0) return -1;
    const key = next.join();
    const known = sets.get(key);
    if (known !== undefined) return known;
    sets.set(key, sizes.length);
    return sizes.push(next.length) - 1;
  });
  const firsts = new Map<string, number>();
  const counts = upstream.map(() => 0);
  const twinOf = upstream.map((needs, task) => {
    const key = `${setOf[task]}:${[...needs].sort((a, b) => a - b).join()}`;
    const first = firsts.get(key) ?? task;
    firsts.set(key, first);
    counts[first] = (counts[first] ?? 0) + 1;
    return first;
  });
  return { setOf, sizes, twinOf, counts };
};
