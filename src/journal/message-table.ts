import type { JournalMessage } from '../engine/durable/journal.ts';
import { rowChecksum } from './checksum.ts';
import { type Database, unlessDamaged } from './database.ts';
import type { JobRow } from './job-row.ts';
import { rowOf } from './job-table.ts';
import type { SqliteRow } from './sqlite-driver.ts';
import { jobCorrupt } from './sqlite-failure.ts';
import { fromStored, toStored } from './storable-text.ts';

export const insertMessage = ({ prepared }: Database, { number, id }: JobRow, message: string): void => {
  const text = toStored(message);
  prepared('INSERT INTO message (job, message, crc) VALUES (?, ?, ?)').run(number, text, rowChecksum(id, text));
};

/** Returns the messages to the jobs of an engine, oldest first, without those of a job that is damaged, or one of whose messages is. */
export const readMessages = (database: Database, owner: string): readonly JournalMessage[] =>
  database
    .prepared('SELECT DISTINCT job.id FROM message JOIN job ON job.number = message.job WHERE job.owner = ?')
    .all(toStored(owner))
    .flatMap(({ id }) => {
      const jobId = fromStored(id as string);
      return unlessDamaged(database, jobId, () => messagesTo(database, rowOf(database, jobId) as JobRow)) ?? [];
    })
    .sort((a, b) => a.order - b.order)
    .map(({ jobId, order, message }) => ({ jobId, id: String(order), message }));

const messagesTo = (database: Database, { number, id }: JobRow) =>
  messageRows(database, number).map((row) => ({
    jobId: fromStored(id),
    message: messageOf(database, id, row),
    order: row.number as number,
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
