import type { JobRecorder } from '../durable/job-recorder.ts';
import type { Journal, JournalJob } from '../durable/journal.ts';
import { JournalWriter } from '../durable/journal-writer.ts';
import type { JobRun } from '../model/run.ts';
import { loadHistory } from './job-history.ts';
import { restoreJob } from './restore.ts';

/** Whether another process runs a job. */
export const isLeasedElsewhere = ({ lease }: JournalJob, journal: Journal): boolean =>
  lease !== undefined && lease.owner !== JournalWriter.of(journal).lease().owner;

/** Restores a job that is over. @throws JournalError */
export const readBack = async (
  run: JobRun,
  recorder: JobRecorder,
  journal: Journal,
  stored: JournalJob,
): Promise<void> => {
  const history = await loadHistory(journal, stored);
  recorder.discard();
  run.remote = undefined;
  if (!run.over) restoreJob(run, history, () => undefined);
};
