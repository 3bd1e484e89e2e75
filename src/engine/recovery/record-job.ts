import { ignore, isThenable } from '../../events/thenable.ts';
import { jobSnapshot } from '../../machines/job.ts';
import { definitionShape } from '../definition/definition-shape.ts';
import { encodedAs, type JobRecorder } from '../durable/job-recorder.ts';
import type { Awaitable, Journal, JournalJob, NewJob } from '../durable/journal.ts';
import { JournalWriter, jobExists } from '../durable/journal-writer.ts';
import { giveBack } from '../durable/lease.ts';
import { JournalError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { jobErrorOf } from '../run/end.ts';
import { cancelJob, stopJob } from '../run/stop.ts';
import { keptOptions } from './kept-options.ts';
import { listen } from './messages.ts';
import { takeOver, untilKnown } from './take-over.ts';

/**
 * Gives a new job its place in the journal, then begins it. Where the program chose its id, that is asked for first: a
 * journal that answers at once refuses at once, one that answers later ends the job. The job that a key stands for already
 * goes on in its stead. @throws JournalError @throws SerialisationError of the input
 */
export const recordJob = (job: JobRun, journal: Journal, input: object, isNew: boolean, begin: () => void): void => {
  const recorder = recorderOf(job);
  const asked = job.options.jobKey === undefined ? undefined : untilKnown(job);
  const opened = ({ created, job: kept }: { readonly created: boolean; readonly job: JournalJob }): void => {
    if (created && job.stop?.interrupted) {
      // It was left before it began: the next to come begins it.
      recorder.dismiss();
      void giveBack(journal, { jobId: job.id, fence: kept.fence });
    } else if (created) {
      job.elsewhere = undefined;
      recorder.open(kept.fence);
      if (asked?.cancel) cancelJob(job, asked.cancel.mode, asked.cancel.cause);
      queueMicrotask(begin);
    } else if (asked) {
      takeOver(job, recorder, journal, kept, asked);
    } else {
      throw jobExists(job.id);
    }
  };
  if (isNew) {
    orNothing(recorder, () => recorder.begin(newJob(job, input)));
    queueMicrotask(begin);
  } else {
    whenOpened(recorder, opened, () => journal.create(newJob(job, input), JournalWriter.of(journal).lease()));
  }
};

/**
 * Gives a job its place in the journal with its first events, which are those of the results that it takes over from another.
 * @throws JournalError @throws SerialisationError
 */
export const recordFork = (job: JobRun, journal: Journal, input: object, forkedFrom: string): void => {
  const recorder = recorderOf(job);
  orNothing(recorder, () => {
    const there = journal.job(job.id);
    // One that answers later finds it when it is given the job.
    ignore(there);
    if (there && !isThenable(there)) throw jobExists(job.id);
    recorder.begin({ ...newJob(job, input), forkedFrom });
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
    input: encodedAs('UNSERIALISABLE_INPUT', `The input of job "${plan.name}"`, input),
    options: keptOptions(startOptions),
    metadata: encodedAs('UNSERIALISABLE_INPUT', `The metadata of job "${plan.name}"`, metadata),
  };
};

/** Takes the lease of a job that is over and whose next event is `nextSeq`, then lets it go on. @throws JournalError */
export const reacquire = (job: JobRun, journal: Journal, nextSeq: number, goOn: () => void): void => {
  const recorder = recorderOf(job);
  const opened = (kept: JournalJob): void => {
    if (kept.lastSeq !== nextSeq - 1) {
      void giveBack(journal, { jobId: job.id, fence: kept.fence });
      throw goneOn(job.id);
    }
    recorder.open(kept.fence);
    // What was said to the job when it had ended was not meant for its next life.
    recorder.forgetMessages();
    const shape = definitionShape(job.plan);
    if (shape.fingerprint !== kept.fingerprint) recorder.redefine(shape);
    goOn();
  };
  whenOpened(recorder, opened, () => journal.acquire(job.id, JournalWriter.of(journal).lease()));
};

/** Lets a job obey the messages to it, and end where its journal fails. */
export const connect = (job: JobRun): void => {
  const { recorder } = job;
  if (!recorder) return;
  recorder.onFailure = (error) => interruptJob(job, error);
  listen(job, recorder);
};

/** What writes a job from now on, unless another recorder does already. */
export const recorderOf = (job: JobRun): JobRecorder => {
  const recorder = job.recorder as JobRecorder;
  recorder.enlist();
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

/** Where it is refused, nothing is left of it. */
export const orNothing = <Value>(recorder: JobRecorder | undefined, open: () => Value): Value => {
  try {
    return open();
  } catch (error) {
    recorder?.dismiss();
    throw error;
  }
};

const goneOn = (jobId: string): JournalError =>
  new JournalError(
    'LEASE_LOST',
    `The job "${jobId}" has gone on since this handle was over: retry it by its id, or by its newest handle.`,
    { jobId },
  );

/** The journal can't be written: the job ends here, so that nothing happens that is not kept. An end that can't be kept is none. */
const interruptJob = (job: JobRun, cause: JournalError): void => {
  const stop = { to: 'failed', mode: 'abort', cause, interrupted: true } as const;
  job.elsewhere = undefined;
  stopJob(job, stop);
  if (job.stop?.interrupted) return;
  job.stop = stop;
  job.snapshot = jobSnapshot('failed');
  job.error = jobErrorOf(job);
  // One that was to be tried again never has been.
  if (job.wakeUp) job.abandon();
};
