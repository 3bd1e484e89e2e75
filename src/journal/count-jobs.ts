import type { CountFilter, JobCount } from '../engine/durable/journal.ts';
import { sortedCounts } from './batch-rules.ts';
import type { Database } from './database.ts';
import { whereOf, wholePart } from './job-list.ts';
import { fromStored } from './storable-text.ts';

/** Counts jobs, as `Journal.counts` says. */
export const countJobs = ({ prepared }: Database, { by, ...filter }: CountFilter): readonly JobCount[] => {
  const { from, conditions } = wholePart(prepared, filter);
  const column = by === 'state' ? 'job.state' : 'job.name';
  const rows = prepared(
    `SELECT ${column} AS value, count(*) AS count FROM ${from} ${whereOf(conditions)} GROUP BY ${column}`,
  ).all(...conditions.flatMap(({ values }) => values));
  return sortedCounts(rows.map(({ value, count }) => ({ value: fromStored(value as string), count: count as number })));
};
