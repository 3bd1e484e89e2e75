/** Counts how many edges between a layer and the next cross. Barth, Mutzel, Jünger 2004: inversions, by a tree of sums. */
export const crossingsBetween = (
  layer: readonly number[],
  next: readonly number[],
  after: readonly (readonly number[])[],
  place: Int32Array,
): number => {
  let size = 1;
  while (size < next.length) size *= 2;
  const sums = new Int32Array(2 * size);
  let crossings = 0;
  for (const point of layer) {
    const ends = Array.from(after[point] as readonly number[], (end) => place[end] as number);
    for (const end of ends) {
      for (let at = end + size; at > 1; at = at >> 1) if (at % 2 === 0) crossings += sums[at + 1] as number;
    }
    for (const end of ends) for (let at = end + size; at > 0; at = at >> 1) sums[at] = (sums[at] as number) + 1;
  }
  return crossings;
};

/** Counts the crossings in all layers. `place`: the position of each point in its layer. */
export const crossingsOf = (
  layers: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
  place: Int32Array,
): number => {
  let crossings = 0;
  for (let at = 0; at + 1 < layers.length; at++)
    crossings += crossingsBetween(layers[at] as number[], layers[at + 1] as number[], after, place);
  return crossings;
};
