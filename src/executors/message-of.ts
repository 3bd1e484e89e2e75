/** Where a name has several addresses, the error is one of errors and says nothing itself. */
export const messageOf = (error: Error): string => {
  if (!(error instanceof AggregateError)) return error.message;
  return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
};
