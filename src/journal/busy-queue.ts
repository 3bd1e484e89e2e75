import type { Awaitable } from '../engine/durable/journal.ts';
import { isBusy, journalLocked } from './sqlite-failure.ts';

/** How long to wait before trying again, in ms. */
const AGAIN_MS = 50;

type Waiting = {
  readonly work: () => void;
  readonly reject: (error: unknown) => void;
  readonly giveUpAt: number;
};

export type BusyQueue = {
  /** What `work` answers: at once where nothing is in the way, later where another process holds a lock. */
  readonly run: <Answer>(work: () => Answer) => Awaitable<Answer>;
  /** Gives up what waits. */
  readonly close: (error: Error) => void;
};

/**
 * Work on a database that other processes write too. What finds it locked is tried again and again, for at most `busyTimeoutMs`
 * and without blocking the process; what comes meanwhile waits its turn. Then it fails with `JOURNAL_LOCKED`.
 */
export const busyQueue = (file: string, busyTimeoutMs: number): BusyQueue => {
  const queue: Waiting[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const tryAll = (): void => {
    timer = undefined;
    for (let [next] = queue; next; [next] = queue) {
      try {
        next.work();
      } catch (error) {
        if (isBusy(error) && performance.now() < next.giveUpAt) {
          timer = setTimeout(tryAll, AGAIN_MS);
          return;
        }
        next.reject(isBusy(error) ? journalLocked(file, error) : error);
      }
      queue.shift();
    }
  };

  return {
    run: <Answer>(work: () => Answer): Awaitable<Answer> => {
      if (queue.length === 0) {
        try {
          return work();
        } catch (error) {
          if (!isBusy(error)) throw error;
        }
      }
      return new Promise<Answer>((resolve, reject) => {
        queue.push({ work: () => resolve(work()), reject, giveUpAt: performance.now() + busyTimeoutMs });
        timer ??= setTimeout(tryAll, AGAIN_MS);
      });
    },
    close: (error) => {
      clearTimeout(timer);
      for (const { reject } of queue.splice(0)) reject(error);
    },
  };
};
