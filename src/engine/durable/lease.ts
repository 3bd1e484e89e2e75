import type { Held, Journal } from './journal.ts';

/** Releases a lease. If that fails, the lease expires by itself. Never rejects. */
export const releaseLease = (journal: Journal, held: Held): Promise<void> =>
  Promise.resolve()
    .then(() => journal.release(held))
    .catch(() => {});
