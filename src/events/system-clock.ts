/** The default clock. Each call looks up the global functions, so that a test runner's fake timers take effect. */
export const systemClock = {
  /** Epoch ms. */
  now: (): number => Date.now(),
  /** Milliseconds since the start of the process; nobody can set this clock. Read once for each ms of `Date.now`, which is faster. */
  monotonicNow: (): number => {
    const wall = Date.now();
    if (wall !== readAt) {
      readAt = wall;
      monotonicMs = performance.now();
    }
    return monotonicMs;
  },
  /** Calls `callback` once after `delayMs` ms; returns a function that cancels the timer. */
  setTimer: (callback: () => void, delayMs: number): (() => void) => {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (restMs: number): void => {
      const stretchMs = Math.min(restMs, MAX_TIMER_MS);
      timer = setTimeout(() => (restMs > stretchMs ? wait(restMs - stretchMs) : callback()), stretchMs);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

/** Returns the real time in epoch ms, also where a test runner has replaced the global functions after the start. */
export const realNow = Date.now;

let readAt = Number.NaN;
let monotonicMs = 0;

/** `setTimeout` with a longer delay fires at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemRandom = (): number => Math.random();

export const newId = (): string => crypto.randomUUID();
