/* Two journals, which implement `engine/durable/journal.ts`: `memory-journal.ts` in memory, this file in SQLite. Both
 * use `batch-rules.ts` and `lease-rules.ts`. `sqlite-driver.ts` finds SQLite, `open-database.ts` opens the file and
 * upgrades it by `migrations.ts`. `database.ts` runs each method in a transaction, `busy-queue.ts` retries it while the
 * file is locked. `job-table.ts` (`job-row.ts`), `label-table.ts`, `event-table.ts`, `note-table.ts`, `message-table.ts`, `engine-table.ts`,
 * `definition-table.ts`, `record-table.ts` and `duration-table.ts` (`merged-durations.ts`) read and write rows, with checksums (`checksum.ts`) and encoded texts
 * (`storable-text.ts`). `job-list.ts` finds jobs by a filter (`cursor.ts`), `count-jobs.ts` counts them,
 * `remove-ended.ts` deletes those that are over. `feed-table.ts` has the events of all jobs in order
 * (`change-part.ts`), `change-hint.ts` calls those who wait for more. `completions.ts` keeps what tasks completed with.
 * `sqlite-failure.ts` makes JournalErrors. `check.ts` checks, `backup.ts` copies and `vacuum.ts` shortens the whole
 * database; `open-read-only.ts` opens one that may not be written. */

import { resolve } from 'node:path';
import {
  flag,
  formatValue,
  oneOf,
  positive,
  problemsOf,
  throwIfInvalid,
  wait,
} from '../engine/definition/option-rules.ts';
import type {
  Awaitable,
  Batch,
  DamagedJob,
  Journal,
  JournalFeed,
  JournalJob,
  Lease,
  NewJob,
} from '../engine/durable/journal.ts';
import { durable } from '../engine/recovery/durable.ts';
import { UNFINISHED_STATES } from '../events/states.ts';
import { isThenable } from '../events/thenable.ts';
import { backUp } from './backup.ts';
import { DEFAULT_MAX_OUTPUT_BYTES, refuseLargeOutputs } from './batch-rules.ts';
import { type ChangeHint, changeHint } from './change-hint.ts';
import { type CheckReport, checkDatabase } from './check.ts';
import { completionsOf } from './completions.ts';
import { countJobs } from './count-jobs.ts';
import { type SharedDatabase, sharedDatabase } from './database.ts';
import { deleteUnusedDefinition, insertDefinition, readShape } from './definition-table.ts';
import { addDurations, readDurations } from './duration-table.ts';
import { beatEngine, buryEngine, holders, joinEngine } from './engine-table.ts';
import { insertEvents, readEvents } from './event-table.ts';
import { insertChanges, type NewChange, newestPosition, readChanges } from './feed-table.ts';
import { type ListedJobs, listJobs } from './job-list.ts';
import type { JobRow } from './job-row.ts';
import {
  deleteJob,
  describeJob,
  heldRow,
  insertJob,
  jobWithKey,
  readJob,
  rowOf,
  setLease,
  updateJob,
} from './job-table.ts';
import { BEATS, DEFAULT_LEASE_MS, jobLeased, jobNotFound, leaseLength } from './lease-rules.ts';
import { deleteMessages, insertMessage, readMessages } from './message-table.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';
import { noteOf, noteRows, replaceNotes } from './note-table.ts';
import { openDatabase } from './open-database.ts';
import { openReadOnly } from './open-read-only.ts';
import { removeEndedJobs } from './remove-ended.ts';
import { type SqliteDriver, sqliteDriver } from './sqlite-driver.ts';
import { toStored } from './storable-text.ts';
import { type VacuumReport, vacuum } from './vacuum.ts';

export type SqliteJournalOptions = {
  /**
   * What stored changes survive. `full` (the default): a crash of the process, and a power cut. `normal`: a crash of
   * the process; a power cut may lose the latest changes.
   */
  readonly synchronous?: 'full' | 'normal' | undefined;
  /** The largest output of a task, in bytes of its JSON. The journal rejects a larger one. Default 16 MiB. */
  readonly maxOutputBytes?: number | undefined;
  /** How long to retry while another process holds a lock on the file, in ms. Default 10,000. */
  readonly busyTimeoutMs?: number | undefined;
  /**
   * How long this process counts as alive for processes that can't see it, on other machines or in other containers, after
   * its last sign of life, in ms. It gives one each third of that time. Default 15,000, at least 300.
   */
  readonly leaseMs?: number | undefined;
  /** Whether to create the file and its folder if they do not exist. Default true. */
  readonly create?: boolean | undefined;
};

/** The key of a journal's database, for what else stands in it. */
const DATABASE = Symbol('database');

/** Returns the database of a journal that `sqliteJournal` opened; of any other, undefined. */
export const databaseOf = (journal: Journal): SharedDatabase | undefined =>
  (journal as Partial<SqliteJournal>)[DATABASE];

/** A journal in an SQLite database. */
export type SqliteJournal = Required<Journal> & {
  /** @internal */
  readonly [DATABASE]: SharedDatabase;
  /** The absolute path of the database. */
  readonly file: string;
  /** Reports everything that is missing or damaged. @throws JournalError if the journal is closed */
  readonly check: () => CheckReport;
  /** Copies the journal, as of now, to a new file. @throws JournalError if the file exists or can't be written */
  readonly backup: (to: string) => void;
  /**
   * Gives the room that removed jobs took back to the disk, where it is otherwise kept for later jobs. Writes the whole
   * file anew, and takes as much room meanwhile. @throws JournalError `JOURNAL_LOCKED`, `JOURNAL_FULL`
   */
  readonly vacuum: () => Awaitable<VacuumReport>;
};

/**
 * Opens a journal in an SQLite database, synchronously. Several processes of one machine may use the file at once. Uses
 * Node's own SQLite or, if Node has none, the package `@photostructure/sqlite`.
 * @throws OptionError
 * @throws JournalError if the file can't be opened, is not a journal, or SQLite is missing
 */
export const sqliteJournal = (file: string, options: SqliteJournalOptions = {}): SqliteJournal => {
  checkOptions(file, options);
  return openSqliteJournal(file, options, sqliteDriver());
};

/** Opens a journal of which nothing is written, so that file and folder may be write-protected. @throws JournalError */
export const readOnlyJournal = (file: string, options: SqliteJournalOptions): SqliteJournal =>
  openSqliteJournal(file, { ...options, readOnly: true }, sqliteDriver());

/**
 * Opens a journal whose `create` adds no job while another one of its name is not over: it returns that one, with
 * `created: false`. Leaves out damaged jobs. @throws JournalError
 */
export const oneAtATimeJournal = (file: string, options: SqliteJournalOptions): SqliteJournal =>
  openSqliteJournal(file, { ...options, oneAtATime: true }, sqliteDriver());

/**
 * Creates a job, and returns the jobs of its name that were not over before: of two jobs that are created at the same
 * time one finds the other. `alone`: adds no job if there were any, as `oneAtATimeJournal`. @throws JournalError
 */
export const createAfter = (journal: SqliteJournal, job: NewJob, lease: Lease, alone = false) =>
  journal[DATABASE].write(() => {
    const before = listJobs(journal[DATABASE], { names: [job.name], states: UNFINISHED_STATES }).jobs;
    const known = insertIfNew(journal[DATABASE], job, lease, journal.beatMs * BEATS, alone);
    return { created: !known, job: known ?? (readJob(journal[DATABASE], job.id) as JournalJob), before };
  });

/** Opens a journal with a given SQLite driver and given migrations. Does not check the options. @throws JournalError */
export const openSqliteJournal = (
  file: string,
  options: SqliteJournalOptions & { readonly readOnly?: boolean; readonly oneAtATime?: boolean },
  driver: SqliteDriver,
  migrations: readonly Migration[] = MIGRATIONS,
): SqliteJournal => {
  const { maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES, synchronous = 'full' } = options;
  const {
    leaseMs = DEFAULT_LEASE_MS,
    busyTimeoutMs = DEFAULT_BUSY_TIMEOUT_MS,
    create = true,
    readOnly = false,
    oneAtATime = false,
  } = options;
  const path = resolve(file);
  const db = readOnly
    ? openReadOnly(path, driver, migrations.length)
    : openDatabase(path, { driver, migrations, synchronous, busyTimeoutMs, create });
  const database = sharedDatabase(path, db, { version: migrations.length, busyTimeoutMs, readOnly });
  const hint = changeHint(othersStored(database));
  return durable({
    [DATABASE]: database,
    file: path,
    maxOutputBytes,
    beatMs: leaseMs / BEATS,
    ...jobsOf(database, leaseMs, oneAtATime),
    ...leasesOf(database, leaseMs),
    append: (batches) => {
      if (batches.length === 0) return [];
      return database.write(() => {
        const changes: NewChange[] = [];
        const lost = new Set<string>();
        for (const batch of batches) {
          const row = writeBatch(database, batch, { maxOutputBytes, leaseMs });
          if (!row) lost.add(batch.jobId);
          else changes.push(...changeBy(row, batch));
        }
        insertChanges(database, changes);
        // Listeners are called in the next turn, when this transaction is over.
        if (changes.length > 0) hint.stored();
        return [...lost];
      });
    },
    feed: feedOf(database, hint),
    completions: completionsOf(database),
    check: () => database.use(() => checkDatabase(database)),
    vacuum: () => database.alone(() => vacuum(database)),
    backup: (to) => database.use(() => backUp(database, resolve(to))),
    close: () => {
      hint.close();
      database.close();
    },
  });
};

const warnOfDamage = ({ error }: DamagedJob): void =>
  process.emitWarning(`A job is left out of a list: ${error.message}`, { code: error.code });

type LeaseMethods = Pick<Journal, 'acquire' | 'beat' | 'release'>;

const jobsOf = (
  database: SharedDatabase,
  leaseMs: number,
  oneAtATime: boolean,
): Omit<
  Required<Journal>,
  keyof LeaseMethods | 'maxOutputBytes' | 'beatMs' | 'append' | 'feed' | 'completions' | 'close'
> => ({
  create: (job, lease) =>
    database.write(() => {
      const known = insertIfNew(database, job, lease, leaseMs, oneAtATime);
      return { created: !known, job: known ?? (readJob(database, job.id) as JournalJob) };
    }),

  job: (jobId) => database.read(() => readJob(database, jobId)),
  jobs: (filter = {}, onDamaged = warnOfDamage) => {
    const report = ({ jobs, damaged }: ListedJobs): readonly JournalJob[] => {
      for (const one of damaged) onDamaged(one);
      return jobs;
    };
    const listed = database.read(() => listJobs(database, filter));
    return isThenable(listed) ? listed.then(report) : report(listed);
  },
  shape: (fingerprint) => database.read(() => readShape(database, fingerprint)),

  events: (jobId, fromSeq = 0, limit = Number.POSITIVE_INFINITY) =>
    database.read(() => {
      const row = rowOf(database, jobId);
      return row ? readEvents(database, row, Math.max(0, fromSeq), limit) : [];
    }),

  notes: (jobId) =>
    database.read(() => {
      const row = rowOf(database, jobId);
      return row ? noteRows(database, row.number).map((note) => noteOf(database, row.id, note)) : [];
    }),

  send: (jobId, message) =>
    database.write(() => {
      const row = rowOf(database, jobId);
      if (!row) throw jobNotFound(jobId);
      insertMessage(database, row, message);
    }),

  receive: (owner) => database.read(() => readMessages(database, owner)),

  remove: (jobId) =>
    database.write(() => {
      const fingerprint = deleteJob(database, jobId);
      if (fingerprint !== undefined) deleteUnusedDefinition(database, fingerprint);
    }),

  removeEnded: (filter) => database.write(() => removeEndedJobs(database, filter)),

  describe: (jobId, description) =>
    database.write(() => {
      if (!describeJob(database, jobId, description)) throw jobNotFound(jobId);
    }),

  counts: (filter) => database.read(() => countJobs(database, filter)),
  durations: (jobName) => database.read(() => readDurations(database, toStored(jobName))),
});

const leasesOf = (database: SharedDatabase, leaseMs: number): LeaseMethods => ({
  acquire: (jobId, lease) =>
    database.write(() => {
      const row = rowOf(database, jobId);
      if (!row) throw jobNotFound(jobId);
      if (row.owner !== null && row.owner !== toStored(lease.owner)) {
        const holder = holders(database)(row.owner);
        if (holder) throw jobLeased(jobId, holder);
        buryEngine(database, row.owner);
      }
      joinEngine(database, lease, leaseMs);
      setLease(database, row, row.fence + 1, lease);
      return readJob(database, jobId) as JournalJob;
    }),

  beat: (lease) => database.write(() => beatEngine(database, lease, leaseMs)),

  release: (held) =>
    database.write(() => {
      const row = heldRow(database, held);
      if (row) setLease(database, row, held.fence);
    }),
});

const feedOf = (database: SharedDatabase, { onChange }: ChangeHint): JournalFeed => {
  const changes: JournalFeed['changes'] = (after, limit = Number.POSITIVE_INFINITY) =>
    database.read(() => readChanges(database, after, limit));
  return {
    changes,
    oldest: () => database.read(() => readChanges(database, 0, 1)[0]?.position),
    newest: () => database.read(() => newestPosition(database)),
    onChange,
  };
};

/** Returns a function that returns whether another connection has stored events since its last call. */
const othersStored = (database: SharedDatabase): (() => boolean) => {
  let version: unknown;
  let newest = 0;
  return () =>
    database.use(() => {
      const found = database.prepared('PRAGMA data_version').get()?.data_version;
      if (found === version) return false;
      version = found;
      const before = newest;
      newest = newestPosition(database);
      return newest > before;
    });
};

/**
 * Inserts a job, unless a job with its id, or with its name and key, exists; with `oneAtATime`, also unless one of its
 * name is not over. Returns the existing job, if any.
 */
const insertIfNew = (
  database: SharedDatabase,
  job: NewJob,
  lease: Lease,
  leaseMs: number,
  oneAtATime = false,
): JournalJob | undefined => {
  const { id, name, key, fingerprint, shape } = job;
  const known =
    readJob(database, id) ??
    (key === undefined ? undefined : jobWithKey(database, name, key)) ??
    (oneAtATime ? listJobs(database, { names: [name], states: UNFINISHED_STATES, limit: 1 }).jobs[0] : undefined);
  if (known) return known;
  insertDefinition(database, fingerprint, shape);
  joinEngine(database, lease, leaseMs);
  insertJob(database, job, lease);
  return undefined;
};

/**
 * Writes a batch if its lease is held, or if it creates a new job; returns the job's row as it was before. Otherwise
 * writes nothing and returns undefined.
 * @throws JournalError if an output is larger than `maxOutputBytes`
 */
const writeBatch = (
  database: SharedDatabase,
  batch: Batch,
  { maxOutputBytes, leaseMs }: { readonly maxOutputBytes: number; readonly leaseMs: number },
): JobRow | undefined => {
  if (batch.creates && insertIfNew(database, batch.creates.job, batch.creates.lease, leaseMs)) return undefined;
  const row = heldRow(database, batch);
  if (!row) return undefined;
  const { events, notes, handled = [], definition, fence, release } = batch;
  refuseLargeOutputs(row.id, events, maxOutputBytes);
  if (definition) insertDefinition(database, definition.fingerprint, definition.shape);
  const { fingerprint } = updateJob(database, row, batch);
  insertEvents(database, row, events);
  replaceNotes(database, row, notes);
  deleteMessages(database, row, handled);
  addDurations(database, row.name, batch.at, batch.durations);
  if (fingerprint !== row.fingerprint) deleteUnusedDefinition(database, row.fingerprint);
  if (release) setLease(database, row, fence);
  return row;
};

/** Returns what a batch adds to the feed. `row` is that of the job before. */
const changeBy = ({ number, id, last_seq }: JobRow, { events }: Batch): readonly NewChange[] =>
  events.length === 0 ? [] : [{ job: number, id, fromSeq: last_seq + 1, toSeq: last_seq + events.length }];

/** The default of the option `busyTimeoutMs`. */
export const DEFAULT_BUSY_TIMEOUT_MS = 10_000;

const RULES = {
  synchronous: oneOf('full', 'normal'),
  maxOutputBytes: positive,
  busyTimeoutMs: wait,
  leaseMs: leaseLength,
  create: flag,
};

const checkOptions = (file: string, options: SqliteJournalOptions): void => {
  const subject = 'The SQLite journal';
  const problems = problemsOf(options, RULES, { subject });
  if (typeof file !== 'string' || file === '' || file === ':memory:') {
    const message = `${subject} was given ${formatValue(file)} for its file: expected a path. A journal in memory is memoryJournal().`;
    problems.push({ code: 'INVALID_OPTION', message, tasks: [], option: 'file' });
  }
  throwIfInvalid(subject, problems);
};
