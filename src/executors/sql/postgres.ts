import type { Client, DatabaseError, QueryArrayResult } from 'pg';
import { messageOf } from '../errors.ts';
import { parseExactJson } from '../exact-json.ts';
import { jsonInteger } from '../json-integers.ts';
import { CANCEL_CONNECT_MS, queryServer, type ServerConnection } from './connection.ts';
import { loadDriver } from './driver.ts';
import { invalidQuery, positionAt, type SqlFault, type SqlFaultKind, sqlFailure } from './error.ts';
import { type BoundValue, boundList, hasNone, isList } from './params.ts';
import type { SqlRequest } from './query.ts';
import { rowCollector, type SqlResult } from './result.ts';

type Pg = typeof import('pg');

type Module = Pg & { readonly default?: Pg };

/** Runs a query on PostgreSQL. Without parameters, several statements are allowed; they run in one transaction. */
export const queryPostgres = async (request: SqlRequest, signal: AbortSignal): Promise<SqlResult> => {
  const values = listOf(request);
  const module = await loadDriver<Module>('PostgreSQL', 'pg', (otherwise) =>
    (import('pg') as Promise<Module>).catch(otherwise),
  );
  const pg = module.default ?? module;
  return queryServer(request, signal, () => connectionTo(pg, request, values), faultOf);
};

const listOf = ({ params }: SqlRequest): readonly BoundValue[] => {
  if (params === undefined || hasNone(params)) return [];
  if (isList(params)) return boundList(params);
  throw invalidQuery(
    'PostgreSQL takes parameters by number, but params is a mapping. Write $1, $2 … in the query and give params as a list.',
  );
};

const connectionTo = (pg: Pg, request: SqlRequest, values: readonly BoundValue[]): ServerConnection => {
  const config = {
    connectionString: request.database,
    connectionTimeoutMillis: request.connectMs,
    application_name: 'tintype',
    types: { getTypeParser: parserOf(pg) as Pg['types']['getTypeParser'] },
  };
  const client = new pg.Client(config);
  // Without a listener, a connection that breaks while idle would throw; a broken query rejects by itself.
  client.on('error', () => {});
  return {
    open: async () => void (await client.connect()),
    run: () => run(pg, client, request, values),
    cancel: async () => {
      const other = new pg.Client({ ...config, connectionTimeoutMillis: CANCEL_CONNECT_MS });
      other.on('error', () => {});
      try {
        await other.connect();
        await other.query('SELECT pg_cancel_backend($1)', [(client as Internals).processID]);
      } finally {
        hangUp(other);
      }
    },
    close: () => client.end(),
    destroy: () => hangUp(client),
  };
};

/** Members of pg's client that its type definitions lack. */
type Internals = Client & {
  readonly processID: number | null;
  readonly connection: { readonly stream: { destroy: () => unknown } };
  readonly getTransactionStatus?: () => string | null;
};

const hangUp = (client: Client): void => void (client as Internals).connection.stream.destroy();

type Result = QueryArrayResult & { readonly command: string | null };

const run = async (pg: Pg, client: Client, request: SqlRequest, values: readonly BoundValue[]): Promise<SqlResult> => {
  const { query, firstRowOnly } = request;
  const rows = rowCollector(request, firstRowOnly ? 1 : Number.POSITIVE_INFINITY);
  const submitted = new pg.Query({ text: query, ...(values.length > 0 ? { values: [...values] } : {}) });
  const results = await new Promise<Result | Result[]>((resolve, reject) => {
    let current: unknown;
    submitted.on('row', (row, result) => {
      try {
        if (result !== current) rows.begin(result?.fields.map(({ name }) => name) ?? []);
        current = result;
        rows.add(row);
      } catch (error) {
        reject(error);
      }
    });
    submitted.on('error', reject);
    submitted.on('end', (result) => resolve(result as unknown as Result));
    client.query(submitted);
  });
  requireSettled(query, (client as Internals).getTransactionStatus?.());
  const last = Array.isArray(results) ? (results.at(-1) as Result) : results;
  if (last.fields.length === 0) return { result: { changes: last.rowCount ?? 0 }, duplicateColumns: [] };
  // `begin` is called with a statement's first row: drop the rows of earlier statements if the last one has none.
  if (last.rowCount === 0) rows.begin([]);
  return rows.result();
};

/** @throws NonRetryableError if the query left a transaction open: sound (status `T`) or failed (`E`) */
const requireSettled = (query: string, status: string | null | undefined): void => {
  if (status !== 'T' && status !== 'E') return;
  throw sqlFailure(query, {
    kind: 'refused',
    message: 'it began a transaction and did not end it, so nothing was kept',
    remedy: 'Add COMMIT, or leave BEGIN away: statements that are sent together are one transaction.',
  });
};

const parserOf =
  (pg: Pg) =>
  (oid: number, format?: 'text' | 'binary'): unknown => {
    if (TEXT.has(oid)) return String;
    if (oid === INT8) return jsonInteger;
    if (JSON_TYPES.has(oid)) return parseExactJson;
    const item = ARRAYS[oid];
    if (item === undefined) return pg.types.getTypeParser(oid, format);
    const { arrayParser } = pg.types as unknown as { readonly arrayParser: ArrayParser };
    return (text: string) => arrayParser.create(text, item).parse();
  };

/** The array parser in the form that pg has at run time; its type definitions describe another release. */
type ArrayParser = {
  readonly create: (text: string, item: (entry: string) => unknown) => { readonly parse: () => unknown[] };
};

// OIDs, the numbers of types, from pg_type: https://www.postgresql.org/docs/current/catalog-pg-type.html

const INT8 = 20;

/** json and jsonb. */
const JSON_TYPES: ReadonlySet<number> = new Set([114, 3802]);

/** date, timestamp and interval stay text: the driver would use this machine's time zone, or make objects. */
const TEXT: ReadonlySet<number> = new Set([1082, 1114, 1186]);

/** Parsers of array items, by the OID of the array: of int8, numeric, date, timestamp, interval, json and jsonb. */
const ARRAYS: Readonly<Record<number, (entry: string) => unknown>> = {
  1016: jsonInteger,
  1231: String,
  1182: String,
  1115: String,
  1187: String,
  199: parseExactJson,
  3807: parseExactJson,
};

const faultOf = (error: Error, { query }: SqlRequest): SqlFault => {
  const { code, detail, hint, position } = error as DatabaseError;
  const more = [detail, hint].filter((text) => text !== undefined && text !== '');
  const message = [error.message === '' ? messageOf(error) : error.message, ...more].join('. ').replaceAll('..', '.');
  return {
    kind: faultKindOf(code ?? ''),
    message,
    driverCode: code,
    position: position === undefined ? undefined : positionAt(query, utf16Offset(query, Number(position) - 1)),
    remedy: remedyOf(code ?? '', message),
  };
};

/** Converts an offset in code points, as PostgreSQL counts, to UTF-16 units. */
const utf16Offset = (text: string, characters: number): number => [...text].slice(0, characters).join('').length;

/** Classifies an error by its SQLSTATE. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const faultKindOf = (code: string): SqlFaultKind => {
  if (code === '08P01') return 'refused';
  if (/^08|^57P0[1-3]/.test(code)) return 'connection';
  return /^40|^53|^55P03|^55006|^57014|^58030/.test(code) ? 'busy' : 'refused';
};

const remedyOf = (code: string, message: string): string => {
  if (message.includes('multiple commands')) return 'Parameters can be bound to one statement alone: split the task.';
  if (/^28/.test(code) || /password/.test(message)) return 'Correct user and password of the URL.';
  if (code === '3D000') return 'Create the database, or correct its name in the URL.';
  if (code === '42P02') return 'Give params a value for each $n of the query.';
  if (code === '42P01') return 'Create the table first, or correct its name.';
  if (/^23/.test(code)) return 'The data breaks a rule of the table: correct one or the other.';
  if (/^42/.test(code)) return 'Correct the query.';
  if (/^40|^55P03/.test(code)) return 'Other transactions are in the way: allow retries.';
  if (code === '57014') return 'The query was cancelled on the server, which often is its statement_timeout.';
  return 'Correct the query, or what it works on.';
};
