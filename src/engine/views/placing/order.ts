import { crossingsOf } from './crossings.ts';
import type { Layered } from './layers.ts';

/** Orders the points of each layer, in place, so that few edges cross. `isThorough`: takes many times as long, for small graphs. */
export const orderLayers = (graph: Layered, isThorough: boolean): void => {
  const { layers, before, after } = graph;
  const place = new Int32Array(before.length);
  for (const layer of layers) keepPlaces(layer, place);
  for (let sweep = 0; sweep < SWEEPS; sweep++) sweepLayers(graph, sweep, place, meanPlace);
  if (!isThorough) return;
  let fewest = crossingsOf(layers, after, place);
  let best = layers.map((layer) => [...layer]);
  for (let sweep = 0, since = 0; fewest > 0 && since < PATIENCE && sweep < MAX_SWEEPS; sweep++, since++) {
    sweepLayers(graph, sweep, place, sweep % 4 < 2 ? medianPlace : meanPlace);
    transpose(graph, place);
    const crossings = crossingsOf(layers, after, place);
    if (crossings >= fewest) continue;
    fewest = crossings;
    best = layers.map((layer) => [...layer]);
    since = 0;
  }
  for (const [at, layer] of best.entries()) layers[at] = layer;
};

const SWEEPS = 8;
const MAX_SWEEPS = 60;

/** Sweeps without an improvement after which the best order is taken. */
const PATIENCE = 12;

/** Returns where a point belongs by the places of its neighbours in one layer; -1 without any. */
type Wanted = (neighbours: readonly number[], place: Int32Array) => number;

/** Orders each layer by the one before it, on odd sweeps backwards by the one after it. Gansner et al. 1993, "A technique for drawing directed graphs". */
const sweepLayers = ({ layers, before, after }: Layered, sweep: number, place: Int32Array, wanted: Wanted): void => {
  const isForward = sweep % 2 === 0;
  const near = isForward ? before : after;
  const wants = new Float64Array(place.length);
  for (let step = 1; step < layers.length; step++) {
    const layer = layers[isForward ? step : layers.length - 1 - step] as number[];
    for (const point of layer) {
      const want = wanted(near[point] as readonly number[], place);
      wants[point] = want < 0 ? (place[point] as number) : want;
    }
    layer.sort((a, b) => (wants[a] as number) - (wants[b] as number) || (place[a] as number) - (place[b] as number));
    keepPlaces(layer, place);
  }
};

const meanPlace: Wanted = (neighbours, place) => {
  let sum = 0;
  for (const neighbour of neighbours) sum += place[neighbour] as number;
  return neighbours.length === 0 ? -1 : sum / neighbours.length;
};

/** The median; of an even number the mean of both, nearer to where the neighbours are closer together. */
const medianPlace: Wanted = (neighbours, place) => {
  if (neighbours.length < 3) return meanPlace(neighbours, place);
  const places = Array.from(neighbours, (neighbour) => place[neighbour] as number).sort((a, b) => a - b);
  const middle = places.length >> 1;
  const upper = places[middle] as number;
  if (places.length % 2 === 1) return upper;
  const lower = places[middle - 1] as number;
  const left = lower - (places[0] as number);
  const right = (places.at(-1) as number) - upper;
  return left + right === 0 ? (lower + upper) / 2 : (lower * right + upper * left) / (left + right);
};

/** Swaps neighbours in a layer while that makes fewer edges cross. */
const transpose = ({ layers, before, after }: Layered, place: Int32Array): void => {
  const sortedPlaces = (neighbours: readonly number[]): readonly number[] =>
    Array.from(neighbours, (neighbour) => place[neighbour] as number).sort((a, b) => a - b);
  for (let isBetter = true, round = 0; isBetter && round < MAX_ROUNDS; round++) {
    isBetter = false;
    for (const layer of layers) {
      const sides = new Map(
        layer.map((point) => [
          point,
          [sortedPlaces(before[point] as readonly number[]), sortedPlaces(after[point] as readonly number[])] as const,
        ]),
      );
      for (let at = 0; at + 1 < layer.length; at++) {
        const [upper, lower] = [layer[at] as number, layer[at + 1] as number];
        const [upperBefore, upperAfter] = sides.get(upper) as readonly [readonly number[], readonly number[]];
        const [lowerBefore, lowerAfter] = sides.get(lower) as readonly [readonly number[], readonly number[]];
        const kept = crossingsOfPair(upperBefore, lowerBefore) + crossingsOfPair(upperAfter, lowerAfter);
        const swapped = crossingsOfPair(lowerBefore, upperBefore) + crossingsOfPair(lowerAfter, upperAfter);
        if (swapped >= kept) continue;
        layer[at] = lower;
        layer[at + 1] = upper;
        isBetter = true;
      }
      keepPlaces(layer, place);
    }
  }
};

const MAX_ROUNDS = 10;

/** Counts the pairs of an end of the upper point below an end of the lower one; both sorted. */
const crossingsOfPair = (upper: readonly number[], lower: readonly number[]): number => {
  let crossings = 0;
  let below = 0;
  for (const end of upper) {
    while (below < lower.length && (lower[below] as number) < end) below++;
    crossings += below;
  }
  return crossings;
};

const keepPlaces = (layer: readonly number[], place: Int32Array): void => {
  for (const [at, point] of layer.entries()) place[point] = at;
};
