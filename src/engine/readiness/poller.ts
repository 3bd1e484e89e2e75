import { systemClock } from '../../events/system-clock.ts';
import { formatValue } from '../definition/option-rules.ts';
import type { Clock } from '../time/clock.ts';
import { onAbort } from '../time/on-abort.ts';
import { steady } from '../time/steady-clock.ts';
import { createProber } from './prober.ts';
import {
  type CheckOptions,
  failedCheck,
  idText,
  type ReadinessChecker,
  ReadinessError,
  type ReadinessResult,
  thrownCheck,
} from './readiness.ts';
import { validateCheckArguments, validatePollerOptions } from './validate-arguments.ts';

export type PollerOptions = {
  /** Time in ms from the start of a check to the next. Starts that fall due while a check runs are skipped. Required. */
  readonly interval: number;
  /** Performs each check. Default: a prober without a timeout. */
  readonly prober?: ReadinessChecker | undefined;
  /** Source of time and timers. Default: the system clock. */
  readonly clock?: Clock | undefined;
};

/**
 * Creates a poller. Its `check` calls the function at once and at every interval, until the result is ready or an
 * error, or `signal` aborts.
 * @throws OptionError for invalid options
 */
export const createPoller = (options: PollerOptions): ReadinessChecker => {
  validatePollerOptions(options);
  const { interval } = options;
  const clock = steady(options.clock ?? systemClock);
  const { prober = createProber({ clock }) } = options;
  return {
    check: async (id, fn, checkOptions) => {
      validateCheckArguments(id, fn, checkOptions);
      const signal = checkOptions?.signal;
      return poll(idText(id), async () => prober.check(id, fn, { signal }), { interval, clock, signal });
    },
  };
};

const poll = (
  id: string,
  check: () => Promise<ReadinessResult>,
  { interval, clock, signal }: CheckOptions & { readonly interval: number; readonly clock: Clock },
): Promise<ReadinessResult> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve(cancelled(id, signal.reason));
    const nextTick = ticks(interval, clock);
    let over = false;
    let cancelTimer: (() => void) | undefined;

    const end = (result: ReadinessResult): void => {
      over = true;
      cancelTimer?.();
      forgetSignal();
      resolve(result);
    };
    const onResult = (result: ReadinessResult): void => {
      if (over) return;
      if (result.state === 'inProgress') cancelTimer = clock.setTimer(checkOnce, nextTick());
      else end(result);
    };
    const checkOnce = (): void => {
      check()
        .then((answer) => validResult(id, answer))
        .catch((thrown) => thrownCheck(id, thrown))
        .then(onResult);
    };

    const forgetSignal = onAbort(signal, (reason) => end(cancelled(id, reason)));
    checkOnce();
  });

/**
 * Returns a function that returns the ms to the next tick. Ticks are `interval` ms apart, from now on; missed ticks are
 * dropped. If a timer fires early, no tick repeats.
 */
const ticks = (interval: number, clock: Clock): (() => number) => {
  const startedAt = clock.now();
  let tick = 0;
  return () => {
    const elapsed = clock.now() - startedAt;
    tick = Math.max(tick, Math.floor(elapsed / interval)) + 1;
    return Math.min(tick * interval - elapsed, interval);
  };
};

/** Validates the result, since the program may supply the prober. */
const validResult = (id: string, answer: ReadinessResult): ReadinessResult => {
  const state: unknown = answer?.state;
  if (state === 'ready' || state === 'inProgress' || state === 'error') return answer;
  const message = `readiness check error for ${id}: expected a state of ready, inProgress or error, got ${formatValue(answer)}`;
  return failedCheck(new ReadinessError('READINESS_ERROR', message, { id }));
};

const cancelled = (id: string, cause: unknown): ReadinessResult =>
  failedCheck(new ReadinessError('READINESS_CANCELLED', `poller context done for ${id}`, { id, cause }));
