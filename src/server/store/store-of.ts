import type { Journal } from '../../engine/durable/journal.ts';
import { databaseOf } from '../../journal/sqlite-journal.ts';
import { memoryStore } from './memory-store.ts';
import type { ServiceStore } from './service-store.ts';
import { sqliteStore } from './sqlite-store.ts';

/** Returns the store in the database of a journal, always the same one; of a journal in memory, one in memory. */
export const storeOf = (journal: Journal): ServiceStore => {
  const known = STORES.get(journal);
  if (known) return known;
  const database = databaseOf(journal);
  const store = database ? sqliteStore(database) : memoryStore();
  STORES.set(journal, store);
  return store;
};

const STORES = new WeakMap<Journal, ServiceStore>();
