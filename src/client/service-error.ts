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
  /** What is wrong; `message` has also what helps over HTTP. */
  readonly detail: string;
  /** All that is wrong with the request. */
  readonly problems: NonNullable<Problem['problems']>;
  /** The id of the request in the log of the service. */
  readonly requestId: string | undefined;

  constructor(
    problem: Pick<Problem, 'code' | 'status' | 'detail' | 'remedy' | 'problems'> & { readonly instance?: string },
    options?: ErrorOptions,
  ) {
    super([problem.detail, problem.remedy].filter(Boolean).join(' '), options);
    this.detail = problem.detail;
    this.code = problem.code;
    this.status = problem.status;
    this.problems = problem.problems ?? [];
    this.requestId = problem.instance;
  }
}

/** Whether a service answered that it did what was asked, and no other server. */
export const isSuccess = (answer: Response): boolean => answer.ok && isOfService(answer);

const isOfService = ({ headers }: Response): boolean => headers.has('tintype-api');

/** Makes the error of an answer that is not a success. */
export const errorOf = async (answer: Response): Promise<ServiceError> => {
  const text = await answer.text().catch(() => '');
  if (isOfService(answer) && !answer.ok) {
    try {
      return new ServiceError(JSON.parse(text) as Problem);
    } catch {}
  }
  return notOfService(answer);
};

/** Makes the error of an answer that is none of the service's, such as the page of another server. */
const notOfService = ({ status, headers, url }: Response): ServiceError => {
  const type = headers.get('content-type')?.split(';')[0];
  const what = type ? `with ${type}` : 'without a content type';
  const location = headers.get('location');
  const detail = `${url.split('?')[0] || 'The address'} answered ${status} ${what}${location ? ` and points to ${location}` : ''}: that is no answer of tintype.`;
  return new ServiceError({ code: 'NO_PROBLEM', status, detail });
};
