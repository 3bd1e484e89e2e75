import { isPlainObject } from '../../events/plain-object.ts';

/**
 * Freezes plain objects and arrays, maps and sets, with all that is in them, and returns the value. Other objects, and those
 * that are frozen already, are left alone. immer's `freeze` does as much, but would be 3 KB of each bundle, since bundlers keep
 * all of immer with it, and overflows the stack at some 1,500 levels.
 */
export const deepFreeze = <Value>(value: Value): Value => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map || value instanceof Set) {
    Object.defineProperties(value, REFUSALS);
    Object.freeze(value);
    for (const part of value.values()) deepFreeze(part);
  } else if (Array.isArray(value) || isPlainObject(value)) {
    Object.freeze(value);
    for (const key of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[key]);
  }
  return value;
};

const refuse = { value: () => refuseChange() };

/** Freezing does not keep the entries of a map or set from changing. */
const REFUSALS = { set: refuse, add: refuse, clear: refuse, delete: refuse };

const refuseChange = (): never => {
  throw new TypeError('This object is frozen: it must not be changed.');
};
