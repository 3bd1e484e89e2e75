import { isThenable } from '../../events/thenable.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { medianOf } from '../definition/estimates.ts';
import type { Journal, TaskDurations } from '../durable/journal.ts';
import type { JobRun } from '../model/run.ts';
import type { JobHistory } from './job-history.ts';

/**
 * Reads how long the tasks of a new job took in earlier runs, orders the job by the medians, and keeps these with it for
 * a resume. Then calls `begin` in a microtask. What can't be read is as if nothing was known.
 */
export const orderByHistory = (job: JobRun, journal: Journal, begin: () => void): void => {
  const order = (found: readonly TaskDurations[]): void => {
    if (found.length === 0 || job.over) return;
    const medians = found.map(([task, ...ms]) => [task, medianOf(ms) ?? 0] as const);
    job.estimateBy(new Map(medians));
    job.recorder?.put('', 'estimates', JSON.stringify(medians));
  };
  try {
    const found = journal.durations?.(job.plan.name) ?? [];
    if (isThenable(found)) {
      underWayUntil(
        Promise.resolve(found)
          .then(order)
          .catch(() => {})
          .then(begin),
      );
      return;
    }
    order(found as readonly TaskDurations[]);
  } catch {}
  queueMicrotask(begin);
};

/** Orders a stored job by the estimates that were kept with it. */
export const orderAsKept = (job: JobRun, history: JobHistory): void => {
  const kept = history.note<readonly (readonly [string, number])[]>('', 'estimates');
  if (kept) job.estimateBy(new Map(kept));
};
