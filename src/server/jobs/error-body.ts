import type { z } from '@hono/zod-openapi';
import type { ErrorData } from '../../events/error-data.ts';
import type * as schemas from '../schemas/job.ts';

type ErrorBody = z.infer<typeof schemas.ErrorBody>;

/** How many causes behind each other are shown. */
const MAX_CAUSES = 8;

/** Shows an error of a job or a task with its causes, without their stacks. */
export const errorBody = (error: ErrorData | undefined, causes = MAX_CAUSES): ErrorBody | undefined =>
  error && {
    name: error.name,
    message: error.message,
    code: error.code,
    details: error.details,
    cause: causes > 0 ? errorBody(error.cause, causes - 1) : undefined,
  };
