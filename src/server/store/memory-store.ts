import { MAX_EXPIRED, type RecordKind, type ServiceRecord, type ServiceStore } from './service-store.ts';

/** Creates a store in memory, beside a journal in memory. */
export const memoryStore = (): ServiceStore => {
  const kinds = new Map<RecordKind, Map<string, ServiceRecord>>();
  let changes = 0;
  const of = (kind: RecordKind): Map<string, ServiceRecord> => {
    const known = kinds.get(kind);
    if (known) return known;
    const created = new Map<string, ServiceRecord>();
    kinds.set(kind, created);
    return created;
  };
  return {
    get: (kind, key) => of(kind).get(key),
    list: (kind, { after, limit = Number.POSITIVE_INFINITY } = {}) =>
      [...of(kind).values()]
        .filter(({ key }) => after === undefined || key > after)
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .slice(0, limit),
    put: ({ kind, key, value, at, expiresAt, expected }) => {
      const version = of(kind).get(key)?.version ?? 0;
      if (expected !== undefined && expected !== version) return undefined;
      changes++;
      const record = { kind, key, value, version: version + 1, updatedAt: at, expiresAt };
      of(kind).set(key, record);
      return record;
    },
    remove: (kind, key, expected) => {
      const known = of(kind).get(key);
      if (known === undefined || (expected !== undefined && known.version !== expected)) return false;
      changes++;
      return of(kind).delete(key);
    },
    removeExpired: (at) => {
      const expired = [...kinds.values()]
        .flatMap((records) => [...records.values()])
        .filter(({ expiresAt }) => expiresAt !== undefined && expiresAt <= at)
        .slice(0, MAX_EXPIRED);
      for (const { kind, key } of expired) of(kind).delete(key);
      changes += expired.length;
      return expired.length;
    },
    changes: () => changes,
  };
};
