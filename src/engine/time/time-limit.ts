/** Returns whether there is a finite limit. Callers set no timer for `Infinity` ms, because it would fire at once. */
export const hasLimit = (limitMs: number | undefined): limitMs is number =>
  limitMs !== undefined && limitMs !== Number.POSITIVE_INFINITY;
