import type { Engine } from '../../engine/engine.ts';
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
    await pause(clock, live ? left : Math.min(left, LOOK_MS), signal, live);
  }
};

/** How often the journal is looked into for a job that another process runs, in ms. */
const LOOK_MS = 250;

/** Resolves after `ms`, when the signal aborts, or when the job has ended. */
const pause = (clock: Clock, ms: number, signal: AbortSignal, live: Live | undefined): Promise<void> =>
  new Promise((resolve) => {
    const cancel = clock.setTimer(done, ms);
    const stopListening = live && whenOver(live, done);
    function done(): void {
      cancel();
      stopListening?.();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });

type Live = NonNullable<ReturnType<Engine['job']>>;

/** Who waits for the end of a job. The promise of its end is listened to once: it would keep all that ever waited. */
const waiting = new WeakMap<Live, Set<() => void>>();

/** Calls back once the end of a job is kept, or can't be; returns a function that ends this. */
const whenOver = (live: Live, done: () => void): (() => void) => {
  const known = waiting.get(live);
  const listeners = known ?? new Set();
  listeners.add(done);
  if (!known) {
    waiting.set(live, listeners);
    const tell = (): void => {
      waiting.delete(live);
      for (const listener of [...listeners]) listener();
    };
    live
      .result()
      .then(() => live.saved())
      .then(tell, tell);
  }
  return () => void listeners.delete(done);
};
