/* This folder is the engine's access to time. `clock.ts` is the port; programs may supply their own. `time-limit.ts`
 * says whether a limit exists, `pausable-timer.ts` is its timer. `on-abort.ts` registers callbacks on abort signals. */

/** The port through which the engine reads the time and sets timers. */
export type Clock = {
  /** Returns the current time in epoch ms. */
  readonly now: () => number;
  /** Calls `callback` once after `delayMs` ms. Returns a function that cancels the timer. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
};
