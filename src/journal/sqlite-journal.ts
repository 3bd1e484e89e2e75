import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { JournalError } from '../engine/errors.ts';
import type { Awaitable, Batch, Held, JobFilter, Journal, JournalJob, Lease, NewJob } from '../engine/journal.ts';
import { flag, oneOf, positive, problemsOf, refuse, show, wait } from '../engine/rules.ts';
import { backUp } from './backup.ts';
import { lastSeqAfter, refuseLargeOutputs } from './batch-problem.ts';
import { busyQueue } from './busy-queue.ts';
import { type CheckReport, checkDatabase } from './check.ts';
import { jobSeed, rowChecksum } from './checksum.ts';
import { endedAfter } from './end-time.ts';
import { eventOfRow, eventRows, insertEvents } from './event-row.ts';
import {
  beginningChecksum,
  type JobRow,
  jobChecksum,
  jobOf,
  LEASE_COLUMNS,
  leaseOf,
  leaseValues,
  SELECT_JOB,
  verifiedRow,
} from './job-row.ts';
import { jobLeased, jobNotFound, mayTake } from './lease-rules.ts';
import { DEFAULT_MAX_OUTPUT_BYTES } from './max-output-bytes.ts';
import { MIGRATIONS, type Migration, rollBack } from './migrations.ts';
import { noteOfRow, noteRows, replaceNotes } from './note-row.ts';
import { journalNewer, openDatabase } from './open-database.ts';
import { preparedOn } from './prepared.ts';
import { type SqliteDriver, type SqliteValue, sqliteDriver } from './sqlite-driver.ts';
import { isBusy, journalCorrupt, journalFailure } from './sqlite-failure.ts';
import { fromStored, storableJson, toStored } from './storable-text.ts';

export type SqliteJournalOptions = {
  /**
   * `full` (the default): what the journal answers as done survives the death of the process and a power cut. `normal`: it
   * survives the death of the process; a power cut may cost the last moments before it, never the order of what is left.
   */
  readonly synchronous?: 'full' | 'normal' | undefined;
  /** The largest output that it takes, in bytes of its JSON. Default 16 MiB. */
  readonly maxOutputBytes?: number | undefined;
  /** How long it tries while another process holds a lock on the file, in ms. Default 10,000. */
  readonly busyTimeoutMs?: number | undefined;
  /** Whether to make the file, and its folder, where there is none. Default true. */
  readonly create?: boolean | undefined;
};

export type SqliteJournal = Journal & {
  /** The absolute path of the database. */
  readonly file: string;
  /** Reads all of it, and says what is not as it was written. @throws JournalError where it can't be read at all */
  readonly check: () => CheckReport;
  /** Writes a copy, as of now, to a file that does not exist yet. @throws JournalError */
  readonly backup: (to: string) => void;
};

/**
 * A journal in an SQLite database, which several processes may use at once. It is opened here and now: with Node's own
 * SQLite, or else with the package `@photostructure/sqlite`. @throws JournalError, OptionError
 */
export const sqliteJournal = (file: string, options: SqliteJournalOptions = {}): SqliteJournal =>
  openSqliteJournal(file, options, sqliteDriver());

/** The same, with a given SQLite and given tables. */
export const openSqliteJournal = (
  file: string,
  options: SqliteJournalOptions,
  driver: SqliteDriver,
  migrations: readonly Migration[] = MIGRATIONS,
): SqliteJournal => {
  checkOptions(file, options);
  const path = resolve(file);
  const {
    synchronous = 'full',
    maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES,
    busyTimeoutMs = 10_000,
    create = true,
  } = options;
  const db = openDatabase(path, { driver, migrations, synchronous, busyTimeoutMs, create });
  const prepared = preparedOn(db);
  const queue = busyQueue(path, busyTimeoutMs);
  const inode = inodeOf(path);
  let closed = false;

  const refuseClosed = (): void => {
    if (closed) throw journalClosed(path);
  };

  const transaction = <Answer>(begin: string, work: () => Answer): Answer => {
    refuseClosed();
    try {
      prepared(begin).run();
      const answer = work();
      prepared('COMMIT').run();
      return answer;
    } catch (error) {
      rollBack(db);
      throw isBusy(error) ? error : journalFailure(path, error);
    }
  };

  const reading = <Answer>(work: () => Answer): Awaitable<Answer> => queue.run(() => transaction('BEGIN', work));

  const locked = <Answer>(work: () => Answer): Answer =>
    transaction('BEGIN IMMEDIATE', () => {
      const version = Number(prepared('PRAGMA user_version').get()?.user_version);
      if (version > migrations.length) throw journalNewer(path, version, migrations.length);
      if (inodeOf(path) !== inode) throw journalMoved(path);
      return work();
    });

  const writing = <Answer>(work: () => Answer): Awaitable<Answer> => queue.run(() => locked(work));

  const rowOf = (jobId: string): JobRow | undefined => {
    const row = prepared('SELECT * FROM job WHERE id = ?').get(toStored(jobId));
    return row && verifiedRow(path, row);
  };

  const heldRow = ({ jobId, fence }: Held): JobRow | undefined => {
    const row = prepared('SELECT * FROM job WHERE id = ? AND fence = ? AND owner IS NOT NULL').get(
      toStored(jobId),
      fence,
    );
    return row && verifiedRow(path, row);
  };

  const fullJob = (where: string, ...values: SqliteValue[]): JournalJob | undefined => {
    const row = prepared(`${SELECT_JOB} WHERE ${where}`).get(...values);
    return row && jobOf(path, row);
  };

  const jobWithId = (jobId: string): JournalJob | undefined => fullJob('job.id = ?', toStored(jobId));

  const define = (fingerprint: string, shape: string): void => {
    const stored = toStored(fingerprint);
    const json = storableJson(shape);
    prepared('INSERT INTO definition (fingerprint, shape, crc) VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(
      stored,
      json,
      rowChecksum(stored, json),
    );
  };

  const undefine = (storedFingerprint: string): void => {
    prepared(
      'DELETE FROM definition WHERE fingerprint = ? AND NOT EXISTS (SELECT 1 FROM job WHERE fingerprint = definition.fingerprint)',
    ).run(storedFingerprint);
  };

  const setLease = ({ number, id }: JobRow, fence: number, lease: Lease | undefined): void => {
    prepared(`UPDATE job SET ${LEASE_COLUMNS.map((column) => `${column} = ?`).join(', ')} WHERE number = ?`).run(
      ...leaseValues(id, fence, lease),
      number,
    );
  };

  const insertJob = (job: NewJob, lease: Lease): void => {
    const row = {
      id: toStored(job.id),
      name: toStored(job.name),
      job_key: job.key === undefined ? null : toStored(job.key),
      created_at: job.createdAt,
      forked_from: job.forkedFrom === undefined ? null : toStored(job.forkedFrom),
      fingerprint: toStored(job.fingerprint),
      state: 'idle',
      started_at: null,
      ended_at: null,
      updated_at: lease.at,
      last_seq: -1,
    } as const;
    const columns = [...Object.keys(row), 'crc', ...LEASE_COLUMNS];
    prepared(`INSERT INTO job (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`).run(
      ...Object.values(row),
      jobChecksum(row),
      ...leaseValues(row.id, 1, lease),
    );
    const texts = [storableJson(job.input), storableJson(job.options), storableJson(job.metadata)] as const;
    prepared(`INSERT INTO beginning (job, input, options, metadata, crc)
      VALUES ((SELECT number FROM job WHERE id = ?), ?, ?, ?, ?)`).run(
      row.id,
      ...texts,
      beginningChecksum(row.id, ...texts),
    );
  };

  /** Writes one batch; answers whether the lease still holds. */
  const write = (batch: Batch): boolean => {
    const row = heldRow(batch);
    if (!row) return false;
    const { jobId, fence, at, events, notes, definition, release } = batch;
    refuseLargeOutputs(jobId, events, maxOutputBytes);
    const changed = {
      ...row,
      fingerprint: definition ? toStored(definition.fingerprint) : row.fingerprint,
      state: batch.state ?? row.state,
      started_at: batch.startedAt ?? row.started_at,
      ended_at: endedAfter(row.ended_at ?? undefined, batch) ?? null,
      updated_at: at,
      last_seq: lastSeqAfter(jobId, row.last_seq, events),
    };
    if (definition) define(definition.fingerprint, definition.shape);
    const { changes } =
      prepared(`UPDATE job SET fingerprint = ?, state = ?, started_at = ?, ended_at = ?, updated_at = ?,
      last_seq = ?, crc = ? WHERE number = ? AND fence = ?`).run(
        changed.fingerprint,
        changed.state,
        changed.started_at,
        changed.ended_at,
        changed.updated_at,
        changed.last_seq,
        jobChecksum(changed),
        row.number,
        fence,
      );
    if (Number(changes) !== 1) return false;
    insertEvents(prepared, row, events);
    replaceNotes(prepared, row, notes);
    if (changed.fingerprint !== row.fingerprint) undefine(row.fingerprint);
    if (release) setLease(row, fence, undefined);
    return true;
  };

  /** Those of the leases for whose jobs there are messages. */
  const addressed = (held: readonly Held[]): JobRow[] => {
    const ids = prepared('SELECT DISTINCT job.id FROM message JOIN job ON job.number = message.job').all();
    if (ids.length === 0) return [];
    const known = new Map(held.map((one) => [toStored(one.jobId), one]));
    return ids.flatMap(({ id }) => {
      const one = known.get(id as string);
      return (one && heldRow(one)) ?? [];
    });
  };

  const take = (held: readonly Held[]): { readonly jobId: string; readonly message: string }[] => {
    const letters = addressed(held).flatMap(({ number, id }) => {
      const rows = prepared('SELECT number, message, crc FROM message WHERE job = ?').all(number);
      prepared('DELETE FROM message WHERE job = ?').run(number);
      return rows.map((row) => ({ ...(row as { number: number; message: string; crc: number }), id }));
    });
    letters.sort((a, b) => a.number - b.number);
    return letters.map(({ id, message, crc }) => {
      const jobId = fromStored(id);
      if (rowChecksum(id, message) !== crc) {
        throw journalCorrupt(path, `a message to the job "${jobId}" is not what was written`, { jobId });
      }
      return { jobId, message: fromStored(message) };
    });
  };

  return {
    file: path,
    maxOutputBytes,

    create: (job, lease) =>
      writing(() => {
        const known =
          jobWithId(job.id) ??
          (job.key === undefined
            ? undefined
            : fullJob('job.name = ? AND job.job_key = ?', toStored(job.name), toStored(job.key)));
        if (known) return { created: false, job: known };
        define(job.fingerprint, job.shape);
        insertJob(job, lease);
        return { created: true, job: jobWithId(job.id) as JournalJob };
      }),

    acquire: (jobId, lease) =>
      writing(() => {
        const row = rowOf(jobId);
        if (!row) throw jobNotFound(jobId);
        const holder = leaseOf(row);
        if (holder && !mayTake(holder, lease)) throw jobLeased(jobId, holder);
        setLease(row, row.fence + 1, lease);
        return jobWithId(jobId) as JournalJob;
      }),

    renew: (held, lease) => {
      if (held.length === 0) return [];
      return writing(() => {
        const lost: string[] = [];
        for (const one of held) {
          const row = heldRow(one);
          if (row) setLease(row, one.fence, lease);
          else lost.push(one.jobId);
        }
        return lost;
      });
    },

    release: (held) =>
      writing(() => {
        const row = heldRow(held);
        if (row) setLease(row, held.fence, undefined);
      }),

    append: (batches) => {
      if (batches.length === 0) return [];
      return writing(() => {
        const lost = new Set<string>();
        for (const batch of batches) if (!write(batch)) lost.add(batch.jobId);
        return [...lost];
      });
    },

    job: (jobId) => reading(() => jobWithId(jobId)),

    jobs: (filter = {}) =>
      reading(() => {
        const { conditions, values } = conditionsOf(filter);
        const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
        const rows = prepared(`${SELECT_JOB}${where} ORDER BY job.created_at DESC, job.number DESC LIMIT ?`).all(
          ...values,
          limitOf(filter.limit),
        );
        return rows.map((row) => jobOf(path, row));
      }),

    events: (jobId, fromSeq = 0, limit = Number.POSITIVE_INFINITY) =>
      reading(() => {
        const row = rowOf(jobId);
        if (!row) return [];
        const from = Math.max(0, fromSeq);
        const count = Math.max(0, Math.min(limit, row.last_seq + 1 - from));
        const owner = { number: row.number, id: row.id, seed: jobSeed(row.id) };
        const events = eventRows(prepared, row.number, from, count).map((event) =>
          eventOfRow(path, prepared, owner, event),
        );
        for (let at = 0; at < count; at++) {
          if (events[at]?.seq !== from + at) {
            throw journalCorrupt(path, `event ${from + at} of the job "${jobId}" is missing`, { jobId });
          }
        }
        return events;
      }),

    notes: (jobId) =>
      reading(() => {
        const row = rowOf(jobId);
        return row ? noteRows(prepared, row.number).map((note) => noteOfRow(path, row.id, note)) : [];
      }),

    shape: (fingerprint) =>
      reading(() => {
        const row = prepared('SELECT shape, crc FROM definition WHERE fingerprint = ?').get(toStored(fingerprint));
        if (!row) return undefined;
        const shape = String(row.shape);
        if (rowChecksum(toStored(fingerprint), shape) !== row.crc) {
          throw journalCorrupt(path, `the definition ${fingerprint} is not what was written`);
        }
        return shape;
      }),

    send: (jobId, message) =>
      writing(() => {
        const row = rowOf(jobId);
        if (!row) throw jobNotFound(jobId);
        const text = toStored(message);
        prepared('INSERT INTO message (job, message, crc) VALUES (?, ?, ?)').run(
          row.number,
          text,
          rowChecksum(row.id, text),
        );
      }),

    receive: (held) => {
      if (held.length === 0) return [];
      // Looks first, which needs no lock: mostly there is nothing.
      return queue.run(() =>
        transaction('BEGIN', () => addressed(held)).length === 0 ? [] : locked(() => take(held)),
      );
    },

    remove: (jobId) =>
      writing(() => {
        const row = prepared('SELECT number, fingerprint FROM job WHERE id = ?').get(toStored(jobId));
        if (!row) return;
        prepared('DELETE FROM job WHERE number = ?').run(row.number as number);
        undefine(row.fingerprint as string);
      }),

    check: () => {
      refuseClosed();
      return checkDatabase(path, prepared);
    },

    backup: (to) => {
      refuseClosed();
      backUp(path, prepared, resolve(to));
    },

    close: () => {
      if (closed) return;
      closed = true;
      queue.close(journalClosed(path));
      db.close();
    },
  };
};

const RULES = {
  synchronous: oneOf('full', 'normal'),
  maxOutputBytes: positive,
  busyTimeoutMs: wait,
  create: flag,
};

const checkOptions = (file: string, options: SqliteJournalOptions): void => {
  const subject = 'The SQLite journal';
  const problems = problemsOf(options, RULES, { subject });
  if (typeof file !== 'string' || file === '' || file === ':memory:') {
    const message = `${subject} was given ${show(file)} for its file: expected a path. A journal in memory is memoryJournal().`;
    problems.push({ code: 'INVALID_OPTION', message, tasks: [], option: 'file' });
  }
  refuse(subject, problems);
};

/** Tells a file from another that was put in its place; undefined where it is gone. */
const inodeOf = (file: string): bigint | undefined => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;

const journalClosed = (file: string): JournalError =>
  new JournalError('JOURNAL_FAILED', `The journal ${file} is closed. Open it anew, or close it later.`);

const journalMoved = (file: string): JournalError =>
  new JournalError(
    'JOURNAL_FAILED',
    `The file of the journal ${file} was removed or replaced while it was open, so nothing more can be kept. Put it back, and start anew.`,
  );

const conditionsOf = ({ states, name, since, before }: JobFilter) => {
  const conditions: string[] = [];
  const values: SqliteValue[] = [];
  const add = (condition: string, value: SqliteValue): void => {
    conditions.push(condition);
    values.push(value);
  };
  if (states !== undefined) add('job.state IN (SELECT value FROM json_each(?))', JSON.stringify(states));
  if (name !== undefined) add('job.name = ?', toStored(name));
  if (since !== undefined) add('job.created_at >= ?', since);
  if (before !== undefined) add('job.created_at < ?', before);
  return { conditions, values };
};

/** As SQLite writes it: -1 for all. */
const limitOf = (limit: number | undefined): number =>
  limit === undefined || limit === Number.POSITIVE_INFINITY ? -1 : limit;
