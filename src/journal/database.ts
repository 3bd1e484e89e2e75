import { statSync } from 'node:fs';
import type { Awaitable } from '../engine/durable/journal.ts';
import { JournalError, OptionError } from '../engine/errors/errors.ts';
import { busyQueue } from './busy-queue.ts';
import { logWatch } from './log-watch.ts';
import { rollBack } from './migrations.ts';
import { journalNewer } from './open-database.ts';
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver.ts';
import { FILES, isBusy, journalFailure, rowDamage } from './sqlite-failure.ts';

export type Database = {
  readonly file: string;
  /** Returns a prepared statement; prepares each SQL text only once. */
  readonly prepared: (sql: string) => SqliteStatement;
};

/** Does work for one job. Returns undefined if that job's data is damaged, so that the other jobs don't suffer. */
export const unlessDamaged = <Answer>({ file }: Database, jobId: string, work: () => Answer): Answer | undefined => {
  try {
    return work();
  } catch (error) {
    rowDamage(file, jobId, error);
    return undefined;
  }
};

/** A database that other processes may use at the same time. Its methods fail with a JournalError. */
export type SharedDatabase = Database & {
  /** Runs `work` in a read transaction: `work` sees one state of the database, whatever other processes write. */
  readonly read: <Answer>(work: () => Answer) => Awaitable<Answer>;
  /** Runs `work` in a write transaction: stores all that `work` writes, or nothing if `work` throws. */
  readonly write: <Answer>(work: () => Answer) => Awaitable<Answer>;
  /** Runs `work` without a transaction, for statements that SQLite refuses within one. */
  readonly alone: <Answer>(work: () => Answer) => Awaitable<Answer>;
  readonly use: <Answer>(work: () => Answer) => Answer;
  readonly close: () => void;
};

/**
 * Wraps an open database. `version`: newest known version of the tables. `busyTimeoutMs`: how long to retry work.
 * `readOnly`: SQLite refuses to write it.
 */
export const sharedDatabase = (
  file: string,
  db: SqliteDatabase,
  options: { readonly version: number; readonly busyTimeoutMs: number; readonly readOnly: boolean },
): SharedDatabase => {
  const { version, busyTimeoutMs, readOnly } = options;
  const statements = new Map<string, SqliteStatement>();
  const queue = busyQueue(file, busyTimeoutMs);
  const inodes = inodesOf(file);
  const log = readOnly ? undefined : logWatch(file, db);
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
        throw isBusy(error) || error instanceof OptionError ? error : journalFailure(file, error);
      }
    });

  const reading = <Answer>(work: () => Answer): Answer => transaction('BEGIN', work);

  const requireLog = (isIntact: boolean | undefined): void => {
    if (isIntact === false) throw journalMoved(file, '-wal');
  };

  const withoutTransaction = <Answer>(work: () => Answer): Answer =>
    use(() => {
      requireLog(log?.before());
      try {
        return work();
      } catch (error) {
        throw isBusy(error) ? error : journalFailure(file, error);
      } finally {
        log?.committed();
      }
    });

  const writing = <Answer>(work: () => Answer): Answer =>
    use(() => {
      requireLog(log?.before());
      const answer = transaction('BEGIN IMMEDIATE', () => {
        // Another process may have replaced the file, or migrated the database to a later version, since it was opened.
        const now = inodesOf(file);
        const moved = FILES.find((_, at) => now[at] !== inodes[at]);
        if (moved !== undefined) throw journalMoved(file, moved);
        requireLog(log?.locked());
        const found = Number(prepared('PRAGMA user_version').get()?.user_version);
        if (found > version) throw journalNewer(file, found, version);
        return work();
      });
      log?.committed();
      return answer;
    });

  return {
    file,
    prepared,
    use,
    read: (work) => queue.run(() => reading(work)),
    write: (work) => queue.run(() => writing(work)),
    alone: (work) => queue.run(() => withoutTransaction(work)),
    close: () => {
      if (closed) return;
      closed = true;
      queue.close(journalClosed(file));
      checkpoint(db);
      log?.close();
      // One of the drivers keeps the connection open until its statements are garbage-collected.
      statements.clear();
      db.close();
    },
  };
};

/** Moves the write-ahead log into the database. Ignores failures: the last connection to close does so, too. */
const checkpoint = (db: SqliteDatabase): void => {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {}
};

/** Returns the inodes of `FILES`; one changes if its file is replaced, and is undefined if there is no file. */
const inodesOf = (file: string): readonly (bigint | undefined)[] =>
  FILES.map((end) => statSync(`${file}${end}`, { bigint: true, throwIfNoEntry: false })?.ino);

const journalClosed = (file: string): JournalError =>
  new JournalError('JOURNAL_FAILED', `The journal ${file} is closed. Open it anew, or close it later.`);

const journalMoved = (file: string, end: string): JournalError =>
  new JournalError(
    'JOURNAL_FAILED',
    `The file ${file}${end} of the journal was removed, replaced or overwritten while it was open, so nothing more can be kept. Start anew with the file that is to be used, and leave those beside it alone.`,
  );
