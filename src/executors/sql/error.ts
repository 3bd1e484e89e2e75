import { type NonRetryableError, TintypeError } from '../../engine/errors/errors.ts';
import { noRetry } from '../errors.ts';
import { sizeInWords } from '../size-in-words.ts';

/**
 * Why a query failed. `refused`: the database rejects it, and will again (syntax, a violated constraint, a wrong
 * password). `busy`: a lock, a deadlock or a shortage, which may pass. `connection`: no server, or a broken connection.
 * `crash`: the process that ran SQLite ended.
 */
export type SqlFaultKind = 'refused' | 'busy' | 'connection' | 'crash';

/** A position in the text of a query; line and column (in UTF-16 units) count from 1. */
export type SqlPosition = { readonly line: number; readonly column?: number };

/** A failure, with the database's own message. */
export type SqlFault = Pick<SqlError, 'kind' | 'message'> &
  Partial<Pick<SqlError, 'driverCode' | 'position'>> & { readonly remedy: string };

/** A query failed in the database, or the connection to the database failed. */
export class SqlError extends TintypeError {
  override readonly name = 'SqlError';
  readonly code = 'SQL_FAILED';
  readonly kind: SqlFaultKind;
  /** Code of the database, driver or system: an SQLSTATE, `ER_DUP_ENTRY`, `SQLITE_BUSY`, `ECONNREFUSED`. */
  readonly driverCode: string | undefined;
  readonly position: SqlPosition | undefined;

  constructor(query: string, { kind, message, driverCode, position, remedy }: SqlFault) {
    const code = driverCode === undefined ? '' : ` (${driverCode})`;
    const said = message.trim().replace(/\.$/, '');
    super(`The query failed: ${said}${code}${placeText(position)}. Query: ${firstLine(query)}. ${remedy}`);
    this.kind = kind;
    this.driverCode = driverCode;
    this.position = position;
  }
}

/** A query can't be run as written: its text, its parameters or the name of its database is invalid. */
export class SqlQueryError extends TintypeError {
  override readonly name = 'SqlQueryError';
  readonly code = 'SQL_INVALID';
}

/** The package that a database needs is not installed. */
export class SqlDriverError extends TintypeError {
  override readonly name = 'SqlDriverError';
  readonly code = 'SQL_DRIVER_MISSING';
  /** The name of the package to install. */
  readonly driver: string;

  constructor(database: string, driver: string, more = '', options?: ErrorOptions) {
    super(`${database} needs the package ${driver}, which could not be loaded. npm install ${driver}${more}`, options);
    this.driver = driver;
  }
}

/** The default for the largest result of a query, in bytes of its rows as JSON. */
export const MAX_RESULT_BYTES = 10 * 2 ** 20;

/** The rows of a query exceed the limit, in bytes, as JSON. */
export class SqlResultError extends TintypeError {
  override readonly name = 'SqlResultError';
  readonly code = 'SQL_RESULT_TOO_LARGE';

  constructor(query: string, maxBytes: number) {
    super(
      `The rows of the query are more than ${sizeInWords(maxBytes)} as JSON. Query: ${firstLine(query)}. ` +
        'Aggregate in the database, select fewer columns, page with LIMIT, or raise max_output_bytes.',
    );
  }
}

/** Makes the error for a failed query: a NonRetryableError if the database rejects the query, otherwise a SqlError. */
export const sqlFailure = (query: string, fault: SqlFault): SqlError | NonRetryableError => {
  const error = new SqlError(query, fault);
  return fault.kind === 'refused' ? noRetry(error) : error;
};

export const invalidQuery = (message: string): NonRetryableError => noRetry(new SqlQueryError(message));

export const firstLine = (query: string): string => {
  const text = query.trim();
  const line = text.split(/\r?\n/, 1)[0] as string;
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line === text ? line : `${line} …`;
};

/** The longest excerpt of a query in messages, in UTF-16 units. */
const MAX_LINE = 80;

/** Converts an offset, in UTF-16 units from 0, to line and column. */
export const positionAt = (text: string, offset: number): Required<SqlPosition> => {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) as string).length + 1 };
};

const placeText = ({ line, column }: Partial<SqlPosition> = {}): string =>
  line === undefined ? '' : ` at line ${line}${column === undefined ? '' : `, column ${column}`}`;
