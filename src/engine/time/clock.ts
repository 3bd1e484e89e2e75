/* Access to time. `clock.ts` is the port; a program may supply its own clock. `steady-clock.ts` makes
 * of it a clock that is never set, by which the engine measures and stamps. `turn.ts` divides long work into turns of the
 * event loop. `time-limit.ts` checks whether a limit is
 * set, `pausable-timer.ts` is the timer for a limit, `idle-timer.ts` one that nobody waits for, and `on-abort.ts` registers
 * callbacks on abort signals. */

/** The port through which the engine reads the time and sets timers. */
export type Clock = {
  /** Returns the current time in epoch ms. */
  readonly now: () => number;
  /**
   * Returns the ms since any fixed time, by a clock that nobody sets, such as `performance.now()`. Waits and durations
   * are measured by it. Default: `now`, where steps back do not count.
   */
  readonly monotonicNow?: (() => number) | undefined;
  /** Calls `callback` once after `delayMs` ms. Returns a function that cancels the timer. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
};
