/** Allows at most `limit` starts within any `periodMs` ms (a sliding window). */
export class RateLimit {
  readonly kind = 'rateLimit';
  readonly name: string;
  readonly limit: number;
  readonly periodMs: number;
  cancelTimer: (() => void) | undefined;
  /** Times of the last `limit` starts, in ms of the dispatcher's clock, as a ring buffer. */
  readonly #starts: number[];
  #next: number;

  /** `earlier`: the limit that this one takes the place of, whose starts count. */
  constructor(name: string, limit: number, periodMs: number, earlier?: RateLimit) {
    this.name = name;
    this.limit = limit;
    this.periodMs = periodMs;
    this.#starts = earlier ? earlier.#inOrder().slice(-limit) : [];
    this.#next = this.#starts.length % limit;
  }

  /** Returns when the next start is allowed, in ms of the dispatcher's clock: a past time if a start is allowed now. */
  nextAllowedAt(): number {
    const oldest = this.#starts.length < this.limit ? undefined : this.#starts[this.#next];
    return oldest === undefined ? Number.NEGATIVE_INFINITY : oldest + this.periodMs;
  }

  #inOrder(): readonly number[] {
    return [...this.#starts.slice(this.#next), ...this.#starts.slice(0, this.#next)];
  }

  acquire(at: number): void {
    this.#starts[this.#next] = at;
    this.#next = (this.#next + 1) % this.limit;
  }
}
