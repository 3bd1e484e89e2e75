/** Converts an integer for JSON: to a number if it is safe (below 2^53), else to text. */
export const jsonInteger = (value: bigint | string): number | string => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
};

/** Makes bigints JSON-safe, as the replacer of `JSON.stringify`. */
export const jsonIntegers = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? jsonInteger(value) : value;
