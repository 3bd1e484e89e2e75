import type { Engine } from '../../engine/engine.ts';
import type { FoundJob } from '../../engine/found-job.ts';
import type { JobProgress } from '../../engine/views/progress.ts';

/** How far jobs are, at a cost that no number of clients exceeds. */
export type ProgressOfJobs = {
  /** As `found.progress()`. Of a job of which it takes long to compute, it may be some seconds old. */
  readonly of: (found: Pick<FoundJob, 'id' | 'progress'>) => JobProgress;
  /** How far those of the jobs are that run in this engine, as far as there is time to compute it. */
  readonly ofRunning: (ids: readonly string[]) => ReadonlyMap<string, JobProgress>;
};

/** What took at most so long is computed each time, in ms. */
const CHEAP_MS = 20;

/** What took longer is kept for so many times as long: it takes at most 5 % of the time of the process. */
const KEPT_FOR = 20;

/** How long one call of `ofRunning` may compute, in ms. */
const BUDGET_MS = 50;

/** How many jobs have their progress kept. */
const MAX_KEPT = 1_000;

/** `elapsed`: ms since any fixed time. */
export const progressOfJobs = (
  engine: Pick<Engine, 'job'>,
  elapsed: () => number = () => performance.now(),
): ProgressOfJobs => {
  /** By job, until when. */
  const kept = new Map<string, { readonly progress: JobProgress; readonly until: number }>();

  const keeping = (id: string, compute: () => JobProgress | undefined): JobProgress | undefined => {
    const known = kept.get(id);
    const began = elapsed();
    if (known && began < known.until) return known.progress;
    kept.delete(id);
    const progress = compute();
    const end = elapsed();
    if (!progress || end - began <= CHEAP_MS) return progress;
    kept.set(id, { progress, until: end + (end - began) * KEPT_FOR });
    if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value as string);
    return progress;
  };

  return {
    of: (found) => keeping(found.id, found.progress) as JobProgress,
    ofRunning: (ids) => {
      const end = elapsed() + BUDGET_MS;
      const progress = new Map<string, JobProgress>();
      for (const id of ids) {
        const job = elapsed() < end ? engine.job(id) : undefined;
        const known = job && keeping(id, () => now(job));
        if (known) progress.set(id, known);
      }
      return progress;
    },
  };
};

/** Returns what `progress$` tells a new subscriber at once. */
const now = ({ progress$ }: NonNullable<ReturnType<Engine['job']>>): JobProgress | undefined => {
  let latest: JobProgress | undefined;
  const listening = progress$.subscribe((progress) => {
    latest = progress;
  });
  listening.unsubscribe();
  return latest;
};
