/** Formats a date as ISO 8601 text, which `dateOf` parses; returns null for an invalid date. */
export const dateText = (date: Date): string | null => (Number.isNaN(date.getTime()) ? null : date.toISOString());

/** Parses the result of `dateText`; returns `undefined` for anything else. */
export const dateOf = (text: unknown): Date | undefined => {
  if (text === null) return new Date(Number.NaN);
  if (typeof text !== 'string' || Number.isNaN(Date.parse(text))) return undefined;
  return new Date(text);
};
