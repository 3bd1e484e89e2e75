import { launch } from './flow.ts';
import type { JobRun } from './job-run.ts';
import { SETTLED } from './task-run.ts';

/** Starts the clean-up of a job that is being stopped, each task once its upstreams can change no more. */
export const runCleanUps = (job: JobRun): void => {
  if (job.startedAt === undefined || job.plan.cleanUps.length === 0) return;
  const due = job.plan.cleanUps.filter(
    (index) =>
      isUnscheduled(job, index) && !job.plan.graph.upstream[index]?.some((upstream) => mayChange(job, upstream)),
  );
  launch(job, due);
};

const isUnscheduled = (job: JobRun, index: number): boolean =>
  (job.tasks[index]?.state ?? 'unscheduled') === 'unscheduled' && !job.removed?.has(index);

/** An upstream that runs, or that is clean-up still to come. No other unscheduled task starts any more. */
const mayChange = (job: JobRun, index: number): boolean =>
  isUnscheduled(job, index)
    ? job.plan.tasks[index]?.trigger === 'always'
    : !SETTLED.has(job.tasks[index]?.state ?? 'unscheduled');
