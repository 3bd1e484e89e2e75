import { z } from '@hono/zod-openapi';

export const LimitBody = z
  .object({
    name: z.string(),
    taken: z.int(),
    free: z.int(),
    size: z.int().meta({ description: 'Number of slots, taken and free' }),
    waiting: z.int().meta({ description: 'Number of ready tasks that wait for slots' }),
    next: z
      .array(z.object({ jobId: z.string(), task: z.string() }))
      .meta({ description: 'The first 20 of them, in the order in which they run' }),
  })
  .openapi('Limit');
