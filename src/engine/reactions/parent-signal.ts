import { isTerminalJobState } from '../../events/states.ts';
import type { JobRun } from '../model/run.ts';
import { cancelJob } from '../run/shutdown.ts';
import { onAbort } from '../time/on-abort.ts';
import type { Reaction } from './reaction.ts';

/** Cancels the job when its option `signal` aborts, which counts as a call of `cancel`. */
export const parentSignal: Reaction = {
  onJob: (job, { from }) => {
    if (job.over) job.unlinkSignal?.();
    else if (from === 'idle' || isTerminalJobState(from)) linkSignal(job);
  },
};

export const linkSignal = (job: JobRun): void => {
  const { signal } = job.options;
  const cancel = (cause: unknown): void => cancelJob(job, 'abort', cause);
  if (signal?.aborted) cancel(signal.reason);
  else if (signal) job.unlinkSignal = onAbort(signal, cancel);
};
