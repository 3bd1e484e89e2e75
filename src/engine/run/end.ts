import { boundedErrorData, errorData } from '../../events/error-data.ts';
import type { JobCommand } from '../../machines/job.ts';
import type { JobOutcome } from '../definition/task-function.ts';
import { JobError, type JobErrorCode } from '../errors/errors.ts';
import { durationsOf } from '../model/durations.ts';
import type { JobRun } from '../model/run.ts';

/** Ends a job when none of its tasks can change any more. The machine picks the final state from the counts. */
export const endJob = (job: JobRun): void => {
  if (job.over) return;
  job.timer?.cancel();
  job.cancelGrace?.();
  job.cancelCleanUpGrace?.();
  job.error = jobErrorOf(job);
  if (!job.parent) job.recorder?.measure(() => durationsOf(job));
  const reason = job.stop?.to === 'cancelled' ? causeText(job.stop.cause) : undefined;
  const error = job.error && { error: boundedErrorData(job.error) };
  job.commandJob(commandOf(job), reason === undefined ? error : { reason, ...error });
};

/** Returns how the job would end if it ended now. */
export const outcomeSoFar = (job: JobRun): JobOutcome => {
  const { stop, failed, notReady } = job;
  const state = stop?.to ?? (failed > 0 ? 'failed' : notReady > 0 ? 'notReady' : 'completed');
  const error = jobErrorOf(job);
  return { state, ...(error ? { error } : {}) };
};

const commandOf = ({ stop, failed, notReady }: JobRun): JobCommand => {
  if (!stop) return { type: 'job.finish', failed, notReady };
  return { type: ({ failed: 'job.fail', timedOut: 'job.timeOut', cancelled: 'job.cancel' } as const)[stop.to] };
};

/** Returns the error of a job that does not complete; undefined if nothing has gone wrong. */
export const jobErrorOf = (job: JobRun): JobError | undefined => {
  const first = job.errors.find((error) => !error.tolerated);
  const { stop } = job;
  const make = (code: JobErrorCode, what: string, cause: unknown): JobError =>
    new JobError(code, `Job "${job.plan.name}" ${withRootCause(what, cause)}`, {
      jobName: job.plan.name,
      jobId: job.id,
      failedTask: first?.taskName,
      cause,
    });
  if (stop?.to === 'cancelled') {
    const why = causeText(stop.cause);
    return make('JOB_CANCELLED', why === undefined ? 'was cancelled.' : `was cancelled: ${why}`, stop.cause ?? first);
  }
  if (stop?.to === 'timedOut') return make('JOB_TIMEOUT', `was not done within ${job.options.timeout} ms.`, first);
  if (stop?.interrupted) return make('JOURNAL_FAILED', `was interrupted: ${causeText(stop.cause)}`, stop.cause);
  if (stop?.conflict) {
    const { key, tasks } = stop.conflict;
    const what = `failed: "${tasks[0]}" and "${tasks[1]}" both wrote "${key}". Let one depend on the other, or rename the key.`;
    return make('CONTEXT_CONFLICT', what, first);
  }
  return first && make('JOB_FAILED', `failed: ${first.message}`, first);
};

/** Appends the innermost cause, if the text does not end with it. */
const withRootCause = (what: string, cause: unknown): string => {
  if (cause === undefined) return what;
  const data = errorData(cause);
  let root = data;
  while (root.cause) root = root.cause;
  // Such as Node's AggregateError of refused connections, which has a code and no message.
  const text = root.message || root.code || root.name;
  if (what.endsWith(text)) return what;
  return what.includes(data.message)
    ? `${what.replace(/\.$/, '')}: ${text}`
    : `${what} Before that: ${withRootCause(data.message, cause)}`;
};

/** Returns the cause that was given to `cancel`, as text. */
export const causeText = (cause: unknown): string | undefined =>
  cause === undefined ? undefined : errorData(cause).message;
