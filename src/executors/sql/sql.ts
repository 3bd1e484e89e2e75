/*
 * This folder queries databases. `sql.ts` has the task and the sensor's check. For each attempt `query.ts` checks the
 * query, then one of three files runs it:
 * - `postgres.ts` and `mysql.ts` load an optional package (`driver.ts`) and open a connection for the query
 *   (`connection.ts`); `network.ts` recognises errors of that connection.
 * - `sqlite.ts` starts a child process for the query (`sqlite-process.ts`, with the program in `sqlite-runner.ts`),
 *   since SQLite can't be interrupted from within its own process.
 *
 * `scan.ts` finds statements and placeholders, `params.ts` the values to bind. `answer.ts` collects rows and makes them
 * JSON-safe. `error.ts` has the errors.
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { notReady } from '../../engine/definition/answer.ts';
import type { TaskFunction, TaskScope } from '../../engine/definition/task-function.ts';
import type { SqlAnswer } from './answer.ts';
import { firstLine, SqlError } from './error.ts';
import { askMySql } from './mysql.ts';
import { askPostgres } from './postgres.ts';
import { requestOf, type SqlOptions, type SqlQuery, type SqlRequest, type SqlSystem, systemOf } from './query.ts';
import { askSqlite } from './sqlite.ts';

/**
 * Makes a task that queries a database in each attempt. It resolves to the rows of the last statement, as a list of
 * objects by column name, or to `SqlChanges` if that statement yields no rows. Values are JSON-safe: integers beyond
 * 2^53, exact decimals and non-finite numbers become text, bytes base64, times with a time zone ISO text in UTC; dates
 * and times without one are as the database writes them.
 *
 * @throws SqlError if a retry may help: a lock, a deadlock, a failed connection, a crash of SQLite's process
 * @throws NonRetryableError with, as its cause, a SqlError (the database rejects the query), a SqlQueryError (the query
 * can't be run as written), a SqlDriverError (a package is missing) or a SqlResultError (the rows exceed
 * `MAX_RESULT_BYTES`)
 */
export const sql =
  (prepare: (scope: TaskScope) => SqlQuery, options: SqlOptions = {}): TaskFunction =>
  async (scope) => {
    const request = requestOf(prepare(scope), false, options);
    return (await logged(request, scope)).result;
  };

/**
 * Makes a sensor's check that queries a database and resolves to the first row. Not ready while there is no row, the
 * SQLite file does not exist (it is never created), the server can't be reached, or the database is busy.
 *
 * @throws as `sql` does, for any other failure
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
      if (!(error instanceof SqlError) || error.trouble === 'crash') throw error;
      return notReady(error.message);
    }
  };

const isThere = (path: string): boolean => path === ':memory:' || existsSync(resolve(path));

/** Runs a query and logs one line about it, and a warning if several columns have the same name. */
const logged = async (request: SqlRequest, { signal, log }: TaskScope): Promise<SqlAnswer> => {
  const ask = SYSTEMS[systemOf(request.database)];
  signal.throwIfAborted();
  const start = performance.now();
  const answer = await ask(request, signal);
  const { result, lost } = answer;
  const [count, noun] = 'changes' in result ? [result.changes, 'change'] : [result.length, 'row'];
  const tookMs = Math.round(performance.now() - start);
  log.info(`${firstLine(request.query)} -> ${count} ${noun}${count === 1 ? '' : 's'} in ${tookMs} ms`);
  if (lost.length > 0) {
    log.warn(`Several columns are called ${lost.join(', ')}: only the last of each is kept. Name them apart with AS.`);
  }
  return answer;
};

const SYSTEMS: Readonly<Record<SqlSystem, (request: SqlRequest, signal: AbortSignal) => Promise<SqlAnswer>>> = {
  sqlite: askSqlite,
  postgres: askPostgres,
  mysql: askMySql,
};
