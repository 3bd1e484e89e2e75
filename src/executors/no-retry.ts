import { NonRetryableError, type TintypeError } from '../engine/errors/errors.ts';

/** Wraps an error in a `NonRetryableError`, so that the task fails without a retry. The error becomes the cause. */
export const noRetry = (error: TintypeError): NonRetryableError =>
  new NonRetryableError(error.message, { cause: error });
