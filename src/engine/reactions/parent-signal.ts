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
    const cancel = (): void => stopJob(job, { to: 'cancelled', mode: 'abort', cause: signal.reason });
    signal.addEventListener('abort', cancel, { once: true });
    job.unlinkSignal = () => signal.removeEventListener('abort', cancel);
  },
};
