import { systemClock } from '../../events/system-clock.ts';
import type { Description } from '../definition/options.ts';
import { encodeAs } from '../durable/encode-as.ts';
import type { Journal, JournalJob } from '../durable/journal.ts';
import { journalWith } from '../durable/journal-with.ts';
import type { JobRun } from '../model/run.ts';
import { startOptionsOf } from './stored-options.ts';

/** Replaces labels and metadata of a stored job, and of its run if it runs here. @throws JournalError, SerialisationError */
export const describeJob = async (
  journal: Journal,
  jobId: string,
  { labels, metadata }: Description,
  run: JobRun | undefined,
): Promise<void> => {
  const encoded =
    metadata && encodeAs('UNSERIALISABLE_INPUT', `The metadata of job "${run?.plan.name ?? jobId}"`, metadata);
  const description = { at: systemClock.now(), ...(labels && { labels: { ...labels } }), metadata: encoded };
  await journalWith(journal, 'describe').describe(jobId, description);
  const stored = run && (await journal.job(jobId));
  if (stored) redescribe(run, stored);
};

/** Gives a run the labels and metadata of its stored job, which may have been replaced meanwhile. @throws JournalError */
export const redescribe = (run: JobRun, stored: JournalJob): void => {
  const { labels, metadata } = startOptionsOf(stored);
  run.describe({ labels, metadata });
};
