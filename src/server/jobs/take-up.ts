import { JournalError } from '../../engine/errors/errors.ts';
import type { Logger } from '../../events/logger.ts';
import { UNFINISHED_STATES } from '../../events/states.ts';
import type { Documents } from '../documents/documents.ts';
import { isOfCommandLine } from './command-line-job.ts';
import { type JobSource, placeOf } from './find-job.ts';
import { addedSpecs } from './repeat-job.ts';

/** Takes up the jobs that no process runs, but for those of `tintype run`. Logs those that can't go on. @throws JournalError */
export const takeUpJobs = async (
  source: JobSource & { readonly documents: Documents },
  logger: Logger | undefined,
): Promise<void> => {
  const { engine, journal } = source;
  const warn = (id: string, name: string, error: Error): void =>
    logger?.warn(`The job "${id}" of "${name}" is interrupted, and can't go on: ${error.message}`);
  const listed = await journal.jobs({ states: UNFINISHED_STATES, order: 'oldest' }, ({ jobId, jobName, error }) =>
    warn(jobId, jobName, error),
  );
  for (const stored of listed) {
    if (engine.closed) return;
    if (isOfCommandLine(stored) || placeOf(stored, source) !== 'nowhere') continue;
    try {
      await engine.resume(stored.id, { added: await addedSpecs(source, stored.id) });
    } catch (error) {
      // Another process has taken it up meanwhile.
      if (error instanceof JournalError && error.code === 'JOB_LEASED') continue;
      warn(stored.id, stored.name, error as Error);
    }
  }
};
