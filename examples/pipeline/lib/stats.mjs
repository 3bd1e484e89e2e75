export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** The sum of one column of a CSV file. */
export const sumOf = (rows, column) => sum(rows.map((row) => Number(row[column])));

/** NaN for no numbers at all. */
export const mean = (numbers) => sum(numbers) / numbers.length;

/** NaN for no numbers at all. */
export const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return Number.isInteger(half) ? mean(sorted.slice(half - 1, half + 1)) : sorted[Math.floor(half)];
};

export const percent = (part, whole) => (100 * part) / whole;

/** A number with `digits` decimals at most; NaN becomes an empty field. */
export const round = (number, digits) => (Number.isNaN(number) ? '' : Number(number.toFixed(digits)));

/** A map from key to rows, in the order of their first appearance. */
export const groupBy = (rows, keyOf) => {
  const groups = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return groups;
};
