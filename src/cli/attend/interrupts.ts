import type { CliIo } from '../terminal/io.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls one handler per signal heard: the first for the first, the last for all that come after. Returns how to stop
 * listening.
 */
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
