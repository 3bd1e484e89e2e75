import { type NonRetryableError, TintypeError } from '../../engine/errors/errors.ts';
import { noRetry } from '../no-retry.ts';

/**
 * What kept a query from its answer. `refused`: the database will not do it, now or later (syntax, a missing table, a
 * broken constraint, a wrong password). `busy`: locks, deadlocks, too little of something. `connection`: the server
 * can't be reached, or was lost. `crash`: the process that asked SQLite ended.
 */
export type SqlTrouble = 'refused' | 'busy' | 'connection' | 'crash';

/** A place in the text of a query, both from 1. */
export type SqlPosition = { readonly line: number; readonly column?: number };

export type SqlFault = {
  readonly trouble: SqlTrouble;
  /** What the database said. */
  readonly message: string;
  /** The database's own code: an SQLSTATE, `ER_DUP_ENTRY`, `SQLITE_BUSY`, `ECONNREFUSED`. */
  readonly driverCode?: string | undefined;
  readonly position?: SqlPosition | undefined;
  readonly remedy: string;
};

/** A query that failed in the database, or on the way to it. */
export class SqlError extends TintypeError {
  override readonly name = 'SqlError';
  readonly code = 'SQL_FAILED';
  readonly trouble: SqlTrouble;
  readonly driverCode: string | undefined;
  readonly position: SqlPosition | undefined;

  constructor(query: string, { trouble, message, driverCode, position, remedy }: SqlFault) {
    const code = driverCode === undefined ? '' : ` (${driverCode})`;
    const said = message.trim().replace(/\.$/, '');
    super(`The query failed: ${said}${code}${placeText(position)}. Query: ${firstLine(query)}. ${remedy}`);
    this.trouble = trouble;
    this.driverCode = driverCode;
    this.position = position;
  }
}

/** A query that can't be asked as it is written: its text, its parameters, or what it says of the database. */
export class SqlQueryError extends TintypeError {
  override readonly name = 'SqlQueryError';
  readonly code = 'SQL_INVALID';
}

/** The package that talks to a database is not there. */
export class SqlDriverError extends TintypeError {
  override readonly name = 'SqlDriverError';
  readonly code = 'SQL_DRIVER_MISSING';
  /** The package to install. */
  readonly driver: string;

  constructor(database: string, driver: string, more = '', options?: ErrorOptions) {
    super(`${database} needs the package ${driver}, which could not be loaded. npm install ${driver}${more}`, options);
    this.driver = driver;
  }
}

/** How large the rows of one query may be as JSON, in bytes. */
export const MAX_RESULT_BYTES = 10 * 2 ** 20;

/** The rows of a query are more than a task may put out. */
export class SqlResultError extends TintypeError {
  override readonly name = 'SqlResultError';
  readonly code = 'SQL_RESULT_TOO_LARGE';

  constructor(query: string) {
    super(
      `The rows of the query are more than ${MAX_RESULT_BYTES / 2 ** 20} MiB as JSON. Query: ${firstLine(query)}. ` +
        'Aggregate in the database, select fewer columns, or page with LIMIT.',
    );
  }
}

/** A failed query as what a task throws. */
export const sqlFailure = (query: string, fault: SqlFault): SqlError | NonRetryableError => {
  const error = new SqlError(query, fault);
  return fault.trouble === 'refused' ? noRetry(error) : error;
};

export const invalidQuery = (message: string): NonRetryableError => noRetry(new SqlQueryError(message));

/** The first line of a query that is not blank, shortened. */
export const firstLine = (query: string): string => {
  const text = query.trim();
  const line = text.split(/\r?\n/, 1)[0] as string;
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line === text ? line : `${line} …`;
};

const MAX_LINE = 80;

/** Where an offset, in UTF-16 units from 0, is in a text. */
export const positionAt = (text: string, offset: number): { readonly line: number; readonly column: number } => {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) as string).length + 1 };
};

const placeText = (position: SqlPosition | undefined): string => {
  if (!position) return '';
  const { line, column } = position;
  return column === undefined ? ` at line ${line}` : ` at line ${line}, column ${column}`;
};
