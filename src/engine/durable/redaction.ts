import { isDeepStrictEqual } from 'node:util';
import { isPlainObject } from '../../events/plain-object.ts';
import { ignoreRejection, isThenable } from '../../events/thenable.ts';
import { OptionError } from '../errors/errors.ts';
import { optionProblem } from '../errors/problem.ts';

/** Returns what the journal keeps of a value. Returns the same value if it keeps all of it. */
export type Redact = (value: unknown) => unknown;

/** What was redacted of a value: `true` if it is the value itself, else the items or keys with redacted parts. */
export type RedactedParts = true | { readonly [key: string]: RedactedParts };

/** Returns what `kept` lacks of a value; undefined if it lacks nothing. Takes a `kept` without circular references. */
export const redactedParts = (value: unknown, kept: unknown): RedactedParts | undefined => {
  if (Object.is(value, kept)) return undefined;
  if (!isComposite(value) || !isComposite(kept) || !haveSameKeys(value, kept))
    return isDeepStrictEqual(value, kept) ? undefined : true;
  const parts = Object.keys(kept).flatMap((key) => {
    const part = redactedParts(value[key], kept[key]);
    return part === undefined ? [] : [[key, part] as const];
  });
  return parts.length > 0 ? Object.fromEntries(parts) : undefined;
};

/** Returns the `redact` of a definition's options, by default one that keeps all. It throws if it would return a promise. */
export const redactOf = ({ redact }: { readonly redact?: Redact | undefined }): Redact => {
  if (!redact) return (value) => value;
  return (value) => {
    let kept: unknown;
    try {
      kept = redact(value);
    } catch (error) {
      ignoreRejection(error);
      throw error;
    }
    if (!isThenable(kept)) return kept;
    ignoreRejection(kept);
    throw new OptionError('redact', [optionProblem('redact', 'It answered a promise: expected what to keep at once.')]);
  };
};

/** A stored value as far as it could be completed; `isWhole`: no part of it is still redacted. */
export type Unredacted = { readonly value: unknown; readonly isWhole: boolean };

/**
 * Completes a stored value with one that was computed again. Each redacted part is taken from `again` if it looks the
 * same there when redacted, since a secret in it may have been rotated. Everything else stays as it is stored.
 */
export const unredacted = (stored: unknown, again: unknown, redact: Redact, parts: RedactedParts): Unredacted => {
  if (parts === true) {
    const isWhole = isDeepStrictEqual(redact(again), stored);
    return { value: isWhole ? again : stored, isWhole };
  }
  // In a list of another length, a part may be at another place.
  if (!isComposite(stored) || !isComposite(again) || !haveSameLength(stored, again))
    return { value: stored, isWhole: false };
  const completed = Object.entries(parts).map(([key, part]) => {
    const computed = Object.hasOwn(again, key) ? again[key] : undefined;
    return [key, unredacted(stored[key], computed, redact, part)] as const;
  });
  const values = Object.fromEntries(completed.map(([key, { value }]) => [key, value]));
  return {
    value: Array.isArray(stored) ? Object.assign([...stored], values) : { ...stored, ...values },
    isWhole: completed.every(([, { isWhole }]) => isWhole),
  };
};

/** A list or a plain object. */
type Composite = { readonly [key: string]: unknown };

const isComposite = (value: unknown): value is Composite => Array.isArray(value) || isPlainObject(value);

const haveSameKeys = (one: Composite, other: Composite): boolean =>
  haveSameLength(one, other) && isDeepStrictEqual(Object.keys(one).sort(), Object.keys(other).sort());

/** Whether both are lists of one length, or both are no lists. */
const haveSameLength = (one: Composite, other: Composite): boolean =>
  Array.isArray(one) === Array.isArray(other) && (!Array.isArray(one) || one.length === other.length);
