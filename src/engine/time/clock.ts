/* Access to time. `clock.ts` is the port; a program may supply its own clock. `time-limit.ts` checks whether a limit is
 * set, `pausable-timer.ts` is the timer for a limit, and `on-abort.ts` registers callbacks on abort signals. */

/** The port through which the engine reads the time and sets timers. */
export type Clock = {
  /** Returns the current time in epoch ms. */
  readonly now: () => number;
  /** Calls `callback` once after `delayMs` ms. Returns a function that cancels the timer. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
};
