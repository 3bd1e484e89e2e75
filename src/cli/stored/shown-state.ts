import type { JournalJob } from '../../engine/durable/journal.ts';
import { thisProcess } from '../../engine/durable/process-identity.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { mayTake } from '../../journal/lease-rules.ts';
import type { ShownState } from '../terminal/job-states.ts';

/** Returns a job's state: `interrupted` if it has not ended and no process runs it. `now` is in epoch ms. */
export const shownState = ({ state, lease }: JournalJob, now: number): ShownState => {
  const asker = { owner: '', ...thisProcess(), at: now, leaseMs: 0 };
  return !isTerminalJobState(state) && mayTake(lease, asker) ? 'interrupted' : state;
};

/** Returns how long a job has run, in ms: until its end, until now or, if interrupted, until its last update. */
export const jobDuration = (job: JournalJob, now: number): number | undefined => {
  const { startedAt, endedAt, updatedAt } = job;
  if (startedAt === undefined) return undefined;
  const until = endedAt ?? (shownState(job, now) === 'interrupted' ? updatedAt : now);
  return Math.max(0, until - startedAt);
};
