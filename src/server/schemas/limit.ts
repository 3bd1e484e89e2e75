import { z } from '@hono/zod-openapi';
import { Time } from './names.ts';

const LimitedTask = z.object({ jobId: z.string(), task: z.string(), since: Time.optional() });

export const LimitBody = z
  .object({
    name: z.string(),
    taken: z.int(),
    free: z.int(),
    size: z.int().meta({ description: 'Number of slots, taken and free' }),
    busyMs: z.number().meta({ description: 'For how long slots have been taken so far, in ms, summed over the slots' }),
    waiting: z.int().meta({ description: 'Number of ready tasks that wait for slots' }),
    holders: z
      .array(LimitedTask)
      .meta({ description: 'The tasks that hold slots, those first that have held them longest; 20 at most' }),
    next: z.array(LimitedTask).meta({
      description: 'The first 20 that wait, in the order in which they run; `since`: when they were ready',
    }),
  })
  .openapi('Limit');

export const LimitsBody = z
  .object({ items: z.array(LimitBody), now: Time.meta({ description: 'The time of the server' }) })
  .openapi('Limits');

const Count = z.int().min(1).max(1_000_000_000);

export const LimitsChange = z
  .strictObject({
    maxConcurrency: Count.nullable()
      .optional()
      .meta({ description: 'How many attempts of all jobs run at once; null: no limit' }),
    pools: z
      .record(
        z.string().max(200),
        z.union([
          Count,
          z.strictObject({ slots: Count.optional(), limit: Count.optional(), periodMs: Count.optional() }),
        ]),
      )
      .optional()
      .meta({ description: 'Pools by name, of those that there are: slots, or `{ slots, limit, periodMs }`' }),
  })
  .openapi('LimitsChange');
