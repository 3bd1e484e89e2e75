import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type SqliteJournal, sqliteJournal } from '../../journal/sqlite-journal.ts';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import { UsageError } from '../terminal/usage-error.ts';

/**
 * Opens the journal of the command line; where there is none it is made if `create` says so. The folder of the default one
 * is then made with a `.gitignore` in it. @throws UsageError where it is missing @throws JournalError
 */
export const openJournal = (file: string, { create }: { readonly create: boolean }): SqliteJournal => {
  if (!create && !existsSync(file)) {
    throw new UsageError(
      `There is no database ${file}: no job has been kept there yet. tintype run FILE makes it; one elsewhere is named by --db.`,
    );
  }
  if (create && resolve(file) === resolve(DEFAULT_JOURNAL)) makeFolder(dirname(resolve(file)));
  return sqliteJournal(file, { create });
};

/** What is kept is nobody else's business: git does not see the folder. */
const makeFolder = (folder: string): void => {
  if (existsSync(folder)) return;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '.gitignore'), '*\n');
  } catch (error) {
    throw new UsageError(
      `The folder ${folder} can't be made: ${(error as Error).message}. Name another file with --db, or keep nothing with --no-db.`,
    );
  }
};

/** Whether a path leads to the database, or to one of the files that SQLite keeps beside it. */
export const isPartOf = (database: string, path: string): boolean => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return false;
  return ['', '-wal', '-shm'].some((end) => {
    const part = statSync(`${database}${end}`, { throwIfNoEntry: false });
    return part?.dev === found.dev && part.ino === found.ino;
  });
};
