import { isPlainObject } from '../../events/plain-object.ts';
import { MAX_DEPTH } from '../durable/serialise.ts';

/** Returns a frozen copy of a value that is plain JSON; undefined if it is anything else. Leaves out undefined fields. */
export const frozenJson = (value: unknown): unknown => {
  try {
    return copyOf(value, 0);
  } catch {
    return undefined;
  }
};

const copyOf = (value: unknown, depth: number): unknown => {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return value;
  if (depth < MAX_DEPTH && Array.isArray(value))
    return Object.freeze(Array.from(value, (item) => copyOf(item, depth + 1)));
  if (depth < MAX_DEPTH && isPlainObject(value)) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return Object.freeze(Object.fromEntries(fields.map(([key, field]) => [key, copyOf(field, depth + 1)])));
  }
  throw new TypeError('This is not JSON.');
};
