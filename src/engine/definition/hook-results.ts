import { ignoreRejection, isThenable } from '../../events/thenable.ts';

/** Returns what a hook returned. @throws TypeError for a promise, whose rejection is ignored */
export const requireAtOnce = <Value>(name: string, value: Value): Value => {
  if (!isThenable(value)) return value;
  ignoreRejection(value);
  throw new TypeError(`${name} answered a promise: expected a number at once`);
};

/** Converts a condition's result to a boolean. @throws TypeError for a promise, whose rejection is ignored */
export const requireBoolean = (name: string, value: unknown): boolean => {
  if (!isThenable(value)) return Boolean(value);
  ignoreRejection(value);
  throw new TypeError(`${name} answered a promise: expected true or false at once`);
};
