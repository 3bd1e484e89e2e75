/* This folder queries databases. `sql.ts` has the task and the sensor's check. `query.ts` checks a query, then one
 * of three files runs it. `postgres.ts` and `mysql.ts` load an optional package (`driver.ts`) and open a connection
 * (`connection.ts`; `network.ts` recognises its errors). `sqlite.ts` starts a child process (`sqlite-process.ts`, with
 * the program in `sqlite-runner.ts`), since a process can't interrupt its own SQLite query. `scan.ts` finds statements
 * and placeholders, `params.ts` the values to bind. `result.ts` collects JSON-safe rows. `error.ts` has the errors. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { notReady } from '../../engine/definition/directive.ts';
import type { TaskFunction, TaskScope } from '../../engine/definition/task-function.ts';
import { firstLine, SqlError } from './error.ts';
import { queryMySql } from './mysql.ts';
import { queryPostgres } from './postgres.ts';
import { requestOf, type SqlOptions, type SqlQuery, type SqlRequest, type SqlSystem, systemOf } from './query.ts';
import type { SqlResult } from './result.ts';
import { querySqlite } from './sqlite.ts';

/**
 * Makes a task that queries a database in each attempt. It resolves to the rows of the last statement, by column name,
 * or to `SqlChanges` if that statement yields no rows. Values are JSON-safe: integers beyond 2^53, exact decimals and
 * non-finite numbers become text, bytes base64, times with a time zone ISO text in UTC. Other dates and times are as
 * the database writes them.
 * @throws SqlError if a retry may help: a lock, a deadlock, a failed connection, a crash of SQLite's process
 * @throws NonRetryableError with a SqlError (rejected), a SqlQueryError (can't be run as written), a SqlDriverError (a
 * package is missing) or a SqlResultError (the rows are too large) as its cause
 */
export const sql =
  (prepare: (scope: TaskScope) => SqlQuery, options: SqlOptions = {}): TaskFunction =>
  async (scope) => {
    const request = requestOf(prepare(scope), false, options);
    return (await logged(request, scope)).result;
  };

/**
 * Makes a sensor's check that resolves to the first row of a query. Not ready while there is no row or no SQLite file
 * (which is never created), the server can't be reached, or the database is busy.
 * @throws as `sql`, for any other failure
 */
export const sqlReady =
  (prepare: (scope: TaskScope) => SqlQuery, options: SqlOptions = {}): TaskFunction =>
  async (scope) => {
    const request = requestOf(prepare(scope), true, options);
    if (systemOf(request.database) === 'sqlite' && !isThere(request.database)) {
      return notReady(`${request.database} does not exist yet`);
    }
    try {
      const { result } = await logged(request, scope);
      if (Array.isArray(result)) return result[0] ?? notReady('no row yet');
      return notReady('no row yet: the statement yields none');
    } catch (error) {
      if (!(error instanceof SqlError) || error.kind === 'crash') throw error;
      return notReady(error.message);
    }
  };

const isThere = (path: string): boolean => path === ':memory:' || existsSync(resolve(path));

const logged = async (request: SqlRequest, { signal, log }: TaskScope): Promise<SqlResult> => {
  const ask = SYSTEMS[systemOf(request.database)];
  signal.throwIfAborted();
  const start = performance.now();
  const reply = await ask(request, signal);
  const { result, duplicateColumns } = reply;
  const [count, noun] = 'changes' in result ? [result.changes, 'change'] : [result.length, 'row'];
  const tookMs = Math.round(performance.now() - start);
  log.info(`${firstLine(request.query)} -> ${count} ${noun}${count === 1 ? '' : 's'} in ${tookMs} ms`);
  if (duplicateColumns.length > 0) {
    log.warn(
      `Several columns are called ${duplicateColumns.join(', ')}: only the last of each is kept. Name them apart with AS.`,
    );
  }
  return reply;
};

const SYSTEMS: Readonly<Record<SqlSystem, (request: SqlRequest, signal: AbortSignal) => Promise<SqlResult>>> = {
  sqlite: querySqlite,
  postgres: queryPostgres,
  mysql: queryMySql,
};
