import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import type { SqliteDatabase } from './sqlite-driver.ts';
import { isBusy } from './sqlite-failure.ts';

/**
 * Notices if another program truncates or overwrites the write-ahead log (`-wal`) in place. SQLite does not: it keeps
 * the pages in memory, appends to the log behind a hole, and later copies whatever is in the log into the database. The
 * first two methods return whether the log is as SQLite left it. One that is not is emptied, so that nothing of it is copied.
 */
export type LogWatch = {
  /** Call it before a write transaction. */
  readonly before: () => boolean;
  /** Call it when the transaction has the write lock. */
  readonly locked: () => boolean;
  readonly committed: () => void;
  readonly close: () => void;
};

/** The file has no locks of SQLite, which closing it would release; the database and its `-shm` have. */
export const logWatch = (file: string, db: SqliteDatabase): LogWatch => {
  const log = openSync(`${file}-wal`, 'r+');
  const header = Buffer.alloc(HEADER_BYTES);
  const sizeNow = (): number => fstatSync(log).size;
  /** Returns what identifies this beginning of the log, `''` if the log is empty, `undefined` if it is no log. */
  const idNow = (): string | undefined => {
    if (readSync(log, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return '';
    return MAGIC.has(header.readUInt32BE(0)) ? header.toString('latin1', SALT_AT, SALT_END) : undefined;
  };
  let id = idNow();
  let size = sizeNow();
  let sizeBefore = size;
  /** SQLite shortens a log only when it begins it anew, with another id. */
  const isKnown = (): boolean => {
    const found = idNow();
    const isCut = found === id && sizeBefore < size;
    id = found;
    return found !== undefined && (found === '' || !isCut);
  };
  return {
    before: () => {
      sizeBefore = sizeNow();
      return sizeBefore >= HEADER_BYTES || size < HEADER_BYTES || isMoved(db);
    },
    locked: () => {
      const isIntact = isKnown();
      if (!isIntact) ftruncateSync(log);
      return isIntact;
    },
    committed: () => {
      size = sizeNow();
    },
    close: () => closeSync(log),
  };
};

/** Returns whether an empty log is so because SQLite moved all of it into the database: a checkpoint finds nothing missing. */
const isMoved = (db: SqliteDatabase): boolean => {
  try {
    db.exec('PRAGMA wal_checkpoint(PASSIVE)');
    return true;
  } catch (error) {
    return isBusy(error);
  }
};

// The header of the log: https://www.sqlite.org/fileformat2.html#walformat
const HEADER_BYTES = 32;
const MAGIC: ReadonlySet<number> = new Set([0x377f0682, 0x377f0683]);
const SALT_AT = 16;
const SALT_END = 24;
