import { isolate } from '../../events/isolate.ts';
import type { Clock } from './clock.ts';
import { type Turn, turnOf } from './turn.ts';

/**
 * A clock that is never set: `now` is the wall time when it was made, in epoch ms, plus the time that has passed since.
 * So the difference of two times is a duration, even if the system's clock was set in between. A timer that fires waits
 * for what was put off to a later turn: a result that is among it came in time.
 */
export class SteadyClock implements Clock {
  readonly now: () => number;
  readonly setTimer: Clock['setTimer'];
  #startedAt: number;

  constructor(clock: Clock, turn: Turn = turnOf(clock)) {
    this.#startedAt = clock.now();
    const start = clock.monotonicNow?.();
    const setTimer: Clock['setTimer'] = (callback, delayMs) => {
      let isCancelled = false;
      const whenDue = (): void => void (isCancelled || callback());
      const cancel = clock.setTimer(() => (turn.hasWork ? turn.putOff(whenDue) : callback()), delayMs);
      return () => {
        isCancelled = true;
        isolatedCancel(cancel);
      };
    };
    if (start === undefined) {
      const elapsedMs = elapsedForward(clock, this.#startedAt);
      this.now = () => this.#startedAt + elapsedMs();
      this.setTimer = (callback, delayMs) => setTimer(this.#after(delayMs, callback), delayMs);
    } else {
      this.now = () => this.#startedAt + Math.floor((clock.monotonicNow?.() ?? start) - start);
      this.setTimer = setTimer;
    }
  }

  /** Without monotonic time, a timer that fires says how much has passed at least. */
  #after(delayMs: number, callback: () => void): () => void {
    const dueAt = this.now() + delayMs;
    return () => {
      this.#startedAt += Math.max(0, dueAt - this.now());
      callback();
    };
  }
}

const isolatedCancel = isolate('The function of a clock that cancels a timer');

/** Returns a clock that is never set: the given one, if it is one. */
export const steady = (clock: Clock, turn?: Turn): SteadyClock =>
  clock instanceof SteadyClock ? clock : new SteadyClock(clock, turn);

/** Returns the ms that have passed by a clock without monotonic time: its steps back do not count. */
const elapsedForward = (clock: Clock, startedAt: number): (() => number) => {
  let last = startedAt;
  let elapsedMs = 0;
  return () => {
    const now = clock.now();
    if (now > last) elapsedMs += now - last;
    last = now;
    return elapsedMs;
  };
};
