/* What the service keeps beside the jobs. `service-store.ts` is the interface, `memory-store.ts` and `sqlite-store.ts`
 * implement it, `store-of.ts` finds the one of a journal. `server-lease.ts` lets one server use a database. */

import type { Awaitable } from '../../engine/durable/journal.ts';

/**
 * What the service keeps beside the jobs: small records of a kind, each under a key, in the same database. `topic`: by
 * its name. `definition`: an uploaded workflow file, by its name. `document`: the tasks and units of a job, by its id. `draft`: a job that has not been started, by the id that it will have.
 * `schedule`: by its name. `due`: what a schedule has started, by its name. `token`: by its id. `request`: the answer to
 * a request with an idempotency key. `queued`: the jobs that a job waits for before it begins, by its id. `session`: a browser that has signed in, by the hash of its id. `server`: the process
 * that serves the database.
 */
export type RecordKind =
  | 'topic'
  | 'definition'
  | 'document'
  | 'draft'
  | 'schedule'
  | 'due'
  | 'token'
  | 'request'
  | 'queued'
  | 'session'
  | 'server';

export type ServiceRecord = {
  readonly kind: RecordKind;
  readonly key: string;
  /** JSON. */
  readonly value: string;
  /** 1 for a new record; grows by 1 with each `put`. */
  readonly version: number;
  /** Epoch ms. */
  readonly updatedAt: number;
  /** When the record ends, in epoch ms. */
  readonly expiresAt: number | undefined;
};

export type NewRecord = Pick<ServiceRecord, 'kind' | 'key' | 'value'> & {
  /** The time now, in epoch ms. */
  readonly at: number;
  readonly expiresAt?: number | undefined;
  /** The version that the record must have; 0 if there must be none. Default: any. */
  readonly expected?: number | undefined;
};

/** The interface of what keeps the records. All processes that use a database see the same records. */
export type ServiceStore = {
  /** Returns a record, also one that has expired. @throws JournalError */
  readonly get: (kind: RecordKind, key: string) => Awaitable<ServiceRecord | undefined>;
  /**
   * Returns records of a kind in the order of their keys, those after the key `after`. Default: all. ASCII is ordered by
   * its characters; the order of others is the store's own. @throws JournalError
   */
  readonly list: (
    kind: RecordKind,
    page?: { readonly after?: string | undefined; readonly limit?: number | undefined },
  ) => Awaitable<readonly ServiceRecord[]>;
  /** Stores a record and returns it; changes nothing and returns undefined if it is not as `expected`. @throws JournalError */
  readonly put: (record: NewRecord) => Awaitable<ServiceRecord | undefined>;
  /** Removes a record; returns whether there was one, with the `expected` version if that is given. @throws JournalError */
  readonly remove: (kind: RecordKind, key: string, expected?: number) => Awaitable<boolean>;
  /** Removes records that have expired, up to 500; returns their number. @throws JournalError */
  readonly removeExpired: (at: number) => Awaitable<number>;
  /**
   * Returns a number that is another one after records have changed: at once for changes by this store, from the next turn
   * of the event loop on for those of others. Takes microseconds.
   */
  readonly changes: () => number;
};

/** How many expired records one call removes. */
export const MAX_EXPIRED = 500;
