import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../engine/time/clock.ts';
import { setTurn, Turn } from '../engine/time/turn.ts';
import { isWorkUnderWay } from '../events/under-way.ts';

/** A clock for tests, whose time passes only when the test says so. */
export type VirtualClock = Clock & {
  /**
   * Advances the time by `ms`. Fires each due timer, in order and at its own time. Before the first and after each, time
   * stands still until promises have settled, until the engine waits for no journal, and until what `settle` was given
   * has settled.
   * @throws RangeError if `ms` is negative
   */
  readonly advance: (ms: number) => Promise<void>;
  /** Fires timers until none is left. @throws Error if a timer is still waiting after `limitMs` (default: 365 days) */
  readonly runAll: (limitMs?: number) => Promise<void>;
  /**
   * Returns `promise`, and makes `advance` and `runAll` wait for it: for real I/O in a task, a schema or a test, which the
   * clock can't see. It must not depend on a timer of this clock.
   */
  readonly settle: <Value>(promise: PromiseLike<Value>) => Promise<Value>;
  /** Returns the number of waiting timers. */
  readonly pending: () => number;
  /**
   * Sets the wall clock, `now`, to `epochMs`, as a person or a time server does; no timer fires, and `monotonicNow`
   * stays as it is.
   */
  readonly setWall: (epochMs: number) => void;
};

type Timer = { readonly at: number; readonly order: number; readonly callback: () => void };

/** Creates a clock that moves only by `advance` or `runAll`, from `startMs` (epoch ms, default 0). */
export const virtualClock = (startMs = 0): VirtualClock => {
  let now = startMs;
  /** What the wall clock is ahead of the time that has passed, in ms. */
  let aheadMs = 0;
  let order = 0;
  const timers = new Set<Timer>();
  /** How many promises were given to `settle` that have not settled. */
  let awaited = 0;

  const nextTimer = (until: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.at <= until && (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)))
        next = timer;
    }
    return next;
  };

  /** Waits until nothing happens any more without a timer, as far as the clock can see. */
  const quiet = async (): Promise<void> => {
    do await setImmediate();
    while (isWorkUnderWay() || awaited > 0);
  };

  const advanceTo = async (until: number): Promise<void> => {
    await quiet();
    for (let timer = nextTimer(until); timer; timer = nextTimer(until)) {
      timers.delete(timer);
      now = Math.max(now, timer.at);
      timer.callback();
      await quiet();
    }
  };

  const clock: VirtualClock = {
    now: () => now + aheadMs,
    monotonicNow: () => now - startMs,
    setTimer: (callback, delayMs) => {
      const timer: Timer = { at: now + Math.max(0, delayMs), order: order++, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: async (ms) => {
      if (!(ms >= 0)) throw new RangeError(`advance was given ${ms}: expected milliseconds, 0 or more.`);
      const until = now + ms;
      await advanceTo(until);
      now = until;
    },
    runAll: async (limitMs = 365 * 24 * 60 * 60 * 1_000) => {
      const until = now + limitMs;
      await advanceTo(until);
      if (timers.size > 0)
        throw new Error(`${timers.size} timers are still waiting after ${limitMs} ms of virtual time.`);
    },
    settle: async (promise) => {
      awaited++;
      try {
        return await promise;
      } finally {
        awaited--;
      }
    },
    pending: () => timers.size,
    setWall: (epochMs) => {
      aheadMs = epochMs - now;
    },
  };
  setTurn(clock, new Turn({ steps: STEPS_PER_TURN }));
  return clock;
};

/** How many steps of work make up a turn of the event loop. */
const STEPS_PER_TURN = 256;
