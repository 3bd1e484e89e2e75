/** When a task waited and ran, as far as that takes more than its first and last attempt. */
type Times = {
  readonly queuedAt?: number | undefined;
  readonly startedAt?: number | undefined;
  readonly lastStartedAt?: number | undefined;
  spans?: Span[] | undefined;
  openSpan?: { readonly readyAt: number; startedAt: number | undefined } | undefined;
};

/** Notes an attempt that another may follow. */
export const closeSpan = (times: Times, endedAt: number): void => {
  const startedAt = times.lastStartedAt ?? times.startedAt ?? endedAt;
  times.spans ??= [];
  times.spans.push({ readyAt: times.queuedAt ?? startedAt, startedAt, endedAt });
  times.openSpan = undefined;
};

/** One stay in the queue and the attempt that followed; epoch ms. */
export type Span = {
  readonly readyAt: number;
  /** Absent if it never got to run. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
};
