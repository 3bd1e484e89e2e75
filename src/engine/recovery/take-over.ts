/* What happens when a job is resumed, in order (`from-journal.ts` is how an engine starts it):
 * 1. Lease: `take-over.ts` acquires it. If a live process holds it, `follow.ts` publishes what that process does.
 * 2. History: `past.ts` reads the events and notes, and folds the events into records.
 * 3. Definition diff: `take-over.ts` compares the stored definition with today's; unaccepted changes are an error.
 * 4. Restore: `restore.ts` gives a fresh run its state; `restore-reuses.ts` adds earlier results still to be reused.
 * 5. Timers: `go-on.ts` restarts time limits and waits with what is left of them.
 * 6. Interrupted attempts: `go-on.ts` ends attempts that died with their process, and starts others.
 * 7. Continue: `go-on.ts` evaluates the unscheduled tasks, and the dispatcher runs what is ready. */
import { acceptedChanges, type ChangePolicy, definitionChanges } from '../definition/definition-diff.ts';
import { definitionShape } from '../definition/definition-shape.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import type { Journal, JournalJob } from '../durable/journal.ts';
import { JournalWriter } from '../durable/journal-writer.ts';
import { releaseLease } from '../durable/lease.ts';
import { thisProcess } from '../durable/process-identity.ts';
import { JournalError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { beginJob } from '../run/pause.ts';
import { cancelJob } from '../run/shutdown.ts';
import { type Cancellation, follow } from './follow.ts';
import { goOn } from './go-on.ts';
import { hasEnded } from './kept-job.ts';
import { optionsOf } from './kept-options.ts';
import { isOver, type Past, readPast } from './past.ts';
import { isHeld, readBack } from './read-back.ts';
import { type AddedTask, restoreJob } from './restore.ts';
import { restoreReuses } from './restore-reuses.ts';

/** Options of a resume: which definition changes are accepted, and the definitions of tasks added while it ran. */
export type Resumption = { readonly changed?: ChangePolicy | undefined; readonly added?: AddedTask | undefined };

/**
 * Turns a fresh run into the job that a journal holds: reads it if it is over, resumes it if its process died, follows
 * it if another process runs it. If that fails, the run fails.
 */
export const takeOver = (
  run: JobRun,
  recorder: JobRecorder,
  journal: Journal,
  kept: JournalJob,
  asked: Asked = untilKnown(run),
): void => {
  run.useStoredOptions(optionsOf(kept.options));
  const again = (later: JournalJob): void => takeOver(run, recorder, journal, later);
  const attempt = async (): Promise<void> => {
    // The run may have been handed off meanwhile.
    if (run.over) recorder.discard();
    else if (hasEnded(kept)) await readBack(run, recorder, journal, kept);
    else if (isHeld(kept, journal)) follow(run, recorder, journal, again, asked.cancel);
    else {
      await resume(run, recorder, journal, {});
      run.remote = undefined;
      if (asked.cancel && run.startNow) cancelJob(run, asked.cancel.mode, asked.cancel.cause);
    }
  };
  attempt().catch((error) => {
    if (error instanceof JournalError && error.code === 'JOB_LEASED')
      follow(run, recorder, journal, again, asked.cancel);
    else recorder.fail(error);
  });
};

/** A cancel request that arrived before it was known whether the job exists. */
export type Asked = { cancel?: Cancellation };

/** Holds back cancel requests until it is known whether the job is new or exists already. */
export const untilKnown = (run: JobRun): Asked => {
  const asked: Asked = {};
  run.remote = {
    cancel: (cause, mode) => {
      asked.cancel = { cause, mode };
    },
  };
  return asked;
};

/** Acquires the lease of a job, and resumes it in a later turn of the event loop. @throws JournalError */
export const resume = async (
  run: JobRun,
  recorder: JobRecorder,
  journal: Journal,
  { changed = 'refuse', added = () => undefined }: Resumption,
): Promise<void> => {
  const kept = await journal.acquire(run.id, JournalWriter.of(journal).lease());
  try {
    const past = await readPast(journal, kept);
    // The run may have been handed off meanwhile, too.
    if (isOver(past) || run.over) {
      recorder.discard();
      await releaseLease(journal, { jobId: kept.id, fence: kept.fence });
      if (!run.over) restoreJob(run, past, added);
      return;
    }
    const words = await changesSince(run, journal, past, changed);
    if (run.over) throw leftMeanwhile(run);
    restoreJob(run, past, added);
    await restoreReuses(run, journal, past, added);
    recorder.start(kept.fence);
    recorder.loadNotes(past.notes);
    if (words.length > 0) recorder.redefine(definitionShape(run.plan));
    const by = nameOfProcess();
    run.defer(() => {
      if (run.over) return;
      if (past.record.state === 'idle') beginJob(run);
      else goOn(run, past, by, words);
    });
    run.startSoon();
  } catch (error) {
    await releaseLease(journal, { jobId: kept.id, fence: kept.fence });
    throw error;
  }
};

const leftMeanwhile = ({ id }: JobRun): JournalError =>
  new JournalError('LEASE_LOST', `The job "${id}" was left before it went on.`, { jobId: id });

/** Restores an ended job that is to be retried. @throws JournalError */
export const restoreEnded = async (
  run: JobRun,
  journal: Journal,
  past: Past,
  { changed = 'refuse', added = () => undefined }: Resumption,
): Promise<void> => {
  await changesSince(run, journal, past, changed);
  run.recorder?.loadNotes(past.notes);
  restoreJob(run, past, added);
};

/** Returns the changes of the definition since it was stored, in words, if they are accepted. @throws JournalError */
const changesSince = async (
  run: JobRun,
  journal: Journal,
  past: Past,
  changed: ChangePolicy,
): Promise<readonly string[]> => {
  const { job } = past;
  if (definitionShape(run.plan).fingerprint === job.fingerprint) return [];
  const shape = await journal.shape(job.fingerprint);
  if (shape !== undefined)
    return acceptedChanges(job, definitionChanges(shape, run.plan), changed, (task) => hasBegun(past, task));
  const message = `The journal does not hold the definition that the job "${job.id}" was started with.`;
  throw new JournalError('JOURNAL_CORRUPT', message, { jobId: job.id });
};

const hasBegun = ({ record }: Past, task: string): boolean =>
  (record.tasks.get(task)?.state ?? 'unscheduled') !== 'unscheduled';

const nameOfProcess = (): string => `process ${process.pid} on ${thisProcess().host.split(' ')[0]}`;
