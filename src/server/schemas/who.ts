import { z } from '@hono/zod-openapi';
import { ROLES } from '../access/principal.ts';
import { Time } from './names.ts';

export const WhoAmIBody = z
  .object({
    id: z.string(),
    name: z.string(),
    roles: z.array(z.enum(ROLES)),
    owners: z.array(z.string()).optional(),
    session: z
      .object({ endsAt: Time })
      .optional()
      .meta({ description: 'The session of a browser, and when it ends unless it is used before' }),
  })
  .openapi('WhoAmI');

export const NewSessionBody = z
  .strictObject({ token: z.string().min(1).max(200).meta({ description: 'The secret of a token' }) })
  .openapi('NewSession');
