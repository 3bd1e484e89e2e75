import { jobSeed } from './checksum.ts';
import type { Database } from './database.ts';
import { shapeOf } from './definition-table.ts';
import { durationRows, durationsOf } from './duration-table.ts';
import { checkEngines, holders } from './engine-table.ts';
import { eventOf, eventRows } from './event-table.ts';
import { changesOf } from './feed-table.ts';
import { jobOf, SELECT_JOB } from './job-row.ts';
import { messageOf, messageRows } from './message-table.ts';
import { noteOf, noteRows } from './note-table.ts';
import { recordOf, recordRows } from './record-table.ts';
import { detailOf, journalFailure } from './sqlite-failure.ts';
import { fromStored } from './storable-text.ts';

export type CheckReport = {
  readonly ok: boolean;
  readonly problems: readonly CheckProblem[];
  /** The number of jobs found, sound or damaged. */
  readonly jobs: number;
  /** The number of events found, sound or damaged. */
  readonly events: number;
};

/** Something in a journal that is damaged or missing. */
export type CheckProblem = {
  /** The id of the job concerned; absent if the problem concerns no single job. */
  readonly jobId?: string;
  /** The `seq` of the damaged or first missing event; absent if the problem concerns no event. */
  readonly seq?: number;
  readonly message: string;
};

type About = Omit<CheckProblem, 'message'>;

const PAGE = 1000;

/** Reads the whole database and reports everything that is missing or differs from what was written. */
export const checkDatabase = (database: Database): CheckReport => {
  const { file, prepared } = database;
  const problems: CheckProblem[] = [];
  // An older database that may only be read has none.
  const hasFeed = prepared("SELECT 1 FROM main.sqlite_schema WHERE name = 'feed'").get() !== undefined;
  let jobs = 0;
  let events = 0;
  const report = (about: About, message: string): void => {
    problems.push({ ...about, message });
  };
  /** Runs `work`, and reports what it throws as a problem instead of stopping the check. */
  const attempt = (about: About, work: () => void): void => {
    try {
      work();
    } catch (error) {
      report(about, detailOf(journalFailure(file, error)));
    }
  };

  const checkEvents = (number: number, id: string, lastSeq: number): void => {
    const jobId = fromStored(id);
    const owner = { number, id, seed: jobSeed(id) };
    let next = 0;
    for (let rows = eventRows(database, number, next, PAGE); rows.length > 0; ) {
      for (const row of rows) {
        const seq = Number(row.seq);
        if (seq > next) report({ jobId, seq: next }, missing(jobId, next, seq - 1));
        if (seq > lastSeq) report({ jobId, seq }, `The job "${jobId}" has event ${seq}, but its last is ${lastSeq}.`);
        attempt({ jobId, seq }, () => eventOf(database, owner, row));
        next = seq + 1;
        events++;
      }
      rows = eventRows(database, number, next, PAGE);
    }
    if (next <= lastSeq) report({ jobId, seq: next }, missing(jobId, next, lastSeq));
  };

  const checkFeed = (number: number, id: string, lastSeq: number): void => {
    const jobId = fromStored(id);
    let next = 0;
    for (const { fromSeq, toSeq } of changesOf(database, number, id)) {
      if (fromSeq !== next) break;
      next = toSeq + 1;
    }
    if (next <= lastSeq) report({ jobId }, `The feed lacks events of the job "${jobId}", from ${next} on.`);
  };

  const checkJob = (number: number): void => {
    const row = prepared(`${SELECT_JOB} WHERE job.number = ?`).get(number);
    const id = row?.id;
    if (!row || typeof id !== 'string') {
      report({}, `The row of job number ${number} is missing.`);
      return;
    }
    const jobId = fromStored(id);
    attempt({ jobId }, () => jobOf(file, row, holders(database)));
    attempt({ jobId }, () => checkEvents(number, id, Number(row.last_seq)));
    if (hasFeed) attempt({ jobId }, () => checkFeed(number, id, Number(row.last_seq)));
    attempt({ jobId }, () => {
      for (const note of noteRows(database, number)) attempt({ jobId }, () => noteOf(database, id, note));
    });
    attempt({ jobId }, () => {
      for (const message of messageRows(database, number)) attempt({ jobId }, () => messageOf(database, id, message));
    });
  };

  attempt({}, () => {
    for (const { integrity_check } of prepared('PRAGMA integrity_check').all()) {
      if (integrity_check !== 'ok') report({}, `SQLite finds: ${integrity_check}.`);
    }
  });
  attempt({}, () => {
    for (const { table, rowid, parent } of prepared('PRAGMA foreign_key_check').all()) {
      report({}, `Row ${rowid ?? ''} of the table "${table}" belongs to none of "${parent}".`.replace('  ', ' '));
    }
  });
  attempt({}, () => {
    for (const row of prepared('SELECT fingerprint, shape, crc FROM definition').all()) {
      attempt({}, () => shapeOf(database, row));
    }
  });
  attempt({}, () => {
    for (const row of recordRows(database)) attempt({}, () => recordOf(database, row));
  });
  attempt({}, () => checkEngines(database));
  attempt({}, () => {
    for (const row of durationRows(database)) attempt({}, () => durationsOf(database, row));
  });
  attempt({}, () => {
    // List the jobs by an index, which may be sound even if the table is damaged.
    for (const { number } of prepared('SELECT number FROM job INDEXED BY job_by_time ORDER BY created_at').all()) {
      jobs++;
      attempt({}, () => checkJob(Number(number)));
    }
  });
  return { ok: problems.length === 0, problems, jobs, events };
};

const missing = (jobId: string, from: number, to: number): string =>
  from === to
    ? `Event ${from} of the job "${jobId}" is missing.`
    : `Events ${from} to ${to} of the job "${jobId}" are missing.`;
