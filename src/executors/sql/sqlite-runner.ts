export type SqliteRequest = {
  readonly path: string;
  readonly readOnly: boolean;
  readonly busyMs: number;
  /** The URL of an SQLite package to import if Node's own SQLite is missing or too old. */
  readonly driver: string | undefined;
  readonly statements: readonly {
    readonly text: string;
    /** Whether the statement may change rows. For any other, SQLite would report the count of an earlier statement. */
    readonly writes: boolean;
  }[];
  /** Whether to run the statements in one transaction. */
  readonly transaction: boolean;
  /** Values to bind by name, with the prefix in each name. */
  readonly named: Readonly<Record<string, SqliteValue>>;
  readonly listed: readonly SqliteValue[];
  readonly most: number;
  readonly maxBytes: number;
};

/** A value to bind; integers are decimal text, bytes base64. */
export type SqliteValue = readonly ['plain', string | number | null] | readonly ['integer' | 'bytes', string];

/**
 * The reply on standard output. `driver`: no usable SQLite. `size`: the rows are too large. `unsettled`: a transaction
 * is open.
 */
export type SqliteReply =
  | { readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly columns: readonly string[] }
  | { readonly changes: number; readonly lastInsertId?: number | string }
  | { readonly problem: 'driver' | 'size' | 'unsettled' }
  | {
      readonly problem: 'sqlite';
      /** The index of the statement that failed, from 0; -1 if the failure came before the first. */
      readonly statement: number;
      readonly message: string;
      readonly errcode?: number;
    };

/**
 * The program of the child process that runs SQLite. It is a text because there may be no file to start: Node can't run
 * TypeScript, or all code is bundled in one file. A thread watches a pipe (file descriptor 3) that the parent process
 * holds open. If the parent dies, the thread kills the child, since nothing else can interrupt a query.
 */
export const SQLITE_RUNNER = String.raw`
import { Worker } from 'node:worker_threads';

// A database that a query creates is its owner's alone.
process.umask(0o077);

const watch = "const { Socket } = require('node:net');" +
  "new Socket({ fd: 3 }).on('error', () => {}).on('close', () => process.kill(process.pid, 'SIGKILL')).resume();";
new Worker(watch, { eval: true, execArgv: [] }).on('error', () => {}).unref();

let input = '';
process.stdin.setEncoding('utf8');
for await (const chunk of process.stdin) input += chunk;

const request = JSON.parse(input);

const driver = async () => {
  const own = process.getBuiltinModule?.('node:sqlite');
  if (own?.StatementSync.prototype.columns) return own;
  if (request.driver === undefined) return undefined;
  const found = await import(request.driver);
  return found.DatabaseSync ? found : found.default;
};

const toSqlite = ([kind, value]) =>
  kind === 'integer' ? BigInt(value) : kind === 'bytes' ? Buffer.from(value, 'base64') : value;

const fromSqlite = (value) => {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
};

const named = Object.fromEntries(Object.entries(request.named).map(([name, value]) => [name, toSqlite(value)]));

const listed = request.listed.map(toSqlite);

const bound = Object.keys(named).length > 0 ? [named, ...listed] : listed;

const run = (db, { text, writes }, isLast) => {
  const statement = db.prepare(text);
  statement.setReadBigInts(true);
  const columns = statement.columns().map(({ name }) => name);
  if (columns.length === 0) {
    const { changes, lastInsertRowid } = statement.run(...bound);
    if (!writes) return { changes: 0 };
    const inserted = /^(?:INSERT|REPLACE|WITH)\b/i.test(text) && changes > 0 && BigInt(lastInsertRowid) !== 0n;
    return { changes: Number(changes), ...(inserted ? { lastInsertId: fromSqlite(BigInt(lastInsertRowid)) } : {}) };
  }
  const rows = [];
  let bytes = 0;
  for (const row of statement.iterate(...bound)) {
    if (!isLast || rows.length >= request.most) continue;
    const kept = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, fromSqlite(value)]));
    bytes += Buffer.byteLength(JSON.stringify(kept)) + 1;
    if (bytes > request.maxBytes) return { problem: 'size' };
    rows.push(kept);
  }
  return { rows, columns };
};

const answer = (sqlite) => {
  let db;
  let at = -1;
  try {
    db = new sqlite.DatabaseSync(request.path, { readOnly: request.readOnly });
    db.exec('PRAGMA busy_timeout = ' + request.busyMs);
    if (request.transaction) db.exec(request.readOnly ? 'BEGIN' : 'BEGIN IMMEDIATE');
    let reply;
    for (const statement of request.statements) {
      at += 1;
      reply = run(db, statement, at === request.statements.length - 1);
    }
    if (reply.problem) return reply;
    if (request.transaction) db.exec('COMMIT');
    else if (db.isTransaction) return { problem: 'unsettled' };
    return reply;
  } catch (error) {
    return { problem: 'sqlite', statement: at, message: error.message, errcode: error.errcode };
  } finally {
    db?.close();
  }
};

const sqlite = await driver();
process.stdout.write(JSON.stringify(sqlite ? answer(sqlite) : { problem: 'driver' }));
`;
