import { invalidQuery, MAX_RESULT_BYTES } from './error.ts';
import type { SqlParams } from './params.ts';
import { NUMBERED_PLACES, questionMarkIn } from './question-marks.ts';

export type SqlRequest = SqlQuery &
  Required<SqlOptions> & {
    /** Set for a sensor: keeps only the first row, and opens an SQLite file read-only. */
    readonly firstRowOnly: boolean;
  };

export type SqlSystem = 'sqlite' | 'postgres' | 'mysql';

export const requestOf = (
  { database, query, params }: SqlQuery,
  firstRowOnly: boolean,
  { busyMs = 5000, connectMs = 10_000, maxOutputBytes = MAX_RESULT_BYTES }: SqlOptions,
): SqlRequest => {
  if (typeof database !== 'string' || database === '') {
    throw invalidQuery('No database is named. Give the path of an SQLite file, or a URL such as postgres://host/name.');
  }
  if (typeof query !== 'string' || query.trim() === '') throw invalidQuery('The query is empty. Write a statement.');
  if (query.includes('\0')) throw invalidQuery('The query holds a NUL character. Remove it.');
  if (params !== undefined && (typeof params !== 'object' || params === null)) {
    throw invalidQuery(`params is ${String(params)}: expected a list or a mapping.`);
  }
  if (systemOf(database) === 'postgres' && questionMarkIn(query, params) !== undefined) {
    throw invalidQuery(`The query has a place "?". ${NUMBERED_PLACES}`);
  }
  return { database, query, params, firstRowOnly, busyMs, connectMs, maxOutputBytes };
};

/** @throws NonRetryableError with a SqlQueryError if the URL is invalid or of an unknown system */
export const systemOf = (database: string): SqlSystem => {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(database)?.[1]?.toLowerCase();
  if (scheme === undefined) return 'sqlite';
  const system = SYSTEMS[scheme];
  if (system === undefined) {
    throw invalidQuery(
      `The database has the scheme ${scheme}:, which is none of postgres://, postgresql://, mysql:// and mariadb://. ` +
        'For SQLite give the path of the file.',
    );
  }
  // A URL for a socket has no host, which URL.canParse rejects: postgresql://user@/name?host=/run/postgresql
  if (!URL.canParse(database.replace('@/', '@localhost/'))) {
    throw invalidQuery(
      `The ${scheme} URL of the database can't be read. Write it as ${scheme}://user:password@host:port/name, ` +
        'with special characters of user and password percent-encoded.',
    );
  }
  return system;
};

const SYSTEMS: Readonly<Record<string, SqlSystem>> = {
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
};

export type SqlQuery = {
  /** The path of an SQLite file or `:memory:`, or a URL: `postgres://`, `postgresql://`, `mysql://`, `mariadb://`. */
  readonly database: string;
  readonly query: string;
  /** Values for the placeholders. The database binds them; they are never written into the text of the query. */
  readonly params?: SqlParams | undefined;
};

export type SqlOptions = {
  /** How long to wait for the lock of an SQLite file, in ms. Default 5000. */
  readonly busyMs?: number;
  /** How long connecting to a server may take, in ms. Default 10000. */
  readonly connectMs?: number;
  /** The most bytes that the rows may take as JSON. Default `MAX_RESULT_BYTES`. */
  readonly maxOutputBytes?: number;
};
