import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { JournalError } from '../engine/errors/errors.ts';
import { READ_AS_NEXT, versionOf } from './migrations.ts';
import { identify, notAJournal } from './open-database.ts';
import type { SqliteDatabase, SqliteDriver } from './sqlite-driver.ts';
import { FILES, isNoDatabase, journalFailure } from './sqlite-failure.ts';

/** Opens the database of a journal that may only be read, and so may its folder. Changes nothing. @throws JournalError */
export const openReadOnly = (file: string, driver: SqliteDriver, newest: number): SqliteDatabase => {
  let db: SqliteDatabase | undefined;
  try {
    db = new driver.DatabaseSync(hasLog(file) ? file : `${pathToFileURL(file).href}?immutable=1`, { readOnly: true });
    identify(file, db, newest);
    for (const sql of READ_AS_NEXT.slice(versionOf(db) - 1)) db.exec(sql);
    return db;
  } catch (error) {
    db?.close();
    const unreadable = FILES.map((end) => file + end).find(isUnreadable);
    if (unreadable !== undefined) {
      throw new JournalError(
        'JOURNAL_FAILED',
        `The journal ${file} can't be read: this user may not read ${unreadable}. Let this user read the database and the files beside it that begin with its name.`,
        { cause: error },
      );
    }
    if (isNoDatabase(error)) throw notAJournal(file, 'it is no SQLite database', error);
    if (error instanceof JournalError || !hasLog(file)) throw journalFailure(file, error);
    throw new JournalError(
      'JOURNAL_READ_ONLY',
      `The journal ${file} has a write-ahead log beside it that can't be read without writing: its program was killed. Copy both files to where they may be written.`,
      { cause: error },
    );
  }
};

const isUnreadable = (file: string): boolean => {
  if (!existsSync(file)) return false;
  try {
    accessSync(file, constants.R_OK);
    return false;
  } catch {
    return true;
  }
};

/**
 * Whether a write-ahead log belongs to the database. Without one nobody has the database open to write it, and only the
 * promise that it is immutable keeps SQLite from creating files beside it.
 */
const hasLog = (file: string): boolean =>
  existsSync(`${file}-shm`) || (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
