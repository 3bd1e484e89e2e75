import type { ChangePolicy } from '../../engine/definition/definition-diff.ts';
import type { JournalJob } from '../../engine/durable/journal.ts';
import type { AnyJob } from '../../engine/engine-options.ts';
import type { Message } from '../../engine/recovery/messages.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { Documents } from '../documents/documents.ts';
import { HttpProblem, problemOf } from '../http/problem.ts';
import { definitionOfRun, isOfCommandLine } from './command-line-job.ts';
import { type JobSource, jobHere, notHere, placeOf, storedJob } from './find-job.ts';
import { addedSpecs } from './repeat-job.ts';

/** What became of a command: `done` here, or `sent` to the process that runs the job. */
export type Outcome = 'done' | 'sent';

/** What is commanded: the whole job, or the task of this path. */
export type Steered = { readonly task?: string | undefined };

export type Source = JobSource & {
  readonly documents: Documents;
  /** `workflows`: the folder of workflow files. */
  readonly settings: { readonly workflows: string | undefined };
};

/** Cancels a job, wherever it runs; one that nobody runs is taken up for that. @throws HttpProblem */
export const cancelJob = async (
  source: Source,
  jobId: string,
  { reason, mode }: { readonly reason?: string | undefined; readonly mode?: 'abort' | 'drain' | undefined },
): Promise<Outcome> => {
  const stored = await storedJob(source, jobId);
  if (stored.state === 'cancelled') return 'done';
  const place = placeOf(stored, source);
  if (isTerminalJobState(stored.state)) throw notHere(stored, place, 'cancelled');
  if (place === 'nowhere') await resumeToCancel(source, stored);
  const live = source.engine.job(jobId);
  if (place !== 'elsewhere' && live) {
    // It ends later; who wants to wait asks for its result.
    void live.cancel(reason, mode === undefined ? {} : { mode });
    await live.saved();
    return 'done';
  }
  if (place !== 'elsewhere') throw notHere(stored, place, 'cancelled');
  const message: Message = { type: 'cancel', reason, mode };
  await source.journal.send(jobId, JSON.stringify(message));
  return 'sent';
};

/** Takes up a job that nobody runs, so that its clean-up can run. @throws HttpProblem if its tasks are not known here */
const resumeToCancel = async (source: Source, stored: JournalJob): Promise<void> => {
  try {
    // None of its tasks begins, but its handlers.
    await resumeInterrupted(source, stored, 'force');
  } catch (error) {
    const why = problemOf(error)?.message ?? (error instanceof Error ? error.message : String(error));
    throw new HttpProblem(
      409,
      'INVALID_STATE',
      `The job can't be cancelled here. ${why} Or: tintype cancel ${stored.id}`,
    );
  }
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

/** Takes up a job that no process runs. @throws HttpProblem, JournalError */
export const resumeInterrupted = async (
  source: Source,
  stored: JournalJob,
  changed?: ChangePolicy,
): Promise<Outcome> => {
  const { workflows } = source.settings;
  const definition = isOfCommandLine(stored) ? await definitionOfRun(stored, workflows) : undefined;
  const added = await addedSpecs(source, stored.id);
  const { job } = await source.engine.resume(stored.id, { definition, added, changed });
  await job.saved();
  return 'done';
};
