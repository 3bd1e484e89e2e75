/**
 * The machine's own time, chance and ids: the defaults of a job. `machines` and `engine` are handed these and
 * never reach for them. Read through the globals at each call, so that fake timers of a test runner take hold.
 */
export const systemClock = {
  /** Epoch ms. */
  now: (): number => Date.now(),
  /** Calls back once after `delayMs`; the function that it returns calls that off. */
  setTimer: (callback: () => void, delayMs: number): (() => void) => {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (restMs: number): void => {
      const stretchMs = Math.min(restMs, LONGEST_TIMER_MS);
      timer = setTimeout(() => (restMs > stretchMs ? wait(restMs - stretchMs) : callback()), stretchMs);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

/** A longer `setTimeout` fires at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemRandom = (): number => Math.random();

export const newId = (): string => crypto.randomUUID();
