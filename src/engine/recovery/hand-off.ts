import { JournalError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { stopJob } from '../run/shutdown.ts';

/**
 * Hands a job off to another process: nothing new starts, running attempts finish or, with `abort`, are aborted, and
 * results so far are stored. In this process the job ends as cancelled; that end is not stored. Another process can
 * resume the job when the attempts here have ended, so that the two never run side by side.
 */
export const handOffJob = async (job: JobRun, mode: 'drain' | 'abort', cause: string): Promise<void> => {
  job.leaving = true;
  job.startNow?.();
  if (mode === 'drain') await untilIdle(job);
  if (job.over) return;
  // Another process runs the job already: there is nothing to release.
  if (job.remote) job.recorder?.discard();
  else {
    job.noteLogs();
    await job.recorder?.handOff(leftError(job.id));
  }
  if (!job.over) stopJob(job, { to: 'cancelled', mode: 'abort', cause, interrupted: true });
  if (job.remote) return;
  await job.done;
  await job.recorder?.release();
};

const leftError = (jobId: string): JournalError =>
  new JournalError('LEASE_LOST', `The job "${jobId}" was left to be resumed: what happens to it here is not kept.`, {
    jobId,
  });

/** Resolves when no function of the job runs any more, or when the job is over, for example after an abort. */
const untilIdle = (job: JobRun): Promise<void> =>
  new Promise((resolve) => {
    if (!isBusy(job)) return resolve();
    const check = (): void => {
      if (!isBusy(job)) end();
    };
    const watch = job.events$.subscribe({ next: () => queueMicrotask(check), complete: () => end() });
    const end = (): void => {
      watch.unsubscribe();
      resolve();
    };
  });

/** Whether a function of the job or a nested job runs. An attempt that waits for the journal will never begin. */
const isBusy = (job: JobRun): boolean =>
  !job.over &&
  [...job.active].some(({ attempt, definition, child }) =>
    definition.nested
      ? child !== undefined && isBusy(child)
      : attempt?.begun === true && definition.kind !== 'external',
  );
