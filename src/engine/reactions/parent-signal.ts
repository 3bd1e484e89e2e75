import { isTerminalJobState } from '../../events/states.ts';
import type { JobRun } from '../model/run.ts';
import { stopJob } from '../run/shutdown.ts';
import { onAbort } from '../time/on-abort.ts';
import type { Reaction } from './reaction.ts';

/** Cancels the job when its option `signal` aborts. */
export const parentSignal: Reaction = {
  onJob: (job, { from }) => {
    if (job.over) job.unlinkSignal?.();
    else if (from === 'idle' || isTerminalJobState(from)) linkSignal(job);
  },
};

export const linkSignal = (job: JobRun): void => {
  const { signal } = job.options;
  const cancel = (cause: unknown): void => job.inContext(() => stopJob(job, { to: 'cancelled', mode: 'abort', cause }));
  if (signal?.aborted) cancel(signal.reason);
  else if (signal) job.unlinkSignal = onAbort(signal, cancel);
};
