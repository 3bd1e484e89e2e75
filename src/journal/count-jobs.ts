import type { CountFilter, JobCount } from '../engine/durable/journal.ts';
import { sortedCounts } from './batch-rules.ts';
import { whereOf } from './condition.ts';
import type { Database } from './database.ts';
import { wholeParts } from './job-list.ts';
import { fromStored } from './storable-text.ts';

/** Counts jobs, as `Journal.counts` says. */
export const countJobs = ({ prepared }: Database, { by, ...filter }: CountFilter): readonly JobCount[] => {
  const counts = new Map<string, number>();
  for (const { from, conditions } of wholeParts(prepared, filter)) {
    const rows = prepared(
      `SELECT job.${by} AS value, count(*) AS count FROM ${from} ${whereOf(conditions)} GROUP BY job.${by}`,
    ).all(...conditions.flatMap(({ values }) => values));
    for (const { value, count } of rows) {
      const text = fromStored(value as string);
      counts.set(text, (counts.get(text) ?? 0) + (count as number));
    }
  }
  return sortedCounts([...counts].map(([value, count]) => ({ value, count })));
};
