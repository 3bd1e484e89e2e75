/** Returns an integer as JSON can hold it: a number up to 2^53, text beyond. */
export const jsonInteger = (value: bigint | string): number | string => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
};

/** Makes bigints JSON-safe: the replacer for `JSON.stringify`. */
export const jsonIntegers = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? jsonInteger(value) : value;
