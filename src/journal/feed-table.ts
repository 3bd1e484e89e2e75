import type { JournalChange } from '../engine/durable/journal.ts';
import { eventsIn, partAfter } from './change-part.ts';
import { changeChecksum } from './checksum.ts';
import type { Database } from './database.ts';
import { insertRowsInto } from './insert-rows.ts';
import type { SqliteRow, SqliteValue } from './sqlite-driver.ts';
import { jobCorrupt } from './sqlite-failure.ts';
import { fromStored } from './storable-text.ts';

/** A change to be stored. `id` is the job's, in stored form. */
export type NewChange = { readonly job: number; readonly id: string } & Pick<JournalChange, 'fromSeq' | 'toSeq'>;

/** Stores changes, with the positions that follow the last one ever given. */
export const insertChanges = (database: Database, changes: readonly NewChange[]): void => {
  if (changes.length === 0) return;
  let position = newestPosition(database);
  const values: SqliteValue[] = [];
  for (const { job, id, fromSeq, toSeq } of changes) {
    position += toSeq - fromSeq + 1;
    values.push(position, job, fromSeq, toSeq, changeChecksum(id, position, fromSeq, toSeq));
  }
  insertFeedRows(database, values);
};

const insertFeedRows = insertRowsInto('feed', ['position', 'job', 'from_seq', 'to_seq', 'crc']);

/** Returns the last position that was ever given: SQLite keeps it in a table of its own. */
export const newestPosition = ({ prepared }: Database): number =>
  Number(prepared("SELECT seq FROM sqlite_sequence WHERE name = 'feed'").get()?.seq ?? 0);

/** Returns changes as `JournalFeed.changes` does. Leaves out those whose row is damaged, which `check` reports. */
export const readChanges = (database: Database, after: number, limit: number): readonly JournalChange[] => {
  const changes: JournalChange[] = [];
  let left = limit;
  for (let last = after; left > 0; ) {
    const page = Math.min(left, PAGE);
    const rows = database.prepared(SELECT_CHANGES).all(last, page);
    for (const row of rows) {
      last = Number(row.position);
      if (left <= 0 || !isSound(row)) continue;
      const change = partAfter(changeIn(row), after, left);
      changes.push(change);
      left -= eventsIn(change);
    }
    if (rows.length < page) break;
  }
  return changes;
};

const PAGE = 500;

/** A number beyond these bounds is damaged, and would keep the driver from reading the other rows. */
const IS_IN_BOUNDS = `position <= ${Number.MAX_SAFE_INTEGER} AND from_seq BETWEEN 0 AND to_seq AND to_seq < position
  AND feed.crc BETWEEN 0 AND ${2 ** 32}`;

const SELECT_CHANGES = `SELECT position, job.id, from_seq, to_seq, feed.crc
  FROM feed CROSS JOIN job ON job.number = feed.job
  WHERE position > ? AND ${IS_IN_BOUNDS} ORDER BY position LIMIT ?`;

/** Returns the changes of a job, ascending, after checking them. `id` is in stored form. @throws JournalError `JOURNAL_CORRUPT` */
export const changesOf = ({ file, prepared }: Database, job: number, id: string): readonly JournalChange[] =>
  prepared(
    `SELECT position, ? AS id, from_seq, to_seq, crc FROM feed WHERE job = ? AND ${IS_IN_BOUNDS} ORDER BY position`,
  )
    .all(id, job)
    .map((row) => {
      if (isSound(row)) return changeIn(row);
      throw jobCorrupt(file, id, 'a row of the feed about');
    });

type ChangeRow = {
  readonly position: number;
  readonly id: string;
  readonly from_seq: number;
  readonly to_seq: number;
  readonly crc: number;
};

const isSound = (row: SqliteRow): boolean => {
  const { id, position, from_seq, to_seq, crc } = row as ChangeRow;
  return changeChecksum(id, position, from_seq, to_seq) === crc;
};

const changeIn = (row: SqliteRow): JournalChange => {
  const { id, position, from_seq: fromSeq, to_seq: toSeq } = row as ChangeRow;
  return { position, jobId: fromStored(id), fromSeq, toSeq };
};
