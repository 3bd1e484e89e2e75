import { noRetry } from '../errors.ts';
import { jsonInteger } from '../json-integers.ts';
import { SqlResultError } from './error.ts';
import type { SqlRequest } from './query.ts';

export type SqlRow = Readonly<Record<string, unknown>>;

/** The result of a statement without rows. `lastInsertId`: the id given to an inserted row, as text beyond 2^53. */
export type SqlChanges = { readonly changes: number; readonly lastInsertId?: number | string };

export type SqlResult = {
  readonly result: readonly SqlRow[] | SqlChanges;
  /** The column names that occur more than once. A row has only the last value of each. */
  readonly duplicateColumns: readonly string[];
};

type RowCollector = {
  /** Begins a statement: discards the rows of the previous statement. */
  readonly begin: (columns: readonly string[]) => void;
  /** Adds a row. @throws NonRetryableError with a SqlResultError if the rows exceed `maxOutputBytes` as JSON */
  readonly add: (row: SqlRow) => void;
  readonly result: () => SqlResult;
};

/** Keeps the first `maxRows` rows. Drops further rows, but reads them: to stop could undo a statement's changes. */
export const rowCollector = ({ query, maxOutputBytes }: SqlRequest, maxRows: number): RowCollector => {
  let rows: SqlRow[] = [];
  let duplicateColumns: readonly string[] = [];
  let bytes = 0;
  return {
    begin: (columns) => {
      rows = [];
      duplicateColumns = duplicates(columns);
      bytes = 0;
    },
    add: (row) => {
      if (rows.length >= maxRows) return;
      const safe = jsonRow(row);
      bytes += Buffer.byteLength(JSON.stringify(safe)) + 1;
      if (bytes > maxOutputBytes) throw noRetry(new SqlResultError(query, maxOutputBytes));
      rows.push(safe);
    },
    result: () => ({ result: rows, duplicateColumns }),
  };
};

export const duplicates = (names: readonly string[]): readonly string[] => [
  ...new Set(names.filter((name, index) => names.indexOf(name) !== index)),
];

const jsonRow = (row: SqlRow): SqlRow =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, jsonValue(value)]));

/** Makes a value JSON-safe: integers beyond 2^53 and non-finite numbers become text, bytes base64, dates ISO text. */
const jsonValue = (value: unknown): unknown => {
  if (typeof value === 'bigint') return jsonInteger(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return Number.isFinite(value.getTime()) ? value.toISOString() : null;
  if (Array.isArray(value)) return value.map(jsonValue);
  return value === undefined ? null : value;
};
