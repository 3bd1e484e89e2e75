import { isThenable } from '../../events/thenable.ts';
import { JournalError } from '../errors.ts';
import type { JobRun } from '../job-run.ts';
import type { Journal, JournalJob, NewJob } from '../journal.ts';
import { stopJob } from '../stop.ts';
import { definitionShape } from './definition-shape.ts';
import { encodedAs, type JobRecorder } from './job-recorder.ts';
import { JournalWriter } from './journal-writer.ts';

/** The options of a start that a journal keeps: those that are plain data. */
const KEPT_OPTIONS = [
  'timeout',
  'maxConcurrency',
  'rateLimit',
  'pools',
  'sequential',
  'onFailure',
  'graceMs',
  'maxRetries',
  'onExhausted',
  'contextConflict',
  'freeze',
] as const;

/**
 * Gives a new job its place in the journal, then begins it. A journal that answers at once refuses at once; one that
 * answers later ends the job. @throws JournalError @throws SerialisationError of the input
 */
export const recordJob = (
  job: JobRun,
  recorder: JobRecorder,
  journal: Journal,
  input: object,
  begin: () => void,
): void => {
  recorder.onFailure = (error) => interruptJob(job, error);
  const { plan, id, clock, options } = job;
  const kept = KEPT_OPTIONS.flatMap((key) => {
    const value = options[key];
    return value === undefined || value === Number.POSITIVE_INFINITY ? [] : [[key, value]];
  });
  const newJob: NewJob = {
    id,
    name: plan.name,
    createdAt: clock.now(),
    ...definitionShape(plan),
    input: encodedAs('UNSERIALISABLE_INPUT', `The input of job "${plan.name}"`, input),
    options: JSON.stringify(Object.fromEntries(kept)),
    metadata: '{}',
  };
  const opened = ({ created, job: kept }: { readonly created: boolean; readonly job: JournalJob }): void => {
    if (!created) throw jobExists(id);
    recorder.open(kept.fence);
    queueMicrotask(begin);
  };
  const answer = journal.create(newJob, JournalWriter.of(journal).lease());
  if (!isThenable(answer)) opened(answer);
  else
    Promise.resolve(answer)
      .then(opened)
      .catch((error) => recorder.fail(error));
};

const jobExists = (jobId: string): JournalError =>
  new JournalError('JOB_EXISTS', `The journal holds a job "${jobId}" already. Leave out jobId for one of its own.`, {
    jobId,
  });

/** The journal can't be written: the job ends here, so that nothing happens that is not kept. */
const interruptJob = (job: JobRun, cause: JournalError): void => {
  stopJob(job, { to: 'failed', mode: 'abort', cause, interrupted: true });
};
