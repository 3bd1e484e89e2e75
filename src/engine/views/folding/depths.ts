/** Edges of a graph in both directions, by position. */
export type Links = {
  readonly up: readonly (readonly number[])[];
  readonly down: readonly (readonly number[])[];
};

export type Depths = {
  /** Positions, each after those it depends on. */
  readonly order: readonly number[];
  /** The number of edges on the longest path to each position. */
  readonly depth: Int32Array;
};

/** Finds how deep each position of an acyclic graph is. What lies on a cycle comes last, with a depth that means nothing. */
export const depthsOf = ({ up, down }: Links): Depths => {
  const depth = new Int32Array(up.length);
  const missing = Int32Array.from(up, (needs) => needs.length);
  const order: number[] = [];
  for (const at of up.keys()) if (missing[at] === 0) order.push(at);
  for (let done = 0; done < order.length; done++) {
    const at = order[done] as number;
    for (const next of down[at] as readonly number[]) {
      depth[next] = Math.max(depth[next] as number, (depth[at] as number) + 1);
      missing[next] = (missing[next] as number) - 1;
      if (missing[next] === 0) order.push(next);
    }
  }
  if (order.length < up.length) for (const at of up.keys()) if ((missing[at] as number) > 0) order.push(at);
  return { order, depth };
};
