import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from 'node:timers';
import { realNow } from '../../events/system-clock.ts';
import { workBegan, workEnded } from '../../events/under-way.ts';
import type { Clock } from './clock.ts';

/**
 * How much the engine does in one turn of the event loop, before everybody else gets a turn. `ms` of real time, or, so
 * that the order of events does not depend on the speed of the machine, a number of `steps`.
 */
type TurnLimit = { readonly ms: number; readonly steps?: never } | { readonly steps: number; readonly ms?: never };

/**
 * Divides long work into turns of the event loop, so that timers and I/O of the program are not kept waiting. Loops of
 * the engine ask after each step whether the turn is over, and put off the rest of their work. What was put off
 * continues in the order in which it was put off.
 */
export class Turn {
  /** One of the two is Infinity. */
  readonly #maxSteps: number;
  readonly #maxMs: number;
  #waiting: (() => void)[] = [];
  /** Whether the work that waits is counted as under way. */
  #counted = false;
  #begun = false;
  #over = false;
  #steps = 0;
  #startedAt = 0;
  /** The step at which to look next whether the turn is over, and the time that was read last. */
  #nextLook = 0;
  #readAt = 0;

  constructor({ steps = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY }: TurnLimit = { ms: TURN_MS }) {
    this.#maxSteps = steps;
    this.#maxMs = ms;
  }

  /** Whether work has been put off. */
  get hasWork(): boolean {
    return this.#waiting.length > 0;
  }

  /** Counts a step; returns whether the rest of the work must be put off. */
  isOver(): boolean {
    if (++this.#steps < this.#nextLook) return this.#over;
    this.#look();
    return this.#over;
  }

  /** Counts a step; returns whether work must wait: the turn is over, or other work was put off before. */
  mustWait(): boolean {
    return this.isOver() || this.hasWork;
  }

  /** Puts work off to a later turn. It keeps the async context of the caller. */
  putOff(work: () => void): void {
    this.putOffUnbound(AsyncResource.bind(work));
  }

  /** Puts work off that finds its async context by itself, which is faster. */
  putOffUnbound(work: () => void): void {
    if (!this.#begun) this.#begin();
    if (!this.#counted) workBegan();
    this.#counted = true;
    this.#waiting.push(work);
  }

  #begin(): void {
    this.#begun = true;
    this.#over = false;
    this.#steps = 0;
    this.#startedAt = this.#readAt = realNow();
    this.#nextLook = Math.min(this.#maxSteps, STEPS_PER_LOOK);
    setImmediate(() => this.#next());
  }

  #look(): void {
    if (!this.#begun) {
      this.#begin();
      return;
    }
    const now = realNow();
    const passed = now - this.#startedAt;
    this.#over = this.#steps >= this.#maxSteps || passed >= this.#maxMs || passed < 0;
    const left = now - this.#readAt > SLOW_MS ? 1 : Math.min(STEPS_PER_LOOK, this.#maxSteps - this.#steps);
    this.#nextLook = this.#over ? Number.POSITIVE_INFINITY : this.#steps + left;
    this.#readAt = now;
  }

  /** Begins a new turn, with the work that was put off. */
  #next(): void {
    this.#begun = false;
    this.#over = false;
    this.#steps = 0;
    this.#nextLook = 0;
    const work = this.#waiting;
    if (work.length === 0) return;
    this.#waiting = [];
    let at = 0;
    try {
      while (at < work.length && !this.isOver()) (work[at++] as () => void)();
    } finally {
      if (at < work.length) this.#waiting = [...work.slice(at), ...this.#waiting];
      if (!this.hasWork) {
        this.#counted = false;
        workEnded();
      } else if (!this.#begun) this.#begin();
    }
  }
}

/** How long the engine works before it lets others have a turn, in ms. */
const TURN_MS = 10;

/** The time is read after so many steps; after each step if a reading is more than SLOW_MS after the one before. */
const STEPS_PER_LOOK = 4;
const SLOW_MS = 1;

const REAL = new Turn();
const TURNS = new WeakMap<Clock, Turn>();

/** Returns the turn that divides the work of all jobs with this clock: one for all clocks of real time. */
export const turnOf = (clock: Clock): Turn => TURNS.get(clock) ?? REAL;

/** Gives a clock a turn of its own. */
export const setTurn = (clock: Clock, turn: Turn): void => {
  TURNS.set(clock, turn);
};
