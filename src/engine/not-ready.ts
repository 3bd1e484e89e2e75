const NOT_READY: unique symbol = Symbol.for('tintype.notReady');

/** The answer of a task that can't do its work yet. Made by `notReady`. */
export type NotReady = { readonly [NOT_READY]: true; readonly reason: string };

/**
 * Returned by a task: what it needs is not there yet. The task ends `notReady`, its downstream is skipped, other
 * branches go on, and the job ends `notReady`, without an error.
 */
export const notReady = (reason: string): NotReady => Object.freeze({ [NOT_READY]: true as const, reason });

export const isNotReady = (value: unknown): value is NotReady =>
  typeof value === 'object' && value !== null && NOT_READY in value;
