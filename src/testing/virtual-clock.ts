import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../engine/time/clock.ts';
import { idleTimersOf } from '../engine/time/idle-timer.ts';
import { setTurn, Turn } from '../engine/time/turn.ts';
import { isWorkUnderWay } from '../events/under-way.ts';

/** A clock for tests, whose time passes only when the test says so. */
export type VirtualClock = Clock & {
  /**
   * Advances the time by `ms`. Fires each due timer, in order and at its own time. Before the first and after each, time
   * stands still until promises have settled, until the engine waits for no journal, and until what `settle` was given
   * has settled.
   * @throws RangeError if `ms` is negative or not finite
   */
  readonly advance: (ms: number) => Promise<void>;
  /**
   * Fires timers until none is left but the next looks of `recover({ everyMs })`, which never end.
   * @throws Error if a timer is still waiting after `limitMs` (default: 365 days) or after 100,000 timers
   * @throws RangeError if `limitMs` is negative
   */
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

/** Creates a clock that moves only by `advance` or `runAll`, from `startMs` (epoch ms, default 0). @throws RangeError */
export const virtualClock = (startMs = 0): VirtualClock => {
  requireMs('virtualClock', startMs, Number.NEGATIVE_INFINITY);
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

  /** Fires the timers that are due until then, as long as `goesOn`, which is asked before each. */
  const advanceTo = async (until: number, goesOn = (): boolean => true): Promise<void> => {
    await quiet();
    for (let timer = nextTimer(until); timer && goesOn(); timer = nextTimer(until)) {
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
      requireMs('advance', ms);
      const until = now + ms;
      await advanceTo(until);
      now = until;
    },
    runAll: async (limitMs = 365 * 24 * 60 * 60 * 1_000) => {
      if (limitMs !== Number.POSITIVE_INFINITY) requireMs('runAll', limitMs);
      const began = now;
      const waiting = (): number => timers.size - idleTimersOf(clock);
      let fired = 0;
      await advanceTo(began + limitMs, () => waiting() > 0 && ++fired <= MAX_TIMERS);
      if (waiting() === 0) return;
      const left = waiting() === 1 ? '1 timer is' : `${waiting()} timers are`;
      const after = fired > MAX_TIMERS ? `${MAX_TIMERS} timers and ${now - began} ms` : `${limitMs} ms`;
      throw new Error(
        `${left} still waiting after ${after} of virtual time. Does something wait without end, such as a sensor without a deadline? Use advance(ms), or call runAll again.`,
      );
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
      requireMs('setWall', epochMs, Number.NEGATIVE_INFINITY);
      aheadMs = epochMs - now;
    },
  };
  setTurn(clock, new Turn({ steps: STEPS_PER_TURN }));
  return clock;
};

const requireMs = (call: string, ms: number, least = 0): void => {
  if (Number.isFinite(ms) && ms >= least) return;
  throw new RangeError(`${call} was given ${ms}: expected milliseconds${least === 0 ? ', 0 or more' : ''}.`);
};

/** How many timers `runAll` fires: what waits without end would keep it for minutes, longer than a test is given. */
const MAX_TIMERS = 100_000;

/** How many steps of work make up a turn of the event loop. */
const STEPS_PER_TURN = 256;
