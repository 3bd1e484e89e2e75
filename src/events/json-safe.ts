import { errorData, textOf } from './error-data.ts';

/** Returns a JSON-safe copy. Errors become data; bigints and unconvertible values become text. `undefined` is kept. */
export const jsonSafe = (value: unknown): unknown => {
  if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  try {
    if (value instanceof Error) return errorData(value);
    const json = JSON.stringify(value, (_key, inner) =>
      typeof inner === 'bigint' ? String(inner) : inner instanceof Error ? errorData(inner) : inner,
    );
    return json === undefined ? textOf(value) : JSON.parse(json);
  } catch {
    return textOf(value);
  }
};
