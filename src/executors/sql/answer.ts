import { noRetry } from '../no-retry.ts';
import { MAX_RESULT_BYTES, SqlResultError } from './error.ts';

export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * The result of a statement that yields no rows. `changes` is the number of rows it changed; `lastInsertId` is the id
 * that the database gave to an inserted row, as text beyond 2^53.
 */
export type SqlChanges = { readonly changes: number; readonly lastInsertId?: number | string };

/** The result of a query: that of its last statement. */
export type SqlAnswer = {
  readonly result: readonly SqlRow[] | SqlChanges;
  /** The column names that occur more than once. A row has only the last value of each. */
  readonly lost: readonly string[];
};

/** Collects the rows of the last statement of a query. */
export type RowCollector = {
  /** Begins a statement: discards the rows of the one before. */
  readonly begin: (columns: readonly string[]) => void;
  /** Adds a row. @throws NonRetryableError with a SqlResultError if the rows exceed `MAX_RESULT_BYTES` as JSON */
  readonly add: (row: SqlRow) => void;
  readonly answer: () => SqlAnswer;
};

/**
 * Creates a collector for the rows of a query.
 *
 * @param most the number of rows to keep. Further rows are read and dropped: to stop reading could undo the changes of
 * a statement that returns the rows it wrote.
 */
export const rowCollector = (query: string, most: number): RowCollector => {
  let rows: SqlRow[] = [];
  let lost: readonly string[] = [];
  let bytes = 0;
  return {
    begin: (columns) => {
      rows = [];
      lost = repeated(columns);
      bytes = 0;
    },
    add: (row) => {
      if (rows.length >= most) return;
      const safe = jsonRow(row);
      bytes += Buffer.byteLength(JSON.stringify(safe)) + 1;
      if (bytes > MAX_RESULT_BYTES) throw noRetry(new SqlResultError(query));
      rows.push(safe);
    },
    answer: () => ({ result: rows, lost }),
  };
};

/** Returns the names that occur more than once. */
export const repeated = (names: readonly string[]): readonly string[] => [
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

/** Returns an integer as a number if that is exact, otherwise as decimal text. */
export const jsonInteger = (value: bigint | string): number | string => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
};
