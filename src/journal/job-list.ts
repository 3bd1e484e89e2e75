import type { DamagedJob, JobFilter, JournalJob, Labels } from '../engine/durable/journal.ts';
import { ENDED_STATES, JOB_STATES } from '../events/states.ts';
import { type Place, placeOf } from './cursor.ts';
import type { Database } from './database.ts';
import { JOB_COLUMNS, JOIN_BEGINNING, jobOf, SELECT_JOB } from './job-row.ts';
import type { SqliteRow, SqliteValue } from './sqlite-driver.ts';
import { isForeignNumber, journalCorrupt, rowDamage } from './sqlite-failure.ts';
import { fromStored, toStored } from './storable-text.ts';

export type ListedJobs = { readonly jobs: readonly JournalJob[]; readonly damaged: readonly DamagedJob[] };

/** Returns the jobs that match a filter, and apart from them those that can't be read. */
export const listJobs = (
  database: Database,
  { limit = Number.POSITIVE_INFINITY, ...filter }: JobFilter,
): ListedJobs => {
  const jobs: JournalJob[] = [];
  const damaged: DamagedJob[] = [];
  for (let seen = 0; jobs.length < limit; ) {
    const wanted = limit - jobs.length;
    const rows = listedRows(database, { ...filter, limit: wanted, offset: seen }, true);
    for (const { found, read } of rows) {
      try {
        jobs.push(jobOf(database.file, read()));
      } catch (error) {
        const [jobId, jobName] = [found.id, found.name].map((text) => fromStored(String(text))) as [string, string];
        damaged.push({ jobId, jobName, error: rowDamage(database.file, jobId, error) });
      }
    }
    // Of a full page with damaged jobs, read as many others.
    if (rows.length < wanted) break;
    seen += rows.length;
  }
  return { jobs, damaged };
};

/** A row that was found, with its id and name. `read` returns all of it, or throws. */
export type ListedRow = { readonly found: SqliteRow; readonly read: () => SqliteRow };

type RowFilter = JobFilter & {
  /** How many jobs to leave out before the first. Default: none. */
  readonly offset?: number | undefined;
  /** Selects jobs that are older than the one at this place. */
  readonly olderThan?: Place | undefined;
};

/**
 * Returns the rows that match a filter, and, if it is by state, those with a state that there is not. `isWhole`: with all
 * that `jobOf` reads, not only what the table `job` has.
 */
export const listedRows = ({ file, prepared }: Database, filter: RowFilter, isWhole: boolean): readonly ListedRow[] => {
  const { limit = Number.POSITIVE_INFINITY, offset = 0, order = 'newest' } = filter;
  const direction = order === 'newest' ? 'DESC' : 'ASC';
  const parts = partsOf(prepared, filter);
  const last = Number.isFinite(limit) ? limit + offset : -1;
  const values: SqliteValue[] = [];
  const texts = parts.map(({ from, conditions, sortsBy }) => {
    for (const condition of conditions) values.push(...condition.values);
    values.push(last);
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.map(({ text }) => text).join(' AND ')}`;
    const sorted = sortsBy.map((column) => `${column} ${direction}`).join(', ');
    return `SELECT * FROM (SELECT job.number, job.created_at FROM ${from} ${where} ORDER BY ${sorted} LIMIT ?)`;
  });
  const selectOf = (columns: string, tables: string): string =>
    `SELECT ${columns}, job.number IS NULL AS is_missing
      FROM (${texts.join(' UNION ALL ')}) AS place LEFT JOIN job ON job.number = place.number ${tables}
      ORDER BY place.created_at ${direction}, place.number ${direction} LIMIT ? OFFSET ?`;
  values.push(Number.isFinite(limit) ? limit : -1, offset);
  const select = (columns: string, tables = ''): readonly SqliteRow[] => {
    const rows = prepared(selectOf(columns, tables)).all(...values);
    if (rows.some(({ is_missing }) => is_missing === 1))
      throw journalCorrupt(file, 'an index has a job that is missing');
    return rows;
  };
  try {
    return (isWhole ? select(JOB_COLUMNS, JOIN_BEGINNING) : select('job.*')).map((row) => ({
      found: row,
      read: () => row,
    }));
  } catch (error) {
    if (!isForeignNumber(error)) throw error;
  }
  // One row with a number that can't be read would hide all others: read them one by one.
  return select('CAST(job.number AS TEXT) AS number, job.id, job.name').map((row) => ({
    found: row,
    read: () => prepared(`${SELECT_JOB} WHERE job.number = CAST(? AS INTEGER)`).get(row.number as string) ?? row,
  }));
};

type Condition = { readonly text: string; readonly values: readonly SqliteValue[] };

/** A part of a list, which SQLite finds by one index. Together the parts have each job once. */
type Part = { readonly from: string; readonly conditions: readonly Condition[]; readonly sortsBy: readonly string[] };

const partsOf = (prepared: Database['prepared'], filter: RowFilter): readonly Part[] => {
  const { states, names, labels, idPrefix, forkedFrom, since, before, endedBefore } = filter;
  const common: Condition[] = [];
  const add = (text: string, ...values: SqliteValue[]): void => {
    common.push({ text, values });
  };
  const [label, ...otherLabels] = rarestFirst(prepared, labels ?? {});
  if (label) add('label.key = ? AND label.value = ?', ...label);
  for (const other of otherLabels)
    add('EXISTS (SELECT 1 FROM label AS l WHERE l.job = job.number AND l.key = ? AND l.value = ?)', ...other);
  const place = label
    ? { createdAt: 'label.created_at', number: 'label.job' }
    : { createdAt: 'job.created_at', number: 'job.number' };
  if (names?.length === 1) add('job.name = ?', toStored(names[0] as string));
  else if (names) add('job.name IN (SELECT value FROM json_each(?))', JSON.stringify(names.map(toStored)));
  if (idPrefix !== undefined) {
    const prefix = toStored(idPrefix);
    add('job.id >= ? AND job.id < ?', prefix, prefix + AFTER_ALL);
  }
  if (forkedFrom !== undefined) add('job.forked_from = ?', toStored(forkedFrom));
  if (since !== undefined) add(`${place.createdAt} >= ?`, since);
  if (before !== undefined) add(`${place.createdAt} < ?`, before);
  if (endedBefore !== undefined) add('coalesce(job.ended_at, job.updated_at) < ?', endedBefore);
  const isBeyond = ({ createdAt, order }: Place, sign: '<' | '>'): void =>
    add(`(${place.createdAt}, ${place.number}) ${sign} (?, ?)`, createdAt, order);
  if (filter.cursor !== undefined) isBeyond(placeOf(filter.cursor), filter.order === 'oldest' ? '>' : '<');
  if (filter.olderThan) isBeyond(filter.olderThan, '<');
  const isFew = idPrefix !== undefined || forkedFrom !== undefined;
  const sortsBy = isFew ? SORTED_AFTER : [place.createdAt, place.number];
  const from = label ? 'label CROSS JOIN job ON job.number = label.job' : 'job';
  const isByOther = isFew || label !== undefined;
  return stateConditions(states, endedBefore !== undefined, isByOther).map((condition) => ({
    from: condition && !isByOther && names === undefined ? 'job INDEXED BY job_by_state' : from,
    conditions: condition ? [...common, condition] : common,
    sortsBy: condition === NO_STATE ? SORTED_AFTER : sortsBy,
  }));
};

/** Returns labels in stored form, the one first that the fewest jobs have, so that the others are tried on few jobs. */
const rarestFirst = (prepared: Database['prepared'], labels: Labels): readonly StoredLabel[] => {
  const stored = Object.entries(labels).map((pair) => pair.map(toStored) as unknown as StoredLabel);
  if (stored.length < 2) return stored;
  const count = prepared('SELECT count(*) AS count FROM (SELECT 1 FROM label WHERE key = ? AND value = ? LIMIT 1000)');
  const counted = stored.map((label) => ({ label, count: Number(count.get(...label)?.count) }));
  return counted.sort((a, b) => a.count - b.count).map(({ label }) => label);
};

type StoredLabel = readonly [key: string, value: string];

/** Sorts a few jobs after an index has found them by something else: + keeps SQLite from the index by time. */
const SORTED_AFTER = ['+job.created_at', '+job.number'];

/**
 * Returns the condition of each part. Jobs in several states are found in the order of lists only state by state,
 * unless an index finds them by something else (`isByOther`).
 */
const stateConditions = (
  states: JobFilter['states'],
  haveEnded: boolean,
  isByOther: boolean,
): readonly (Condition | undefined)[] => {
  if (states === undefined && !haveEnded) return [undefined];
  const given = states ?? ENDED_STATES;
  const wanted = haveEnded ? given.filter((state) => ENDED_STATES.includes(state)) : given;
  if (!isByOther) {
    const each = [...new Set(wanted)].map((state): Condition => ({ text: 'job.state = ?', values: [state] }));
    return [...each, NO_STATE];
  }
  const absent = JOB_STATES.filter((state) => !wanted.includes(state));
  return [{ text: 'job.state NOT IN (SELECT value FROM json_each(?))', values: [JSON.stringify(absent)] }];
};

/** Selects rows with a state that there is not, by ranges of the index. */
const NO_STATE: Condition = {
  text: `(${[undefined, ...[...JOB_STATES].sort()]
    .map((state, at, all) => {
      const next = all[at + 1];
      const isAfter = state === undefined ? [] : [`job.state > '${state}'`];
      return [...isAfter, ...(next === undefined ? [] : [`job.state < '${next}'`])].join(' AND ');
    })
    .join(' OR ')})`,
  values: [],
};

/** Follows every text that begins with the text before it. */
const AFTER_ALL = '\u{10ffff}'.repeat(2);
