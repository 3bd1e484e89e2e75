import type { Held, Journal } from './journal.ts';

/** Gives back a lease; where that fails it runs out by itself. Never rejects. */
export const giveBack = (journal: Journal, held: Held): Promise<void> =>
  Promise.resolve()
    .then(() => journal.release(held))
    .catch(() => {});
