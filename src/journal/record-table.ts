import { rowChecksum } from './checksum.ts';
import type { Database } from './database.ts';
import type { SqliteRow } from './sqlite-driver.ts';
import { journalCorrupt } from './sqlite-failure.ts';
import { fromStored, toStored } from './storable-text.ts';

/** A record that a service keeps beside the jobs. `value` is JSON, times are in epoch ms. */
export type RecordRow = {
  readonly kind: string;
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly updatedAt: number;
  readonly expiresAt: number | undefined;
};

const COLUMNS = 'kind, key, value, version, updated_at, expires_at, crc';

/** @throws JournalError `JOURNAL_CORRUPT` */
export const readRecord = (database: Database, kind: string, key: string): RecordRow | undefined => {
  const row = database.prepared(`SELECT ${COLUMNS} FROM record WHERE kind = ? AND key = ?`).get(kind, toStored(key));
  return row && recordOf(database, row);
};

/** Returns records in the order of their keys. @throws JournalError `JOURNAL_CORRUPT` */
export const readRecords = (
  database: Database,
  kind: string,
  after: string | undefined,
  limit: number | undefined,
): readonly RecordRow[] =>
  database
    .prepared(
      `SELECT ${COLUMNS} FROM record WHERE kind = ? AND (? IS NULL OR key > ?) ORDER BY key LIMIT ${limit === undefined ? -1 : '?'}`,
    )
    .all(
      kind,
      after === undefined ? null : toStored(after),
      after === undefined ? null : toStored(after),
      ...(limit === undefined ? [] : [limit]),
    )
    .map((row) => recordOf(database, row));

export const writeRecord = ({ prepared }: Database, record: RecordRow): void => {
  const { kind, version, updatedAt, expiresAt = null } = record;
  const [key, value] = [toStored(record.key), toStored(record.value)];
  prepared(`INSERT OR REPLACE INTO record (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`).run(
    kind,
    key,
    value,
    version,
    updatedAt,
    expiresAt,
    rowChecksum(kind, key, value, version, updatedAt, expiresAt),
  );
};

export const deleteRecord = ({ prepared }: Database, kind: string, key: string): void => {
  prepared('DELETE FROM record WHERE kind = ? AND key = ?').run(kind, toStored(key));
};

/** Deletes records, of a kind if one is given, that ended at `at` or before, up to `limit`; returns their number. */
export const deleteExpiredRecords = ({ prepared }: Database, at: number, limit: number, kind?: string): number =>
  Number(
    prepared(
      `DELETE FROM record WHERE (kind, key) IN
        (SELECT kind, key FROM record WHERE expires_at <= ? AND (? IS NULL OR kind = ?) ORDER BY expires_at LIMIT ?)`,
    ).run(at, kind ?? null, kind ?? null, limit).changes,
  );

/** Deletes the records of a kind that were written longest ago, until `most` are left. */
export const deleteOldestRecords = ({ prepared }: Database, kind: string, most: number): void => {
  const count = Number(prepared('SELECT count(*) AS count FROM record WHERE kind = ?').get(kind)?.count);
  if (count <= most) return;
  prepared(
    'DELETE FROM record WHERE (kind, key) IN (SELECT kind, key FROM record WHERE kind = ? ORDER BY updated_at LIMIT ?)',
  ).run(kind, count - most);
};

export const recordRows = ({ prepared }: Database): readonly SqliteRow[] =>
  prepared(`SELECT ${COLUMNS} FROM record`).all();

/** Checks and returns the record in a row. @throws JournalError `JOURNAL_CORRUPT` */
export const recordOf = ({ file }: Database, row: SqliteRow): RecordRow => {
  const { kind, key, value, version, updated_at, expires_at, crc } = row as {
    readonly kind: string;
    readonly key: string;
    readonly value: string;
    readonly version: number;
    readonly updated_at: number;
    readonly expires_at: number | null;
    readonly crc: number;
  };
  if (rowChecksum(kind, key, value, version, updated_at, expires_at) !== crc)
    throw journalCorrupt(file, `the ${kind} ${JSON.stringify(fromStored(key))} is not what was written`);
  return {
    kind,
    key: fromStored(key),
    value: fromStored(value),
    version,
    updatedAt: updated_at,
    expiresAt: expires_at ?? undefined,
  };
};
