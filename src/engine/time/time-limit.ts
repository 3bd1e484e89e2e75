/** Returns whether there is a limit. No timer may be set for `Infinity` ms, since it would fire at once. */
export const hasLimit = (limitMs: number | undefined): limitMs is number =>
  limitMs !== undefined && limitMs !== Number.POSITIVE_INFINITY;
