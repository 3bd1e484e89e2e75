import type { Batch, Held, JobDescription, JournalJob, Lease, NewJob } from '../engine/durable/journal.ts';
import { endedAfter, lastSeqAfter } from './batch-rules.ts';
import type { Database } from './database.ts';
import { holders } from './engine-table.ts';
import {
  beginningChecksum,
  type JobRow,
  jobChecksum,
  jobOf,
  LEASE_COLUMNS,
  leaseValues,
  SELECT_JOB,
  verifiedRow,
} from './job-row.ts';
import { deleteLabels, insertLabels } from './label-table.ts';
import type { SqliteValue } from './sqlite-driver.ts';
import { storableJson, toStored } from './storable-text.ts';

/** Returns the row of a job, if there is one. @throws JournalError `JOURNAL_CORRUPT` */
export const rowOf = ({ file, prepared }: Database, jobId: string): JobRow | undefined => {
  const row = prepared('SELECT * FROM job WHERE id = ?').get(toStored(jobId));
  return row && verifiedRow(file, row);
};

/** Returns the row of a job if the lease with this fence is still held. @throws JournalError `JOURNAL_CORRUPT` */
export const heldRow = ({ file, prepared }: Database, { jobId, fence }: Held): JobRow | undefined => {
  const row = prepared('SELECT * FROM job WHERE id = ? AND fence = ? AND owner IS NOT NULL').get(
    toStored(jobId),
    fence,
  );
  return row && verifiedRow(file, row);
};

export const readJob = (database: Database, jobId: string): JournalJob | undefined =>
  oneJob(database, 'job.id = ?', toStored(jobId));

/** Returns the job with this name that was started with this key. @throws JournalError `JOURNAL_CORRUPT` */
export const jobWithKey = (database: Database, name: string, key: string): JournalJob | undefined =>
  oneJob(database, 'job.name = ? AND job.job_key = ?', toStored(name), toStored(key));

const oneJob = (database: Database, where: string, ...values: SqliteValue[]): JournalJob | undefined => {
  const row = database.prepared(`${SELECT_JOB} WHERE ${where}`).get(...values);
  return row && jobOf(database.file, row, holders(database));
};

/** Inserts a new job with its first lease, whose fence is 1. */
export const insertJob = (database: Database, job: NewJob, lease: Lease): void => {
  const { prepared } = database;
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
    updated_at: job.createdAt,
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
    beginningChecksum(row.id, ...texts, Object.keys(job.labels ?? {}).length),
  );
  if (job.labels) insertLabels(database, row, job.labels);
};

/** Updates and returns the row; does not check the lease. @throws JournalError if the events leave a gap */
export const updateJob = ({ prepared }: Database, row: JobRow, batch: Batch): JobRow => {
  const changed = {
    ...row,
    fingerprint: batch.definition ? toStored(batch.definition.fingerprint) : row.fingerprint,
    state: batch.state ?? row.state,
    started_at: batch.startedAt ?? row.started_at,
    ended_at: endedAfter(row.ended_at ?? undefined, batch) ?? null,
    updated_at: batch.at,
    last_seq: lastSeqAfter(batch.jobId, row.last_seq, batch.events),
  };
  prepared(UPDATE_JOB).run(...UPDATED.map((column) => changed[column]), jobChecksum(changed), row.number);
  return changed;
};

/**
 * Replaces labels or metadata of a job, or both; returns whether there is such a job. Reads it first, so that no damage
 * gets a checksum. @throws JournalError `JOURNAL_CORRUPT`
 */
export const describeJob = (
  database: Database,
  jobId: string,
  { at, labels, metadata: given }: JobDescription,
): boolean => {
  const row = rowOf(database, jobId);
  const job = readJob(database, jobId);
  if (!row || !job) return false;
  const metadata = given === undefined ? job.metadata : storableJson(given);
  const count = Object.keys(labels ?? job.labels).length;
  const crc = beginningChecksum(row.id, job.input, job.options, metadata, count);
  database.prepared('UPDATE beginning SET metadata = ?, crc = ? WHERE job = ?').run(metadata, crc, row.number);
  if (labels) {
    deleteLabels(database, row.number);
    insertLabels(database, row, labels);
  }
  updateJob(database, row, { jobId, fence: row.fence, at, events: [], notes: [] });
  return true;
};

/** Sets the fence and lease of a job; without `lease`, nobody holds it afterwards. */
export const setLease = ({ prepared }: Database, { number, id }: JobRow, fence: number, lease?: Lease): void => {
  prepared(SET_LEASE).run(...leaseValues(id, fence, lease), number);
};

const updateOf = (columns: readonly string[]): string =>
  `UPDATE job SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE number = ?`;

const UPDATED = ['fingerprint', 'state', 'started_at', 'ended_at', 'updated_at', 'last_seq'] as const;
const UPDATE_JOB = updateOf([...UPDATED, 'crc']);
const SET_LEASE = updateOf(LEASE_COLUMNS);

/** Deletes a job and its data. Returns the fingerprint of its definition, in stored form, if there was such a job. */
export const deleteJob = ({ prepared }: Database, jobId: string): string | undefined => {
  // Do not verify the row, so that a damaged job can be removed.
  const row = prepared('SELECT number, fingerprint FROM job WHERE id = ?').get(toStored(jobId));
  if (!row) return undefined;
  prepared('DELETE FROM job WHERE number = ?').run(row.number as number);
  return row.fingerprint as string;
};
