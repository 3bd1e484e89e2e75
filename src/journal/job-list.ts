import type { DamagedJob, JobFilter, JournalJob, Labels } from '../engine/durable/journal.ts';
import type { JobState } from '../events/event.ts';
import { ENDED_STATES, JOB_STATES } from '../events/states.ts';
import { type Beginning, beginningOf, hasBegun, MAX_COUNTED } from './beginning.ts';
import { type Condition, idBegins, isIn, isNamed, isNotNamed, whereOf } from './condition.ts';
import { type Place, placeOf } from './cursor.ts';
import type { Database } from './database.ts';
import { holders } from './engine-table.ts';
import { JOB_COLUMNS, JOIN_BEGINNING, jobOf, SELECT_JOB } from './job-row.ts';
import type { SqliteRow, SqliteValue } from './sqlite-driver.ts';
import { isForeignNumber, journalCorrupt, rowDamage } from './sqlite-failure.ts';
import { fromStored, toStored } from './storable-text.ts';

export type ListedJobs = { readonly jobs: readonly JournalJob[]; readonly damaged: readonly DamagedJob[] };

/** Returns the jobs that match a filter, and apart from them those that can't be read. */
export const listJobs = (
  database: Database,
  { limit = Number.POSITIVE_INFINITY, offset = 0, ...filter }: JobFilter,
): ListedJobs => {
  const jobs: JournalJob[] = [];
  const damaged: DamagedJob[] = [];
  const holderOf = holders(database);
  for (let seen = 0; jobs.length < limit; ) {
    const wanted = limit - jobs.length;
    const rows = listedRows(database, { ...filter, limit: wanted, offset: offset + seen }, true);
    for (const { found, read } of rows) {
      try {
        jobs.push(jobOf(database.file, read(), holderOf));
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
  const values: SqliteValue[] = [];
  const texts = parts.map(({ from, conditions }) => {
    for (const condition of conditions) values.push(...condition.values);
    return `SELECT job.number, job.created_at FROM ${from} ${whereOf(conditions)}`;
  });
  values.push(Number.isFinite(limit) ? limit : -1, offset);
  // The numbers alone first: to leave out rows that are read as a whole would take a hundred times as long. SQLite merges
  // several parts in the order of their indexes, without sorting them.
  const [part] = parts;
  const sortsBy = parts.length === 1 && part ? part.sortsBy : ['2', '1'];
  const sorted = sortsBy.map((column) => `${column} ${direction}`).join(', ');
  const selectOf = (columns: string, tables: string): string =>
    `SELECT ${columns}, job.number IS NULL AS is_missing
      FROM (${texts.join(' UNION ALL ')} ORDER BY ${sorted} LIMIT ? OFFSET ?) AS place
      LEFT JOIN job ON job.number = place.number ${tables}
      ORDER BY place.created_at ${direction}, place.number ${direction}`;
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

/** A part of a list, which SQLite finds by one index. Together the parts have each job once. */
type Part = { readonly from: string; readonly conditions: readonly Condition[]; readonly sortsBy: readonly string[] };

type UnsortedPart = Omit<Part, 'sortsBy'> & Partial<Part>;

const partsOf = (prepared: Database['prepared'], filter: RowFilter): readonly Part[] => {
  const { names, idPrefix, forkedFrom, order, prefix } = filter;
  const states = statesOf(filter);
  const labels = rarestFirst(prepared, filter.labels ?? {});
  const begun = prefix === undefined ? undefined : beginningOf(prepared, prefix);
  const isFew = idPrefix !== undefined || forkedFrom !== undefined || begun?.numbers !== undefined;
  const byIndex = isFew
    ? undefined
    : begun
      ? begunParts(prepared, begun, names, states)
      : nameAndStateConditions(names, states);
  const [label] = labels;
  const isByLabel = label && !isFew && !(byIndex && countOf(prepared, byIndex) < label.count);
  const place = isByLabel
    ? { createdAt: 'label.created_at', number: 'label.job' }
    : { createdAt: 'job.created_at', number: 'job.number' };
  const common = conditionsOf(filter, place);
  if (filter.cursor !== undefined) common.push(isBeyond(place, placeOf(filter.cursor), order === 'oldest' ? '>' : '<'));
  if (filter.olderThan) common.push(isBeyond(place, filter.olderThan, '<'));
  const sortsBy = isFew ? SORTED_AFTER : [place.createdAt, place.number];
  const named = [...(names ? [isNamed(names)] : []), ...(begun ? [hasBegun(begun)] : [])];
  const others = [...named, ...(states ? [isInState(states)] : [])];
  if (isByLabel) {
    const conditions = [hasLabel('label', label.label), ...labels.slice(1).map(isLabelled), ...common, ...others];
    return [{ from: FROM_LABEL, conditions, sortsBy }];
  }
  common.push(...labels.map(isLabelled));
  if (!byIndex) return [{ from: 'job', conditions: [...common, ...others], sortsBy }];
  const parts = byIndex.map((part) => ({ sortsBy, ...part, conditions: [...part.conditions, ...common] }));
  if (!states) return parts;
  // Also rows with a state that there is not.
  const conditions = [...common, ...named, NO_STATE];
  return [...parts, { from: BY_STATE, conditions, sortsBy: SORTED_AFTER }];
};

/**
 * Returns the jobs that match a filter as parts, in no order, which read the rows of indexes only, if they can. Together
 * they have each job once.
 */
export const wholeParts = (prepared: Database['prepared'], filter: CountedFilter): readonly UnsortedPart[] => {
  const { names, prefix } = filter;
  const states = statesOf(filter);
  const [label, ...labels] = rarestFirst(prepared, filter.labels ?? {});
  // + keeps SQLite from the index by time, which lacks names and states.
  const place = { createdAt: label ? 'label.created_at' : '+job.created_at', number: 'job.number' };
  const conditions = [
    ...(label ? [hasLabel('label', label.label)] : []),
    ...labels.map(isLabelled),
    ...conditionsOf(filter, place),
    ...(names ? [isNamed(names)] : []),
    ...(states ? [isInState(states)] : []),
  ];
  const from = label ? FROM_LABEL : 'job';
  const begun = prefix === undefined ? undefined : beginningOf(prepared, prefix);
  if (!begun) return [{ from, conditions }];
  if (label || !begun.names) return [{ from, conditions: [...conditions, hasBegun(begun)] }];
  const named = begun.names.length > MAX_PARTS ? [isNamed(begun.names)] : begun.names.map(isOfName);
  const byName = named.map((condition) => ({ from, conditions: [condition, ...conditions] }));
  const ofId = idBegins(begun.prefix);
  const isFew = countOf(prepared, [{ from, conditions: [ofId] }]) < MAX_COUNTED;
  const others = [...conditions, ofId, isNotNamed(begun.names)];
  return [...byName, { from: isFew ? from : 'job NOT INDEXED', conditions: others }];
};

export type CountedFilter = Omit<JobFilter, 'order' | 'cursor' | 'limit' | 'offset'>;

const FROM_LABEL = 'label CROSS JOIN job ON job.number = label.job';

type Columns = { readonly createdAt: string; readonly number: string };

/** Returns the conditions of a filter without names, states, labels and cursor. */
const conditionsOf = (filter: JobFilter, place: Columns): Condition[] => {
  const { idPrefix, forkedFrom, since, before, endedBefore } = filter;
  const conditions: Condition[] = [];
  const add = (text: string, ...values: SqliteValue[]): void => {
    conditions.push({ text, values });
  };
  if (idPrefix !== undefined) conditions.push(idBegins(idPrefix));
  if (forkedFrom !== undefined) add('job.forked_from = ?', toStored(forkedFrom));
  if (since !== undefined) add(`${place.createdAt} >= ?`, since);
  if (before !== undefined) add(`${place.createdAt} < ?`, before);
  if (endedBefore !== undefined) add('coalesce(job.ended_at, job.updated_at) < ?', endedBefore);
  return conditions;
};

/** Returns the states that a filter selects; undefined if it selects all. */
const statesOf = ({ states, endedBefore }: JobFilter): readonly JobState[] | undefined => {
  if (endedBefore === undefined) return states && [...new Set(states)];
  return ENDED_STATES.filter((state) => states === undefined || states.includes(state));
};

const isBeyond = (place: Columns, { createdAt, order }: Place, sign: '<' | '>'): Condition => ({
  text: `(${place.createdAt}, ${place.number}) ${sign} (?, ?)`,
  values: [createdAt, order],
});

/** Selects rows in these states, and those with a state that there is not. */
const isInState = (states: readonly JobState[]): Condition => ({
  text: 'job.state NOT IN (SELECT value FROM json_each(?))',
  values: [JSON.stringify(JOB_STATES.filter((state) => !states.includes(state)))],
});

const hasLabel = (table: string, label: StoredLabel): Condition => ({
  text: `${table}.key = ? AND ${table}.value = ?`,
  values: label,
});

const isLabelled = ({ label }: CountedLabel): Condition => {
  const { text, values } = hasLabel('l', label);
  return { text: `EXISTS (SELECT 1 FROM label AS l WHERE l.job = job.number AND ${text})`, values };
};

/**
 * Returns a condition for each name and state, since an index has the jobs of one name and state in the order of lists.
 * Returns undefined without names and states, and if there are too many of them.
 */
const nameAndStateConditions = (
  names: readonly string[] | undefined,
  states: readonly JobState[] | undefined,
): readonly UnsortedPart[] | undefined => {
  const each = names && [...new Set(names)].map(isOfName);
  const inEach = states?.map((state): Condition => ({ text: 'job.state = ?', values: [state] }));
  if (!each) return inEach?.map((condition) => ({ from: BY_STATE, conditions: [condition] }));
  if (each.length === 0 || each.length * (inEach?.length ?? 1) > MAX_PARTS) return undefined;
  return each.flatMap((name) =>
    inEach
      ? inEach.map((state) => ({ from: 'job', conditions: [name, state] }))
      : [{ from: 'job', conditions: [name] }],
  );
};

const isOfName = (name: string): Condition => ({ text: 'job.name = ?', values: [toStored(name)] });

/** How many parts a list has at most: SQLite limits their number. */
const MAX_PARTS = 64;

/** Returns a part for each name that begins so, and state, and one for all other jobs whose id begins so. */
const begunParts = (
  prepared: Database['prepared'],
  { prefix, names: begun }: Beginning,
  names: readonly string[] | undefined,
  states: readonly JobState[] | undefined,
): readonly UnsortedPart[] | undefined => {
  const meant = begun && names ? begun.filter((name) => names.includes(name)) : begun;
  const byName = meant?.length === 0 ? [] : nameAndStateConditions(meant, states);
  if (!meant || !byName) return undefined;
  const ofId = idBegins(prefix);
  const others = [
    isNotNamed(meant),
    ...(names ? [isNamed(names)] : []),
    ...(states ? [isIn('job.state', states)] : []),
  ];
  const byId = { from: 'job INDEXED BY sqlite_autoindex_job_1', conditions: [ofId, ...others], sortsBy: SORTED_AFTER };
  if (countOf(prepared, [{ from: 'job', conditions: [ofId] }]) < MAX_COUNTED) return [...byName, byId];
  // To sort that many takes longer than to look at the newest until there are enough.
  return [...byName, { from: 'job INDEXED BY job_by_time', conditions: byId.conditions }];
};

const BY_STATE = 'job INDEXED BY job_by_state';

/** Counts jobs up to `MAX_COUNTED`, to find out by which index there are the fewest to look at. */
const countOf = (prepared: Database['prepared'], parts: readonly UnsortedPart[]): number => {
  let total = 0;
  for (const { from, conditions } of parts) {
    if (total >= MAX_COUNTED) break;
    const found = `SELECT 1 FROM ${from} ${whereOf(conditions)} LIMIT ${MAX_COUNTED}`;
    const count = prepared(`SELECT count(*) AS count FROM (${found})`);
    total += Number(count.get(...conditions.flatMap(({ values }) => values))?.count);
  }
  return Math.min(total, MAX_COUNTED);
};

/** Returns labels in stored form, the one first that the fewest jobs have. */
const rarestFirst = (prepared: Database['prepared'], labels: Labels): readonly CountedLabel[] =>
  Object.entries(labels)
    .map((pair) => pair.map(toStored) as unknown as StoredLabel)
    .map((label) => ({ label, count: countOf(prepared, [{ from: 'label', conditions: [hasLabel('label', label)] }]) }))
    .sort((a, b) => a.count - b.count);

type StoredLabel = readonly [key: string, value: string];

type CountedLabel = { readonly label: StoredLabel; readonly count: number };

/** Sorts a few jobs after an index has found them by something else: + keeps SQLite from the index by time. */
const SORTED_AFTER = ['+job.created_at', '+job.number'];

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
