import type { Problem, Violation } from './problem.ts';

export type JournalErrorCode =
  | 'JOURNAL_FAILED'
  | 'JOURNAL_FULL'
  | 'JOURNAL_READ_ONLY'
  | 'JOURNAL_LOCKED'
  | 'JOURNAL_CORRUPT'
  | 'JOURNAL_NEWER'
  | 'NOT_A_JOURNAL'
  | 'JOB_NOT_FOUND'
  | 'JOB_EXISTS'
  | 'JOB_LEASED'
  | 'LEASE_LOST'
  | 'UNKNOWN_DEFINITION'
  | 'DEFINITION_CHANGED';

/** Every error tintype throws. Match on `code`, which never changes; the message may. */
export abstract class TintypeError extends Error {
  abstract readonly code: string;
}

/** A definition that can't run. All its problems are found together; `code` is that of the first. */
export class JobDefinitionError extends TintypeError {
  override readonly name = 'JobDefinitionError';
  readonly code: Problem['code'];
  readonly problems: readonly Problem[];

  constructor(jobName: string, problems: readonly [Problem, ...Problem[]]) {
    super(`Job "${jobName}" ${list(problems)}`);
    this.code = problems[0].code;
    this.problems = problems;
  }
}

/** Options that can't be honoured; nothing was started. */
export class OptionError extends TintypeError {
  override readonly name = 'OptionError';
  readonly code = 'INVALID_OPTION';
  readonly problems: readonly Problem[];

  constructor(subject: string, problems: readonly [Problem, ...Problem[]]) {
    super(`${subject} ${list(problems)}`);
    this.problems = problems;
  }
}

const list = (problems: readonly Problem[]): string =>
  problems.length === 1
    ? `has a problem: ${problems[0]?.message}`
    : `has ${problems.length} problems:\n${problems.map(({ message }) => `- ${message}`).join('\n')}`;

/** A job's input or a task's output is not what its schema asks for. */
export class SchemaError extends TintypeError {
  override readonly name = 'SchemaError';
  readonly code: 'INVALID_INPUT' | 'INVALID_OUTPUT';
  /** All that the schema found wrong, each with its path, such as `rows[0].name`; an empty path is the value itself. */
  readonly violations: readonly Violation[];

  constructor(code: SchemaError['code'], subject: string, violations: readonly Violation[]) {
    const shown = violations
      .slice(0, MOST_SHOWN)
      .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
    const more = violations.length - shown.length;
    if (more > 0) shown.push(`and ${more} more`);
    super(`${subject} is not what its schema asks for: ${shown.join('; ') || 'it gave no reason'}`);
    this.code = code;
    this.violations = violations;
  }
}

/** How many violations a message names; `violations` holds them all. */
const MOST_SHOWN = 10;

/** The journal can't keep a job, or can't give it back. What was kept before stays. */
export class JournalError extends TintypeError {
  override readonly name = 'JournalError';
  readonly code: JournalErrorCode;
  /** The job concerned, if one is. */
  readonly jobId: string | undefined;
  /** Of `DEFINITION_CHANGED`: all that has changed. */
  readonly changes: readonly DefinitionChange[];

  constructor(
    code: JournalErrorCode,
    message: string,
    options: ErrorOptions & { readonly jobId?: string; readonly changes?: readonly DefinitionChange[] } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.jobId = options.jobId;
    this.changes = options.changes ?? [];
  }
}

/** A value that can't be kept, because JSON and its extensions have no form for it, or because it is too large. */
export class SerialisationError extends TintypeError {
  override readonly name = 'SerialisationError';
  readonly code: 'UNSERIALISABLE_OUTPUT' | 'UNSERIALISABLE_INPUT' | 'UNSERIALISABLE_CHECKPOINT' | 'OUTPUT_TOO_LARGE';
  /** Where it stands in what was to be kept, such as `rows[0].done`; empty for the whole. */
  readonly path: string;

  constructor(code: SerialisationError['code'], message: string, path = '') {
    super(message);
    this.code = code;
    this.path = path;
  }
}

export type CommandErrorCode =
  | 'INVALID_STATE'
  | 'NOT_EXTERNAL'
  | 'NOT_PAUSABLE'
  | 'ALREADY_CLAIMED'
  | 'STALE_TOKEN'
  | 'ENGINE_CLOSED';

/** A command that can't be carried out as things stand; nothing has changed. */
export class CommandError extends TintypeError {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;
  /** The task concerned, if one is. */
  readonly taskName: string | undefined;

  constructor(code: CommandErrorCode, message: string, taskName?: string) {
    super(message);
    this.code = code;
    this.taskName = taskName;
  }
}

/** A task was asked for that the job does not have. */
export class UnknownTaskError extends TintypeError {
  override readonly name = 'UnknownTaskError';
  readonly code = 'UNKNOWN_TASK';
  readonly taskName: string;

  constructor(jobName: string, taskName: string, hint: string) {
    super(`Job "${jobName}" has no task "${taskName}".${hint}`);
    this.taskName = taskName;
  }
}

export type TaskErrorCode =
  | 'TASK_FAILED'
  | 'TASK_TIMEOUT'
  | 'TASK_DEADLINE'
  | 'HEARTBEAT_MISSED'
  | 'TASK_CANCELLED'
  | 'TASK_INTERRUPTED'
  | 'TASK_NOT_READY'
  | 'TASK_SKIPPED'
  | 'INVALID_OUTPUT'
  | 'UNSERIALISABLE_OUTPUT'
  | 'OUTPUT_TOO_LARGE'
  | 'UPSTREAM_FAILED';

/** What became of one task. */
export class TaskError extends TintypeError {
  override readonly name = 'TaskError';
  readonly code: TaskErrorCode;
  readonly taskName: string;
  /** The attempt that failed, from 1; 0 where none was made. */
  readonly attempt: number;
  /** Whether the job went on regardless, because of `continueOnFailure`. */
  readonly tolerated: boolean;

  constructor(
    code: TaskErrorCode,
    message: string,
    about: {
      readonly taskName: string;
      readonly attempt: number;
      readonly tolerated?: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, 'cause' in about ? { cause: about.cause } : undefined);
    this.code = code;
    this.taskName = about.taskName;
    this.attempt = about.attempt;
    this.tolerated = about.tolerated ?? false;
  }

  /** The value at the start of it all: what a task threw, itself; or the error of the task that went first. */
  rootCause(): unknown {
    return rootCauseOf(this);
  }
}

export type JobErrorCode =
  | 'JOB_FAILED'
  | 'JOB_TIMEOUT'
  | 'JOB_CANCELLED'
  | 'JOB_NOT_READY'
  | 'CONTEXT_CONFLICT'
  | 'JOURNAL_FAILED';

/** Why a job did not complete. Its `cause` is the first task error, or what `cancel` was given. */
export class JobError extends TintypeError {
  override readonly name = 'JobError';
  readonly code: JobErrorCode;
  readonly jobName: string;
  readonly jobId: string;
  /** The task whose failure came first, if one failed. */
  readonly failedTask: string | undefined;

  constructor(
    code: JobErrorCode,
    message: string,
    about: {
      readonly jobName: string;
      readonly jobId: string;
      readonly failedTask?: string | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause });
    this.code = code;
    this.jobName = about.jobName;
    this.jobId = about.jobId;
    this.failedTask = about.failedTask;
  }

  /** The value that the first failed task threw, itself; or the reason given to `cancel`. */
  rootCause(): unknown {
    return rootCauseOf(this);
  }
}

/** Follows causes through tintype's own errors, and stops at the first value that is none. */
const rootCauseOf = (error: TaskError | JobError): unknown => {
  let root: unknown = error;
  const seen = new Set<unknown>();
  while ((isA(root, TaskError) || isA(root, JobError)) && 'cause' in root && !seen.has(root)) {
    seen.add(root);
    root = root.cause;
  }
  return root;
};

/** `instanceof` for anything that was thrown, a revoked proxy included. */
export const isA = <Kind>(value: unknown, kind: abstract new (...args: never) => Kind): value is Kind => {
  try {
    return value instanceof kind;
  } catch {
    return false;
  }
};

/** Why an attempt's `signal` was aborted; `code` tells the cases apart. */
export class AbortError extends TintypeError {
  override readonly name = 'AbortError';
  readonly code: 'TASK_TIMEOUT' | 'TASK_DEADLINE' | 'HEARTBEAT_MISSED' | 'JOB_CANCELLED' | 'JOB_TIMEOUT' | 'JOB_FAILED';

  constructor(code: AbortError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Thrown by a task: no retry will help. */
export class NonRetryableError extends TintypeError {
  override readonly name = 'NonRetryableError';
  readonly code = 'NON_RETRYABLE';
}

/** Thrown by a task: try again, after `delayMs` instead of the backoff, if retries are left. @throws RangeError */
export class RetryAfterError extends TintypeError {
  override readonly name = 'RetryAfterError';
  readonly code = 'RETRY_AFTER';
  readonly delayMs: number;

  constructor(delayMs: number, message = `Try again in ${delayMs} ms.`, options?: ErrorOptions) {
    super(message, options);
    if (!(Number.isFinite(delayMs) && delayMs >= 0)) {
      throw new RangeError(
        `RetryAfterError was given ${delayMs}: expected a finite number of milliseconds, 0 or more.`,
      );
    }
    this.delayMs = delayMs;
  }
}

/** Every error class of the core, for an exhaustive `switch` on `code`; `ReadinessError` stands beside them. */
export type AnyTintypeError =
  | JobDefinitionError
  | OptionError
  | SchemaError
  | CommandError
  | JournalError
  | SerialisationError
  | UnknownTaskError
  | TaskError
  | JobError
  | AbortError
  | NonRetryableError
  | RetryAfterError;

/** One difference of two definitions of a job, by the path of the task. */
export type DefinitionChange = {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly task: string;
  /** Of a changed task: what has changed, such as `depends on a, b instead of a`. */
  readonly what?: string;
};
