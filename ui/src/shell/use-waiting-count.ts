import { useEffect } from 'react';
import { request } from '../api/request.ts';
import { useLoad } from '../api/use-load.ts';

const EACH_MS = 10_000;

type Stats = { readonly ready: number; readonly claimed: number };

/** How many units wait for somebody; asked again each 10 s while the tab is seen. */
export const useWaitingCount = (): number => {
  const { value, reload } = useLoad('stats', (signal) => request<Stats>('/units/stats', { signal }));
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, EACH_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return value?.ready ?? 0;
};
