import { type NonRetryableError, RetryAfterError } from '../../engine/errors/errors.ts';
import { noRetry } from '../no-retry.ts';
import type { HttpStatusError } from './error.ts';

/** An unexpected status as what a task throws: with the wait that the server asks for, or as one that no retry will mend. */
export const statusFailure = (
  error: HttpStatusError,
  headers: Headers,
): HttpStatusError | NonRetryableError | RetryAfterError => {
  const { status } = error;
  const waitMs = status === 429 || status === 503 ? retryAfterMs(headers) : 0;
  if (waitMs > 0) return new RetryAfterError(waitMs, error.message, { cause: error });
  return status >= 400 && status < 500 && !TRANSIENT.has(status) ? noRetry(error) : error;
};

/** Request Timeout, Too Early, Too Many Requests. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429]);

/** What the Retry-After header asks for, in ms; 0 where it asks for nothing: then the backoff is the task's own. */
const retryAfterMs = (headers: Headers): number => {
  const asked = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(asked)) return finite(Number(asked) * 1000);
  if (!HTTP_DATE.test(asked)) return 0;
  // The server's clock, where it tells it, is the one that it counts by.
  const date = Date.parse(headers.get('date') ?? '');
  return finite(Date.parse(asked) - (Number.isNaN(date) ? Date.now() : date));
};

const finite = (ms: number): number => (Number.isFinite(ms) ? Math.max(0, ms) : 0);

/** Date.parse makes a date of almost anything. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
