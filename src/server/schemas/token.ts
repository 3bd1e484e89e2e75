import { z } from '@hono/zod-openapi';
import { ROLES } from '../access/principal.ts';
import { Owner } from './names.ts';

export const TokenBody = z
  .object({
    id: z.string(),
    name: z.string(),
    roles: z.array(z.enum(ROLES)),
    owners: z
      .array(z.string())
      .optional()
      .meta({ description: 'Whose units a worker sees and does; without it, those of all' }),
    createdAt: z.number().meta({ description: 'Epoch ms' }),
    expiresAt: z.number().optional(),
    lastUsedAt: z.number().optional().meta({ description: 'Exact to a minute' }),
  })
  .openapi('Token');

export const NewTokenBody = z
  .strictObject({
    name: z.string().min(1).max(100),
    roles: z.array(z.enum(ROLES)).min(1).max(4),
    owners: z.array(Owner).max(100).optional(),
    expiresAt: z.number().int().positive().optional(),
  })
  .openapi('NewToken');

export const CreatedTokenBody = TokenBody.extend({
  secret: z.string().meta({ description: 'What the client sends; it is shown here alone' }),
}).openapi('CreatedToken');
