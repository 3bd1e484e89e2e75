import { boundedErrorData } from '../../events/error-data.ts';
import { AbortError } from '../errors/errors.ts';
import { isCleanUp, isStopped, type JobRun, type TaskRun } from '../model/run.ts';
import type { Stop, StopNote } from '../model/stopping.ts';
import { afterSettling, planCleanUp, startCleanUp } from './clean-up.ts';
import { endJob } from './end.ts';
import { applyPassedJobLimits } from './passed-limits.ts';
import { releaseCleanUps, resumeTask } from './pause.ts';

/**
 * Begins to stop a job. A cancellation or a time limit overrides a failure, `abort` overrides `drain`, and an
 * interruption overrides everything; otherwise the first stop stays.
 */
export const stopJob = (job: JobRun, stop: Stop): void => {
  if (job.over) return;
  const before = job.stop;
  const overrules = !before || stop.interrupted || (before.to === 'failed' && stop.to !== 'failed');
  const mode = before?.mode === 'abort' ? 'abort' : stop.mode;
  const endsCleanUp = before?.endsCleanUp || stop.endsCleanUp;
  job.stop = { ...(overrules ? stop : before), mode, ...(endsCleanUp && { endsCleanUp }) };
  if (!job.stop.interrupted) noteStop(job, job.stop);
  if (job.stop.interrupted || endsCleanUp) job.cleanUp = undefined;
  else planCleanUp(job);
  releaseCleanUps(job);
  applyStop(job, { ...stop, mode });
};

/**
 * Cancels a job on request. The request after one by `abort` ends clean-up, too; after one by `drain` only if nothing
 * but clean-up is left.
 */
export const cancelJob = (job: JobRun, mode: Stop['mode'], cause: unknown): void => {
  const before = job.cancelMode;
  job.cancelMode = before === 'abort' ? before : mode;
  const again = mode === 'abort' && (before === 'abort' || (before === 'drain' && [...job.active].every(isCleanUp)));
  endEarly(job, mode, cause, again);
};

/** Cancels a job. A restored job that has not resumed yet gets the stop first, so that it starts nothing new. */
export const endEarly = (job: JobRun, mode: Stop['mode'], cause: unknown, endsCleanUp = false): void => {
  const stop: Stop = {
    to: 'cancelled',
    mode,
    ...(cause !== undefined && { cause }),
    ...(endsCleanUp && { endsCleanUp }),
  };
  if (job.startNow && !job.over && job.state !== 'idle') {
    job.stop = job.stop?.to === 'timedOut' ? { ...job.stop, ...(endsCleanUp && { endsCleanUp }) } : stop;
    noteStop(job, job.stop);
    job.startNow();
    return;
  }
  job.startNow?.();
  job.inContext(() => stopJob(job, stop));
};

/** Applies a stop to all active tasks, except to clean-up. */
export const applyStop = (job: JobRun, { to, mode, cause, reason: given }: Stop): void => {
  const reason = given ?? new AbortError(ABORT_CODES[to], `The job ${ENDINGS[to]}.`, cause);
  // In one sweep, so that all tasks to stop end before any clean-up begins.
  const stop = (task: TaskRun): void => {
    if (job.active.has(task) && isStopped(task)) stopTask(job, task, mode, reason);
  };
  job.sweep([...job.active], stop, () => {
    startCleanUp(job);
    endIfStopped(job);
  });
  if (!job.over && mode === 'abort') startGrace(job);
};

const noteStop = ({ recorder, parent }: JobRun, { to, mode, cause, conflict, reason, endsCleanUp }: Stop): void => {
  if (!recorder) return;
  const text: StopNote = {
    to,
    mode,
    ...(endsCleanUp && { endsCleanUp }),
    conflict,
    cause: cause === undefined ? undefined : boundedErrorData(cause),
    ...(parent && { attempt: parent.attempts, code: reason?.code }),
  };
  recorder.put(parent?.path ?? '', 'stop', JSON.stringify(text));
};

const stopTask = (job: JobRun, task: TaskRun, mode: Stop['mode'], reason: AbortError): void => {
  if (task.attempt && task.state === 'paused' && mode === 'drain') resumeTask(job, task.index);
  if (!task.attempt) cancelTask(job, task);
  else if (mode === 'abort') abortTask(job, task, reason);
  else if (task.child) stopJob(task.child, childStop(job, mode, reason));
};

/** Ends a stopping job when nothing runs any more and all clean-up has finished. */
export const endIfStopped = (job: JobRun, settled?: TaskRun): void => {
  if (!job.stop || job.over) return;
  if (settled) afterSettling(job, settled);
  if (job.active.size === 0 && !job.cleanUp?.waiting.size && job.sweeps === 0) endJob(job);
};

/** For each way to stop: words for messages, the code of the abort error, the reason of cancelled tasks. */
const ENDINGS = { failed: 'failed', timedOut: 'ran out of time', cancelled: 'was cancelled' } as const;
const ABORT_CODES = { failed: 'JOB_FAILED', timedOut: 'JOB_TIMEOUT', cancelled: 'JOB_CANCELLED' } as const;
const TASK_REASONS = { failed: 'jobFailed', timedOut: 'jobTimedOut', cancelled: 'jobCancelled' } as const;

/** Cancels a task whose job is stopping. */
export const cancelTask = (job: JobRun, task: TaskRun): void => {
  const reason = TASK_REASONS[job.stop?.to ?? 'cancelled'];
  job.commandTask(task, { type: 'task.cancel', reason }, { reason });
};

/** Returns the stop to apply to a nested job when the enclosing job stops. */
const childStop = ({ stop }: JobRun, mode: Stop['mode'], reason: AbortError): Stop => ({
  to: 'cancelled',
  mode,
  cause: reason,
  reason,
  ...(stop?.interrupted && { interrupted: true }),
  ...(stop?.endsCleanUp && { endsCleanUp: true }),
});

const abortTask = (job: JobRun, task: TaskRun, reason: AbortError): void => {
  const { attempt, child } = task;
  attempt?.abort(reason);
  if (attempt && child && !child.over) {
    attempt.phase = 'aborting';
    stopJob(child, childStop(job, 'abort', reason));
  } else if (!attempt?.begun || attempt.deferredEnd || !job.options.graceMs || task.definition.kind === 'external') {
    cancelTask(job, task);
  } else if (attempt) {
    attempt.phase = 'aborting';
  }
};

/**
 * Aborts an attempt and calls `onAborted`: at once, or when the attempt's nested job is over. A nested job ends at once
 * if it has no grace period and no clean-up.
 */
export const abortAttempt = ({ attempt, child }: TaskRun, reason: AbortError, onAborted: () => void): void => {
  attempt?.abort(reason);
  if (!attempt || !child || child.over) {
    onAborted();
    return;
  }
  attempt.phase = 'aborting';
  attempt.onAborted = onAborted;
  stopJob(child, { to: 'cancelled', mode: 'abort', cause: reason, reason });
};

/** Cancels aborted attempts that have not ended after `graceMs`; clean-up has its own time, from when it was aborted. */
const startGrace = (job: JobRun): void => {
  const start = (hasTime: (task: TaskRun) => boolean): (() => void) =>
    job.clock.setTimer(() => {
      for (const task of [...job.active]) if (hasTime(task) && !(task.child && !task.child.over)) cancelTask(job, task);
    }, job.options.graceMs ?? 0);
  job.cancelGrace ??= start((task) => !isCleanUp(task));
  if (job.stop?.endsCleanUp || job.stop?.interrupted) job.cancelCleanUpGrace ??= start(isCleanUp);
};

export const endIfSettled = (job: JobRun): void => {
  if (job.stop) endIfStopped(job);
  else if (job.settled === job.size && job.sweeps === 0) endInTime(job);
};

/** Ends a job that has settled, unless its time limit has passed meanwhile: that ends it another way. */
const endInTime = (job: JobRun): void => {
  applyPassedJobLimits(job);
  if (!job.stop) endJob(job);
};
