/* Placing: where boxes stand. `layers.ts` puts the boxes of a connected graph into columns and leads long edges through those between,
 * `order.ts` orders each column so that few edges cross (`crossings.ts` counts them), `places.ts` finds the height of each box.
 * `components.ts` splits a graph, `shelves.ts` puts the parts beside and below each other; `../layout.ts` applies them in this order. */

import { depthsOf, type Links } from '../folding/depths.ts';

/** Points in layers: the boxes, and a bend for each layer that edges of a box pass. Edges lead from a layer to the next. */
export type Layered = {
  /** The points of each layer, in order from top to bottom. */
  readonly layers: number[][];
  /** For each point, its neighbours in the layers before and after. */
  readonly before: readonly (readonly number[])[];
  readonly after: readonly (readonly number[])[];
  /** The layer of each box. The point of a box has the box's number; bends follow. */
  readonly layerOf: Int32Array;
  /** Returns the points between two boxes that are joined by an edge. */
  readonly bendsOf: (from: number, to: number) => readonly number[];
};

/** Layers by the longest path; sources stand right before their first downstream. All long edges of a box share one bend a layer. */
export const layered = (links: Links): Layered => {
  const count = links.up.length;
  const { order, depth: layerOf } = depthsOf(links);
  for (const box of order.toReversed()) {
    const downs = links.down[box] as readonly number[];
    if (links.up[box]?.length !== 0 || downs.length === 0) continue;
    layerOf[box] = downs.reduce((least, down) => Math.min(least, layerOf[down] as number), count) - 1;
  }
  const layers: number[][] = [];
  const before: number[][] = [];
  const after: number[][] = [];
  const put = (point: number, layer: number): void => {
    layers[layer] ??= [];
    layers[layer].push(point);
    before[point] = [];
    after[point] = [];
  };
  const join = (from: number, to: number): void => {
    after[from]?.push(to);
    before[to]?.push(from);
  };
  for (const box of order) put(box, layerOf[box] as number);
  let next = count;
  const bends: number[][] = links.up.map(() => []);
  for (const box of order) {
    const own = bends[box] as number[];
    const first = (layerOf[box] as number) + 1;
    for (const down of links.down[box] as readonly number[]) {
      const long = (layerOf[down] as number) - first;
      while (own.length < long) {
        put(next, first + own.length);
        join(own.at(-1) ?? box, next);
        own.push(next++);
      }
      join(long > 0 ? (own[long - 1] as number) : box, down);
    }
  }
  return {
    layers,
    before,
    after,
    layerOf,
    bendsOf: (from, to) => (bends[from] as number[]).slice(0, (layerOf[to] as number) - (layerOf[from] as number) - 1),
  };
};
