import type { Note } from '../engine/durable/journal.ts';
import { rowChecksum } from './checksum.ts';
import type { Database } from './database.ts';
import type { JobRow } from './job-row.ts';
import type { SqliteRow } from './sqlite-driver.ts';
import { jobCorrupt } from './sqlite-failure.ts';
import { fromStored, storableJson, toStored } from './storable-text.ts';

/** Stores notes of a job. Each replaces an earlier one of the same task and kind. */
export const replaceNotes = ({ prepared }: Database, { number, id }: JobRow, notes: readonly Note[]): void => {
  for (const note of notes) {
    const task = toStored(note.task);
    const value = storableJson(note.value);
    prepared(`INSERT INTO note (job, task, kind, value, crc) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (job, task, kind) DO UPDATE SET value = excluded.value, crc = excluded.crc`).run(
      number,
      task,
      note.kind,
      value,
      rowChecksum(id, task, note.kind, value),
    );
  }
};

export const noteRows = ({ prepared }: Database, job: number): SqliteRow[] =>
  prepared('SELECT task, kind, value, crc FROM note WHERE job = ? ORDER BY rowid').all(job);

/** Checks and returns the note in a row. `id` is in stored form. @throws JournalError `JOURNAL_CORRUPT` */
export const noteOf = ({ file }: Database, id: string, row: SqliteRow): Note => {
  const { task, kind, value, crc } = row as unknown as Note & { readonly crc: number };
  if (rowChecksum(id, task, kind, value) === crc) return { task: fromStored(task), kind, value };
  throw jobCorrupt(file, id, `the note "${kind}"${task === '' ? '' : ` of the task "${task}"`} of`);
};
