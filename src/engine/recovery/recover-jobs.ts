import { UNFINISHED_STATES } from '../../events/states.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { requireBoolean } from '../definition/hook-results.ts';
import type { Journal, JournalJob } from '../durable/journal.ts';
import { JournalError } from '../errors/errors.ts';

/** What resumes one job, and what is known of the jobs that run. */
export type Resumer<Handle> = {
  readonly resume: (jobId: string) => Promise<{ readonly job: Handle }>;
  /** Whether no process runs a job. */
  readonly isOrphan: (job: JournalJob) => boolean;
  /** Whether nothing more is to be resumed. */
  readonly isClosed: () => boolean;
  readonly filter?: ((job: JournalJob) => boolean) | undefined;
};

type Refused = { readonly jobId: string; readonly jobName: string; readonly error: Error };

/** Resumes the unfinished jobs of a journal that no process runs, the oldest first. @throws JournalError */
export const recoverJobs = async <Handle>(
  journal: Journal,
  { resume, isOrphan, isClosed, filter = () => true }: Resumer<Handle>,
): Promise<{ readonly resumed: readonly Handle[]; readonly refused: readonly Refused[] }> => {
  const resumed: Handle[] = [];
  const refused: Refused[] = [];
  const unfinished = { states: UNFINISHED_STATES, order: 'oldest' } as const;
  const listed = journal.jobs(unfinished, (damaged) => refused.push(damaged));
  for (const stored of await underWayUntil(Promise.resolve(listed))) {
    if (isClosed()) break;
    if (!isOrphan(stored)) continue;
    try {
      if (!requireBoolean('filter', filter(stored))) continue;
      resumed.push((await resume(stored.id)).job);
    } catch (error) {
      // Another process has acquired the job in the meantime.
      if (error instanceof JournalError && error.code === 'JOB_LEASED') continue;
      refused.push({ jobId: stored.id, jobName: stored.name, error: error as Error });
    }
  }
  return { resumed, refused };
};
