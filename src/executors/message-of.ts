/**
 * Returns an error's message; for an `AggregateError`, whose own message is empty, the joined messages of its errors.
 * Node.js throws one when it can connect to none of a host's several addresses.
 */
export const messageOf = (error: Error): string => {
  if (!(error instanceof AggregateError)) return error.message;
  return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
};
