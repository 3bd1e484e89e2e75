import { accessSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { JournalError } from '../../engine/errors/errors.ts';
import { DEFAULT_MAX_OUTPUT_BYTES } from '../../journal/batch-rules.ts';
import { oneAtATimeJournal, readOnlyJournal, type SqliteJournal, sqliteJournal } from '../../journal/sqlite-journal.ts';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import { UsageError } from '../terminal/exit-code.ts';

export type OpenOptions = {
  /** Whether to create the file if it is missing. */
  readonly create: boolean;
  /** Whether to open also a file that may not be written, to read it. */
  readonly reads?: boolean | undefined;
  /** Whether the journal creates no job while another one of its name is not over. */
  readonly oneAtATime?: boolean | undefined;
};

/** Opens a database. @throws UsageError @throws JournalError */
export const openJournal = (
  file: string,
  { create, reads = false, oneAtATime = false }: OpenOptions,
): SqliteJournal => {
  if (!create && !existsSync(file)) {
    if (isHidden(file)) {
      throw new UsageError(
        `The database ${file} can't be reached: this user may not open its folder. Let this user open it, or name another database with --db.`,
      );
    }
    throw new UsageError(
      `There is no database ${file}: no job has been kept there yet. tintype run FILE makes it; one elsewhere is named by --db.`,
    );
  }
  if (create) makeDefaultFolder(file);
  // `withOutputLimit` sets the limit of a job that runs; what other commands read and import was stored under another.
  const options = { create, maxOutputBytes: Number.MAX_SAFE_INTEGER };
  try {
    return oneAtATime ? oneAtATimeJournal(file, options) : sqliteJournal(file, options);
  } catch (error) {
    if (reads && error instanceof JournalError && error.code === 'JOURNAL_READ_ONLY')
      return readOnlyJournal(file, options);
    throw error;
  }
};

/** Whether the system refuses to say if there is such a file. */
const isHidden = (file: string): boolean => {
  try {
    accessSync(file);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
};

/** Returns a journal that takes outputs of up to this many bytes of JSON. Default: that of all journals. */
export const withOutputLimit = (
  journal: SqliteJournal,
  maxOutputBytes: number = DEFAULT_MAX_OUTPUT_BYTES,
): SqliteJournal => ({ ...journal, maxOutputBytes });

/** Creates the folder of the default database, if that is the one. @throws UsageError */
export const makeDefaultFolder = (file: string): void => {
  if (resolve(file) === resolve(DEFAULT_JOURNAL)) makeFolder(dirname(resolve(file)));
};

/** Creates the folder, with a `.gitignore` so that git ignores the stored jobs. */
const makeFolder = (folder: string): void => {
  if (existsSync(folder)) return;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, '.gitignore'), '*\n', { mode: 0o600 });
  } catch (error) {
    throw new UsageError(
      `The folder ${folder} can't be made: ${(error as Error).message}. Name another file with --db, or keep nothing with --no-db.`,
    );
  }
};

/** Returns whether a path leads to the database, or to a file that SQLite keeps beside it. */
export const isPartOf = (database: string, path: string): boolean => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return false;
  return ['', '-wal', '-shm'].some((end) => {
    const part = statSync(`${database}${end}`, { throwIfNoEntry: false });
    return part?.dev === found.dev && part.ino === found.ino;
  });
};
