import { z } from 'zod';
import type { ServiceStore } from '../store/service-store.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

/** The schedules that the API keeps. */
export type StoredSchedules = {
  readonly list: () => Promise<readonly Schedule[]>;
  /** Keeps a schedule; returns whether it did: `create` is refused if there is one of the name. @throws JournalError */
  readonly put: (schedule: Schedule, create: boolean) => Promise<boolean>;
  readonly remove: (name: string) => Promise<void>;
};

const Kept = z.object({
  definition: z.string(),
  cron: z.string().optional(),
  every: z.number().optional(),
  timezone: z.string(),
  overlap: z.enum(['skip', 'queue', 'allow', 'cancel']),
  catchup: z.enum(['latest', 'all', 'none']),
  catchupWindow: z.number(),
  jitter: z.number(),
  pauseOnFailure: z.number().optional(),
  input: z.record(z.string(), z.unknown()).optional(),
  start: z.number().optional(),
  end: z.number().optional(),
  enabled: z.boolean(),
});

/** `now`: the time in epoch ms. */
export const storedSchedules = (store: ServiceStore, now: () => number): StoredSchedules => ({
  list: async () =>
    (await store.list('schedule')).map(({ key, value }) => scheduleOf({ name: key, ...Kept.parse(JSON.parse(value)) })),
  put: async ({ name, ...schedule }, create) => {
    const value = JSON.stringify(schedule);
    const expected = create ? 0 : undefined;
    return (await store.put({ kind: 'schedule', key: name, value, at: now(), expected })) !== undefined;
  },
  remove: async (name) => {
    await store.remove('schedule', name);
  },
});
