/** An attempt and the time in the queue before it, in epoch ms. */
export type Span = {
  readonly readyAt: number;
  /** Undefined if the task ended while it was in the queue. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
};
