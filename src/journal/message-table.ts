import type { Held, JournalMessage } from '../engine/durable/journal.ts';
import { rowChecksum } from './checksum.ts';
import type { Database } from './database.ts';
import type { JobRow } from './job-row.ts';
import { heldRow } from './job-table.ts';
import type { SqliteRow } from './sqlite-driver.ts';
import { jobCorrupt } from './sqlite-failure.ts';
import { fromStored, toStored } from './storable-text.ts';

export const insertMessage = ({ prepared }: Database, { number, id }: JobRow, message: string): void => {
  const text = toStored(message);
  prepared('INSERT INTO message (job, message, crc) VALUES (?, ?, ?)').run(number, text, rowChecksum(id, text));
};

/** Returns the jobs of `held` that have messages and whose lease is not lost. @throws JournalError `JOURNAL_CORRUPT` */
const jobsWithMessages = (database: Database, held: readonly Held[]): readonly JobRow[] => {
  const ids = database.prepared('SELECT DISTINCT job.id FROM message JOIN job ON job.number = message.job').all();
  if (ids.length === 0) return [];
  const known = new Map(held.map((one) => [toStored(one.jobId), one]));
  return ids.flatMap(({ id }) => {
    const one = known.get(id as string);
    return (one && heldRow(database, one)) ?? [];
  });
};

/** Returns the messages to jobs whose lease is held, oldest first. @throws JournalError `JOURNAL_CORRUPT` */
export const readMessages = (database: Database, held: readonly Held[]): readonly JournalMessage[] =>
  jobsWithMessages(database, held)
    .flatMap(({ number, id }) => messageRows(database, number).map((row) => ({ id, row, order: row.number as number })))
    .sort((a, b) => a.order - b.order)
    .map(({ id, row, order }) => ({
      jobId: fromStored(id),
      id: String(order),
      message: messageOf(database, id, row),
    }));

export const deleteMessages = ({ prepared }: Database, { number }: JobRow, ids: readonly string[]): void => {
  for (const id of ids) prepared('DELETE FROM message WHERE number = ? AND job = ?').run(Number(id), number);
};

export const messageRows = ({ prepared }: Database, job: number): SqliteRow[] =>
  prepared('SELECT number, message, crc FROM message WHERE job = ?').all(job);

/** Checks and returns the message in a row. `id` is in stored form. @throws JournalError `JOURNAL_CORRUPT` */
export const messageOf = ({ file }: Database, id: string, row: SqliteRow): string => {
  const { message, crc } = row as { readonly message: string; readonly crc: number };
  if (rowChecksum(id, message) !== crc) throw jobCorrupt(file, id, 'a message to');
  return fromStored(message);
};
