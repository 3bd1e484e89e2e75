import type { Awaitable } from '../../engine/durable/journal.ts';
import type { SharedDatabase } from '../../journal/database.ts';
import {
  deleteExpiredRecords,
  deleteRecord,
  type RecordRow,
  readRecord,
  readRecords,
  writeRecord,
} from '../../journal/record-table.ts';
import { MAX_EXPIRED, type RecordKind, type ServiceRecord, type ServiceStore } from './service-store.ts';

/** Creates a store in the database of an SQLite journal. */
export const sqliteStore = (database: SharedDatabase): ServiceStore => {
  let changes = 0;
  let ofOthers: unknown;
  let hasLooked = false;
  const write = <Answer>(work: () => Answer): Awaitable<Answer> =>
    database.write(() => {
      changes++;
      return work();
    });
  return {
    get: (kind, key) =>
      database.read(() => {
        const row = readRecord(database, kind, key);
        return row && recordOf(row);
      }),
    list: (kind, { after, limit } = {}) => database.read(() => readRecords(database, kind, after, limit).map(recordOf)),
    put: ({ expected, ...record }) =>
      write(() => {
        const version = readRecord(database, record.kind, record.key)?.version ?? 0;
        if (expected !== undefined && expected !== version) return undefined;
        const { at, kind, key, value, expiresAt } = record;
        const written = { kind, key, value, version: version + 1, updatedAt: at, expiresAt };
        writeRecord(database, written);
        return written;
      }),
    remove: (kind, key, expected) =>
      write(() => {
        const known = readRecord(database, kind, key);
        if (!known || (expected !== undefined && known.version !== expected)) return false;
        deleteRecord(database, kind, key);
        return true;
      }),
    removeExpired: (at) => write(() => deleteExpiredRecords(database, at, MAX_EXPIRED)),
    changes: () => {
      if (hasLooked) return changes;
      // Once for all requests of a turn of the event loop.
      hasLooked = true;
      setImmediate(() => {
        hasLooked = false;
      });
      const version = dataVersion(database);
      if (version === undefined || version !== ofOthers) changes++;
      ofOthers = version;
      return changes;
    },
  };
};

/** Returns a number that is another one after another connection has written; undefined if that can't be said now. */
const dataVersion = ({ prepared, use }: SharedDatabase): unknown => {
  try {
    return use(() => prepared('PRAGMA data_version').get()?.data_version);
  } catch {
    return undefined;
  }
};

const recordOf = (row: RecordRow): ServiceRecord => ({ ...row, kind: row.kind as RecordKind });
