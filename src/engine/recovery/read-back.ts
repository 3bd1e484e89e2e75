import { systemClock } from '../../events/system-clock.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import { isInForce, type Journal, type JournalJob } from '../durable/journal.ts';
import { JournalWriter } from '../durable/journal-writer.ts';
import { isDead, isRenewing } from '../durable/process-identity.ts';
import type { JobRun } from '../model/run.ts';
import { loadHistory } from './job-history.ts';
import { restoreJob } from './restore.ts';

/** Whether another process may be running a job. */
export const isLeasedElsewhere = ({ lease }: JournalJob, journal: Journal): boolean =>
  lease !== undefined &&
  !isDead(lease) &&
  lease.owner !== JournalWriter.of(journal).lease().owner &&
  (isInForce(lease, systemClock.now()) || isRenewing(lease));

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
