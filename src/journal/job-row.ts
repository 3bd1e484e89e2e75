import type { JournalJob, Lease } from '../engine/durable/journal.ts';
import { rowChecksum } from './checksum.ts';
import { cursorOf } from './cursor.ts';
import { labelsOf, SELECT_LABELS } from './label-table.ts';
import type { SqliteRow, SqliteValue } from './sqlite-driver.ts';
import { jobCorrupt } from './sqlite-failure.ts';
import { fromStored, toStored } from './storable-text.ts';

/** A row of the table `job`, which every batch rewrites. Texts are in stored form (`toStored`), times in epoch ms. */
export type JobRow = {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly job_key: string | null;
  readonly created_at: number;
  readonly forked_from: string | null;
  readonly fingerprint: string;
  readonly state: JournalJob['state'];
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly updated_at: number;
  readonly last_seq: number;
  readonly crc: number;
} & LeaseRow;

/** The columns of a row of `job` that hold its lease; `owner` is null if it was given back. */
type LeaseRow = {
  readonly fence: number;
  readonly owner: string | null;
  readonly lease_crc: number;
};

/** The columns that held the lease in the first six versions, which a database that may only be read can have. */
type OldLeaseRow = {
  readonly host?: string | null;
  readonly pid?: number | null;
  readonly process_start?: string | null;
  readonly leased_at?: number | null;
  readonly lease_ms?: number | null;
};

/** The columns of a row of the table `beginning`, which is written once per job; null if the row is missing. */
type BeginningRow = {
  readonly input: string | null;
  readonly options: string | null;
  readonly metadata: string | null;
  readonly beginning_crc: number | null;
  /** From the table `label`. */
  readonly labels: string;
};

/** The columns that `jobOf` reads, of `job` with `JOIN_BEGINNING`. */
export const JOB_COLUMNS = `job.*, beginning.input, beginning.options, beginning.metadata, beginning.crc AS beginning_crc,
  ${SELECT_LABELS} AS labels`;

export const JOIN_BEGINNING = 'LEFT JOIN beginning ON beginning.job = job.number';

export const SELECT_JOB = `SELECT ${JOB_COLUMNS} FROM job ${JOIN_BEGINNING}`;

/** Returns a row of `job` after checking its checksums. @throws JournalError `JOURNAL_CORRUPT` */
export const verifiedRow = (file: string, raw: SqliteRow): JobRow => {
  const row = raw as unknown as JobRow;
  if (jobChecksum(row) !== row.crc) throw jobCorrupt(file, row.id, 'the row of');
  if (leaseChecksum(row.id, row) !== row.lease_crc) throw jobCorrupt(file, row.id, 'the lease of');
  return row;
};

/** Returns the engine with an id, in stored form, if it lives. */
export type HolderOf = (owner: string) => Lease | undefined;

/** Returns the job in a row of `SELECT_JOB`, after checking it. @throws JournalError `JOURNAL_CORRUPT` */
export const jobOf = (file: string, raw: SqliteRow, holderOf: HolderOf): JournalJob => {
  const row = verifiedRow(file, raw);
  const { input, options, metadata, beginning_crc, labels } = raw as unknown as BeginningRow;
  if (input === null || options === null || metadata === null) {
    throw jobCorrupt(file, row.id, 'the input of', 'is missing');
  }
  const known = labelsOf(file, row.id, labels);
  const checksum = (count: number): number => beginningChecksum(row.id, input, options, metadata, count);
  // The first versions with labels did not count them.
  if (![Object.keys(known).length, 0].some((count) => checksum(count) === beginning_crc)) {
    throw jobCorrupt(file, row.id, 'the input, options, metadata or labels of', 'are not what was written');
  }
  return {
    id: fromStored(row.id),
    name: fromStored(row.name),
    key: row.job_key === null ? undefined : fromStored(row.job_key),
    createdAt: row.created_at,
    forkedFrom: row.forked_from === null ? undefined : fromStored(row.forked_from),
    fingerprint: fromStored(row.fingerprint),
    input,
    options,
    metadata,
    labels: known,
    cursor: cursorOf({ createdAt: row.created_at, order: row.number }),
    state: row.state,
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    updatedAt: row.updated_at,
    lastSeq: row.last_seq,
    fence: row.fence,
    lease: row.owner === null ? undefined : holderOf(row.owner),
  };
};

/** Returns the values of a lease for the columns `LEASE_COLUMNS`. `id` is the job's, in stored form. */
export const leaseValues = (id: string, fence: number, lease: Lease | undefined): SqliteValue[] => {
  const row = { fence, owner: lease ? toStored(lease.owner) : null };
  return [...Object.values(row), leaseChecksum(id, row)];
};

export const LEASE_COLUMNS = ['fence', 'owner', 'lease_crc'];

export const jobChecksum = (row: Omit<JobRow, 'number' | 'crc' | keyof LeaseRow>): number =>
  rowChecksum(
    row.id,
    row.name,
    row.job_key,
    row.created_at,
    row.forked_from,
    row.fingerprint,
    row.state,
    row.started_at,
    row.ended_at,
    row.updated_at,
    row.last_seq,
  );

const leaseChecksum = (id: string, row: Omit<LeaseRow, 'lease_crc'> & OldLeaseRow): number =>
  row.lease_ms === undefined
    ? rowChecksum(id, row.fence, row.owner)
    : oldLeaseChecksum(id, row as Parameters<typeof oldLeaseChecksum>[1]);

/** The checksum of a lease in the first six versions. */
export const oldLeaseChecksum = (id: string, row: Omit<LeaseRow, 'lease_crc'> & Required<OldLeaseRow>): number =>
  rowChecksum(id, row.fence, row.owner, row.host, row.pid, row.process_start, row.leased_at, row.lease_ms);

/** Covers the number of labels, too, so that it is noticed if one of them is lost; not if there is none. */
export const beginningChecksum = (
  id: string,
  input: string,
  options: string,
  metadata: string,
  labels: number,
): number => rowChecksum(id, input, options, metadata, ...(labels === 0 ? [] : [labels]));
