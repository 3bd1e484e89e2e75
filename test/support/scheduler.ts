import type { Journal } from '../../src/engine/durable/journal.ts';
import { createEngine, type Engine } from '../../src/engine/engine.ts';
import type { AnyDefinition } from '../../src/engine/job-definition.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { createCatalog } from '../../src/server/definitions/catalog.ts';
import { documentsIn } from '../../src/server/documents/documents.ts';
import type { Schedule } from '../../src/server/schedules/schedule.ts';
import { createSchedules, type Schedules } from '../../src/server/schedules/schedules.ts';
import { memoryStore } from '../../src/server/store/memory-store.ts';
import type { ServiceStore } from '../../src/server/store/service-store.ts';
import { topicsIn } from '../../src/server/topics/topics.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';

export type SchedulerOptions = {
  readonly clock: VirtualClock;
  readonly definitions: readonly AnyDefinition[];
  readonly schedules: readonly Schedule[];
  readonly journal?: Journal;
  readonly store?: ServiceStore;
};

let ids = 0;

/** The schedules of a server without the server, whose own timers would take most of the time of years. */
export const scheduler = ({
  clock,
  definitions,
  schedules,
  journal = memoryJournal(),
  store = memoryStore(),
}: SchedulerOptions): { readonly engine: Engine; readonly schedules: Schedules } => {
  const engine = createEngine({ clock, journal, definitions });
  const [catalog, now, newId] = [createCatalog(definitions), () => clock.now(), () => `job-${ids++}`];
  const [documents, topics] = [documentsIn(store, now), topicsIn(store, now)];
  const parts = {
    engine,
    journal,
    store,
    catalog,
    documents,
    topics,
    clock,
    now,
    newId,
    logger: undefined,
    isLeft: () => false,
    requireWritable: () => {},
  };
  return { engine, schedules: createSchedules(parts, schedules) };
};
