import { setImmediate } from 'node:timers/promises';
import { newId } from '../../events/system-clock.ts';
import type { EndedFilter, Journal, JournalJob } from '../durable/journal.ts';
import { JournalWriter } from '../durable/journal-writer.ts';
import { CommandError, JournalError } from '../errors/errors.ts';
import { hasEnded } from './job-history.ts';

/**
 * Removes a job that is over. Removes a damaged job, too, whatever its state: nobody can continue it.
 * @throws CommandError `INVALID_STATE` if the job is not over @throws JournalError `JOB_NOT_FOUND`, `JOB_LEASED`
 */
export const removeJob = async (journal: Journal, jobId: string): Promise<void> => {
  // An owner of its own: this process may be about to retry the job, and then holds its lease.
  const lease = { ...JournalWriter.of(journal).lease(), owner: newId() };
  let job: JournalJob;
  try {
    job = await journal.acquire(jobId, lease);
  } catch (error) {
    if (!(error instanceof JournalError) || error.code !== 'JOURNAL_CORRUPT') throw error;
    await journal.remove(jobId);
    return;
  }
  if (hasEnded(job)) {
    await journal.remove(jobId);
    return;
  }
  await journal.release({ jobId, fence: job.fence });
  throw notOver(job, ', and no process runs it', 'Resume it, and cancel it');
};

export const notOver = (
  { id, name, state }: Pick<JournalJob, 'id' | 'name' | 'state'>,
  more = '',
  first = 'Cancel it',
): CommandError => {
  const message = `Job "${name}" ("${id}") is ${state}${more}: only a job that is over can be removed. ${first} first.`;
  return new CommandError('INVALID_STATE', message);
};

/** Removes jobs that are over, batch by batch, each in a turn of its own. Returns how many. */
export const removeEnded = async (journal: Journal, filter: Omit<EndedFilter, 'limit'>): Promise<number> => {
  for (let total = 0; ; ) {
    const { removed, more } = await journal.removeEnded(filter);
    total += removed;
    if (!more) return total;
    await setImmediate();
  }
};
