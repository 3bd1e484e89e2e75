import type { JournalJob } from '../../engine/durable/journal.ts';
import type { JobState } from '../../events/event.ts';
import { ENDED_STATES, isTerminalJobState, UNFINISHED_STATES } from '../../events/states.ts';

/** A job's state as shown to users. `interrupted`: the job has not ended, but no process runs it any more. */
export type ShownState = JobState | 'interrupted';

export const SHOWN_STATES: readonly ShownState[] = [...UNFINISHED_STATES, 'interrupted', ...ENDED_STATES];

/** Returns a job's state: `interrupted` if it has not ended and no process runs it. */
export const shownState = ({ state, lease }: JournalJob): ShownState =>
  !isTerminalJobState(state) && lease === undefined ? 'interrupted' : state;

/** Returns a job as plain data. Times are in epoch ms, durations in ms. */
export const jobFacts = (job: JournalJob, now: number) => ({
  id: job.id,
  name: job.name,
  key: job.key,
  labels: job.labels,
  state: shownState(job),
  createdAt: job.createdAt,
  startedAt: job.startedAt,
  endedAt: job.endedAt,
  durationMs: jobDuration(job, now),
  updatedAt: job.updatedAt,
  forkedFrom: job.forkedFrom,
});

/** Returns how long a job has run, in ms: until its end, until now or, if interrupted, until its last update. */
export const jobDuration = (job: JournalJob, now: number): number | undefined => {
  const { startedAt, endedAt, updatedAt } = job;
  if (startedAt === undefined) return undefined;
  const until = endedAt ?? (shownState(job) === 'interrupted' ? updatedAt : now);
  return Math.max(0, until - startedAt);
};
