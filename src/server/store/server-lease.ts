import type { ProcessIdentity } from '../../engine/durable/process-identity.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { Clock } from '../../engine/time/clock.ts';
import { type Beat, isLiving, ownBeat } from '../../journal/lease-rules.ts';
import type { ServiceRecord, ServiceStore } from './service-store.ts';

export type ServerLease = {
  /** Throws why the lease could not be renewed the last time, if it could not. @throws JournalError */
  readonly requireRenewed: () => void;
  readonly release: () => Promise<void>;
};

/**
 * Takes the lease of the one server that may use a database, and renews it; one that can't be renewed is tried again each second. `onLost` is called if
 * another has taken it, `onRenewed` each time that the database could be written.
 * @throws JournalError `JOURNAL_LOCKED` if another server holds it
 */
export const takeServerLease = async (
  store: ServiceStore,
  clock: Clock,
  newId: () => string,
  onLost: () => void,
  onRenewed: () => void,
): Promise<ServerLease> => {
  const owner = newId();
  const write = async (): Promise<void> => {
    const known = await store.get('server', KEY);
    const holder = known && leaseIn(known);
    const lease = ownBeat(owner, clock.now(), LEASE_MS);
    if (holder && holder.owner !== owner && isLiving(holder, lease.at)) throw inUse(holder);
    const expected = known?.version ?? 0;
    if (!(await store.put({ kind: 'server', key: KEY, value: JSON.stringify(lease), at: lease.at, expected })))
      throw inUse(leaseIn((await store.get('server', KEY)) as ServiceRecord));
  };
  await write();
  let isReleased = false;
  let stopTimer = (): void => {};
  let failure: unknown;
  const renew = async (): Promise<void> => {
    try {
      await write();
      failure = undefined;
      onRenewed();
    } catch (error) {
      failure = error;
      if (isInUse(error)) return onLost();
    }
    renewLater();
  };
  const renewLater = (): void => {
    if (!isReleased) stopTimer = clock.setTimer(() => void renew(), failure === undefined ? RENEW_MS : RETRY_MS);
  };
  renewLater();
  return {
    requireRenewed: () => {
      if (failure !== undefined) throw failure;
    },
    release: async () => {
      isReleased = true;
      stopTimer();
      const known = await store.get('server', KEY);
      if (known && leaseIn(known).owner === owner) await store.remove('server', KEY, known.version);
    },
  };
};

const KEY = 'server';

/** How long the lease lasts without renewal, how often it is renewed, and tried again if that fails, in ms. */
const LEASE_MS = 30_000;
const RENEW_MS = 10_000;
const RETRY_MS = 1_000;

const leaseIn = ({ value }: ServiceRecord): Beat => JSON.parse(value) as Beat;

const IN_USE = Symbol('in use');

const inUse = ({ host, pid }: ProcessIdentity): JournalError =>
  Object.assign(
    new JournalError(
      'JOURNAL_LOCKED',
      `The database is served already, by process ${pid} on ${host.split(' ')[0] || 'an unknown machine'}. One server a database: end that one, or name another --db.`,
    ),
    { [IN_USE]: true },
  );

const isInUse = (error: unknown): boolean => (error as { readonly [IN_USE]?: boolean })[IN_USE] === true;
