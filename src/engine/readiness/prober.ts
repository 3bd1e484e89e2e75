/* This folder checks whether something outside the program, such as a service, is ready. It is independent of jobs.
 * `readiness.ts` declares ids, results and errors; `validate-arguments.ts` validates arguments. `prober.ts` makes one
 * check, with a time limit; `poller.ts` repeats it until ready or failed. `snapshot-store.ts` keeps values in memory. */

import { systemClock } from '../../events/system-clock.ts';
import { formatValue } from '../definition/option-rules.ts';
import type { Clock } from '../time/clock.ts';
import { onAbort } from '../time/on-abort.ts';
import { steady } from '../time/steady-clock.ts';
import { hasLimit } from '../time/time-limit.ts';
import {
  type CheckOptions,
  failedCheck,
  idText,
  type ReadinessChecker,
  ReadinessError,
  type ReadinessFunction,
  type ReadinessResult,
  thrownCheck,
} from './readiness.ts';
import { validateCheckArguments, validateProberOptions } from './validate-arguments.ts';

export type ProberOptions = {
  /** Time limit of one check in ms. Default: no limit. */
  readonly timeout?: number | undefined;
  /** Source of timers. Default: the system clock. */
  readonly clock?: Clock | undefined;
};

/**
 * Creates a prober. Its `check` calls the function once; after `timeout`, the signal aborts and the check fails.
 * @throws OptionError for invalid options
 */
export const createProber = (options: ProberOptions = {}): ReadinessChecker => {
  validateProberOptions(options);
  const { timeout } = options;
  const clock = steady(options.clock ?? systemClock);
  return {
    check: async (id, fn, checkOptions) => {
      validateCheckArguments(id, fn, checkOptions);
      return probe(idText(id), fn, { timeout, clock, signal: checkOptions?.signal });
    },
  };
};

const probe = (
  id: string,
  fn: ReadinessFunction,
  { timeout, clock, signal }: CheckOptions & { readonly timeout: number | undefined; readonly clock: Clock },
): Promise<ReadinessResult> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve(failedCheck(cancelled(id, signal.reason)));
    const controller = new AbortController();
    const end = (result: ReadinessResult): void => {
      cancelTimer?.();
      forgetSignal();
      resolve(result);
    };
    const giveUp = (error: ReadinessError): void => {
      end(failedCheck(error));
      controller.abort(error);
    };
    const forgetSignal = onAbort(signal, (reason) => giveUp(cancelled(id, reason)));
    const cancelTimer = hasLimit(timeout) ? clock.setTimer(() => giveUp(timedOut(id, timeout)), timeout) : undefined;
    callFunction(fn, controller.signal).then(
      (answer) => end(resultOf(id, answer)),
      (thrown) => end(thrownCheck(id, thrown)),
    );
  });

const callFunction = async (fn: ReadinessFunction, signal: AbortSignal): Promise<unknown> => fn({ signal });

const resultOf = (id: string, answer: unknown): ReadinessResult => {
  if (answer === true) return { state: 'ready', id };
  if (answer === false) return { state: 'inProgress', id };
  const message = `readiness check error for ${id}: expected true (ready) or false (in progress), got ${formatValue(answer)}`;
  return failedCheck(new ReadinessError('READINESS_ERROR', message, { id }));
};

const timedOut = (id: string, timeout: number): ReadinessError =>
  new ReadinessError('READINESS_TIMEOUT', `readiness check canceled for ${id} after ${timeout} ms`, { id });

const cancelled = (id: string, cause: unknown): ReadinessError =>
  new ReadinessError('READINESS_CANCELLED', `readiness check canceled for ${id} by its signal`, { id, cause });
