import type { EndedFilter } from '../engine/durable/journal.ts';
import { ENDED_STATES } from '../events/states.ts';
import { MAX_REMOVED, MAX_REMOVED_EVENTS } from './batch-rules.ts';
import type { Place } from './cursor.ts';
import type { Database } from './database.ts';
import { deleteUnusedDefinition } from './definition-table.ts';
import { holders } from './engine-table.ts';
import { type ListedRow, listedRows } from './job-list.ts';
import { type JobRow, verifiedRow } from './job-row.ts';
import { rowDamage } from './sqlite-failure.ts';

/** Deletes jobs that are over, as `Journal.removeEnded` says. */
export const removeEndedJobs = (database: Database, filter: EndedFilter): Removal => {
  const { file, prepared } = database;
  const { keepNewest = 0, limit = MAX_REMOVED, states = ENDED_STATES, endedBefore, ...others } = filter;
  const ended = { ...others, states: states.filter((state) => ENDED_STATES.includes(state)) };
  let olderThan: Place | undefined;
  if (keepNewest > 0) {
    const kept = soundRows(file, listedRows(database, { ...ended, limit: keepNewest }, false));
    const last = kept.at(-1);
    if (!last || kept.length < keepNewest) return NOTHING;
    olderThan = { createdAt: last.created_at, order: last.number };
  }
  const most = Math.min(limit, MAX_REMOVED);
  const numbers: number[] = [];
  const fingerprints = new Set<string>();
  const holderOf = holders(database);
  let events = 0;
  const isFull = (): boolean => numbers.length >= most || events >= MAX_REMOVED_EVENTS;
  for (let offset = 0, more = true; more && !isFull(); offset += most) {
    const page = { ...ended, endedBefore, olderThan, order: 'oldest', limit: most, offset } as const;
    const rows = listedRows(database, page, false);
    for (const row of soundRows(file, rows)) {
      if (isFull()) break;
      if (row.owner !== null && holderOf(row.owner)) continue;
      numbers.push(row.number);
      fingerprints.add(row.fingerprint);
      events += row.last_seq + 1;
    }
    more = rows.length === most;
  }
  if (numbers.length === 0) return NOTHING;
  prepared('DELETE FROM job WHERE number IN (SELECT value FROM json_each(?))').run(JSON.stringify(numbers));
  for (const fingerprint of fingerprints) deleteUnusedDefinition(database, fingerprint);
  return { removed: numbers.length, more: isFull() };
};

type Removal = { readonly removed: number; readonly more: boolean };

const NOTHING: Removal = { removed: 0, more: false };

/** Returns the rows that are not damaged. */
const soundRows = (file: string, rows: readonly ListedRow[]): readonly JobRow[] =>
  rows.flatMap(({ read }) => {
    try {
      return [verifiedRow(file, read())];
    } catch (error) {
      rowDamage(file, '', error);
      return [];
    }
  });
