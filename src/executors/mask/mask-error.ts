import type { Mask } from './mask.ts';

/** Masks secrets in a thrown value. An error is changed in place, to keep its class; other values are copied. */
export const maskError = (error: unknown, mask: Mask, seen: ReadonlySet<unknown> = new Set()): unknown => {
  if (seen.has(error)) return error;
  const path = new Set([...seen, error]);
  if (Array.isArray(error) && error.some((item) => item instanceof Error || Array.isArray(item)))
    return error.map((item) => maskError(item, mask, path));
  if (!(error instanceof Error)) return mask.data(error);
  // Those named here are not enumerable; `errors` is that of an AggregateError.
  for (const key of new Set(['name', 'message', 'stack', 'cause', 'errors', ...Object.keys(error)])) {
    const own = Object.getOwnPropertyDescriptor(error, key);
    if (!own || !('value' in own)) continue;
    const value = maskError(own.value, mask, path);
    if (value !== own.value) Object.defineProperty(error, key, { ...own, value });
  }
  return error;
};
