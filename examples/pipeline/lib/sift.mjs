import { integer } from './numbers.mjs';

/**
 * Parts rows into those that show no fault and a count of the others.
 * `faults` maps a fault's name to its test; a row counts under the first one that it shows.
 */
export const sift = (rows, faults) => {
  const dropped = Object.fromEntries(Object.keys(faults).map((name) => [name, 0]));
  const kept = rows.filter((row) => {
    const fault = Object.keys(faults).find((name) => faults[name](row));
    if (fault !== undefined) dropped[fault] += 1;
    return fault === undefined;
  });
  return { kept, dropped };
};

/** A test that holds for every row whose key an earlier row had. */
export const repeated = (keyOf) => {
  const seen = new Set();
  return (row) => seen.size === seen.add(keyOf(row)).size;
};

/** One line for the log: "movies: 3,201 rows read, 3,127 kept, 74 dropped (1 without a title, 73 without a US gross)". */
export const describe = (name, { read, kept, dropped, repaired = {} }) => {
  const lost = `${integer(read - kept)} dropped${reasons(dropped, ' (', ')')}`;
  return `${name}: ${integer(read)} rows read, ${integer(kept)} kept, ${lost}${reasons(repaired, '; repaired: ', '')}`;
};

const reasons = (counts, before, after) => {
  const parts = Object.entries(counts).filter(([, number]) => number > 0);
  return parts.length === 0
    ? ''
    : before + parts.map(([why, number]) => `${integer(number)} ${why}`).join(', ') + after;
};
