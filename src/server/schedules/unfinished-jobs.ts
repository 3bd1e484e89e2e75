import type { JournalJob } from '../../engine/durable/journal.ts';
import { isTerminalJobState, UNFINISHED_STATES } from '../../events/states.ts';
import { isOfCommandLine } from '../jobs/command-line-job.ts';
import { type JobSource, placeOf } from '../jobs/find-job.ts';
import type { RunningJob } from './next-step.ts';
import { DUE, SCHEDULE, type Schedule } from './schedule.ts';
import type { ScheduleState } from './schedule-state.ts';

export type UnfinishedSource = JobSource & {
  /** Whether this server has tried to take up an interrupted job, and could not. */
  readonly isLeft: (jobId: string) => boolean;
};

/**
 * Returns the jobs of a schedule that are not over: those with its label in the journal, and those that it started. Of the
 * interrupted ones, those that this server will take up: others may stay so for ever.
 * `over`: jobs whose end was heard of, which may not be kept yet; forgets those that are. @throws JournalError
 */
export const unfinishedJobs = async (
  parts: UnfinishedSource,
  { name }: Schedule,
  { running }: ScheduleState,
  over: Set<string>,
): Promise<readonly RunningJob[]> => {
  const { engine, journal, isLeft } = parts;
  const isUnfinished = (job: JournalJob): boolean => {
    const live = engine.job(job.id);
    // What the journal has of a job that runs here may be of a moment ago.
    if (live) return !isTerminalJobState(live.state);
    if (placeOf(job, parts) === 'elsewhere') return true;
    return !isOfCommandLine(job) && !isLeft(job.id);
  };
  // A damaged job can't go on.
  const stored = await journal.jobs(
    { labels: { [SCHEDULE]: name }, states: UNFINISHED_STATES, order: 'oldest' },
    () => {},
  );
  const known = new Map(running.map((one) => [one.jobId, one]));
  const found = new Map<string, RunningJob>();
  for (const { jobId, due, lane } of running) if (engine.job(jobId)) found.set(jobId, { jobId, due, lane });
  for (const job of stored) {
    const { id: jobId, labels, createdAt } = job;
    if (over.has(jobId) || !isUnfinished(job)) continue;
    const due = Date.parse(labels[DUE] ?? '');
    found.set(jobId, known.get(jobId) ?? { jobId, due: Number.isNaN(due) ? createdAt : due, lane: 'due' });
  }
  const unfinished = new Set(stored.map(({ id }) => id));
  for (const jobId of over) if (!unfinished.has(jobId)) over.delete(jobId);
  return [...found.values()];
};
