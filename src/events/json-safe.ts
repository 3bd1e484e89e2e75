import { type ErrorData, errorData, textOf, withoutStack } from './error-data.ts';

/** As `jsonSafe`, for outputs that others see: errors, which are those of a tolerant fan-out's items, have no stack. */
export const jsonSafeOutput = (output: unknown): unknown => jsonSafe(output, (error) => withoutStack(errorData(error)));

/** Returns a JSON-safe copy. Errors become data; bigints and unconvertible values become text. `undefined` is kept. */
export const jsonSafe = (value: unknown, dataOf: (error: Error) => ErrorData = errorData): unknown => {
  if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  try {
    if (value instanceof Error) return dataOf(value);
    const json = JSON.stringify(value, (_key, inner) =>
      typeof inner === 'bigint' ? String(inner) : inner instanceof Error ? dataOf(inner) : inner,
    );
    return json === undefined ? textOf(value) : JSON.parse(json);
  } catch {
    return textOf(value);
  }
};
