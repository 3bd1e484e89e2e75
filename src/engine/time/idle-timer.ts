import type { Clock } from './clock.ts';

/** How many idle timers wait, by clock. */
const WAITING = new WeakMap<Clock, number>();

/** Sets a timer that nobody waits for, such as the next look of a recovery; returns a function that cancels it. */
export const setIdleTimer = (clock: Clock, callback: () => void, delayMs: number): (() => void) => {
  let isWaiting = true;
  const end = (): void => {
    if (isWaiting) WAITING.set(clock, idleTimersOf(clock) - 1);
    isWaiting = false;
  };
  WAITING.set(clock, idleTimersOf(clock) + 1);
  const cancel = clock.setTimer(() => {
    end();
    callback();
  }, delayMs);
  return () => {
    end();
    cancel();
  };
};

/** Returns how many idle timers of a clock wait. A virtual clock does not run on for them alone. */
export const idleTimersOf = (clock: Clock): number => WAITING.get(clock) ?? 0;
