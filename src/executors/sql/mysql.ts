import type { Connection, ConnectionOptions, ResultSetHeader, TypeCastField, TypeCastNext } from 'mysql2';
import { messageOf } from '../errors.ts';
import { parseExactJson } from '../exact-json.ts';
import { jsonInteger } from '../json-integers.ts';
import { CANCEL_CONNECT_MS, queryServer, type ServerConnection } from './connection.ts';
import { loadDriver } from './driver.ts';
import { invalidQuery, type SqlFault, type SqlFaultKind, sqlFailure } from './error.ts';
import { type BoundValue, bindNames, boundList, hasNone, isList, requireCount, severalWithParams } from './params.ts';
import type { SqlRequest } from './query.ts';
import { rowCollector, type SqlChanges, type SqlResult, type SqlRow } from './result.ts';
import { type SqlStatement, sqlStatements } from './scan.ts';

type MySql = typeof import('mysql2');

/** Runs a query on MySQL or MariaDB: several statements in one transaction, unless they control transactions. */
export const queryMySql = async (request: SqlRequest, signal: AbortSignal): Promise<SqlResult> => {
  const plan = planOf(request);
  const module = await loadDriver<MySql & { default?: MySql }>('MySQL or MariaDB', 'mysql2', (otherwise) =>
    import('mysql2').catch(otherwise),
  );
  const mysql = module.default ?? module;
  return queryServer(request, signal, () => connectionTo(mysql, request, plan), faultOf);
};

type Plan = {
  /** The query, with each named parameter replaced by `?`. */
  readonly text: string;
  readonly values: readonly BoundValue[];
  readonly statements: readonly SqlStatement[];
  readonly ownTransaction: boolean;
};

const planOf = ({ query, params }: SqlRequest): Plan => {
  const statements = sqlStatements(query, 'mysql');
  if (statements.length === 0) throw invalidQuery('The query holds no statement. Write one.');
  const ownTransaction = statements.some(({ keyword }) => TRANSACTION.test(keyword));
  const places = statements.flatMap(({ tokens }) => tokens).filter(({ kind }) => kind === 'place');
  if (params === undefined || hasNone(params)) {
    requireCount(places.filter(({ text }) => text === '?').length, 0);
    return { text: query, values: [], statements, ownTransaction };
  }
  if (statements.length > 1) throw severalWithParams(statements.length);
  if (isList(params)) {
    requireCount(places.filter(({ text }) => text === '?').length, params.length);
    return { text: query, values: boundList(params), statements, ownTransaction };
  }
  const bound = bindNames(places, params);
  let text = '';
  let from = 0;
  for (const { token } of bound) {
    text += `${query.slice(from, token.from)}?`;
    from = token.to;
  }
  return { text: text + query.slice(from), values: bound.map(({ value }) => value), statements, ownTransaction };
};

/** The first words of statements that control, or may control, transactions. */
const TRANSACTION = /^(?:BEGIN|COMMIT|LOCK|ROLLBACK|SAVEPOINT|SET|START|UNLOCK|XA)$/;

const connectionTo = (mysql: MySql, request: SqlRequest, plan: Plan): ServerConnection => {
  const options: ConnectionOptions = {
    uri: plainUrl(request.database),
    connectTimeout: request.connectMs,
    supportBigNumbers: true,
    dateStrings: true,
    typeCast: exactJsonCast,
    multipleStatements: plan.statements.length > 1,
    // Disables LOAD DATA LOCAL, which would let the server read files of this machine.
    flags: ['-LOCAL_FILES'],
  };
  const connection = mysql.createConnection(options);
  // Without a listener, a connection that breaks while idle would throw; a broken query rejects by itself.
  connection.on('error', () => {});
  return {
    open: () => connected(connection),
    run: () => run(mysql, connection, request, plan),
    cancel: async () => {
      const single = { multipleStatements: false, connectTimeout: CANCEL_CONNECT_MS };
      const other = mysql.createConnection({ ...options, ...single });
      other.on('error', () => {});
      try {
        await connected(other);
        await ask(other, { text: `KILL QUERY ${Number(connection.threadId)}` });
      } finally {
        other.destroy();
      }
    },
    close: () => new Promise((resolve) => connection.end(() => resolve())),
    destroy: () => connection.destroy(),
  };
};

/** Parses the values of JSON columns, where the driver would round large numbers; leaves all others to the driver. */
const exactJsonCast = (field: TypeCastField, next: TypeCastNext): unknown => {
  // MariaDB stores JSON as text, and says so in another place, if the driver asks.
  if (field.type !== 'JSON' && (field as { readonly extendedFormat?: unknown }).extendedFormat !== 'json')
    return next();
  const text = field.string('utf8');
  return text === null ? null : parseExactJson(text);
};

/** Returns the URL in the form that the driver takes, without driver options that would change the form of results. */
const plainUrl = (database: string): string => {
  const url = new URL(database.replace(/^[^:]+:/, 'mysql:').replace('@/', '@localhost/'));
  for (const option of ['flags', 'multipleStatements', 'namedPlaceholders', 'nestTables', 'rowsAsArray', 'typeCast']) {
    url.searchParams.delete(option);
  }
  return url.href;
};

const connected = (connection: Connection): Promise<void> =>
  new Promise((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())));

const run = async (
  mysql: MySql,
  connection: Connection,
  request: SqlRequest,
  { text, values, statements, ownTransaction }: Plan,
): Promise<SqlResult> => {
  const { query, firstRowOnly } = request;
  const wrap = statements.length > 1 && !ownTransaction;
  if (wrap) await ask(connection, { text: 'START TRANSACTION' });
  const rows = rowCollector(request, firstRowOnly ? 1 : Number.POSITIVE_INFINITY);
  let changes: SqlChanges | undefined;
  let hasRows = false;
  await ask(connection, {
    text,
    ...(values.length > 0 ? { values: values.map((value) => typedValue(mysql, value)) } : {}),
    onColumns: (columns) => {
      hasRows = true;
      changes = undefined;
      rows.begin(columns);
    },
    onRow: rows.add,
    onChanges: ({ affectedRows, insertId }) => {
      changes = {
        changes: affectedRows,
        ...(Number(insertId) === 0 ? {} : { lastInsertId: jsonInteger(`${insertId}`) }),
      };
    },
  });
  if (wrap) await ask(connection, { text: 'COMMIT' });
  if (ownTransaction) await requireSettled(connection, query);
  // A CALL ends with a status header after the rows of the procedure: the rows are its result.
  const isCall = statements.length === 1 && statements[0]?.keyword === 'CALL';
  return changes === undefined || (isCall && hasRows) ? rows.result() : { result: changes, duplicateColumns: [] };
};

/** Sends integers as BIGINT: LIMIT rejects doubles and text, and comparisons with those are inexact. */
const typedValue = (mysql: MySql, value: BoundValue): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value);
  const isInteger = typeof value === 'bigint' ? isInt64(value) : Number.isSafeInteger(value);
  // Older versions of the driver have no typed parameters.
  if (!isInteger || typeof mysql.TypedParameter?.BIGINT !== 'function') return value;
  return mysql.TypedParameter.BIGINT(BigInt(value as bigint | number));
};

const isInt64 = (value: bigint): boolean => BigInt.asIntN(64, value) === value;

type Asked = {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly onColumns?: (columns: readonly string[]) => void;
  readonly onRow?: (row: SqlRow) => void;
  readonly onChanges?: (header: ResultSetHeader) => void;
};

/** Sends an SQL text and reads everything that the server returns. */
const ask = (connection: Connection, { text, values, onColumns, onRow, onChanges }: Asked): Promise<void> =>
  new Promise((resolve, reject) => {
    const command = values
      ? connection.execute(text, values as Parameters<Connection['execute']>[1])
      : connection.query(text);
    let columns: readonly string[] | undefined;
    const guarded =
      <Given>(use: (given: Given) => void) =>
      (given: Given): void => {
        try {
          use(given);
        } catch (error) {
          reject(error);
        }
      };
    command.on(
      'fields',
      guarded((fields: readonly { readonly name: string }[] | undefined) => {
        columns = fields?.map(({ name }) => name);
        if (columns) onColumns?.(columns);
      }),
    );
    command.on(
      'result',
      guarded((row: SqlRow | ResultSetHeader) => {
        if (columns) onRow?.(row as SqlRow);
        else onChanges?.(row as ResultSetHeader);
      }),
    );
    command.on('error', reject);
    command.on('end', () => resolve());
  });

/** Reads the server's flags by a statement without effect. @throws NonRetryableError if a transaction is still open */
const requireSettled = async (connection: Connection, query: string): Promise<void> => {
  let isOpen = false;
  await ask(connection, {
    text: 'DO 0',
    onChanges: ({ serverStatus }) => {
      isOpen = (serverStatus & IN_TRANSACTION) !== 0;
    },
  });
  if (!isOpen) return;
  throw sqlFailure(query, {
    kind: 'refused',
    message: 'it began a transaction and did not end it, so what that changed was not kept',
    remedy: 'Add COMMIT, or leave BEGIN away: several statements are one transaction.',
  });
};

/** The flag SERVER_STATUS_IN_TRANS of the protocol. */
const IN_TRANSACTION = 1;

type MySqlError = Error & {
  readonly code?: string;
  readonly errno?: number;
  readonly sqlState?: string;
  readonly sqlMessage?: string;
};

const faultOf = (error: MySqlError): SqlFault => {
  const message = error.sqlMessage ?? messageOf(error);
  const line = /\bat line (\d+)$/.exec(message);
  return {
    kind: FAULT_KINDS[error.errno ?? 0] ?? 'refused',
    message: line ? message.slice(0, line.index).trimEnd() : message,
    driverCode: error.code,
    position: line ? { line: Number(line[1]) } : undefined,
    remedy: remedyOf(error.errno ?? 0, error.sqlState ?? ''),
  };
};

/** Kinds of failure by error number; any other is `refused`. */
const FAULT_KINDS: Readonly<Record<number, SqlFaultKind>> = {
  1021: 'busy', // disk full
  1037: 'busy', // out of memory
  1040: 'busy', // too many connections
  1041: 'busy', // out of resources
  1053: 'connection', // server shutdown
  1158: 'connection', // network read error
  1159: 'connection', // network read timeout
  1160: 'connection', // network write error
  1161: 'connection', // network write timeout
  1203: 'busy', // too many connections of the user
  1205: 'busy', // lock wait timeout
  1213: 'busy', // deadlock
  1317: 'busy', // query interrupted
  1927: 'connection', // connection killed
  1969: 'busy', // max_statement_time of MariaDB
  3024: 'busy', // max_execution_time of MySQL
};

const remedyOf = (errno: number, sqlState: string): string => {
  if (FAULT_KINDS[errno] === 'busy') return 'Other work is in the way: allow retries.';
  if (sqlState === '28000' || errno === 1044) return 'Correct user and password of the URL, or grant what is missing.';
  if (errno === 1049) return 'Create the database, or correct its name in the URL.';
  if (errno === 1146) return 'Create the table first, or correct its name.';
  if (sqlState.startsWith('23')) return 'The data breaks a rule of the table: correct one or the other.';
  return 'Correct the query, or what it works on.';
};
