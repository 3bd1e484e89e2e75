import { type NonRetryableError, RetryAfterError } from '../../engine/errors/errors.ts';
import { noRetry } from '../errors.ts';
import type { HttpStatusError } from './error.ts';

/**
 * Returns the error to throw for an unexpected status: a `RetryAfterError` if the server requests a wait (429, 503), a
 * `NonRetryableError` for a 4xx status that will not change, otherwise the given error.
 */
export const statusFailure = (
  error: HttpStatusError,
  headers: Headers,
): HttpStatusError | NonRetryableError | RetryAfterError => {
  const { status } = error;
  const waitMs = status === 429 || status === 503 ? retryAfterMs(headers) : 0;
  if (waitMs > 0) return new RetryAfterError(waitMs, error.message, { cause: error });
  return status >= 400 && status < 500 && !TRANSIENT.has(status) ? noRetry(error) : error;
};

/** The 4xx statuses worth a retry: Request Timeout, Too Early, Too Many Requests. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429]);

/** Returns the ms that Retry-After requests; 0 without a valid header, so that the task's own backoff applies. */
const retryAfterMs = (headers: Headers): number => {
  const asked = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(asked)) return finite(Number(asked) * 1000);
  if (!HTTP_DATE.test(asked)) return 0;
  // The requested time is by the server's clock, so count from the server's Date header if there is one.
  const date = Date.parse(headers.get('date') ?? '');
  return finite(Date.parse(asked) - (Number.isNaN(date) ? Date.now() : date));
};

const finite = (ms: number): number => (Number.isFinite(ms) ? Math.max(0, ms) : 0);

/** The date format of HTTP headers, checked first since `Date.parse` accepts almost any text. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
