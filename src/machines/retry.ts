/** How a failed attempt is retried. */
export type RetryPolicy = {
  /** Maximum number of attempts after the first. */
  readonly maxRetries: number;
} & RetryOptions;

export type RetryOptions = {
  /**
   * How the wait depends on the number of the failed attempt (from 1): `none` waits 0 ms, `fixed` `delayMs`, `linear`
   * `delayMs × attempt`, `exponential` `delayMs × factor^(attempt - 1)`. A function returns the wait in ms;
   * `maxDelayMs` and `jitter` do not apply to it. Default: `fixed` if `delayMs` is given, otherwise `none`.
   */
  readonly backoff?:
    | 'none'
    | 'fixed'
    | 'linear'
    | 'exponential'
    | ((attempt: number, error: unknown) => number)
    | undefined;
  /** The base of the wait, in ms. Default 1,000. */
  readonly delayMs?: number | undefined;
  /** The base of `exponential`. Default 2. */
  readonly factor?: number | undefined;
  /** The longest wait in ms, before jitter. Default 100 × `delayMs`. */
  readonly maxDelayMs?: number | undefined;
  /**
   * `full` (or `true`) draws the wait between 0 and the backoff, `equal` between half the backoff and all of it.
   * Default `none`. Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
   */
  readonly jitter?: boolean | 'none' | 'full' | 'equal' | undefined;
  /** Returns whether to retry after this error; `attempt` counts from 1. Default: every error is retried. */
  readonly retryIf?: ((error: unknown, attempt: number) => boolean) | undefined;
};

/** Returns whether a retry is left after this attempt (from 1). */
export const mayRetry = ({ maxRetries }: Pick<RetryPolicy, 'maxRetries'>, attempt: number): boolean =>
  attempt <= maxRetries;

/** Returns the wait in ms after this failed attempt (from 1). `random` returns a number from 0 to below 1. */
export const backoffMs = (policy: RetryOptions, attempt: number, error: unknown, random: () => number): number => {
  const { delayMs = 1_000, factor = 2, jitter = 'none' } = policy;
  const { backoff = policy.delayMs === undefined ? 'none' : 'fixed', maxDelayMs = 100 * delayMs } = policy;
  if (typeof backoff === 'function') return backoff(attempt, error);
  const grown = {
    none: 0,
    fixed: delayMs,
    linear: delayMs * attempt,
    exponential: delayMs === 0 ? 0 : delayMs * factor ** (attempt - 1),
  }[backoff];
  const wait = Math.min(grown, maxDelayMs);
  if (jitter === 'full' || jitter === true) return wait * random();
  if (jitter === 'equal') return wait / 2 + (wait / 2) * random();
  return wait;
};
