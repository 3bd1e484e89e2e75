import type { z } from '@hono/zod-openapi';
import type * as schemas from '../server/schemas/problem.ts';

type Problem = z.infer<typeof schemas.ProblemBody>;

/** Thrown when the service refuses a request, or can't be reached. Match on `code`. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  /** The code of the problem; `UNREACHABLE` if no answer came, `NO_PROBLEM` for an answer that is none of the service's. */
  readonly code: string;
  /** The HTTP status; 0 if no answer came. */
  readonly status: number;
  /** All that is wrong with the request. */
  readonly problems: NonNullable<Problem['problems']>;
  /** The id of the request in the log of the service. */
  readonly requestId: string | undefined;

  constructor(
    problem: Pick<Problem, 'code' | 'status' | 'detail' | 'problems'> & { readonly instance?: string },
    options?: ErrorOptions,
  ) {
    super(problem.detail, options);
    this.code = problem.code;
    this.status = problem.status;
    this.problems = problem.problems ?? [];
    this.requestId = problem.instance;
  }
}

/** Makes the error of an answer that is not a success. */
export const errorOf = async (answer: Response): Promise<ServiceError> => {
  const { status } = answer;
  const text = await answer.text().catch(() => '');
  if (answer.headers.get('content-type')?.startsWith('application/problem+json')) {
    try {
      return new ServiceError(JSON.parse(text) as Problem);
    } catch {}
  }
  return notOfService(status, text);
};

/** Makes the error of an answer that is none of the service's, such as the page of another server. */
export const notOfService = (status: number, text: string): ServiceError =>
  new ServiceError({ code: 'NO_PROBLEM', status, detail: `The answer is ${status}: ${text.slice(0, 200)}` });
