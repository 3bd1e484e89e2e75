/** The upper bounds of the buckets of durations, in seconds: 5 ms to 1 h. */
export const DURATION_BUCKETS: readonly number[] = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600];

/** The upper bounds of the buckets of short durations, in seconds, such as those of a journal: 0.5 ms to 1 s. */
export const SHORT_BUCKETS: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** Observed values, counted by bucket: plain numbers, so that an observation costs a few nanoseconds. */
export class Buckets {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** The number of values in each bucket, without those in smaller ones; the last is that of values above all bounds. */
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++;
    (this.counts[bucket] as number)++;
    this.count++;
    this.sum += value;
  }
}
