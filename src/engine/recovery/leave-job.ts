import type { JobRun } from '../model/run.ts';
import { stopJob } from '../run/stop.ts';

/**
 * Leaves a job to another process: nothing new starts, what runs finishes or, with `abort`, is told to stop, and what came
 * of it is kept. Here the job ends cancelled, of which the journal hears nothing.
 */
export const leaveJob = async (job: JobRun, mode: 'drain' | 'abort', cause: string): Promise<void> => {
  job.leaving = true;
  job.wakeUp?.();
  if (mode === 'drain') await untilIdle(job);
  if (job.over) return;
  // Another process goes on with it in any case.
  if (job.elsewhere) job.recorder?.dismiss();
  else await job.recorder?.leave();
  if (!job.over) stopJob(job, { to: 'cancelled', mode: 'abort', cause, interrupted: true });
};

/** Resolves when no function of a job runs any more, or an abort has come after all. */
const untilIdle = (job: JobRun): Promise<void> =>
  new Promise((resolve) => {
    if (!isBusy(job)) {
      resolve();
      return;
    }
    const look = (): void => {
      if (!isBusy(job)) end();
    };
    const watch = job.events$.subscribe({ next: () => queueMicrotask(look), complete: () => end() });
    const end = (): void => {
      watch.unsubscribe();
      resolve();
    };
  });

/** External tasks are performed elsewhere, nested jobs by the tasks inside; what still waits for the journal never begins. */
const isBusy = (job: JobRun): boolean =>
  !job.over &&
  [...job.active].some(({ attempt, definition, child }) =>
    definition.nested
      ? child !== undefined && isBusy(child)
      : attempt?.begun === true && definition.kind !== 'external',
  );
