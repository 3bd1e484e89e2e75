import { useEffect } from 'react';
import { type Loaded, useLoad } from './use-load.ts';

/** Asks again `everyMs` after each answer while the tab is seen; for what no stream tells. */
export const usePolled = <Value>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<Value>,
  everyMs = 2000,
): Loaded<Value> => {
  const loaded = useLoad(key, load);
  const { reload, answers, error } = loaded;
  const waitMs = Math.max(everyMs, error?.retryAfterMs ?? 0);
  // An answer that takes longer than the pause must not be given up for the next question.
  useEffect(() => {
    if (answers === 0) return;
    const timer = setInterval(() => {
      if (document.hidden) return;
      clearInterval(timer);
      reload();
    }, waitMs);
    return () => clearInterval(timer);
  }, [reload, waitMs, answers]);
  return loaded;
};
