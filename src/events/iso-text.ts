/** Formats epoch ms as ISO 8601 text; outside the range of `Date`, returns the number with its unit. */
export const isoText = (at: number): string => (Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : `${at} ms`);
