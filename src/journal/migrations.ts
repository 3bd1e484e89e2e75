import type { SqliteDatabase } from './sqlite-driver.ts';

/** Brings a database from the version before to its own; within a transaction, without foreign keys being enforced. */
export type Migration = (db: SqliteDatabase) => void;

/** "tint": says in the head of a file that it is a journal of tintype. */
export const APPLICATION_ID = 0x74696e74;

/**
 * - `definition`: what the jobs of one fingerprint share.
 * - `job`: a small row for each, since it is written with every batch; `beginning` holds what is written once.
 * - `event`: in the order of their job; an output that would make reading them slow is in `large`, and its checksum in the row.
 * - `note`: what is kept of a task beside its events. `message`: what was left for the holder of a lease.
 *
 * Times are epoch ms. Every `crc` is over what the row holds and whose it is.
 */
const first: Migration = (db) => {
  db.exec(`
    CREATE TABLE definition (
      fingerprint TEXT NOT NULL PRIMARY KEY,
      shape TEXT NOT NULL,
      crc INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE job (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      job_key TEXT,
      created_at REAL NOT NULL,
      forked_from TEXT,
      fingerprint TEXT NOT NULL REFERENCES definition,
      state TEXT NOT NULL,
      started_at REAL,
      ended_at REAL,
      updated_at REAL NOT NULL,
      last_seq INTEGER NOT NULL,
      crc INTEGER NOT NULL,
      fence INTEGER NOT NULL,
      owner TEXT,
      host TEXT,
      pid INTEGER,
      process_start TEXT,
      leased_at REAL,
      lease_ms REAL,
      lease_crc INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX job_by_key ON job (name, job_key) WHERE job_key IS NOT NULL;
    CREATE INDEX job_by_time ON job (created_at);
    CREATE INDEX job_by_state ON job (state, created_at);
    CREATE INDEX job_by_fingerprint ON job (fingerprint);

    CREATE TABLE beginning (
      job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
      input TEXT NOT NULL,
      options TEXT NOT NULL,
      metadata TEXT NOT NULL,
      crc INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE event (
      job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
      seq INTEGER NOT NULL,
      data TEXT NOT NULL,
      output TEXT,
      large INTEGER,
      crc INTEGER NOT NULL,
      PRIMARY KEY (job, seq)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE large (
      job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
      seq INTEGER NOT NULL,
      output TEXT NOT NULL,
      PRIMARY KEY (job, seq)
    ) STRICT;

    CREATE TABLE note (
      job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
      task TEXT NOT NULL,
      kind TEXT NOT NULL,
      value TEXT NOT NULL,
      crc INTEGER NOT NULL,
      PRIMARY KEY (job, task, kind)
    ) STRICT;

    CREATE TABLE message (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
      message TEXT NOT NULL,
      crc INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX message_by_job ON message (job);
  `);
};

/** In order: a database of version n has seen the first n. Ones that were released never change. */
export const MIGRATIONS: readonly Migration[] = [first];

/** Brings a database up to date. Where several processes do so at once, one does and the others find it done. */
export const migrate = (db: SqliteDatabase, migrations: readonly Migration[]): void => {
  if (versionOf(db) >= migrations.length) return;
  db.exec('PRAGMA foreign_keys = OFF');
  for (const [at, migration] of migrations.entries()) {
    db.exec('BEGIN IMMEDIATE');
    try {
      if (versionOf(db) === at) {
        migration(db);
        db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${at + 1}`);
      }
      db.exec('COMMIT');
    } catch (error) {
      rollBack(db);
      throw error;
    }
  }
};

/** The version of a database's tables; 0 before the first. */
export const versionOf = (db: SqliteDatabase): number => Number(db.prepare('PRAGMA user_version').get()?.user_version);

/** Some errors have ended the transaction already. */
export const rollBack = (db: SqliteDatabase): void => {
  try {
    db.exec('ROLLBACK');
  } catch {}
};
