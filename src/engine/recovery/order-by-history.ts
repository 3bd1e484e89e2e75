import { isThenable } from '../../events/thenable.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { LEAST_MS, medianOf } from '../definition/estimates.ts';
import { type Plan, planInside } from '../definition/plan.ts';
import type { Journal, TaskDurations } from '../durable/journal.ts';
import type { JobRun } from '../model/run.ts';
import type { JobHistory } from './job-history.ts';

/**
 * Reads how long the tasks of a new job took in earlier runs, and orders the job by the medians. Then calls `begin` in a
 * microtask, with a function that keeps the estimates with the job, for a resume and for who looks at it: to be called
 * in the tick in which the job begins. What can't be read, or took less than a second in all, is as if nothing was known.
 */
export const orderByHistory = (job: JobRun, journal: Journal, begin: (keep: () => void) => void): void => {
  let keep = (): void => {};
  const order = (found: readonly TaskDurations[]): void => {
    if (job.over) return;
    const all = found.map(([task, ...ms]) => [task, medianOf(ms) ?? 0] as const);
    const medians = all.reduce((sum, [, ms]) => sum + ms, 0) < LEAST_MS ? [] : all;
    if (medians.length > 0) job.estimateBy(new Map(medians));
    if (job.estimates)
      keep = () => job.recorder?.put('', 'estimates', JSON.stringify([...medians, ...declaredIn(job.plan)]));
  };
  try {
    const found = journal.durations?.(job.plan.name) ?? [];
    if (isThenable(found)) {
      underWayUntil(
        Promise.resolve(found)
          .then(order)
          .catch(() => {})
          .then(() => begin(keep)),
      );
      return;
    }
    order(found as readonly TaskDurations[]);
  } catch {}
  queueMicrotask(() => begin(keep));
};

/** The estimates that a definition has itself, for those who know of the job what is kept of it. */
const declaredIn = ({ tasks }: Plan, within = ''): readonly (readonly [string, number])[] =>
  tasks.flatMap(({ name, estimate, nested }) => {
    const path = within + name + (nested && 'over' in nested ? '[]' : '');
    const plan = planInside({ nested });
    const inner = plan ? declaredIn(plan, `${path}/`) : [];
    return estimate === undefined ? inner : [[path, estimate] as const, ...inner];
  });

/** Orders a stored job by the estimates that were kept with it. */
export const orderAsKept = (job: JobRun, history: JobHistory): void => {
  const kept = history.note<readonly (readonly [string, number])[]>('', 'estimates');
  if (kept) job.estimateBy(new Map(kept));
};
