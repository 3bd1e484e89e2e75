/** Times of a task's attempts. `spans` exist only for tasks with more than one. */
type Times = {
  readonly queuedAt?: number | undefined;
  readonly startedAt?: number | undefined;
  readonly lastStartedAt?: number | undefined;
  spans?: Span[] | undefined;
  openSpan?: { readonly readyAt: number; startedAt: number | undefined } | undefined;
};

/** Adds the attempt that has ended to the spans: another attempt may follow. */
export const closeSpan = (times: Times, endedAt: number): void => {
  const startedAt = times.lastStartedAt ?? times.startedAt ?? endedAt;
  times.spans ??= [];
  times.spans.push({ readyAt: times.queuedAt ?? startedAt, startedAt, endedAt });
  times.openSpan = undefined;
};

/** A time in the queue and the attempt that followed; epoch ms. */
export type Span = {
  readonly readyAt: number;
  /** Undefined if the task ended while it was in the queue. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
};
