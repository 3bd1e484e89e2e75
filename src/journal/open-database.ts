import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { JournalError } from '../engine/errors/errors.ts';
import { APPLICATION_ID, type Migration, migrate, rollBack, versionOf } from './migrations.ts';
import type { SqliteDatabase, SqliteDriver } from './sqlite-driver.ts';
import { isBusy, isNoDatabase, journalCorrupt, journalFailure } from './sqlite-failure.ts';

type OpenOptions = {
  readonly driver: SqliteDriver;
  readonly migrations: readonly Migration[];
  readonly synchronous: 'full' | 'normal';
  /** How long to retry while another process holds a lock, in ms. */
  readonly busyTimeoutMs: number;
  /** Whether to create the file and its folder if they do not exist. */
  readonly create: boolean;
};

/** Opens the database of a journal; creates or upgrades it if necessary. @throws JournalError */
export const openDatabase = (file: string, options: OpenOptions): SqliteDatabase => {
  let db: SqliteDatabase | undefined;
  try {
    prepareFile(file, options.create);
    db = new options.driver.DatabaseSync(file);
    setUp(file, db, options);
    return db;
  } catch (error) {
    db?.close();
    throw isNoDatabase(error) ? notAJournal(file, 'it is no SQLite database', error) : journalFailure(file, error);
  }
};

const prepareFile = (file: string, create: boolean): void => {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found && !found.isFile()) throw notAJournal(file, found.isDirectory() ? 'it is a folder' : 'it is no plain file');
  if (found) return;
  if (!create) {
    throw new JournalError(
      'JOURNAL_FAILED',
      `There is no journal ${file}. Check the path: relative to ${process.cwd()}, unless it is absolute.`,
    );
  }
  makeFolder(dirname(file));
  createPrivateFile(file);
};

/** Creates an empty file that only its owner may read. SQLite gives the same mode to the files that it keeps beside it. */
const createPrivateFile = (file: string): void => closeSync(openSync(file, 'a', 0o600));

/** Creates folders for their owner alone, one by one: in Node 20, `recursive` never returns if the file system refuses folders (/proc). */
const makeFolder = (folder: string): void => {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
};

/** Sets up the connection and the tables. Retries while another process, which may be creating them, holds a lock. */
const setUp = (file: string, db: SqliteDatabase, options: OpenOptions): void => {
  const giveUpAt = performance.now() + options.busyTimeoutMs;
  db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  for (;;) {
    try {
      identify(file, db, options.migrations.length);
      setWriteAheadLog(file, db);
      migrate(db, options.migrations);
      // The bytes of a deleted row are overwritten: a message may hold a secret.
      db.exec(
        `PRAGMA synchronous = ${options.synchronous}; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = ${WAL_BYTES}`,
      );
      // This statement changes nothing, but needs the write lock: it fails if the database can't be written.
      db.exec('DELETE FROM message WHERE 0');
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() >= giveUpAt) throw error;
      pause(PAUSE_MS);
    }
  }
};

/** How long SQLite itself waits for a lock, in ms. The wait is short because it blocks the process. */
const BUSY_MS = 100;

const PAUSE_MS = 20;

/** The size to which SQLite truncates the write-ahead log when it starts the log anew, in bytes. */
const WAL_BYTES = 64 * 1024 * 1024;

/** Checks the file before writing it. @throws JournalError `NOT_A_JOURNAL`, `JOURNAL_NEWER`, `JOURNAL_CORRUPT` */
export const identify = (file: string, db: SqliteDatabase, newest: number): void => {
  const { application, version, isEmpty } = readHeader(db);
  if (application === APPLICATION_ID) {
    if (version > newest) throw journalNewer(file, version, newest);
    if (version < 1) throw journalCorrupt(file, `its version is ${version}, which none of tintype's has`);
    return;
  }
  if (application !== 0 || !isEmpty) throw notAJournal(file, 'it is the database of another program');
};

/** Reads application id, version and emptiness in one transaction, since another process may be creating the tables. */
const readHeader = (db: SqliteDatabase) => {
  db.exec('BEGIN');
  try {
    const application = Number(db.prepare('PRAGMA application_id').get()?.application_id);
    const tables = Number(db.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.count);
    return { application, version: versionOf(db), isEmpty: tables === 0 };
  } finally {
    rollBack(db);
  }
};

const setWriteAheadLog = (file: string, db: SqliteDatabase): void => {
  const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
  if (mode === 'wal') return;
  throw new JournalError(
    'JOURNAL_FAILED',
    `The journal ${file} can't have a write-ahead log there (SQLite answers "${mode}"). Put it on a local disk.`,
  );
};

export const journalNewer = (file: string, version: number, newest: number): JournalError =>
  new JournalError(
    'JOURNAL_NEWER',
    `The journal ${file} has version ${version}, but this program knows versions up to ${newest}. Update tintype, or choose another file.`,
  );

export const notAJournal = (file: string, why: string, cause?: unknown): JournalError =>
  new JournalError(
    'NOT_A_JOURNAL',
    `${file} is not a journal of tintype: ${why}. Check the path; if it was a journal, go back to a backup.`,
    { cause },
  );

/** Blocks the process for `ms`: opening a journal is synchronous, so it can't wait in any other way. */
const pause = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};
