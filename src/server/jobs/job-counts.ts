import type { JobFilter, Journal } from '../../engine/durable/journal.ts';
import type { Clock } from '../../engine/time/clock.ts';
import type { JobState } from '../../events/event.ts';

export type JobCounts = {
  /** Number of jobs that the filter selects. */
  readonly total?: number | undefined;
  /** Number of jobs by state, of all states: what a filter by another one would select. */
  readonly counts?: Record<string, number> | undefined;
};

/** For so long counts are not read again, in ms: they take 20 ms of 100,000 jobs. */
const FRESH_MS = 1_000;

/** How many filters have their counts kept. */
const MAX_KEPT = 50;

/** Returns what counts the jobs of a filter; of a journal that can't count, nothing. */
export const jobCounts = (journal: Journal, clock: Clock): ((filter: JobFilter) => Promise<JobCounts>) => {
  const kept = new Map<string, { readonly at: number; readonly counts: Promise<Record<string, number>> }>();
  const read = async ({ states: _, ...filter }: JobFilter): Promise<Record<string, number>> => {
    const found = (await journal.counts?.({ by: 'state', ...filter })) ?? [];
    return Object.fromEntries(found.map(({ value, count }) => [value, count]));
  };
  return async (filter) => {
    if (!journal.counts) return {};
    const key = JSON.stringify({ ...filter, states: undefined });
    const at = clock.now();
    let known = kept.get(key);
    if (!known || at - known.at >= FRESH_MS) {
      known = { at, counts: read(filter) };
      // The oldest is the first.
      kept.delete(key);
      kept.set(key, known);
      known.counts.catch(() => kept.delete(key));
      if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value as string);
    }
    const counts = await known.counts;
    const wanted = filter.states ?? (Object.keys(counts) as JobState[]);
    return { counts, total: [...new Set(wanted)].reduce((total, state) => total + (counts[state] ?? 0), 0) };
  };
};
