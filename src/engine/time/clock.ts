/*
 * This folder is the engine's access to time. `clock.ts` is the port; tests and programs may supply their own clock.
 * `time-limit.ts` says whether a time limit exists at all, and `pausable-timer.ts` is the timer for such limits, which
 * stops while a job is paused. `on-abort.ts` registers callbacks on abort signals.
 */

/** The port through which the engine reads the time and sets timers. */
export type Clock = {
  /** Returns the current time in epoch ms. */
  readonly now: () => number;
  /** Calls `callback` once after `delayMs` ms. Returns a function that cancels the timer. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
};
