import type { Links } from '../folding/depths.ts';

/** Returns the connected parts of a graph, each with its positions in order; parts with edges first. */
export const componentsOf = ({ up, down }: Links): readonly (readonly number[])[] => {
  const seen = new Uint8Array(up.length);
  const joined: number[][] = [];
  const alone: number[][] = [];
  for (const start of up.keys()) {
    if (seen[start]) continue;
    seen[start] = 1;
    const part = [start];
    for (const at of part) {
      for (const links of [up, down])
        for (const other of links[at] as readonly number[]) {
          if (!seen[other]) part.push(other);
          seen[other] = 1;
        }
    }
    (part.length > 1 ? joined : alone).push(part.sort((a, b) => a - b));
  }
  return [...joined, ...alone];
};
