import { NonRetryableError, type TintypeError } from '../engine/errors/errors.ts';

/** Wraps an error in a `NonRetryableError`, so that the task fails without a retry. The error becomes the cause. */
export const noRetry = (error: TintypeError): NonRetryableError =>
  new NonRetryableError(error.message, { cause: error });

/** Returns an error's message; for an `AggregateError`, which has none, the messages of its errors. */
export const messageOf = (error: Error): string => {
  if (!(error instanceof AggregateError)) return error.message;
  return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
};
