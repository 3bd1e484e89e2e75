import { textOf } from '../../events/error-data.ts';
import type { CliIo } from '../terminal/io.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a first signal does to a stored job. */
export type OnSignal = 'leave' | 'cancel';

/** Returns whether a signal leaves a stored job, to be resumed, unless `given` says what it does. */
export const leavesJob = (signal: NodeJS.Signals, given: OnSignal | undefined): boolean =>
  (given ?? (signal === 'SIGTERM' ? 'leave' : 'cancel')) === 'leave';

/** Calls one handler per signal, in order; later signals call the last one. Returns a function that stops listening. */
export const onInterrupts = (
  { signals }: CliIo,
  handlers: readonly [...((signal: NodeJS.Signals) => void)[], (signal: NodeJS.Signals) => void],
): (() => void) => {
  let heard = 0;
  const listener = (signal: NodeJS.Signals): void => {
    handlers[Math.min(heard++, handlers.length - 1)]?.(signal);
  };
  for (const signal of SIGNALS) signals.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) signals.off(signal, listener);
  };
};

/** Returns the signal that cancelled a job, if any. `reason`: the job's cancel reason, or the cause of its error. */
export const cancellingSignal = (reason: unknown): NodeJS.Signals | undefined => {
  const text = reason instanceof Error ? reason.message : textOf(reason);
  return [...SIGNALS, 'SIGPIPE' as const].find((signal) => signal === text);
};
