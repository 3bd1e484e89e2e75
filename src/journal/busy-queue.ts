import type { Awaitable } from '../engine/durable/journal.ts';
import { isBusy, journalLocked } from './sqlite-failure.ts';

/** The pause between two tries, in ms. */
const RETRY_PAUSE_MS = 50;

type Waiting = {
  readonly work: () => void;
  readonly reject: (error: unknown) => void;
  /** When to stop retrying: a value of `performance.now()`, in ms. */
  readonly giveUpAt: number;
};

export type BusyQueue = {
  /** Returns the result of `work`, or a promise of it if another process holds the lock or other work waits. */
  readonly run: <Answer>(work: () => Answer) => Awaitable<Answer>;
  readonly close: (error: Error) => void;
};

/**
 * Creates a queue of work on a database that other processes write, too. While the database is locked, retries the work
 * without blocking this process; later work waits. After `busyTimeoutMs`, work fails with `JOURNAL_LOCKED`.
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
          timer = setTimeout(tryAll, RETRY_PAUSE_MS);
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
        timer ??= setTimeout(tryAll, RETRY_PAUSE_MS);
      });
    },
    close: (error) => {
      clearTimeout(timer);
      for (const { reject } of queue.splice(0)) reject(error);
    },
  };
};
