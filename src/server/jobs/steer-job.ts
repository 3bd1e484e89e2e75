import type { JournalJob } from '../../engine/durable/journal.ts';
import type { AnyJob } from '../../engine/engine-options.ts';
import type { Message } from '../../engine/recovery/messages.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { Documents } from '../documents/documents.ts';
import { definitionOfRun, isOfCommandLine } from './command-line-job.ts';
import { type JobSource, jobHere, notHere, placeOf, storedJob } from './find-job.ts';
import { addedSpecs } from './repeat-job.ts';

/** What became of a command: `done` here, or `sent` to the process that runs the job. */
export type Outcome = 'done' | 'sent';

/** What is commanded: the whole job, or the task of this path. */
export type Steered = { readonly task?: string | undefined };

/** Cancels a job, wherever it runs; one that nobody runs has to be resumed first. @throws HttpProblem */
export const cancelJob = async (
  source: JobSource,
  jobId: string,
  { reason, mode }: { readonly reason?: string | undefined; readonly mode?: 'abort' | 'drain' | undefined },
): Promise<Outcome> => {
  const stored = await storedJob(source, jobId);
  if (stored.state === 'cancelled') return 'done';
  const place = placeOf(stored, source);
  const live = source.engine.job(jobId);
  if (place === 'here' && live) {
    // It ends later; who wants to wait asks for its result.
    void live.cancel(reason, mode === undefined ? {} : { mode });
    await live.saved();
    return 'done';
  }
  if (place !== 'elsewhere' || isTerminalJobState(stored.state)) throw notHere(stored, place, 'cancelled');
  const message: Message = { type: 'cancel', reason, mode };
  await source.journal.send(jobId, JSON.stringify(message));
  return 'sent';
};

/** Pauses or resumes a job that runs here, or one of its tasks. @throws HttpProblem, CommandError, UnknownTaskError */
export const pauseJob = (source: JobSource, jobId: string, { task }: Steered, by: string): Promise<Outcome> =>
  steer(source, jobId, 'paused', (job) => (task === undefined ? job.pause(by) : job.task(task).pause(by)));

export const resumeJob = (source: JobSource, jobId: string, { task }: Steered): Promise<Outcome> =>
  steer(source, jobId, 'resumed', (job) => (task === undefined ? job.resume() : job.task(task).resume()));

const steer = async (
  source: JobSource,
  jobId: string,
  what: string,
  command: (job: AnyJob) => void,
): Promise<Outcome> => {
  const { job } = await jobHere(source, jobId, what);
  command(job);
  await job.saved();
  return 'done';
};

/** Takes up a job that no process runs. `folder`: that of workflow files. @throws HttpProblem, JournalError */
export const resumeInterrupted = async (
  source: JobSource & { readonly documents: Documents },
  stored: JournalJob,
  folder: string | undefined,
): Promise<Outcome> => {
  const definition = isOfCommandLine(stored) ? await definitionOfRun(stored, folder) : undefined;
  const added = await addedSpecs(source, stored.id);
  const { job } = await source.engine.resume(stored.id, { definition, added });
  await job.saved();
  return 'done';
};
