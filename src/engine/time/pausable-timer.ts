import type { Clock } from './clock.ts';

/** A timer that can be paused, for time limits without paused time. Fires once, after `delayMs` ms of unpaused time. */
export class PausableTimer {
  readonly #clock: Clock;
  readonly #fire: () => void;
  #restMs: number;
  #since = 0;
  #cancel: (() => void) | undefined;
  #over = false;

  constructor(clock: Clock, fire: () => void, delayMs: number, paused = false) {
    this.#clock = clock;
    this.#fire = fire;
    this.#restMs = delayMs;
    if (!paused) this.resume();
  }

  pause(): void {
    if (!this.#cancel) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#restMs = Math.max(0, this.#restMs - Math.max(0, this.#clock.now() - this.#since));
  }

  resume(): void {
    if (this.#cancel || this.#over) return;
    this.#since = this.#clock.now();
    this.#cancel = this.#clock.setTimer(() => this.fire(), this.#restMs);
  }

  /** When it fires, by the clock; undefined while it is paused, and once it is over. */
  get dueAt(): number | undefined {
    return this.#cancel && this.#since + this.#restMs;
  }

  /** Fires at once. Does nothing while the timer is paused, or once it is over. */
  fire(): void {
    if (!this.#cancel) return;
    this.cancel();
    this.#fire();
  }

  cancel(): void {
    this.#over = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
