import { jobSeed, rowChecksum } from './checksum.ts';
import { eventOfRow, eventRows } from './event-row.ts';
import { jobOf, SELECT_JOB } from './job-row.ts';
import { noteOfRow, noteRows } from './note-row.ts';
import type { Prepared } from './prepared.ts';
import type { SqliteRow } from './sqlite-driver.ts';
import { journalFailure } from './sqlite-failure.ts';
import { fromStored } from './storable-text.ts';

export type CheckReport = {
  readonly ok: boolean;
  readonly problems: readonly CheckProblem[];
  /** How many there are, sound or not. */
  readonly jobs: number;
  readonly events: number;
};

export type CheckProblem = {
  /** The job concerned, if one is. */
  readonly jobId?: string;
  /** The event concerned, if one is. */
  readonly seq?: number;
  readonly message: string;
};

/** How many rows are read at once. */
const PAGE = 1000;

/** Reads all of a database and tells everything that is not as it was written. */
export const checkDatabase = (file: string, prepared: Prepared): CheckReport => {
  const problems: CheckProblem[] = [];
  const counted = { jobs: 0, events: 0 };
  const report = (about: Omit<CheckProblem, 'message'>, message: string): void => {
    problems.push({ ...about, message });
  };
  /** Goes on after what can't be read. */
  const attempt = (about: Omit<CheckProblem, 'message'>, work: () => void): void => {
    try {
      work();
    } catch (error) {
      report(about, journalFailure(file, error).message);
    }
  };

  attempt({}, () => {
    for (const row of prepared('PRAGMA integrity_check').all()) {
      if (row.integrity_check !== 'ok') report({}, `SQLite finds: ${row.integrity_check}`);
    }
  });
  attempt({}, () => {
    for (const { table, rowid, parent } of prepared('PRAGMA foreign_key_check').all()) {
      report({}, `A row of "${table}"${rowid === null ? '' : ` (${rowid})`} belongs to nothing in "${parent}"`);
    }
  });
  attempt({}, () => {
    for (const { fingerprint, shape, crc } of prepared('SELECT fingerprint, shape, crc FROM definition').all()) {
      if (rowChecksum(String(fingerprint), String(shape)) !== crc) {
        report({}, `The definition ${fingerprint} is not what was written`);
      }
    }
  });

  const checkJob = (number: number): void => {
    let id: unknown;
    attempt({}, () => {
      const row = prepared(`${SELECT_JOB} WHERE job.number = ?`).get(number);
      if (!row) {
        report({}, `Job number ${number} is in the index and not in the table`);
        return;
      }
      id = row.id;
    });
    if (typeof id !== 'string') return;
    const stored = id;
    const jobId = fromStored(stored);
    let lastSeq = -1;
    attempt({ jobId }, () => {
      const row = prepared(`${SELECT_JOB} WHERE job.number = ?`).get(number) as SqliteRow;
      lastSeq = Number(row.last_seq);
      jobOf(file, row);
    });
    attempt({ jobId }, () => checkEvents(number, stored, jobId, lastSeq));
    attempt({ jobId }, () => {
      for (const row of noteRows(prepared, number)) attempt({ jobId }, () => noteOfRow(file, stored, row));
    });
    attempt({ jobId }, () => {
      for (const { message, crc } of prepared('SELECT message, crc FROM message WHERE job = ?').all(number)) {
        if (rowChecksum(stored, String(message)) !== crc)
          report({ jobId }, `A message to the job "${jobId}" is not what was written`);
      }
    });
  };

  const checkEvents = (number: number, stored: string, jobId: string, lastSeq: number): void => {
    const owner = { number, id: stored, seed: jobSeed(stored) };
    let next = 0;
    for (;;) {
      const rows = eventRows(prepared, number, next, PAGE);
      for (const row of rows) {
        const seq = Number(row.seq);
        counted.events++;
        if (seq > next) report({ jobId, seq: next }, missing(jobId, next, seq - 1));
        if (seq > lastSeq)
          report({ jobId, seq }, `Event ${seq} of the job "${jobId}" comes after its last one, ${lastSeq}`);
        attempt({ jobId, seq }, () => eventOfRow(file, prepared, owner, row));
        next = seq + 1;
      }
      if (rows.length < PAGE) break;
    }
    if (next <= lastSeq) report({ jobId, seq: next }, missing(jobId, next, lastSeq));
  };

  attempt({}, () => {
    // By an index: it may be sound where the table is not.
    const numbers = prepared('SELECT number FROM job INDEXED BY job_by_time ORDER BY created_at, number').all();
    counted.jobs = numbers.length;
    for (const { number } of numbers) checkJob(Number(number));
  });
  return { ok: problems.length === 0, problems, ...counted };
};

const missing = (jobId: string, from: number, to: number): string =>
  from === to
    ? `Event ${from} of the job "${jobId}" is missing`
    : `Events ${from} to ${to} of the job "${jobId}" are missing`;
