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
 * A task whose attempts each ask a database. It resolves to the rows, as a list of objects by column name, or to the
 * `SqlChanges` of a statement that yields none; of several statements, to those of the last. Values are JSON-safe:
 * integers beyond 2^53, exact decimals and numbers that are not finite come as text, bytes as base64, moments with a
 * time zone as ISO text in UTC, dates and times without one as the database writes them.
 *
 * @throws SqlError where a retry may help: locks, deadlocks, a connection that fails
 * @throws NonRetryableError with, as its cause, a SqlError (the database refused the query), a SqlQueryError (it can't
 * be asked), a SqlDriverError (a package is missing) or a SqlResultError (the rows are more than `MAX_RESULT_BYTES`)
 */
export const sql =
  (prepare: (scope: TaskScope) => SqlQuery, options: SqlOptions = {}): TaskFunction =>
  async (scope) => {
    const request = requestOf(prepare(scope), false, options);
    return (await logged(request, scope)).result;
  };

/**
 * A sensor's check: the first row that the query yields. Not ready where there is none, where the SQLite file does not
 * exist yet, which is never created, where the server can't be reached yet, and while the database is locked.
 *
 * @throws as `sql` does, for all else
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
