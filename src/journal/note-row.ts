import type { Note, NoteKind } from '../engine/journal.ts';
import { rowChecksum } from './checksum.ts';
import type { JobRow } from './job-row.ts';
import type { Prepared } from './prepared.ts';
import type { SqliteRow } from './sqlite-driver.ts';
import { journalCorrupt } from './sqlite-failure.ts';
import { fromStored, storableJson, toStored } from './storable-text.ts';

/** Writes notes of a job in place of earlier ones of the same task and kind. */
export const replaceNotes = (prepared: Prepared, { number, id }: JobRow, notes: readonly Note[]): void => {
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

export const noteRows = (prepared: Prepared, job: number): SqliteRow[] =>
  prepared('SELECT task, kind, value, crc FROM note WHERE job = ? ORDER BY rowid').all(job);

/** A note from a row of `noteRows`. @throws JournalError `JOURNAL_CORRUPT` */
export const noteOfRow = (file: string, id: string, row: SqliteRow): Note => {
  const { task, kind, value, crc } = row as unknown as Note & { readonly kind: NoteKind; readonly crc: number };
  if (typeof value !== 'string' || rowChecksum(id, task, kind, value) !== crc) {
    const jobId = fromStored(id);
    const whose = task === '' ? '' : ` of the task "${task}"`;
    throw journalCorrupt(file, `the note "${kind}"${whose} of the job "${jobId}" is not what was written`, { jobId });
  }
  return { task: fromStored(task), kind, value };
};
