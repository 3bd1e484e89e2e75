import type { StoredEvent } from '../engine/durable/journal.ts';
import { eventChecksum, jobSeed, largeChecksum } from './checksum.ts';
import type { Database } from './database.ts';
import { insertRowsInto } from './insert-rows.ts';
import type { JobRow } from './job-row.ts';
import type { SqliteRow, SqliteValue } from './sqlite-driver.ts';
import { jobCorrupt } from './sqlite-failure.ts';
import { storableJson } from './storable-text.ts';

/** The longest output, in UTF-16 units, that is stored in the row of its event. Longer ones go to the table `large`. */
const MAX_IN_ROW = 4096;

/** Inserts events of a job. Does not check the `seq` of the events: `updateJob` has checked it. */
export const insertEvents = (database: Database, { number, id }: JobRow, events: readonly StoredEvent[]): void => {
  const { prepared } = database;
  const seed = jobSeed(id);
  const values: SqliteValue[] = [];
  for (const { seq, data, output } of events) {
    const text = storableJson(data);
    const result = output === undefined ? null : storableJson(output);
    const isLarge = result !== null && result.length > MAX_IN_ROW;
    const large = isLarge ? largeChecksum(seed, seq, result) : null;
    const inRow = isLarge ? null : result;
    if (isLarge) prepared('INSERT INTO large (job, seq, output) VALUES (?, ?, ?)').run(number, seq, result);
    values.push(number, seq, text, inRow, large, eventChecksum(seed, seq, text, inRow, large));
  }
  insertEventRows(database, values);
};

const insertEventRows = insertRowsInto('event', ['job', 'seq', 'data', 'output', 'large', 'crc']);

/**
 * Returns at most `limit` events of a job from seq `from` on.
 * @throws JournalError `JOURNAL_CORRUPT`, also for a gap
 */
export const readEvents = (database: Database, job: JobRow, from: number, limit: number): readonly StoredEvent[] => {
  const count = Math.max(0, Math.min(limit, job.last_seq + 1 - from));
  const owner = { number: job.number, id: job.id, seed: jobSeed(job.id) };
  const events = eventRows(database, job.number, from, count).map((row) => eventOf(database, owner, row));
  for (let at = 0; at < count; at++) {
    if (events[at]?.seq !== from + at) throw jobCorrupt(database.file, job.id, `event ${from + at} of`, 'is missing');
  }
  return events;
};

export const eventRows = ({ prepared }: Database, job: number, from: number, limit: number): SqliteRow[] =>
  prepared(SELECT_EVENTS).all(job, from, limit);

const SELECT_EVENTS = 'SELECT seq, data, output, large, crc FROM event WHERE job = ? AND seq >= ? ORDER BY seq LIMIT ?';

type EventOwner = { readonly number: number; readonly id: string; readonly seed: number };

/** Returns the event in a row of `eventRows`, after checking it. @throws JournalError `JOURNAL_CORRUPT` */
export const eventOf = (
  { file, prepared }: Database,
  { number, id, seed }: EventOwner,
  row: SqliteRow,
): StoredEvent => {
  const { seq, data, output, large, crc } = row as unknown as EventRow;
  if (typeof data !== 'string' || eventChecksum(seed, seq, data, output, large) !== crc)
    throw jobCorrupt(file, id, `the row of event ${seq} of`);
  if (large === null) return output === null ? { seq, data } : { seq, data, output };
  const kept = prepared('SELECT output FROM large WHERE job = ? AND seq = ?').get(number, seq)?.output;
  if (typeof kept !== 'string' || largeChecksum(seed, seq, kept) !== large)
    throw jobCorrupt(file, id, `the output of event ${seq} of`);
  return { seq, data, output: kept };
};

type EventRow = Pick<StoredEvent, 'seq' | 'data'> & {
  readonly output: string | null;
  readonly large: number | null;
  readonly crc: number;
};
