import { COMPLETION_DAYS, type JournalCompletions, MAX_COMPLETIONS } from '../engine/durable/journal.ts';
import type { SharedDatabase } from './database.ts';
import { deleteExpiredRecords, deleteOldestRecords, readRecord, writeRecord } from './record-table.ts';

/** Keeps what tasks completed with as records of a database. */
export const completionsOf = (database: SharedDatabase): JournalCompletions => {
  let writes = 0;
  return {
    get: (key) => database.read(() => readRecord(database, KIND, key)?.value),
    put: (key, value, at) =>
      database.write(() => {
        writeRecord(database, {
          kind: KIND,
          key,
          value,
          version: 1,
          updatedAt: at,
          expiresAt: at + COMPLETION_DAYS * DAY_MS,
        });
        if (writes++ % WRITES_PER_SWEEP > 0) return;
        deleteExpiredRecords(database, at, WRITES_PER_SWEEP, KIND);
        deleteOldestRecords(database, KIND, MAX_COMPLETIONS);
      }),
  };
};

const KIND = 'completion';
const DAY_MS = 86_400_000;

/** After how many writes what is too old, or too much, is removed again. */
const WRITES_PER_SWEEP = 100;
