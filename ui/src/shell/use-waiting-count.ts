import { request } from '../api/request.ts';
import { usePolled } from '../api/use-polled.ts';

type Stats = { readonly ready: number; readonly claimed: number };

/** How many units wait for somebody. */
export const useWaitingCount = (): number =>
  usePolled('stats', (signal) => request<Stats>('/units/stats', { signal }), 5000).value?.ready ?? 0;
