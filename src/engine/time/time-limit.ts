/** Whether there is a limit at all: absent or `Infinity` means none, and so no timer, which for `Infinity` would fire at once. */
export const hasLimit = (limitMs: number | undefined): limitMs is number =>
  limitMs !== undefined && limitMs !== Number.POSITIVE_INFINITY;
