import { z } from '@hono/zod-openapi';
import { HttpProblem } from './problem.ts';

/** Whether a version that a request names is the present one. */
export type IsPresent = (etag: string) => boolean;

/**
 * Refuses a request whose `If-Match` names other versions than the present one (RFC 9110, section 13.1.1); one without the
 * header is let through. `what`: the thing, at the beginning of a sentence. @throws HttpProblem `PRECONDITION_FAILED`
 */
export const requireMatch = (ifMatch: string | undefined, isPresent: IsPresent, what: string): void => {
  if (ifMatch === undefined) return;
  const named = ifMatch.split(',').map((tag) => tag.trim());
  if (named.some((tag) => tag === '*' || isPresent(tag))) return;
  throw new HttpProblem(412, 'PRECONDITION_FAILED', `${what} has not the version of If-Match any more. Read it again.`);
};

export const IfMatchHeaders = z.object({
  'if-match': z
    .string()
    .max(2000)
    .optional()
    .meta({ description: '`etag` of the version that is meant; of another one nothing is changed: 412' }),
});
