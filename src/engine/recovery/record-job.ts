import { ignoreRejection, isThenable } from '../../events/thenable.ts';
import { jobSnapshot } from '../../machines/job.ts';
import { definitionShape } from '../definition/definition-shape.ts';
import { encodeAs, type JobRecorder } from '../durable/job-recorder.ts';
import type { Awaitable, Journal, JournalJob, NewJob } from '../durable/journal.ts';
import { JournalWriter, jobExists } from '../durable/journal-writer.ts';
import { releaseLease } from '../durable/lease.ts';
import { JournalError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { jobErrorOf } from '../run/end.ts';
import { cancelJob, stopJob } from '../run/shutdown.ts';
import { keptOptions } from './kept-options.ts';
import { listen } from './messages.ts';
import { takeOver, untilKnown } from './take-over.ts';

/**
 * Adds a new job to the journal, then begins it. If its id was generated (`isNew`), its first write creates it.
 * Otherwise the journal creates it first: if the id is taken, a synchronous journal throws here, an asynchronous one
 * fails the job; if the job key is taken, this run becomes the existing job.
 * @throws JournalError, SerialisationError
 */
export const recordJob = (job: JobRun, journal: Journal, input: object, isNew: boolean, begin: () => void): void => {
  const recorder = recorderOf(job);
  const asked = job.options.jobKey === undefined ? undefined : untilKnown(job);
  const opened = ({ created, job: kept }: { readonly created: boolean; readonly job: JournalJob }): void => {
    if (created && job.stop?.interrupted) {
      // The job was handed off before it began: another process may begin it.
      recorder.discard();
      void releaseLease(journal, { jobId: job.id, fence: kept.fence });
    } else if (created) {
      job.remote = undefined;
      recorder.start(kept.fence);
      if (asked?.cancel) cancelJob(job, asked.cancel.mode, asked.cancel.cause);
      queueMicrotask(begin);
    } else if (asked) {
      takeOver(job, recorder, journal, kept, asked);
    } else {
      throw jobExists(job.id);
    }
  };
  if (isNew) {
    orNothing(recorder, () => recorder.create(newJob(job, input)));
    queueMicrotask(begin);
  } else {
    whenOpened(recorder, opened, () => journal.create(newJob(job, input), JournalWriter.of(journal).lease()));
  }
};

/**
 * Adds a new job that reuses results of another, together with its first events.
 * @throws JournalError @throws SerialisationError
 */
export const recordFork = (job: JobRun, journal: Journal, input: object, forkedFrom: string): void => {
  const recorder = recorderOf(job);
  orNothing(recorder, () => {
    const there = journal.job(job.id);
    // An asynchronous journal reports a taken id on the first write.
    ignoreRejection(there);
    if (there && !isThenable(there)) throw jobExists(job.id);
    recorder.create({ ...newJob(job, input), forkedFrom });
  });
};

const newJob = ({ id, plan, clock, options, startOptions }: JobRun, input: object): NewJob => {
  const { jobKey, metadata = {} } = options;
  return {
    id,
    name: plan.name,
    ...(jobKey !== undefined && { key: jobKey }),
    createdAt: clock.now(),
    ...definitionShape(plan),
    input: encodeAs('UNSERIALISABLE_INPUT', `The input of job "${plan.name}"`, input),
    options: keptOptions(startOptions),
    metadata: encodeAs('UNSERIALISABLE_INPUT', `The metadata of job "${plan.name}"`, metadata),
  };
};

/** Acquires the lease of an ended job whose next event is `nextSeq`, then continues the job. @throws JournalError */
export const reacquire = (job: JobRun, journal: Journal, nextSeq: number, goOn: () => void): void => {
  const recorder = recorderOf(job);
  const opened = (kept: JournalJob): void => {
    if (kept.lastSeq !== nextSeq - 1) {
      void releaseLease(journal, { jobId: job.id, fence: kept.fence });
      throw goneOn(job.id);
    }
    recorder.start(kept.fence);
    // Messages sent after the job ended are stale: drop them.
    recorder.discardMessages();
    const shape = definitionShape(job.plan);
    if (shape.fingerprint !== kept.fingerprint) recorder.redefine(shape);
    goOn();
  };
  whenOpened(recorder, opened, () => journal.acquire(job.id, JournalWriter.of(journal).lease()));
};

/** Makes a job carry out messages from other processes, and end if its journal fails. */
export const connect = (job: JobRun): void => {
  const { recorder } = job;
  if (!recorder) return;
  recorder.onFailure = (error) => interruptJob(job, error);
  listen(job, recorder);
};

/** Returns the recorder of a job, registered as its writer unless another one is. */
export const recorderOf = (job: JobRun): JobRecorder => {
  const recorder = job.recorder as JobRecorder;
  recorder.register();
  return recorder;
};

const whenOpened = <Answer>(
  recorder: JobRecorder,
  opened: (answer: Answer) => void,
  ask: () => Awaitable<Answer>,
): void => {
  orNothing(recorder, () => {
    const answer = ask();
    if (!isThenable(answer)) opened(answer as Answer);
    else
      Promise.resolve(answer)
        .then(opened)
        .catch((error) => recorder.fail(error));
  });
};

/** Runs the callback, and discards the recorder if that throws. */
export const orNothing = <Value>(recorder: JobRecorder | undefined, open: () => Value): Value => {
  try {
    return open();
  } catch (error) {
    recorder?.discard();
    throw error;
  }
};

const goneOn = (jobId: string): JournalError =>
  new JournalError(
    'LEASE_LOST',
    `The job "${jobId}" has gone on since this handle was over: retry it by its id, or by its newest handle.`,
    { jobId },
  );

/** Ends a job whose journal failed, since nothing may happen unrecorded. If its end was not stored, the job fails. */
const interruptJob = (job: JobRun, cause: JournalError): void => {
  const stop = { to: 'failed', mode: 'abort', cause, interrupted: true } as const;
  job.remote = undefined;
  stopJob(job, stop);
  if (job.stop?.interrupted) return;
  job.stop = stop;
  // Not a transition: the job has published its end already, and no end may follow it.
  job.snapshot = jobSnapshot('failed');
  job.error = jobErrorOf(job);
  // The retry that was about to begin is dropped.
  if (job.startNow) job.close();
};
