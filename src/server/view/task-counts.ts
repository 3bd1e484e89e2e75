import type { JournalJob } from '../../engine/durable/journal.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { JobTable } from '../../wire/job-table.ts';
import { REMOVED, stateOf } from '../../wire/letters.ts';
import { epochOf } from './job-fold.ts';
import type { JobViews } from './job-views.ts';

/** Number of tasks by state, without those that others stand inside. */
export type StateCounts = Record<string, number>;

/** Returns the counts of those jobs that could be read in time; those of the others come with a later call. */
export type TaskCounts = (jobs: readonly JournalJob[]) => Promise<ReadonlyMap<string, StateCounts>>;

/** How long one call may read, in ms. */
const BUDGET_MS = 50;

/** The tasks of a job with more are not counted. */
export const MAX_COUNTED_TASKS = 20_000;

/** How many jobs have their counts kept. */
const MAX_KEPT = 20_000;

/** `elapsed`: ms since any fixed time. */
export const taskCounts = (
  views: Pick<JobViews, 'within'>,
  elapsed: () => number = () => performance.now(),
): TaskCounts => {
  /** By job, those that were asked for last at the end. */
  const kept = new Map<string, { readonly version: string; readonly counts: StateCounts | undefined }>();

  const keep = (id: string, version: string, counts: StateCounts | undefined): void => {
    kept.delete(id);
    kept.set(id, { version, counts });
    if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value as string);
  };

  return async (jobs) => {
    const end = elapsed() + BUDGET_MS;
    const mayGoOn = (): boolean => elapsed() < end;
    const found = new Map<string, StateCounts>();
    for (const job of jobs) {
      const version = `${epochOf(job)} ${job.lastSeq}`;
      const known = kept.get(job.id);
      if (known?.version === version) {
        keep(job.id, version, known.counts);
        if (known.counts) found.set(job.id, known.counts);
        continue;
      }
      if (!mayGoOn()) continue;
      const isOnce = isTerminalJobState(job.state);
      const limits = { mayGoOn, maxTasks: MAX_COUNTED_TASKS, isOnce };
      const fold = await views.within(job, limits).catch(undefinedIfDamaged);
      if (!fold) continue;
      const counts = fold.table.names.length > MAX_COUNTED_TASKS ? undefined : countsIn(fold.table);
      keep(job.id, version, counts);
      if (counts) found.set(job.id, counts);
    }
    return found;
  };
};

/** A job whose events can't be read is listed without counts. */
const undefinedIfDamaged = (error: unknown): undefined => {
  if (!(error instanceof JournalError && error.code === 'JOURNAL_CORRUPT')) throw error;
};

const countsIn = ({ state, parent }: JobTable): StateCounts => {
  const around = new Set<number>();
  for (const [index, letter] of state.entries()) if (letter !== REMOVED) around.add(parent[index] as number);
  const counts: StateCounts = {};
  for (const [index, letter] of state.entries()) {
    const name = stateOf(letter);
    if (name !== undefined && !around.has(index)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};
