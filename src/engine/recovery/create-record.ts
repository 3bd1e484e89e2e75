import { ignoreRejection, isThenable } from '../../events/thenable.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { jobSnapshot } from '../../machines/job.ts';
import { definitionShape } from '../definition/definition-shape.ts';
import type { Plan } from '../definition/plan.ts';
import { encodeAs } from '../durable/encode-as.ts';
import { inputDifference } from '../durable/input-difference.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import type { Awaitable, Journal, JournalJob, NewJob } from '../durable/journal.ts';
import { JournalWriter, jobExists } from '../durable/journal-writer.ts';
import { readStored } from '../durable/read-stored.ts';
import { redactedParts, redactOf } from '../durable/redaction.ts';
import { JournalError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { jobErrorOf } from '../run/end.ts';
import { cancelJob, stopJob } from '../run/shutdown.ts';
import { acquireJob, deferRequests } from './acquire-job.ts';
import { redescribe } from './describe-job.ts';
import { handleMessages } from './messages.ts';
import { orderByHistory } from './order-by-history.ts';
import { encodeOptions } from './stored-options.ts';

/**
 * Adds a new job to the journal, then begins the job. If the id was generated (`isNew`), the job's first write creates
 * the job in the journal. Otherwise the journal creates it before the job begins. If the id is taken, a synchronous
 * journal throws here, and an asynchronous one fails the job. If the key is taken, this run becomes the existing job,
 * if that has the same input.
 * @throws JournalError, SerialisationError
 */
export const createRecord = (job: JobRun, journal: Journal, input: object, isNew: boolean, begin: () => void): void => {
  const recorder = recorderOf(job);
  const kept = discardOnError(recorder, () => keptInput(job, input));
  const beginKept = (keep: () => void): void => {
    keep();
    begin();
  };
  const pending = job.options.jobKey === undefined ? undefined : deferRequests(job);
  const onAcquired = ({ created, job: stored }: { readonly created: boolean; readonly job: JournalJob }): Opened => {
    if (created) job.found = false;
    if (created && job.stop?.interrupted) {
      // The job was handed off before it began: another process may begin it.
      recorder.discard();
      void JournalWriter.of(journal).release({ jobId: job.id, fence: stored.fence });
    } else if (created) {
      job.remote = undefined;
      recorder.start(stored.fence);
      // Not before: the note of a start that finds an existing job would become that job's.
      noteRedaction(recorder, input, kept);
      if (pending?.cancel) cancelJob(job, pending.cancel.mode, pending.cancel.cause);
      orderByHistory(job, journal, beginKept);
    } else if (pending) {
      requireSameInput(job, job.keptInput, stored.input);
      job.found = true;
      return acquireJob(job, recorder, journal, stored, pending);
    } else {
      throw jobExists(job.id);
    }
    return undefined;
  };
  if (isNew) {
    discardOnError(recorder, () => recorder.create(newJob(job, kept)));
    noteRedaction(recorder, input, kept);
    orderByHistory(job, journal, beginKept);
  } else {
    job.found = undefined;
    whenAcquired(job, recorder, onAcquired, () => journal.create(newJob(job, kept), JournalWriter.of(journal).lease()));
  }
};

/** Undefined for a job that is open at once. */
type Opened = Promise<void> | undefined;

/**
 * Compares what is kept of the input of a start with that of the job that has its key. An input that can't be encoded is
 * not compared. @throws JournalError `JOB_KEY_CONFLICT` if they differ
 */
export const requireSameInput = ({ id, plan }: JobRun, given: string | undefined, first: string | undefined): void => {
  if (given === undefined || first === undefined) return;
  const path = readStored(id, 'its input', () => inputDifference(first, given, plan.options.computed));
  if (path === undefined) return;
  const where = path === '' ? 'all of it' : `"${path}"`;
  const message = `A job "${plan.name}" was started with this key and another input: ${where} differs. Start it with the same input, or with a key of its own.`;
  throw new JournalError('JOB_KEY_CONFLICT', message, { jobId: id, path });
};

/**
 * Adds a new job that reuses results of another job, and starts it soon. The first write creates the job together with its events.
 * @throws JournalError @throws SerialisationError
 */
export const createForkRecord = (job: JobRun, journal: Journal, input: object, forkedFrom: string): void => {
  const recorder = recorderOf(job);
  discardOnError(recorder, () => {
    const existing = journal.job(job.id);
    // An asynchronous journal reports a taken id on the first write.
    ignoreRejection(existing);
    if (existing && !isThenable(existing)) throw jobExists(job.id);
    const kept = keptInput(job, input);
    recorder.create({ ...newJob(job, kept), forkedFrom });
    noteRedaction(recorder, input, kept);
  });
  orderByHistory(job, journal, (keep) => job.startSoon(keep));
};

/** Returns what the journal keeps of a job's input. */
const keptInput = ({ plan }: JobRun, input: object): unknown => redactOf(plan.options)(input);

/** Notes that the journal does not keep all of the job's input, for a resume to say so. */
const noteRedaction = (recorder: JobRecorder, input: object, kept: unknown): void => {
  if (redactedParts(input, kept)) recorder.put('', 'input', JSON.stringify({ redacted: true }));
};

/** @throws SerialisationError */
export const encodeInput = ({ name }: Plan, kept: unknown): string =>
  encodeAs('UNSERIALISABLE_INPUT', `The input of job "${name}"`, kept);

const newJob = (job: JobRun, kept: unknown): NewJob => {
  const { id, plan, clock, options, startOptions } = job;
  const { jobKey, metadata = {}, labels } = options;
  return {
    id,
    name: plan.name,
    ...(jobKey !== undefined && { key: jobKey }),
    createdAt: clock.now(),
    ...definitionShape(plan),
    input: job.keptInput ?? encodeInput(plan, kept),
    options: encodeOptions(startOptions),
    metadata: encodeAs('UNSERIALISABLE_INPUT', `The metadata of job "${plan.name}"`, metadata),
    ...(labels && { labels: { ...labels } }),
  };
};

/** Continues a job that is over under its id, once its end has been stored. @throws JournalError `JOB_LEASED` */
export const reopenRecord = (job: JobRun, journal: Journal, earlier: JobRun): void => {
  const busy = JournalWriter.of(journal).recorderOf(earlier.id);
  if (busy && busy !== earlier.recorder) throw alreadyRetrying(earlier);
  onceCommitted(earlier, job, () => reacquire(job, journal, earlier.nextSeq, () => job.startSoon()));
};

const alreadyRetrying = ({ id, plan }: JobRun): JournalError =>
  new JournalError('JOB_LEASED', `Job "${plan.name}" ("${id}") is being tried again already.`, { jobId: id });

/** Calls `start` when the end of the earlier job has been stored, which is usually the case already. */
const onceCommitted = ({ recorder }: JobRun, run: JobRun, start: () => void): void => {
  if (!recorder || recorder.isCommitted) {
    start();
    return;
  }
  const fail = (error: unknown): void => run.recorder?.fail(error);
  recorder.afterCommit(() => {
    try {
      start();
    } catch (error) {
      fail(error);
    }
  }, fail);
};

/** Acquires the lease of an ended job, then retries the job. @throws JournalError if its next event is not `nextSeq` */
const reacquire = (job: JobRun, journal: Journal, nextSeq: number, start: () => void): void => {
  const recorder = recorderOf(job);
  const onAcquired = (stored: JournalJob): Opened => {
    if (stored.lastSeq !== nextSeq - 1) {
      void JournalWriter.of(journal).release({ jobId: job.id, fence: stored.fence });
      throw continuedSince(job.id);
    }
    redescribe(job, stored);
    recorder.start(stored.fence);
    // Messages sent after the job ended are stale: drop them.
    recorder.discardMessages();
    const shape = definitionShape(job.plan);
    if (shape.fingerprint !== stored.fingerprint) recorder.redefine(shape);
    start();
    return undefined;
  };
  whenAcquired(job, recorder, onAcquired, () => journal.acquire(job.id, JournalWriter.of(journal).lease()));
};

/** Connects a job to its recorder: handles messages from other processes, and stops the job if its journal fails. */
export const connect = (job: JobRun): void => {
  const { recorder } = job;
  if (!recorder) return;
  recorder.onFailure = (error) => interruptJob(job, error);
  handleMessages(job, recorder);
};

/** Returns the recorder of a job. Registers it as the job's writer, unless the job has another one. */
export const recorderOf = (job: JobRun): JobRecorder => {
  const recorder = job.recorder as JobRecorder;
  recorder.register();
  return recorder;
};

const whenAcquired = <Answer>(
  job: JobRun,
  recorder: JobRecorder,
  onAcquired: (answer: Answer) => Opened,
  request: () => Awaitable<Answer>,
): void => {
  discardOnError(recorder, () => {
    const answer = request();
    if (!isThenable(answer)) job.opened = onAcquired(answer as Answer);
    else
      job.opened = underWayUntil(
        Promise.resolve(answer)
          .then(onAcquired)
          .catch((error) => recorder.fail(error)),
      );
  });
};

/** Runs the callback, and discards the recorder if that throws. */
const discardOnError = <Value>(recorder: JobRecorder | undefined, open: () => Value): Value => {
  try {
    return open();
  } catch (error) {
    recorder?.discard();
    throw error;
  }
};

const continuedSince = (jobId: string): JournalError => {
  const message = `The job "${jobId}" has gone on since this handle was over: retry it by its id, or by its newest handle.`;
  return new JournalError('LEASE_LOST', message, { jobId });
};

/** Ends a job whose journal failed: nothing may happen unrecorded. A job whose end was not stored becomes failed. */
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
