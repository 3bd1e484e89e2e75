import { changeChecksum, rowChecksum } from './checksum.ts';
import type { SqliteDatabase } from './sqlite-driver.ts';

/** Upgrades a database from the previous version. Runs in a transaction, with foreign keys not enforced. */
export type Migration = (db: SqliteDatabase) => void;

/** SQLite's `application_id` in the header of a file, which marks it as a journal of tintype: "tint" in ASCII. */
export const APPLICATION_ID = 0x74696e74;

/**
 * The first version of the tables:
 * - `definition`: the shape of a definition, by its fingerprint; shared by its jobs.
 * - `job`: a small row for each job, since every batch rewrites it. `beginning`: what is written once per job.
 * - `event`: the events of each job, in order. A long output would slow down reading, so it is in `large`; the event's
 *   row then has the checksum of the output.
 * - `note`: data stored for a task beside its events. `message`: messages to the process that holds a job's lease.
 *
 * Times are epoch ms. Each `crc` covers the values of its row and the id of the job that the row belongs to.
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

/**
 * Adds the labels of jobs, and what finds jobs by name and by origin without reading all. `created_at` repeats that of
 * the job, so that the jobs with a label are found in the order of lists.
 */
const labels: Migration = (db) => {
  db.exec(`
    CREATE TABLE label (
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      created_at REAL NOT NULL,
      job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
      crc INTEGER NOT NULL,
      PRIMARY KEY (key, value, created_at, job)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX label_by_job ON label (job, key);
    CREATE INDEX job_by_name ON job (name, created_at);
    CREATE INDEX job_by_origin ON job (forked_from) WHERE forked_from IS NOT NULL;
  `);
};

/** Adds what finds and counts the jobs of a name and state without reading all of that name. */
const namesWithStates: Migration = (db) => {
  db.exec('CREATE INDEX job_by_name_and_state ON job (name, state, created_at)');
};

/**
 * Adds the feed: each row is a batch of events, with the position of its last event. `AUTOINCREMENT` makes SQLite keep the
 * last position, also if its row is deleted. The events of each job that there is are one row, in the order in which the
 * jobs were last written.
 */
const feed: Migration = (db) => {
  db.exec(`
    CREATE TABLE feed (
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
      from_seq INTEGER NOT NULL,
      to_seq INTEGER NOT NULL,
      crc INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX feed_by_job ON feed (job);
  `);
  const insert = db.prepare('INSERT INTO feed (position, job, from_seq, to_seq, crc) VALUES (?, ?, 0, ?, ?)');
  // Without rows whose numbers are damaged: the others can be read then as before.
  const jobs = db.prepare(`SELECT number, id, last_seq FROM job
    WHERE last_seq BETWEEN 0 AND 1e9 AND number < 1e15 ORDER BY updated_at, number`);
  let position = 0;
  for (const row of jobs.all()) {
    const { number, id, last_seq } = row as { readonly number: number; readonly id: string; readonly last_seq: number };
    position += last_seq + 1;
    insert.run(position, number, last_seq, changeChecksum(id, position, 0, last_seq));
  }
};

/** Adds what a service keeps beside the jobs: small records of a kind, each under a key. */
const records: Migration = (db) => {
  db.exec(`
    CREATE TABLE record (
      kind TEXT NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      version INTEGER NOT NULL,
      updated_at REAL NOT NULL,
      expires_at REAL,
      crc INTEGER NOT NULL,
      PRIMARY KEY (kind, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX record_by_end ON record (expires_at) WHERE expires_at IS NOT NULL;
  `);
};

/** Adds how long the tasks of jobs took, by the name of the job. */
const durations: Migration = (db) => {
  db.exec(`
    CREATE TABLE duration (
      job_name TEXT PRIMARY KEY,
      value TEXT NOT NULL,
      updated_at REAL NOT NULL,
      crc INTEGER NOT NULL
    ) STRICT;
  `);
};

type OldLease = Readonly<Record<'id' | 'owner' | 'host' | 'process_start', string>> &
  Readonly<Record<'number' | 'fence' | 'pid' | 'leased_at' | 'lease_ms' | 'lease_crc', number>>;

/** Moves what is the same in all leases of an engine out of the jobs: how it is identified, and its last sign of life. */
const engines: Migration = (db) => {
  db.exec(`
    CREATE TABLE engine (
      owner TEXT PRIMARY KEY,
      host TEXT NOT NULL,
      pid INTEGER NOT NULL,
      process_start TEXT NOT NULL,
      beat_at REAL NOT NULL,
      lease_ms REAL NOT NULL,
      dead INTEGER NOT NULL,
      crc INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX job_by_owner ON job (owner) WHERE owner IS NOT NULL;
  `);
  const insert = db.prepare(`INSERT INTO engine (owner, host, pid, process_start, beat_at, lease_ms, dead, crc)
    VALUES (?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO NOTHING`);
  const update = db.prepare('UPDATE job SET lease_crc = ? WHERE number = ?');
  // A row whose numbers are damaged stays as it is, and so does one whose checksum tells of damage.
  const leases = db.prepare(`SELECT number, id, fence, owner, host, pid, process_start, leased_at, lease_ms, lease_crc
    FROM job WHERE number < 1e15 AND fence BETWEEN 0 AND 1e9 AND ifnull(pid, 0) BETWEEN 0 AND 1e9
    AND lease_crc BETWEEN -1e10 AND 1e10 ORDER BY leased_at DESC`);
  for (const row of leases.all() as OldLease[]) {
    const { number, id, fence, owner, host, pid, process_start, leased_at, lease_ms, lease_crc } = row;
    if (rowChecksum(id, fence, owner, host, pid, process_start, leased_at, lease_ms) !== lease_crc) continue;
    update.run(rowChecksum(id, fence, owner), number);
    if (owner === null) continue;
    const engine = [owner, host, pid, process_start, leased_at, lease_ms] as const;
    insert.run(...engine, rowChecksum(owner, host, pid, process_start, leased_at, lease_ms, 0));
  }
  for (const column of ['host', 'pid', 'process_start', 'leased_at', 'lease_ms'])
    db.exec(`ALTER TABLE job DROP COLUMN ${column}`);
};

/** All migrations, in order. A database of version n has run the first n. A released migration never changes. */
export const MIGRATIONS: readonly Migration[] = [first, labels, namesWithStates, feed, records, durations, engines];

/** For each version, SQL that lets a database that may not be written be read as one of the next: temporary tables. */
export const READ_AS_NEXT: readonly string[] = [
  'CREATE TEMP TABLE label (key, value, created_at, job, crc)',
  '',
  'CREATE TEMP TABLE feed (position, job, from_seq, to_seq, crc)',
  'CREATE TEMP TABLE record (kind, key, value, version, updated_at, expires_at, crc)',
  'CREATE TEMP TABLE duration (job_name, value, updated_at, crc)',
  `CREATE TEMP VIEW engine AS SELECT owner, host, pid, process_start, max(leased_at) AS beat_at, lease_ms, 0 AS dead,
    NULL AS crc FROM main.job WHERE owner IS NOT NULL GROUP BY owner`,
];

/** Upgrades a database to the newest version. If several processes do so at once, only one runs each migration. */
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

export const versionOf = (db: SqliteDatabase): number => Number(db.prepare('PRAGMA user_version').get()?.user_version);

/** Rolls back the transaction, unless an error has ended it already. */
export const rollBack = (db: SqliteDatabase): void => {
  try {
    db.exec('ROLLBACK');
  } catch {}
};
