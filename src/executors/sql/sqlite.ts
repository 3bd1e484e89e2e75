import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { noRetry } from '../errors.ts';
import { driverUrl } from './driver.ts';
import { invalidQuery, positionAt, SqlDriverError, SqlResultError, sqlFailure } from './error.ts';
import { type BoundValue, bindNames, boundList, hasNone, isList, requireCount, severalWithParams } from './params.ts';
import type { SqlRequest } from './query.ts';
import { duplicates, type SqlResult } from './result.ts';
import { type SqlStatement, sqlStatements } from './scan.ts';
import { querySqliteProcess } from './sqlite-process.ts';
import type { SqliteRequest, SqliteValue } from './sqlite-runner.ts';

/** Runs a query on an SQLite file: several statements in one transaction, unless they control transactions. */
export const querySqlite = async (request: SqlRequest, signal: AbortSignal): Promise<SqlResult> => {
  const { database, query, firstRowOnly, busyMs } = request;
  const statements = sqlStatements(query, 'sqlite');
  if (statements.length === 0) throw invalidQuery('The query holds no statement. Write one.');
  const bound = boundTo(statements, request);
  if (!firstRowOnly && database !== MEMORY) requireFolder(query, database);
  const reply = await querySqliteProcess(
    {
      path: database === MEMORY ? database : resolve(database),
      readOnly: firstRowOnly && database !== MEMORY,
      busyMs,
      driver: driverUrl(DRIVER),
      statements: statements.map((statement) => ({ text: statement.text, writes: mayWrite(statement) })),
      transaction: isTransaction(statements),
      ...bound,
      most: firstRowOnly ? 1 : Number.MAX_SAFE_INTEGER,
      maxBytes: request.maxOutputBytes,
    },
    signal,
  );
  if ('rows' in reply) return { result: reply.rows, duplicateColumns: duplicates(reply.columns) };
  if ('changes' in reply) return { result: reply, duplicateColumns: [] };
  throw failureOf(request, statements, reply);
};

const DRIVER = '@photostructure/sqlite';
const MEMORY = ':memory:';

type Bound = Pick<SqliteRequest, 'named' | 'listed'>;

/** Matches parameters to placeholders. Each placeholder must have a value: SQLite would bind NULL to it instead. */
const boundTo = (statements: readonly SqlStatement[], { params }: SqlRequest): Bound => {
  const places = statements.flatMap(({ tokens }) => tokens).filter(({ kind }) => kind === 'place');
  if (statements.length > 1 && !hasNone(params)) throw severalWithParams(statements.length);
  if (params !== undefined && !isList(params) && !hasNone(params)) {
    const named = bindNames(places, params).map(({ token, value }) => [token.text, sqliteValue(value)]);
    return { named: Object.fromEntries(named), listed: [] };
  }
  const name = places.find(({ text }) => !text.startsWith('?'));
  if (name) {
    const without = name.text.slice(1);
    throw invalidQuery(
      `The query has a place ${name.text}, but params ${hasNone(params) ? 'is empty' : 'is a list'}. Give params as a mapping with "${without}".`,
    );
  }
  const values = boundList(params !== undefined && isList(params) ? params : []);
  // SQLite numbers a bare ? one higher than the highest number before it.
  const highest = places.reduce(
    (number, { text }) => Math.max(number, text === '?' ? number + 1 : Number(text.slice(1))),
    0,
  );
  requireCount(highest, values.length);
  return { named: {}, listed: values.map(sqliteValue) };
};

/** Encodes a value to bind. Marks integers as such, since SQLite would bind a JavaScript number as REAL. */
const sqliteValue = (value: BoundValue): SqliteValue => {
  if (typeof value === 'boolean') return ['integer', value ? '1' : '0'];
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) {
    if (BigInt.asIntN(64, BigInt(value as bigint | number)) !== BigInt(value as bigint | number)) {
      throw invalidQuery(`The query is given ${value}, but an integer of SQLite has 64 bits at most. Give it as text.`);
    }
    return ['integer', String(value)];
  }
  if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('base64')];
  return ['plain', value as string | number | null];
};

const requireFolder = (query: string, database: string): void => {
  const folder = dirname(resolve(database));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw sqlFailure(query, {
      kind: 'refused',
      // Show the path whole: the mask does not recognise a part of a secret.
      message: `the folder of the database does not exist: ${resolve(database)}`,
      driverCode: 'SQLITE_CANTOPEN',
      remedy: 'Create the folder, or correct the path.',
    });
  }
};

/** Whether to use a transaction. A single statement that may write needs one, to undo it if its rows are too large. */
const isTransaction = (statements: readonly SqlStatement[]): boolean =>
  statements.every(({ keyword }) => !NOT_IN_TRANSACTION.test(keyword)) &&
  (statements.length > 1 || statements.some(mayWrite));

const mayWrite = ({ keyword, tokens }: SqlStatement): boolean =>
  WRITES.has(keyword) || (keyword === 'WITH' && tokens.some(({ text }) => WRITES.has(text)));

const WRITES: ReadonlySet<string> = new Set(['DELETE', 'INSERT', 'REPLACE', 'UPDATE']);

/** Statements that control transactions, or that fail or have no effect within one. */
const NOT_IN_TRANSACTION = /^(?:ATTACH|BEGIN|COMMIT|DETACH|END|PRAGMA|RELEASE|ROLLBACK|SAVEPOINT|VACUUM)$/;

type Problem = Exclude<Awaited<ReturnType<typeof querySqliteProcess>>, { rows: unknown } | { changes: unknown }>;

const failureOf = (request: SqlRequest, statements: readonly SqlStatement[], problem: Problem): Error => {
  const { query, database, busyMs } = request;
  switch (problem.problem) {
    case 'driver':
      return noRetry(new SqlDriverError('SQLite', DRIVER, ', or use Node.js 22.16 or later, which brings SQLite'));
    case 'size':
      return noRetry(new SqlResultError(query, request.maxOutputBytes));
    case 'unsettled':
      return sqlFailure(query, {
        kind: 'refused',
        message: 'it began a transaction and did not end it, so what that changed was not kept',
        remedy: 'Add COMMIT, or leave BEGIN away: several statements are one transaction.',
      });
    case 'crash': {
      const { message } = problem;
      return sqlFailure(query, { kind: 'crash', message, remedy: 'Often that is the system, short of memory.' });
    }
    case 'sqlite': {
      const { message, errcode } = problem;
      const primary = (errcode ?? 1) & 0xff;
      const failed = statements[problem.statement];
      return sqlFailure(failed?.text ?? query, {
        kind: TRANSIENT.has(primary) ? 'busy' : 'refused',
        message: message.replace('Failed to open database: ', ''),
        driverCode: CODES[primary] ?? (errcode === undefined ? undefined : `SQLITE_${errcode}`),
        position: failed && statements.length > 1 ? { line: positionAt(query, failed.from).line } : undefined,
        remedy: remedyOf(primary, message, database, busyMs),
      });
    }
  }
};

/** Names of SQLite's primary result codes. @see https://www.sqlite.org/rescode.html */
const CODES: Readonly<Record<number, string>> = {
  1: 'SQLITE_ERROR',
  3: 'SQLITE_PERM',
  4: 'SQLITE_ABORT',
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  9: 'SQLITE_INTERRUPT',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  15: 'SQLITE_PROTOCOL',
  17: 'SQLITE_SCHEMA',
  18: 'SQLITE_TOOBIG',
  19: 'SQLITE_CONSTRAINT',
  20: 'SQLITE_MISMATCH',
  23: 'SQLITE_AUTH',
  25: 'SQLITE_RANGE',
  26: 'SQLITE_NOTADB',
};

/** Failures that may pass: aborted, busy, locked, no memory, interrupted, disk error or full, lock race, new schema. */
const TRANSIENT: ReadonlySet<number> = new Set([4, 5, 6, 7, 9, 10, 13, 15, 17]);

const remedyOf = (code: number, message: string, database: string, busyMs: number): string => {
  if (code === 5 || code === 6) {
    return `Another connection held its lock for more than ${busyMs} ms: allow retries, or shorten what it does.`;
  }
  if (code === 19) return 'The data breaks a rule of the table: correct one or the other.';
  if (code === 26) return `${database} is a file of another kind: correct the path.`;
  if (code === 14) return `Check that ${database} is a file that may be read and written, not a folder.`;
  if (code === 8) return 'Only reading is allowed here: a sensor looks, and the file may be write-protected.';
  if (/no such table/.test(message)) return `Create the table first, or check that ${database} is the database meant.`;
  return 'Correct the query, or what it works on.';
};
