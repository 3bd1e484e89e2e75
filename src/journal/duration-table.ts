import type { TaskDurations } from '../engine/durable/journal.ts';
import { rowChecksum } from './checksum.ts';
import type { Database } from './database.ts';
import { mergedDurations } from './merged-durations.ts';
import type { SqliteRow } from './sqlite-driver.ts';
import { journalCorrupt } from './sqlite-failure.ts';
import { fromStored, storableJson } from './storable-text.ts';

/** The number of job names of which durations are kept; those written last. */
const MAX_NAMES = 1_000;

/** Adds durations to those of a job's name. What can't be read is replaced. `jobName` is in stored form. */
export const addDurations = (
  database: Database,
  jobName: string,
  at: number,
  added: readonly TaskDurations[] | undefined,
): void => {
  if (!added || added.length === 0) return;
  const { prepared } = database;
  const kept = keptOf(database, jobName);
  const value = storableJson(JSON.stringify(mergedDurations(kept, added)));
  prepared(`INSERT INTO duration (job_name, value, updated_at, crc) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, crc = excluded.crc`).run(
    jobName,
    value,
    at,
    rowChecksum(jobName, value, at),
  );
  if (kept.length > 0) return;
  prepared(`DELETE FROM duration WHERE job_name IN
    (SELECT job_name FROM duration ORDER BY updated_at DESC LIMIT -1 OFFSET ${MAX_NAMES})`).run();
};

/** `jobName` is in stored form. @throws JournalError `JOURNAL_CORRUPT` */
export const readDurations = (database: Database, jobName: string): readonly TaskDurations[] => {
  const row = database
    .prepared('SELECT job_name, value, updated_at, crc FROM duration WHERE job_name = ?')
    .get(jobName);
  return row ? durationsOf(database, row) : [];
};

export const durationRows = ({ prepared }: Database): readonly SqliteRow[] =>
  prepared('SELECT job_name, value, updated_at, crc FROM duration').all();

/** Checks and returns the durations in a row. @throws JournalError `JOURNAL_CORRUPT` */
export const durationsOf = ({ file }: Database, row: SqliteRow): readonly TaskDurations[] => {
  const { job_name, value, updated_at, crc } = row as {
    readonly job_name: string;
    readonly value: string;
    readonly updated_at: number;
    readonly crc: number;
  };
  if (rowChecksum(job_name, value, updated_at) !== crc)
    throw journalCorrupt(file, `the durations of "${fromStored(job_name)}" are not what was written`);
  return JSON.parse(value) as readonly TaskDurations[];
};

const keptOf = (database: Database, jobName: string): readonly TaskDurations[] => {
  try {
    return readDurations(database, jobName);
  } catch {
    return [];
  }
};
