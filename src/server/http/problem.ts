import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { changeText } from '../../engine/definition/definition-diff.ts';
import {
  CommandError,
  JobDefinitionError,
  JournalError,
  OptionError,
  SchemaError,
  SerialisationError,
  UnknownTaskError,
} from '../../engine/errors/errors.ts';
import { WorkflowError } from '../../workflow/problem.ts';
import type { ProblemBody } from '../schemas/problem.ts';

/** A status that an answer to a refused request may have. */
export type ProblemStatus = Extract<
  ContentfulStatusCode,
  400 | 401 | 403 | 404 | 405 | 406 | 408 | 409 | 412 | 413 | 415 | 422 | 429 | 431 | 500 | 503 | 507
>;

type Details = {
  /** What helps a client of HTTP, such as a route, if `detail` can't say it in words for all readers. */
  readonly remedy?: string | undefined;
  readonly problems?: ProblemBody['problems'] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What the answer does not tell, and the log has to. */
  readonly cause?: unknown;
};

/** Thrown for a request that is refused: becomes an answer of type `application/problem+json`. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly status: ProblemStatus;
  readonly code: string;
  readonly remedy: string | undefined;
  readonly problems: ProblemBody['problems'];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ProblemStatus,
    code: string,
    detail: string,
    { remedy, problems, headers = {}, cause }: Details = {},
  ) {
    super(detail, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.remedy = remedy;
    this.problems = problems;
    this.headers = headers;
  }
}

export const notFound = (what: string, code: string, id: string): HttpProblem =>
  new HttpProblem(404, code, `There is no ${what} ${JSON.stringify(id)}.`);

export const invalidCursor = (): HttpProblem =>
  new HttpProblem(400, 'INVALID_CURSOR', 'The cursor is none of this list with this filter. Begin without one.');

/**
 * Returns the answer to a request that failed with `error`; undefined if it is none that a request causes. Messages of
 * errors that help a program, such as by a method of the engine, are put in words for a client here, code by code.
 */
export const problemOf = (error: unknown): HttpProblem | undefined => {
  if (error instanceof HttpProblem) return error;
  if (error instanceof UnknownTaskError) return new HttpProblem(404, 'TASK_NOT_FOUND', error.message);
  if (error instanceof CommandError)
    return error.code === 'ENGINE_CLOSED'
      ? new HttpProblem(503, 'SHUTTING_DOWN', 'The server is shutting down. Ask again later.', { headers: RETRY_SOON })
      : new HttpProblem(409, error.code, error.code === 'NOT_EXTERNAL' ? notExternal(error) : error.message);
  // A journal has cursors of its own within those of lists.
  if (error instanceof OptionError && error.problems.some(({ option }) => option === 'cursor')) return invalidCursor();
  if (error instanceof OptionError)
    return new HttpProblem(400, 'INVALID_REQUEST', error.message, {
      problems: error.problems.map(({ code, message, option = '' }) => ({ path: option, code, message })),
    });
  if (error instanceof SchemaError)
    return new HttpProblem(422, error.code, error.message, {
      problems: error.violations.map(({ path, message }) => ({ path, code: error.code, message })),
    });
  if (error instanceof JobDefinitionError)
    return new HttpProblem(422, 'INVALID_DEFINITION', error.message, {
      problems: error.problems.map(({ code, message, tasks }) => ({ path: tasks.join(', '), code, message })),
    });
  if (error instanceof WorkflowError)
    return new HttpProblem(422, 'INVALID_DEFINITION', error.message, {
      problems: error.problems.map(({ code, message, line, column }) => ({ path: '', code, message, line, column })),
    });
  if (error instanceof SerialisationError)
    return new HttpProblem(error.code === 'OUTPUT_TOO_LARGE' ? 413 : 422, error.code, error.message, {
      problems: [{ path: error.path, code: error.code, message: error.message }],
    });
  if (error instanceof JournalError) return journalProblem(error);
  return undefined;
};

/** What a client may do when the server can't write at the moment. */
export const RETRY_SOON = { 'retry-after': '1' };

/** What a client may do when somebody has to help, or what runs has to end first. */
export const RETRY_LATER = { 'retry-after': '30' };

const notExternal = ({ taskName }: CommandError): string =>
  `Task "${taskName}" is performed by its job: only an external task can be claimed and completed from outside.`;

const journalProblem = (error: JournalError): HttpProblem | undefined => {
  const { code, message, jobId = '' } = error;
  switch (code) {
    case 'JOB_NOT_FOUND':
      return notFound('job', code, jobId);
    case 'JOB_EXISTS':
    case 'JOB_KEY_CONFLICT':
    case 'JOB_LEASED':
      return new HttpProblem(409, code, message);
    case 'LEASE_LOST':
      return new HttpProblem(
        409,
        'JOB_LEASED',
        `The job "${jobId}" has gone on meanwhile, here or in another process.`,
      );
    case 'DEFINITION_CHANGED':
      return new HttpProblem(409, code, changedText(error), {
        remedy: '"changed": "accept" goes on where what was removed or changed has not begun, "force" in any case.',
        problems: error.changes.map((change) => ({ path: change.task, code, message: change.what ?? change.kind })),
      });
    case 'UNKNOWN_DEFINITION':
      return new HttpProblem(404, 'DEFINITION_NOT_FOUND', unknownText(jobId));
    case 'JOURNAL_LOCKED':
      return new HttpProblem(503, code, 'The database is locked by another program.', { headers: RETRY_SOON });
    case 'JOURNAL_FULL':
      return new HttpProblem(507, code, 'The disk of the database is full.', { headers: RETRY_LATER });
    case 'JOURNAL_READ_ONLY':
      return new HttpProblem(503, code, 'The database may only be read.', { headers: RETRY_LATER });
    case 'JOURNAL_CORRUPT':
      // Damage to one job is no failure of all.
      return error.jobId === undefined ? journalBroken(error) : undefined;
    case 'JOURNAL_FAILED':
    case 'JOURNAL_NEWER':
      return journalBroken(error);
    default:
      return undefined;
  }
};

const journalBroken = (error: JournalError): HttpProblem =>
  new HttpProblem(503, error.code, "The database can't be used: see the log of the server.", {
    headers: RETRY_LATER,
    cause: error,
  });

const changedText = ({ jobId, changes }: JournalError): string =>
  `The definition of job "${jobId}" has changed since it was started: ${changes.map(changeText).join('; ')}.`;

const unknownText = (jobId: string): string =>
  `The server does not know the definition of job "${jobId}", or not all of its tasks. A workflow file belongs into the folder of the server (--workflows), what a program defines into the server's program (--module).`;
