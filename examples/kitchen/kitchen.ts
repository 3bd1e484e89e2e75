import { setTimeout } from 'node:timers/promises';
import { type Client, createClient, type WorkOptions } from 'tintype/client';

const { KITCHEN = 'http://127.0.0.1:8080', MINUTE_MS = '20', LEASE_MS = '5000' } = process.env;

/** The server may be restarted: whoever gets no answer asks again, ten times. */
export const kitchen: Client = createClient({ url: KITCHEN, maxRetries: 10 });

/** Works until SIGTERM, then gives back what is not done. */
export const workAs = (worker: string, options: Pick<WorkOptions, 'owners' | 'handler'>): Promise<void> => {
  const work = kitchen.work({ worker, leaseMs: Number(LEASE_MS), ...options });
  process.once('SIGTERM', () => work.stop());
  return work.done;
};

/** Waits for some minutes of the kitchen, which pass faster than ours. */
export const minutes = (count: number, signal: AbortSignal): Promise<void> =>
  setTimeout(count * Number(MINUTE_MS), undefined, { signal });
