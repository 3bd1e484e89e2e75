import type { Graph } from '../../definition/graph.ts';

/** Tasks that can share a lane. Tasks of one set have the same downstreams; twins also have the same upstreams. */
export type Twins = {
  /** For each task, the number of its set of downstreams; -1 if it has no downstreams. */
  readonly setOf: readonly number[];
  /** For each set, the number of downstreams in it. */
  readonly sizes: readonly number[];
  /** For each task, its first twin in declaration order, which may be the task itself. */
  readonly twinOf: readonly number[];
  /** For each task that is its own first twin, the number of its twins, itself included; 0 for other tasks. */
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
