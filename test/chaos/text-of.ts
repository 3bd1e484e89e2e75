/** A value as text that tells apart whatever differs, and nothing else: types, order and absence included. */
export const textOf = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Date) return `Date(${value.toISOString()})`;
  if (value instanceof Uint8Array) return `Bytes(${[...value].join(' ')})`;
  if (value instanceof Map) return `Map(${[...value].map((entry) => entry.map(textOf).join(' => ')).join(', ')})`;
  if (value instanceof Set) return `Set(${[...value].map(textOf).join(', ')})`;
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (value instanceof Error) return `${value.name}(${'code' in value ? value.code : ''})`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${key}: ${textOf(each)}`).join(', ')}}`;
};
