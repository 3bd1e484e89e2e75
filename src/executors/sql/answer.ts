import { noRetry } from '../no-retry.ts';
import { MAX_RESULT_BYTES, SqlResultError } from './error.ts';

export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * What a statement without rows did. `changes` counts the rows it touched; `lastInsertId` is the id that the database
 * gave to an inserted row, as text where it is beyond 2^53.
 */
export type SqlChanges = { readonly changes: number; readonly lastInsertId?: number | string };

export type SqlAnswer = {
  readonly result: readonly SqlRow[] | SqlChanges;
  /** Column names that occur more than once: of those a row keeps the last. */
  readonly lost: readonly string[];
};

/** Collects the rows of the last statement of a query. */
export type RowCollector = {
  /** A statement begins: the rows of the one before are not the answer. */
  readonly begin: (columns: readonly string[]) => void;
  /** @throws NonRetryableError with a SqlResultError */
  readonly add: (row: SqlRow) => void;
  readonly answer: () => SqlAnswer;
};

/** @param most how many rows to keep; the others are read all the same, for closing early might undo what they tell of */
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

export const repeated = (names: readonly string[]): readonly string[] => [
  ...new Set(names.filter((name, index) => names.indexOf(name) !== index)),
];

const jsonRow = (row: SqlRow): SqlRow =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, jsonValue(value)]));

/** Integers beyond 2^53 and numbers that are not finite become text, bytes base64, moments ISO text. */
const jsonValue = (value: unknown): unknown => {
  if (typeof value === 'bigint') return jsonInteger(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return Number.isFinite(value.getTime()) ? value.toISOString() : null;
  if (Array.isArray(value)) return value.map(jsonValue);
  return value === undefined ? null : value;
};

/** A number where it is exact, else decimal text. */
export const jsonInteger = (value: bigint | string): number | string => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
};
