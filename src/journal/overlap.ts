import { setTimeout } from 'node:timers/promises';
import type { Journal, JournalJob, Lease, NewJob } from '../engine/durable/journal.ts';
import { JournalError } from '../engine/errors/errors.ts';
import type { Message } from '../engine/recovery/messages.ts';
import { UNFINISHED_STATES } from '../events/states.ts';

/** What happens when a job is started while another one of its name is not over. */
export const OVERLAPS = ['allow', 'skip', 'queue', 'cancel'] as const;

export type Overlap = (typeof OVERLAPS)[number];

/** Returns the jobs of a name that are not over, oldest first. Leaves out damaged ones, which can't go on. */
export const unfinishedOf = (journal: Journal, name: string) =>
  journal.jobs({ names: [name], states: UNFINISHED_STATES, order: 'oldest' }, () => {});

export type Turn = {
  /** Whether the older jobs are cancelled. */
  readonly cancels: boolean;
  /** Ends the wait, as a job that is cancelled or left waits for nothing. */
  readonly signal: AbortSignal;
  /** Gets what another process says to cancel the job that waits. */
  readonly onCancel: (message: Extract<Message, { readonly type: 'cancel' }>) => void;
};

/**
 * Waits until the jobs that were there before one that has been created, and not begun, are over, or their processes
 * gone; keeps its lease meanwhile. @throws JournalError
 */
export const turnOf = async (
  journal: Journal,
  { id: jobId, name }: NewJob,
  { before, lease }: { readonly before: readonly JournalJob[]; readonly lease: Lease },
  { cancels, signal, onCancel }: Turn,
): Promise<void> => {
  if (cancels) {
    const message: Message = { type: 'cancel', reason: `Job ${jobId} took its place (overlap: cancel).` };
    for (const { id } of before) await journal.send(id, JSON.stringify(message));
  }
  const ids = new Set(before.map(({ id }) => id));
  let beatAt = Date.now();
  while (!signal.aborted) {
    const now = Date.now();
    const left = (await unfinishedOf(journal, name)).filter((job) => ids.has(job.id) && job.lease);
    if (left.length === 0) return;
    if (Math.abs(now - beatAt) >= journal.beatMs) {
      if (!(await journal.beat(lease)))
        throw new JournalError('LEASE_LOST', `Another process has taken over the job "${jobId}".`, { jobId });
      beatAt = now;
    }
    for (const { jobId: to, message } of await journal.receive(lease.owner)) {
      if (to !== jobId) continue;
      const request = JSON.parse(message) as Message;
      if (request.type === 'cancel') onCancel(request);
    }
    await setTimeout(POLL_MS, undefined, { signal }).catch(() => {});
  }
};

/** Time between two looks at whether the others are over, in ms. */
const POLL_MS = 250;
