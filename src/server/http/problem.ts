import type { ContentfulStatusCode } from 'hono/utils/http-status';
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
  400 | 401 | 403 | 404 | 405 | 406 | 409 | 412 | 413 | 415 | 422 | 429 | 500 | 503 | 507
>;

type Details = {
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
  readonly problems: ProblemBody['problems'];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: ProblemStatus, code: string, detail: string, { problems, headers = {}, cause }: Details = {}) {
    super(detail, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.problems = problems;
    this.headers = headers;
  }
}

export const notFound = (what: string, code: string, id: string): HttpProblem =>
  new HttpProblem(404, code, `There is no ${what} ${JSON.stringify(id)}.`);

export const invalidCursor = (): HttpProblem =>
  new HttpProblem(400, 'INVALID_CURSOR', 'The cursor is none of this list with this filter. Begin without one.');

/** Returns the answer to a request that failed with `error`; undefined if it is none that a request causes. */
export const problemOf = (error: unknown): HttpProblem | undefined => {
  if (error instanceof HttpProblem) return error;
  if (error instanceof UnknownTaskError) return new HttpProblem(404, 'TASK_NOT_FOUND', error.message);
  if (error instanceof CommandError)
    return error.code === 'ENGINE_CLOSED'
      ? new HttpProblem(503, 'SHUTTING_DOWN', 'The server is shutting down. Ask again later.', { headers: RETRY_SOON })
      : new HttpProblem(409, error.code, error.message);
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

const journalProblem = (error: JournalError): HttpProblem | undefined => {
  const { code, message } = error;
  switch (code) {
    case 'JOB_NOT_FOUND':
      return new HttpProblem(404, code, message);
    case 'JOB_EXISTS':
    case 'JOB_KEY_CONFLICT':
    case 'JOB_LEASED':
      return new HttpProblem(409, code, message);
    case 'LEASE_LOST':
      return new HttpProblem(409, 'JOB_LEASED', message);
    case 'DEFINITION_CHANGED':
      return new HttpProblem(409, code, message, {
        problems: error.changes.map((change) => ({ path: change.task, code, message: change.what ?? change.kind })),
      });
    case 'UNKNOWN_DEFINITION':
      return new HttpProblem(404, 'DEFINITION_NOT_FOUND', message);
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
