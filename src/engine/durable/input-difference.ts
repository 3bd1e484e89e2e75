import { isPlainObject } from '../../events/plain-object.ts';
import { isTagged, pathText } from './serialise.ts';

/**
 * Returns where two inputs that were encoded as JSON differ first, such as `rows[0].done`; undefined if they are equal.
 * A key without a value is as good as none. Dates, maps and other values that JSON can't represent are compared whole.
 * What is at the paths in `except` may differ.
 */
export const inputDifference = (one: string, other: string, except: readonly string[] = []): string | undefined =>
  one === other ? undefined : differenceAt([], JSON.parse(one), JSON.parse(other), except);

const differenceAt = (
  steps: readonly (string | number)[],
  one: unknown,
  other: unknown,
  except: readonly string[],
): string | undefined => {
  if (except.includes(pathText(steps))) return undefined;
  if (isTagged(one, 'undefined') && other === undefined) return undefined;
  if (isTagged(other, 'undefined') && one === undefined) return undefined;
  if (isList(one) && isList(other) && one.length === other.length) {
    for (const [index, item] of one.entries()) {
      const path = differenceAt([...steps, index], item, other[index], except);
      if (path !== undefined) return path;
    }
    return undefined;
  }
  if (isPlainObject(one) && isPlainObject(other) && !isTagged(one) && !isTagged(other)) {
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const path = differenceAt([...steps, key], own(one, key), own(other, key), except);
      if (path !== undefined) return path;
    }
    return undefined;
  }
  return JSON.stringify(one) === JSON.stringify(other) ? undefined : pathText(steps);
};

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const own = (value: object, key: string): unknown =>
  Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
