import { statSync } from 'node:fs';
import type { Awaitable } from '../engine/durable/journal.ts';
import { JournalError } from '../engine/errors/errors.ts';
import { busyQueue } from './busy-queue.ts';
import { rollBack } from './migrations.ts';
import { journalNewer } from './open-database.ts';
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver.ts';
import { isBusy, journalFailure } from './sqlite-failure.ts';

/** An open database and its file, as the tables are read and written. */
export type Database = {
  readonly file: string;
  /** A statement, prepared once. */
  readonly prepared: (sql: string) => SqliteStatement;
};

/** A database that other processes use as well. Every method fails with a JournalError. */
export type SharedDatabase = Database & {
  /** Sees one state of the database, whatever others write meanwhile. */
  readonly read: <Answer>(work: () => Answer) => Awaitable<Answer>;
  /** Keeps all that `work` writes, or nothing where it throws. */
  readonly write: <Answer>(work: () => Answer) => Awaitable<Answer>;
  /** Writes only where `look`, which takes no lock, says so; else it answers `otherwise`. */
  readonly writeIf: <Answer>(look: () => boolean, work: () => Answer, otherwise: Answer) => Awaitable<Answer>;
  /** What takes no transaction. */
  readonly use: <Answer>(work: () => Answer) => Answer;
  readonly close: () => void;
};

/** `version` is that of the tables that this program knows. */
export const sharedDatabase = (
  file: string,
  db: SqliteDatabase,
  { version, busyTimeoutMs }: { readonly version: number; readonly busyTimeoutMs: number },
): SharedDatabase => {
  const statements = new Map<string, SqliteStatement>();
  const queue = busyQueue(file, busyTimeoutMs);
  const inode = inodeOf(file);
  let closed = false;

  const prepared = (sql: string): SqliteStatement => {
    const known = statements.get(sql);
    if (known) return known;
    const statement = db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };

  const use = <Answer>(work: () => Answer): Answer => {
    if (closed) throw journalClosed(file);
    return work();
  };

  const transaction = <Answer>(begin: string, work: () => Answer): Answer =>
    use(() => {
      try {
        prepared(begin).run();
        const answer = work();
        prepared('COMMIT').run();
        return answer;
      } catch (error) {
        rollBack(db);
        throw isBusy(error) ? error : journalFailure(file, error);
      }
    });

  const reading = <Answer>(work: () => Answer): Answer => transaction('BEGIN', work);

  const writing = <Answer>(work: () => Answer): Answer =>
    transaction('BEGIN IMMEDIATE', () => {
      // While it was open, another process may have brought it up to a later version, or put another file in its place.
      const found = Number(prepared('PRAGMA user_version').get()?.user_version);
      if (found > version) throw journalNewer(file, found, version);
      if (inodeOf(file) !== inode) throw journalMoved(file);
      return work();
    });

  return {
    file,
    prepared,
    use,
    read: (work) => queue.run(() => reading(work)),
    write: (work) => queue.run(() => writing(work)),
    writeIf: (look, work, otherwise) => queue.run(() => (reading(look) ? writing(work) : otherwise)),
    close: () => {
      if (closed) return;
      closed = true;
      queue.close(journalClosed(file));
      checkpoint(db);
      // One of the drivers leaves statements to the garbage collection, and with them the connection.
      statements.clear();
      db.close();
    },
  };
};

/** Moves what is in the write-ahead log into the database, so that it is one file again; where others use it, they will. */
const checkpoint = (db: SqliteDatabase): void => {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {}
};

/** Tells a file from another that was put in its place; undefined where it is gone. */
const inodeOf = (file: string): bigint | undefined => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;

const journalClosed = (file: string): JournalError =>
  new JournalError('JOURNAL_FAILED', `The journal ${file} is closed. Open it anew, or close it later.`);

const journalMoved = (file: string): JournalError =>
  new JournalError(
    'JOURNAL_FAILED',
    `The file of the journal ${file} was removed or replaced while it was open, so nothing more can be kept. Start anew with the file that is to be used.`,
  );
