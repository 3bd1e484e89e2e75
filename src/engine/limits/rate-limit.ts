/** At most `limit` starts within any `periodMs`: a window that slides, so that no two periods' worth meet at a border. */
export class RateLimit {
  readonly kind = 'rateLimit';
  readonly name: string;
  readonly limit: number;
  readonly periodMs: number;
  /** Calls off the timer that waits for room. */
  cancelTimer: (() => void) | undefined;
  /** When each of the last `limit` starts was, in epoch ms, in a ring. */
  readonly #starts: number[] = [];
  #next = 0;

  constructor(name: string, limit: number, periodMs: number) {
    this.name = name;
    this.limit = limit;
    this.periodMs = periodMs;
  }

  /** When the next start may be, in epoch ms; in the past if it may be now. */
  freeAt(): number {
    const oldest = this.#starts.length < this.limit ? undefined : this.#starts[this.#next];
    return oldest === undefined ? Number.NEGATIVE_INFINITY : oldest + this.periodMs;
  }

  take(at: number): void {
    this.#starts[this.#next] = at;
    this.#next = (this.#next + 1) % this.limit;
  }
}
