/** The port through which the engine reads and waits for time. */
export type Clock = {
  /** Epoch ms. */
  readonly now: () => number;
  /** Calls back once after `delayMs`; the function that it returns calls that off. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
};
