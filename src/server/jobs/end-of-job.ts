import type { Clock } from '../../engine/time/clock.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { JobSource } from './find-job.ts';

/** Waits until a job is over, at most `waitMs`; of a job that runs elsewhere by looking into the journal. */
export const endOf = async (
  { engine, journal, clock }: JobSource & { readonly clock: Clock },
  jobId: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<void> => {
  const until = clock.now() + waitMs;
  for (;;) {
    const left = until - clock.now();
    const stored = await journal.job(jobId);
    if (!stored || isTerminalJobState(stored.state) || left <= 0 || signal.aborted) return;
    const live = engine.job(jobId);
    await pause(clock, live ? left : Math.min(left, LOOK_MS), signal, (done) => {
      live
        ?.result()
        .then(() => live.saved())
        .then(done, done);
    });
  }
};

/** How often the journal is looked into for a job that another process runs, in ms. */
const LOOK_MS = 250;

/** Resolves after `ms`, when the signal aborts, or when `listen` calls back. */
const pause = (clock: Clock, ms: number, signal: AbortSignal, listen: (done: () => void) => void): Promise<void> =>
  new Promise((resolve) => {
    const cancel = clock.setTimer(done, ms);
    function done(): void {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
    listen(done);
  });
