import { NonRetryableError, RetryAfterError } from '../../engine/errors/errors.ts';
import { noRetry } from '../errors.ts';
import type { HttpStatusError } from './error.ts';

/**
 * Returns the error to throw for an unexpected status: a `RetryAfterError` if the server requests a wait (429, 503), a
 * `NonRetryableError` for a 4xx status that will not change, otherwise the given error. A requested wait beyond
 * `maxDelayMs` is shortened to that; without a `maxDelayMs`, one beyond `MAX_WAIT_MS` is a `NonRetryableError`. The
 * messages of both say what the server requested.
 */
export const statusFailure = (
  error: HttpStatusError,
  headers: Headers,
  maxDelayMs?: number,
): HttpStatusError | NonRetryableError | RetryAfterError => {
  const { status } = error;
  const waitMs = status === 429 || status === 503 ? retryAfterMs(headers) : 0;
  if (waitMs > (maxDelayMs ?? MAX_WAIT_MS)) return waitTooLong(error, waitMs, maxDelayMs);
  if (waitMs > 0) return new RetryAfterError(waitMs, error.message, { cause: error });
  return status >= 400 && status < 500 && !TRANSIENT.has(status) ? noRetry(error) : error;
};

/** The longest wait, in ms, that a server may request of a task that sets none. */
export const MAX_WAIT_MS = 3_600_000;

const waitTooLong = (
  error: HttpStatusError,
  waitMs: number,
  maxDelayMs: number | undefined,
): NonRetryableError | RetryAfterError => {
  const requested = `${error.message} The server requests a wait of ${seconds(waitMs)} (Retry-After)`;
  if (maxDelayMs === undefined) {
    const message = `${requested}, longer than ${seconds(MAX_WAIT_MS)}. Run the task later, or set retry.max_delay: it waits for that long at most.`;
    return new NonRetryableError(message, { cause: error });
  }
  return new RetryAfterError(maxDelayMs, `${requested}, longer than retry.max_delay, ${seconds(maxDelayMs)}.`, {
    cause: error,
  });
};

const seconds = (ms: number): string => `${ms / 1000} s`;

/** The 4xx statuses worth a retry: Request Timeout, Too Early, Too Many Requests. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429]);

/** Returns the ms that Retry-After requests; 0 without a valid header, so that the task's own backoff applies. */
const retryAfterMs = (headers: Headers): number => {
  const asked = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(asked)) return Number(asked) * 1000;
  if (!HTTP_DATE.test(asked)) return 0;
  // The requested time is by the server's clock, so count from the server's Date header if there is one.
  const date = Date.parse(headers.get('date') ?? '');
  const waitMs = Date.parse(asked) - (Number.isNaN(date) ? Date.now() : date);
  return Number.isNaN(waitMs) ? 0 : Math.max(0, waitMs);
};

/** The date format of HTTP headers, checked first since `Date.parse` accepts almost any text. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
