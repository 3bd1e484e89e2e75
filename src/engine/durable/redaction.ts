import { isDeepStrictEqual } from 'node:util';
import { isPlainObject } from '../../events/plain-object.ts';

/** Returns what the journal keeps of a value. Returns the same value if it keeps all of it. */
export type Redact = (value: unknown) => unknown;

/** A stored value as far as it could be completed; `isWhole`: no part of it is still redacted. */
export type Unredacted = { readonly value: unknown; readonly isWhole: boolean };

/**
 * Completes a stored value with one that was computed again. The parts that look the same when redacted are taken from
 * `again`, since a secret in them may have been rotated; the others stay as they are stored.
 */
export const unredacted = (stored: unknown, again: unknown, redact: Redact): Unredacted => {
  if (isDeepStrictEqual(redact(again), stored)) return { value: again, isWhole: true };
  if (Array.isArray(stored) && Array.isArray(again) && stored.length === again.length) {
    const items = stored.map((item, index) => unredacted(item, again[index], redact));
    return { value: items.map(({ value }) => value), isWhole: items.every(({ isWhole }) => isWhole) };
  }
  if (isPlainObject(stored) && isPlainObject(again) && haveSameKeys(stored, again)) {
    const entries = Object.entries(stored).map(([key, value]) => [key, unredacted(value, again[key], redact)] as const);
    return {
      value: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
      isWhole: entries.every(([, { isWhole }]) => isWhole),
    };
  }
  return { value: stored, isWhole: false };
};

const haveSameKeys = (one: object, other: object): boolean =>
  isDeepStrictEqual(Object.keys(one).sort(), Object.keys(other).sort());
