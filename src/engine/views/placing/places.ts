import type { Layered } from './layers.ts';

/** Returns the middle of each point, so that edges are short and points keep their order and their distance. `height`: of each point. */
export const placesOf = (
  { layers, before, after }: Layered,
  height: (point: number) => number,
  gap: number,
): Float64Array => {
  const middle = new Float64Array(before.length);
  for (const layer of layers) {
    let top = 0;
    for (const point of layer) {
      middle[point] = top + height(point) / 2;
      top += height(point) + gap;
    }
    for (const point of layer) middle[point] = (middle[point] as number) - (top - gap) / 2;
  }
  const settleAll = (sweep: number): void => {
    const isForward = sweep % 2 === 0;
    const near = isForward ? before : after;
    for (let step = 1; step < layers.length; step++)
      settle(layers[isForward ? step : layers.length - 1 - step] as number[], near, middle, height, gap);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) settleAll(sweep);
  return middle;
};

const SWEEPS = 7;

/** What a point without neighbours weighs against one with neighbours. */
const WEIGHT_ALONE = 0.05;

/**
 * Moves the points of a layer as near to the mean of their neighbours as their order and distance allow: isotonic regression
 * by pool adjacent violators. A pool is a run of points that touch; it stands at the weighted mean of what they want.
 */
const settle = (
  layer: readonly number[],
  near: readonly (readonly number[])[],
  middle: Float64Array,
  height: (point: number) => number,
  gap: number,
): void => {
  const offsets = new Float64Array(layer.length);
  const sums: number[] = [];
  const weights: number[] = [];
  const lengths: number[] = [];
  for (const [at, point] of layer.entries()) {
    if (at > 0) {
      const above = layer[at - 1] as number;
      offsets[at] = (offsets[at - 1] as number) + (height(above) + height(point)) / 2 + gap;
    }
    const neighbours = near[point] as readonly number[];
    let wanted = middle[point] as number;
    if (neighbours.length > 0) {
      wanted = 0;
      for (const neighbour of neighbours) wanted += middle[neighbour] as number;
      wanted /= neighbours.length;
    }
    let weight = neighbours.length > 0 ? 1 : WEIGHT_ALONE;
    let sum = (wanted - (offsets[at] as number)) * weight;
    let length = 1;
    while (sums.length > 0 && (sums.at(-1) as number) / (weights.at(-1) as number) >= sum / weight) {
      sum += sums.pop() as number;
      weight += weights.pop() as number;
      length += lengths.pop() as number;
    }
    sums.push(sum);
    weights.push(weight);
    lengths.push(length);
  }
  let at = 0;
  for (const [pool, sum] of sums.entries()) {
    const start = sum / (weights[pool] as number);
    for (const end = at + (lengths[pool] as number); at < end; at++)
      middle[layer[at] as number] = start + (offsets[at] as number);
  }
};
