import type { JournalFeed } from '../engine/durable/journal.ts';
import { inNextTurn } from '../events/under-way.ts';

/** Calls those who wait for changes in a journal's feed. */
export type ChangeHint = {
  readonly onChange: JournalFeed['onChange'];
  /** Calls the listeners in the next turn of the event loop, once for all calls before. */
  readonly stored: () => void;
  readonly close: () => void;
};

/** `othersStored` returns whether another process has stored events since its last call. It is asked while anybody listens. */
export const changeHint = (othersStored?: () => boolean): ChangeHint => {
  const listeners = new Set<{ readonly call: () => void }>();
  let isScheduled = false;
  let timer: ReturnType<typeof setInterval> | undefined;

  const stored = (): void => {
    if (isScheduled || listeners.size === 0) return;
    isScheduled = true;
    inNextTurn(() => {
      isScheduled = false;
      for (const listener of [...listeners]) if (listeners.has(listener)) listener.call();
    });
  };

  const look = (): void => {
    try {
      if (othersStored?.()) stored();
    } catch {
      // Look again after the next interval.
    }
  };

  const watch = (): void => {
    if (!othersStored || timer) return;
    othersStored();
    timer = setInterval(look, WATCH_MS);
    timer.unref();
  };

  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };

  return {
    stored,
    onChange: (call) => {
      watch();
      const listener = { call };
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) stop();
      };
    },
    close: () => {
      listeners.clear();
      stop();
    },
  };
};

/** How often a journal looks for what other processes have stored, in ms. */
const WATCH_MS = 250;
