import { describe, expect, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { type GivenSchedule, scheduleOf } from '../../src/server/schedules/schedule.ts';
import { memoryStore } from '../../src/server/store/memory-store.ts';
import type { ServiceStore } from '../../src/server/store/service-store.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { allOrPart } from '../support/long.ts';
import { mortal } from '../support/mortal-journal.ts';
import { scheduler } from '../support/scheduler.ts';

const [MINUTE, START] = [60_000, Date.parse('2027-03-01T00:00:00Z')];

const job = defineJob('report')
  .task('write', () => {})
  .seal();

/** A store that dies at its call number `puts` of `put`, before or after it has written, or with its process. */
const mortalStore = (
  store: ServiceStore,
  process: { readonly die: () => void; readonly dead: boolean },
  { puts, when }: { readonly puts: number; readonly when: 'before' | 'after' },
): ServiceStore => {
  let left = puts;
  return {
    ...store,
    put: async (record) => {
      if (--left === 0 && when === 'before') process.die();
      const written = process.dead ? undefined : await store.put(record);
      if (left === 0) process.die();
      return process.dead ? new Promise<never>(() => {}) : written;
    },
  };
};

/** Runs a schedule until the process dies, and again from minute 36 on. Returns the due times of all jobs in minutes. */
const lives = async (
  given: Omit<GivenSchedule, 'name' | 'definition'>,
  death: { readonly puts: number; readonly when: 'before' | 'after' } | { readonly appends: number },
): Promise<readonly number[]> => {
  const clock = virtualClock(START);
  const [journal, store] = [memoryJournal(), memoryStore()];
  const schedules = [scheduleOf({ name: 'nightly', definition: 'report', every: 10 * MINUTE, ...given })];
  const first = mortal(journal, 'appends' in death ? death : {});
  const killed = scheduler({
    clock,
    schedules,
    definitions: [job],
    journal: first.journal,
    store: mortalStore(store, first, 'puts' in death ? death : { puts: Number.POSITIVE_INFINITY, when: 'before' }),
  });
  void killed.schedules.open().catch(() => {});
  await clock.advance(31 * MINUTE);
  first.die();
  await clock.advance(5 * MINUTE);
  const again = scheduler({ clock, schedules, definitions: [job], journal, store });
  await again.engine.recover();
  await again.schedules.open();
  await clock.advance(30 * MINUTE);
  await again.schedules.close();
  const jobs = await journal.jobs({ order: 'oldest' });
  for (const { state } of jobs) expect(state).toBe('completed');
  return jobs.map(({ labels }) => (Date.parse(labels.due ?? '') - START) / MINUTE).sort((a, b) => a - b);
};

const DEATHS = [
  ...Array.from({ length: 11 }, (_, index) => index + 1).flatMap((puts) =>
    (['before', 'after'] as const).map((when) => ({ puts, when })),
  ),
  ...Array.from({ length: 10 }, (_, appends) => ({ appends })),
];

describe('a process that dies between a due time and the start of its job', () => {
  test.each(allOrPart(DEATHS, 2))('loses none and starts none twice, if all are caught up: %j', async (death) => {
    const due = await lives({ catchup: 'all' }, death);
    // The first write says where the schedule begins: before it there is none.
    if ('puts' in death && death.puts === 1 && death.when === 'before') expect(due).toEqual([40, 50, 60]);
    else expect(due).toEqual([10, 20, 30, 40, 50, 60]);
  });

  test.each(allOrPart(DEATHS, 2))('starts none twice, and the latest, if that is caught up: %j', async (death) => {
    const due = await lives({ catchup: 'latest', overlap: 'queue' }, death);
    expect(new Set(due).size).toBe(due.length);
    const isNew = 'puts' in death && death.puts === 1 && death.when === 'before';
    expect(due).toEqual(expect.arrayContaining(isNew ? [40, 50, 60] : [30, 40, 50, 60]));
  });
});
