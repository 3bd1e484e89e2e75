/* What happens when a stored job is resumed (an engine begins in `load-job.ts`, a start with a known id or key here):
 * 1. Lease: `acquire-job.ts` acquires it. If a live process holds it, a start follows (`follow-remote.ts`), a resume throws.
 * 2. History: `job-history.ts` reads the events and notes, and folds the events into records.
 * 3. Definition diff: `acquire-job.ts` compares the stored definition with today's; unaccepted changes are an error.
 * 4. Restore: `restore.ts` gives a fresh run its state; `restore-reuses.ts` restores the reuse of earlier results.
 * 5. Timers: `resume-run.ts` restarts time limits with the time that is left.
 * 6. Interrupted attempts: `resume-run.ts` ends attempts that died with their process, and starts new ones after their wait.
 * 7. Continue: `messages.ts` handles the messages that wait in the journal, so that a cancelled job starts nothing new;
 *    `resume-run.ts` evaluates the unscheduled tasks, and the dispatcher runs what is ready.
 * All of this is behind the port in `durability.ts`, which `durable.ts` implements: what starts jobs (`create-run.ts`, and `retry-job.ts` by `task-from.ts`)
 * asks the port if there is a journal. Of the port, `create-record.ts` adds jobs to the journal, `find-by-key.ts` finds them by their keys.
 * Apart from that, `order-by-history.ts` orders a job by how long its tasks took before, `find-definition.ts` finds the definition of a job,
 * `recover-jobs.ts` resumes all jobs that no process runs, again and again by `keep-looking.ts`, `remove-jobs.ts` removes jobs that
 * are over, and `describe-job.ts` replaces labels and metadata. */
import { underWayUntil } from '../../events/under-way.ts';
import { acceptedChanges, type ChangePolicy, definitionChanges } from '../definition/definition-diff.ts';
import { definitionShape } from '../definition/definition-shape.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import type { Journal, JournalJob } from '../durable/journal.ts';
import { JournalWriter } from '../durable/journal-writer.ts';
import { thisProcess } from '../durable/process-identity.ts';
import { JournalError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { interceptJob } from '../run/intercept.ts';
import { beginJob } from '../run/pause.ts';
import { cancelJob } from '../run/shutdown.ts';
import { redescribe } from './describe-job.ts';
import { type Cancellation, followRemote } from './follow-remote.ts';
import { hasEnded, type JobHistory, loadHistory } from './job-history.ts';
import { isLeasedElsewhere, readBack } from './read-back.ts';
import { type AddedTask, restoreJob } from './restore.ts';
import { restoreReuses } from './restore-reuses.ts';
import { resumeRun } from './resume-run.ts';
import { startOptionsOf } from './stored-options.ts';

/** Options of a resume: which definition changes to accept, and definitions of tasks added while the job ran. */
export type Resumption = { readonly changed?: ChangePolicy | undefined; readonly added?: AddedTask | undefined };

/**
 * Turns a fresh run into the job that a journal holds: reads it if it is over, resumes it if its process died, follows
 * it if another process runs it. Resolves when the run has the job's state. If that fails, the run fails.
 */
export const acquireJob = (
  run: JobRun,
  recorder: JobRecorder,
  journal: Journal,
  stored: JournalJob,
  pending: PendingRequests = deferRequests(run),
): Promise<void> => {
  run.useStoredOptions(startOptionsOf(stored));
  const retry = (later: JournalJob): Promise<void> => acquireJob(run, recorder, journal, later);
  const attempt = async (): Promise<void> => {
    // The run may have been handed off meanwhile.
    if (run.over) recorder.discard();
    else if (hasEnded(stored)) await readBack(run, recorder, journal, stored);
    else if (isLeasedElsewhere(stored, journal)) await followRemote(run, recorder, journal, retry, pending.cancel);
    else {
      await resumeHere(run, recorder, journal, {});
      run.remote = undefined;
      if (pending.cancel && run.startNow) cancelJob(run, pending.cancel.mode, pending.cancel.cause);
    }
  };
  const acquired = attempt().catch(async (error) => {
    if (error instanceof JournalError && error.code === 'JOB_LEASED')
      await followRemote(run, recorder, journal, retry, pending.cancel);
    else recorder.fail(error);
  });
  return underWayUntil(acquired);
};

/** A cancel request that arrived before it was known whether the job exists. */
export type PendingRequests = { cancel?: Cancellation };

/** Holds back cancel requests until it is known whether the job is new or exists already. */
export const deferRequests = (run: JobRun): PendingRequests => {
  const pending: PendingRequests = {};
  run.remote = {
    cancel: (cause, mode) => {
      pending.cancel = { cause, mode };
    },
  };
  return pending;
};

/** Acquires the lease of a job, and resumes it in a later turn of the event loop. @throws JournalError */
export const resumeHere = async (
  run: JobRun,
  recorder: JobRecorder,
  journal: Journal,
  { changed = 'refuse', added = () => undefined }: Resumption,
): Promise<void> => {
  const writer = JournalWriter.of(journal);
  const stored = await journal.acquire(run.id, writer.lease());
  const held = { jobId: stored.id, fence: stored.fence };
  try {
    const history = await loadHistory(journal, stored);
    // The run may have been handed off meanwhile.
    if (history.last || run.over) {
      recorder.discard();
      await writer.release(held);
      if (!run.over) restoreJob(run, history, added);
      return;
    }
    const changes = await changesSince(run, journal, history, changed);
    if (run.over) throw leftMeanwhile(run);
    restoreJob(run, history, added);
    await restoreReuses(run, journal, history, added);
    const messages = await journal.receive(writer.lease().owner);
    recorder.keepWaitingMessages(messages.filter(({ jobId }) => jobId === run.id));
    if (run.over) throw leftMeanwhile(run);
    redescribe(run, stored);
    recorder.start(stored.fence);
    recorder.loadNotes(history.notes);
    if (changes.length > 0) recorder.redefine(definitionShape(run.plan));
    const by = `process ${process.pid} on ${thisProcess().host.split(' ')[0]}`;
    run.defer(() => {
      if (run.over) return;
      interceptJob(run);
      if (history.record.state === 'idle') beginJob(run);
      else resumeRun(run, history, by, changes);
    });
    // Before the job continues, so that a job that is to be cancelled starts nothing new.
    run.startSoon(() => recorder.handleWaitingMessages());
  } catch (error) {
    await writer.release(held);
    throw error;
  }
};

const leftMeanwhile = ({ id }: JobRun): JournalError =>
  new JournalError('LEASE_LOST', `The job "${id}" was left before it went on.`, { jobId: id });

/** Restores an ended job that is to be retried. @throws JournalError */
export const restoreEnded = async (
  run: JobRun,
  journal: Journal,
  history: JobHistory,
  { changed = 'refuse', added = () => undefined }: Resumption,
): Promise<void> => {
  await changesSince(run, journal, history, changed);
  run.recorder?.loadNotes(history.notes);
  restoreJob(run, history, added);
};

/** Returns how the definition has changed since it was stored, in words. @throws JournalError for a refused change */
const changesSince = async (
  run: JobRun,
  journal: Journal,
  history: JobHistory,
  changed: ChangePolicy,
): Promise<readonly string[]> => {
  const { job } = history;
  if (definitionShape(run.plan).fingerprint === job.fingerprint) return [];
  const shape = await journal.shape(job.fingerprint);
  if (shape !== undefined)
    return acceptedChanges(job, definitionChanges(shape, run.plan), changed, (task) => hasBegun(history, task));
  const message = `The journal does not hold the definition that the job "${job.id}" was started with.`;
  throw new JournalError('JOURNAL_CORRUPT', message, { jobId: job.id });
};

const hasBegun = ({ record }: JobHistory, task: string): boolean =>
  (record.tasks.get(task)?.state ?? 'unscheduled') !== 'unscheduled';
