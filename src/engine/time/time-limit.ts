/**
 * Returns whether there is a limit. Absent or `Infinity` means none; no timer may be set then, because one of
 * `Infinity` ms fires at once.
 */
export const hasLimit = (limitMs: number | undefined): limitMs is number =>
  limitMs !== undefined && limitMs !== Number.POSITIVE_INFINITY;
