/** A line of a comparison: of both lists, of the first alone or of the second alone, with its indices there. */
export type DiffLine =
  | { readonly in: 'both'; readonly first: number; readonly second: number }
  | { readonly in: 'first'; readonly first: number }
  | { readonly in: 'second'; readonly second: number };

/** Compares two lists: what of the first must go and what of the second must come to make one of the other, as little as can be. */
export const listDiff = (first: readonly string[], second: readonly string[]): readonly DiffLine[] => {
  const common = (at: number): boolean => at < first.length && at < second.length && first[at] === second[at];
  let start = 0;
  while (common(start)) start++;
  let [endOfFirst, endOfSecond] = [first.length, second.length];
  while (endOfFirst > start && endOfSecond > start && first[endOfFirst - 1] === second[endOfSecond - 1]) {
    endOfFirst--;
    endOfSecond--;
  }
  const both = (count: number, firstAt: number, secondAt: number): DiffLine[] =>
    Array.from({ length: count }, (_, at) => ({ in: 'both', first: firstAt + at, second: secondAt + at }));
  return [
    ...both(start, 0, 0),
    ...middle(first.slice(start, endOfFirst), second.slice(start, endOfSecond), start),
    ...both(first.length - endOfFirst, endOfFirst, endOfSecond),
  ];
};

/** By the table of the longest common subsequences; lists too long for it count as different throughout. */
const middle = (first: readonly string[], second: readonly string[], offset: number): DiffLine[] => {
  const width = second.length + 1;
  const fits = (first.length + 1) * width <= MAX_CELLS;
  const longest = new Uint32Array(fits ? (first.length + 1) * width : 0);
  const at = (one: number, other: number): number => longest[one * width + other] ?? 0;
  for (let one = first.length - 1; fits && one >= 0; one--) {
    for (let other = second.length - 1; other >= 0; other--) {
      longest[one * width + other] =
        first[one] === second[other] ? at(one + 1, other + 1) + 1 : Math.max(at(one + 1, other), at(one, other + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [one, other] = [0, 0];
  while (one < first.length || other < second.length) {
    if (fits && one < first.length && other < second.length && first[one] === second[other])
      lines.push({ in: 'both', first: offset + one++, second: offset + other++ });
    else if (one < first.length && (other === second.length || at(one + 1, other) >= at(one, other + 1)))
      lines.push({ in: 'first', first: offset + one++ });
    else lines.push({ in: 'second', second: offset + other++ });
  }
  return lines;
};

const MAX_CELLS = 1_000_000;
