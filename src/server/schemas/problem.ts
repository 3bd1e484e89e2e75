/* What requests and answers of the service look like, as zod schemas: the validation, the OpenAPI document and the types
 * of the client come from them. One file for each resource. `problem.ts` is the answer to a request that is refused. */

import { z } from '@hono/zod-openapi';

export const ProblemBody = z
  .object({
    type: z.string().meta({ description: '`urn:tintype:problem:` and the code' }),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: 'Which error it is; never changes, unlike the text' }),
    detail: z.string().meta({ description: 'What is wrong, and what to do' }),
    remedy: z.string().optional().meta({ description: 'What to do over HTTP, if `detail` does not say it' }),
    instance: z.string().meta({ description: 'The id of the request, as in `x-request-id`' }),
    problems: z
      .array(
        z.object({
          path: z.string().meta({ description: 'Where, such as `body.tasks[0].name`; empty for the whole' }),
          code: z.string(),
          message: z.string(),
          line: z.int().optional(),
          column: z.int().optional(),
        }),
      )
      .optional()
      .meta({ description: 'All that is wrong, if it is more than one thing' }),
  })
  .openapi('Problem');

export type ProblemBody = z.infer<typeof ProblemBody>;
