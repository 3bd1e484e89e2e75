import { useEffect } from 'react';
import { type Loaded, useLoad } from './use-load.ts';

/** Asks again each `everyMs` while the tab is seen; for what no stream tells. */
export const usePolled = <Value>(
  key: string,
  load: (signal: AbortSignal) => Promise<Value>,
  everyMs = 2000,
): Loaded<Value> => {
  const loaded = useLoad(key, load);
  const { reload } = loaded;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [reload, everyMs]);
  return loaded;
};
