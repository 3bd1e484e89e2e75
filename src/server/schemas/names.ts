import { z } from '@hono/zod-openapi';

/** Ids of jobs, as they may be given over HTTP. */
export const JobId = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'expected 1 to 128 letters, digits, _ or -');

/** Names of topics and schedules. */
export const Slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected 1 to 63 small letters, digits and -, not beginning with -');

/** Who may work on a unit. */
export const Owner = z.string().min(1).max(200);

/** Names of tasks and units. */
export const TaskName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^/[\]]+$/, 'expected no /, [ or ]');

/** A time in epoch ms. */
export const Time = z.number().meta({ description: 'Epoch ms' });
