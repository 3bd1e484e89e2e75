import type { Database } from './database.ts';
import type { SqliteValue } from './sqlite-driver.ts';

/** The number of rows inserted by one statement: fewer calls to the driver are faster. */
const ROWS = 16;

/** Inserts rows. `values` has the values of all rows, one row after the other. */
export type InsertRows = (database: Database, values: readonly SqliteValue[]) => void;

/** Returns a function that inserts rows into a table. */
export const insertRowsInto = (table: string, columns: readonly string[]): InsertRows => {
  const { length } = columns;
  const row = `(${columns.map(() => '?').join(', ')})`;
  const insertOf = (rows: number): string =>
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${Array(rows).fill(row).join(', ')}`;
  const one = insertOf(1);
  const many = insertOf(ROWS);
  return ({ prepared }, values) => {
    let at = 0;
    for (; at + ROWS * length <= values.length; at += ROWS * length)
      prepared(many).run(...values.slice(at, at + ROWS * length));
    for (; at < values.length; at += length) prepared(one).run(...values.slice(at, at + length));
  };
};
