/** Returns the most similar known name, ignoring case; at most max(1, length of `name` / 3) edits away. */
export const suggest = (name: string, known: Iterable<string>): string | undefined => {
  if (name.length > MAX_LENGTH) return undefined;
  const lower = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
};

/** Maximum length of a name for which one is suggested: comparing takes time in proportion to the square. */
const MAX_LENGTH = 200;

/** Returns ` Did you mean "x"?` with the most similar known name, or an empty string. */
export const didYouMean = (name: string, known: Iterable<string>): string => {
  const meant = suggest(name, known);
  return meant === undefined ? '' : ` Did you mean "${meant}"?`;
};

/** Returns ` Did you mean "x"? Known are x, y, z.` Lists at most 20 names, and counts the rest. */
export const knownNames = (name: string, known: Iterable<string>): string => {
  const names = [...known];
  const listed = names.slice(0, MAX_LISTED).join(', ') || 'none';
  const rest = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  return `${didYouMean(name, names)} Known are ${listed}${rest}.`;
};

const MAX_LISTED = 20;

/** Returns the optimal string alignment distance: each insertion, deletion, replacement or swap costs 1. */
const editDistance = (a: string, b: string): number => {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return above[b.length] ?? 0;
};
