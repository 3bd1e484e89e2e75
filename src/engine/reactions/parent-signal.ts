import { onAbort } from '../on-abort.ts';
import { stopJob } from '../stop.ts';
import type { Reaction } from './reaction.ts';

/** The parent signal: when it aborts, the job is cancelled. */
export const parentSignal: Reaction = {
  onJob: (job, { from }) => {
    if (job.over) {
      job.unlinkSignal?.();
      return;
    }
    const { signal } = job.options;
    if (!signal || from !== 'idle') return;
    job.unlinkSignal = onAbort(signal, (cause) => stopJob(job, { to: 'cancelled', mode: 'abort', cause }));
  },
};
