import type { JournalJob } from '../../engine/durable/journal.ts';
import { thisProcess } from '../../engine/durable/process-identity.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { mayTake } from '../../journal/lease-rules.ts';
import type { ShownState } from '../terminal/job-states.ts';

/** `now` is in epoch ms. */
export const shownState = ({ state, lease }: JournalJob, now: number): ShownState => {
  const asker = { owner: '', ...thisProcess(), at: now, leaseMs: 0 };
  return !isTerminalJobState(state) && mayTake(lease, asker) ? 'interrupted' : state;
};

/** How long it has run, in ms: to its end, till now, or till it was last heard of. */
export const jobDuration = (job: JournalJob, now: number): number | undefined => {
  const { startedAt, endedAt, updatedAt } = job;
  if (startedAt === undefined) return undefined;
  const until = endedAt ?? (shownState(job, now) === 'interrupted' ? updatedAt : now);
  return Math.max(0, until - startedAt);
};
