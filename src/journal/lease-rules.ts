import { type Rule, rule } from '../engine/definition/option-rules.ts';
import type { Lease } from '../engine/durable/journal.ts';
import { isAlive, isBeating, isDead, thisProcess } from '../engine/durable/process-identity.ts';
import { JournalError } from '../engine/errors/errors.ts';

/** An engine as a journal knows it. `at`: its last beat, in epoch ms of its own clock. `leaseMs`: how long it counts as alive without another. */
export type Beat = Lease & { readonly at: number; readonly leaseMs: number };

/** How long an engine counts as alive without a beat if the journal's option `leaseMs` does not say it, in ms. */
export const DEFAULT_LEASE_MS = 15_000;

/** For the option `leaseMs` of a journal. Shorter, and a busy process would be taken for dead. */
export const leaseLength: Rule = rule(
  'a whole number of milliseconds, 300 or more',
  (value) => Number.isInteger(value) && (value as number) >= 300,
);

/** An engine beats so many times in the time after which it counts as dead. */
export const BEATS = 3;

/**
 * Returns whether an engine lives at `now`, in epoch ms. It is dead if its process is. If its last beat is too long ago,
 * it lives only if its process is known to be able to beat (clock set forward). If the beat is from the future (clock
 * set back), it lives only if its process is known to be alive.
 */
export const isLiving = (engine: Beat, now: number): boolean => {
  if (isDead(engine)) return false;
  const { at, leaseMs } = engine;
  if (now >= at + leaseMs) return isBeating(engine);
  return at - now <= leaseMs || isAlive(engine);
};

/** Returns a beat of this process, as of now. */
export const ownBeat = (owner: string, at: number, leaseMs: number): Beat => ({ owner, ...thisProcess(), at, leaseMs });

export const jobLeased = (jobId: string, holder: Lease): JournalError =>
  new JournalError(
    'JOB_LEASED',
    `The job "${jobId}" is being run by process ${holder.pid} on ${machineOf(holder)}. Wait until it is done, or end that process.`,
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
