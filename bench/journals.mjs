import { existsSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const NONE = 'no journal';
export const MEMORY = 'memoryJournal';
export const NORMAL = 'SQLite, NORMAL';
export const FULL = 'SQLite, FULL';

/** What opens each of the journals that are compared: those of SQLite on a file of their own. */
const openers = ({ memoryJournal, sqliteJournal }) => ({
  [NONE]: () => undefined,
  [MEMORY]: () => memoryJournal(),
  [NORMAL]: (file) => sqliteJournal(file, { synchronous: 'normal' }),
  [FULL]: (file) => sqliteJournal(file, { synchronous: 'full' }),
});

/**
 * By name of a journal, what does some work by an engine that has one, a new and empty one each time, and answers how
 * long the work took in `ms`, and how large the database then is in `bytes`. Opening the journal is not timed.
 */
export const withEachJournal = (tintype, folder, work) => {
  const measure = async (open) => {
    const file = join(folder, 'jobs.db');
    remove(file);
    const journal = open(file);
    const engine = tintype.createEngine(journal ? { journal } : {});
    const start = performance.now();
    await work(engine);
    const ms = performance.now() - start;
    await engine.close();
    await journal?.close();
    const bytes = sizeOf(file);
    remove(file);
    return { ms, bytes };
  };
  return Object.fromEntries(Object.entries(openers(tintype)).map(([name, open]) => [name, () => measure(open)]));
};

const { DatabaseSync } =
  process.getBuiltinModule('node:sqlite') ?? createRequire(import.meta.url)('@photostructure/sqlite');

/** Of a database, once its write-ahead log has been moved into it. */
const sizeOf = (file) => {
  if (!existsSync(file)) return 0;
  const db = new DatabaseSync(file);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  return statSync(file).size;
};

const remove = (file) => {
  for (const part of ['', '-wal', '-shm']) rmSync(file + part, { force: true });
};
