import { NonRetryableError, type TintypeError } from '../engine/errors/errors.ts';

/** An error that no retry will mend, as what a task throws. */
export const noRetry = (error: TintypeError): NonRetryableError =>
  new NonRetryableError(error.message, { cause: error });
