/** A date as ISO 8601 text, from which `dateOf` makes its equal; null of an invalid one. */
export const dateText = (date: Date): string | null => (Number.isNaN(date.getTime()) ? null : date.toISOString());

/** The date that `dateText` told; `undefined` of what is no such text. */
export const dateOf = (text: unknown): Date | undefined => {
  if (text === null) return new Date(Number.NaN);
  if (typeof text !== 'string' || Number.isNaN(Date.parse(text))) return undefined;
  return new Date(text);
};
