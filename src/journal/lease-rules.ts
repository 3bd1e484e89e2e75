import { isInForce, type Lease } from '../engine/durable/journal.ts';
import { isAlive, isDead, isRenewing, thisProcess } from '../engine/durable/process-identity.ts';
import { JournalError } from '../engine/errors/errors.ts';
import { dateText } from '../events/date-text.ts';

/**
 * Returns whether `wanted` may replace `holder`: there is no holder, its owner is the same, its process is dead, or it
 * has expired. An expired lease stays if its holder is known to renew it (clock set forward). A lease from the future
 * (clock set back) may be replaced unless its process is known to be alive.
 */
export const mayTake = (holder: Lease | undefined, wanted: Lease): boolean => {
  if (!holder || holder.owner === wanted.owner || isDead(holder)) return true;
  if (isInForce(holder, wanted.at)) return false;
  const isOver = wanted.at >= holder.at + holder.leaseMs;
  return isOver ? !isRenewing(holder) : !isAlive(holder);
};

/** Returns whether somebody holds the lease at `now`, in epoch ms. */
export const isHeld = (holder: Lease | undefined, now: number): boolean =>
  !mayTake(holder, { owner: '', ...thisProcess(), at: now, leaseMs: 0 });

export const jobLeased = (jobId: string, holder: Lease): JournalError =>
  new JournalError(
    'JOB_LEASED',
    `The job "${jobId}" is being run by process ${holder.pid} on ${machineOf(holder)}, whose lease ends at ${dateText(new Date(holder.at + holder.leaseMs)) ?? 'no time'} unless it is renewed. Wait until it is done, or end that process.`,
    { jobId },
  );

export const jobNotFound = (jobId: string): JournalError =>
  new JournalError(
    'JOB_NOT_FOUND',
    `The journal has no job "${jobId}". Check the id, and that it is the journal meant.`,
    { jobId },
  );

/** Returns the name of a lease's machine, without the ids of its boot and PID namespace. */
const machineOf = ({ host }: Lease): string => host.split(' ')[0] || 'an unknown machine';
