import { ignoreRejection, isThenable } from '../../events/thenable.ts';

/** Returns what a hook returned. @throws TypeError for a promise, whose rejection is ignored */
export const requireAtOnce = <Value>(name: string, value: Value, expected = 'a number'): Value => {
  if (!isThenable(value)) return value;
  ignoreRejection(value);
  throw new TypeError(`${name} answered a promise: expected ${expected} at once`);
};

/** Converts a condition's result to a boolean. @throws TypeError for a promise, whose rejection is ignored */
export const requireBoolean = (name: string, value: unknown): boolean =>
  Boolean(requireAtOnce(name, value, 'true or false'));

/** Returns the wait in ms that a backoff gave. @throws TypeError for a promise @throws RangeError for an invalid wait */
export const requireWait = (what: 'a wait' | 'an interval', value: number): number => {
  const waitMs = requireAtOnce('backoff', value);
  if (Number.isFinite(waitMs) && waitMs >= 0) return waitMs;
  throw new RangeError(`The backoff gave ${what} of ${waitMs}: expected a finite number of milliseconds, 0 or more.`);
};
