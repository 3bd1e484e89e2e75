/** A time in epoch ms as ISO 8601 text; one beyond what a date can hold as its number. */
export const isoText = (at: number): string => (Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : `${at} ms`);
