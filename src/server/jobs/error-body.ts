import type { z } from '@hono/zod-openapi';
import type { ErrorData } from '../../events/error-data.ts';
import type * as schemas from '../schemas/job.ts';

/** Shows an error of a job or a task, without its stack. */
export const errorBody = (error: ErrorData | undefined): z.infer<typeof schemas.ErrorBody> | undefined =>
  error && { name: error.name, message: error.message, code: error.code, details: error.details };
