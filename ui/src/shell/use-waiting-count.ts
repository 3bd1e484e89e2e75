import { request } from '../api/request.ts';
import { usePolled } from '../api/use-polled.ts';

type Stats = { readonly ready: number; readonly elsewhere: number };

/** How many units wait for somebody, those of jobs that other processes run as well. */
export const useWaitingCount = (): number => {
  const { value } = usePolled('stats', (signal) => request<Stats>('/units/stats', { signal }), 5000);
  return value === undefined ? 0 : value.ready + value.elsewhere;
};
