import type { Journal } from '../../engine/durable/journal.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Clock } from '../../engine/time/clock.ts';
import type { Logger } from '../../events/logger.ts';
import { underWayUntil } from '../../events/under-way.ts';
import type { Documents } from '../documents/documents.ts';
import { MAX_EXPIRED, type ServiceStore } from '../store/service-store.ts';

type Parts = {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly store: ServiceStore;
  readonly documents: Documents;
  readonly clock: Clock;
};

/**
 * Once an hour removes jobs that ended more than `pruneAfterMs` ago, if that is given, documents whose jobs are gone, and
 * records that have expired. Returns a function that ends this.
 */
export const keepHouse = (parts: Parts, pruneAfterMs: number | undefined, logger: Logger | undefined): (() => void) => {
  const { clock } = parts;
  let stop = (): void => {};
  let ended = false;
  const later = (): void => {
    if (ended) return;
    stop = clock.setTimer(() => {
      underWayUntil(cleanUp(parts, pruneAfterMs))
        .catch((error: Error) => logger?.warn(`Old jobs and records could not be removed: ${error.message}`))
        .finally(later);
    }, HOUR_MS);
  };
  later();
  return () => {
    ended = true;
    stop();
  };
};

const HOUR_MS = 60 * 60 * 1000;

const cleanUp = async (
  { engine, journal, store, documents, clock }: Parts,
  pruneAfterMs: number | undefined,
): Promise<void> => {
  if (pruneAfterMs !== undefined) await engine.prune({ olderThanMs: pruneAfterMs });
  await documents.removeLost(async (jobId) => (await journal.job(jobId)) !== undefined);
  while ((await store.removeExpired(clock.now())) === MAX_EXPIRED);
};
