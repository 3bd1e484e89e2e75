/** Returns the message; of an `AggregateError` (no address of a host accepts), which has none, those of its errors. */
export const messageOf = (error: Error): string => {
  if (!(error instanceof AggregateError)) return error.message;
  return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
};
