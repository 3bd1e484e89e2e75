import type { Mask } from './mask.ts';

/** Masks secrets in a thrown value. An error is changed in place, to keep its class; other values are copied. */
export const maskError = (error: unknown, mask: Mask, seen: ReadonlySet<unknown> = new Set()): unknown => {
  if (!(error instanceof Error)) return mask.data(error);
  if (seen.has(error)) return error;
  const path = new Set([...seen, error]);
  for (const key of new Set(['message', 'stack', 'cause', ...Object.keys(error)])) {
    const own = Object.getOwnPropertyDescriptor(error, key);
    if (!own || !('value' in own)) continue;
    const value = own.value instanceof Error ? maskError(own.value, mask, path) : mask.data(own.value);
    if (value !== own.value) Object.defineProperty(error, key, { ...own, value });
  }
  return error;
};
