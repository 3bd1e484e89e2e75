import { createRequire } from 'node:module';
import { join } from 'node:path';
import { JournalError } from '../engine/errors/errors.ts';

export type SqliteValue = string | number | bigint | null;

export type SqliteRow = Readonly<Record<string, unknown>>;

export type SqliteStatement = {
  readonly run: (...values: SqliteValue[]) => { readonly changes: number | bigint };
  readonly get: (...values: SqliteValue[]) => SqliteRow | undefined;
  readonly all: (...values: SqliteValue[]) => SqliteRow[];
};

export type SqliteDatabase = {
  readonly exec: (sql: string) => void;
  readonly prepare: (sql: string) => SqliteStatement;
  readonly close: () => void;
};

/** The part of Node's SQLite module, or of a package with the same interface, that the journal uses. */
export type SqliteDriver = {
  readonly DatabaseSync: new (path: string, options?: { readonly readOnly?: boolean }) => SqliteDatabase;
};

/** Returns Node's own SQLite, or the optional package if Node has none. @throws JournalError if both are missing */
export const sqliteDriver = (): SqliteDriver => nodeSqlite() ?? packagedSqlite();

export const nodeSqlite = (): SqliteDriver | undefined =>
  process.getBuiltinModule?.('node:sqlite') as SqliteDriver | undefined;

/** Loads the optional package, from tintype or the working directory's project. @throws JournalError if missing */
export const packagedSqlite = (): SqliteDriver => {
  let cause: unknown;
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return createRequire(from)(PACKAGE) as SqliteDriver;
    } catch (error) {
      cause ??= error;
    }
  }
  throw new JournalError(
    'JOURNAL_FAILED',
    `There is no SQLite for the journal: Node.js ${process.versions.node} brings none, and ${PACKAGE} can't be loaded. Install it (npm install ${PACKAGE}), or use Node.js 22.13 or later.`,
    { cause },
  );
};

const PACKAGE = '@photostructure/sqlite';
