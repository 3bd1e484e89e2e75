/* This folder holds the errors that tintype throws. `errors.ts` declares one class per kind of failure, each with a
 * stable `code`; `problem.ts` declares the problems and violations that an error lists; `suggest.ts` adds "Did you mean
 * …?" to messages; `stack.ts` puts the program's frames first. */

import { optionProblem, type Problem, type Violation } from './problem.ts';
import { foldedStack, foldedStackOf, isAllFolded } from './stack.ts';

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
  | 'JOB_KEY_CONFLICT'
  | 'JOB_LEASED'
  | 'LEASE_LOST'
  | 'UNKNOWN_DEFINITION'
  | 'DEFINITION_CHANGED';

/**
 * Base class of all errors that tintype throws. Match on `code`, which never changes; the message may. `stack` begins
 * with the program's frames; those of tintype are one line.
 */
export abstract class TintypeError extends Error {
  abstract readonly code: string;

  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    setStack(this, foldedStack(`${new.target.name}: ${this.message}`, new.target));
  }
}

const setStack = (error: Error, stack: string | undefined): void => {
  if (stack === undefined) return;
  Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true, enumerable: false });
};

/** Gives an error that shows no frame of the program those of the call that it is thrown from; returns the error. */
export const shownToCaller = <Thrown>(thrown: Thrown): Thrown => {
  if (isA(thrown, TintypeError) && isAllFolded(thrown))
    setStack(thrown, foldedStack(`${thrown.name}: ${thrown.message}`));
  return thrown;
};

/** Waits for `work`. If it rejects, the error shows the call that awaits, which V8 loses where a promise has two readers. */
export const awaitedByCaller = async <Value>(work: Promise<Value>): Promise<Value> => {
  try {
    return await work;
  } catch (error) {
    throw shownToCaller(error);
  }
};

/** Thrown for an invalid definition. `problems` lists all its problems; `code` is the code of the first problem. */
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

/** Thrown for invalid options or arguments; nothing was started or changed. */
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

/** Thrown when a job's input or a task's output violates its schema, or what completes an external task is no output. */
export class SchemaError extends TintypeError {
  override readonly name = 'SchemaError';
  readonly code: 'INVALID_INPUT' | 'INVALID_OUTPUT';
  /** All violations, each with its path, such as `rows[0].name`; an empty path stands for the value itself. */
  readonly violations: readonly Violation[];

  /** The value that the schema refused. Not enumerable, so that logs do not repeat it. */
  declare readonly value: unknown;

  constructor(
    code: SchemaError['code'],
    subject: string,
    violations: readonly Violation[],
    value?: unknown,
    expected = 'its schema asks for',
  ) {
    const shown = violations.slice(0, MAX_SHOWN).map(({ path, message }) => (path ? `${path}: ${message}` : message));
    const more = violations.length - shown.length;
    if (more > 0) shown.push(`and ${more} more`);
    super(`${subject} is not what ${expected}: ${shown.join('; ') || 'it gave no reason'}`);
    this.code = code;
    this.violations = violations;
    Object.defineProperty(this, 'value', { value });
  }
}

/** Maximum number of violations in a message; `violations` holds all. */
const MAX_SHOWN = 10;

/** Thrown when the journal can't store a job or load it. What was stored before is unaffected. */
export class JournalError extends TintypeError {
  override readonly name = 'JournalError';
  readonly code: JournalErrorCode;
  /** Id of the job concerned, if there is one. */
  readonly jobId: string | undefined;
  /** With `DEFINITION_CHANGED`: everything that has changed. Empty with other codes. */
  readonly changes: readonly DefinitionChange[];
  /** With `JOB_KEY_CONFLICT`: path of the first part of the input that differs, such as `rows[0].id`. */
  readonly path: string | undefined;

  constructor(
    code: JournalErrorCode,
    message: string,
    options: ErrorOptions & {
      readonly jobId?: string;
      readonly changes?: readonly DefinitionChange[];
      readonly path?: string;
    } = {},
  ) {
    super(message, options);
    this.code = code;
    this.jobId = options.jobId;
    this.changes = options.changes ?? [];
    this.path = options.path;
  }
}

/** Thrown for a value that can't be stored, because it is too large or because tintype's JSON can't represent it. */
export class SerialisationError extends TintypeError {
  override readonly name = 'SerialisationError';
  readonly code: 'UNSERIALISABLE_OUTPUT' | 'UNSERIALISABLE_INPUT' | 'UNSERIALISABLE_CHECKPOINT' | 'OUTPUT_TOO_LARGE';
  /** Path of the offending part within the value, such as `rows[0].done`; empty for the whole value. */
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

/** Thrown when a command can't be carried out in the current state; nothing has changed. */
export class CommandError extends TintypeError {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;
  /** Path of the task concerned, if there is one. */
  readonly taskName: string | undefined;

  constructor(code: CommandErrorCode, message: string, taskName?: string) {
    super(message);
    this.code = code;
    this.taskName = taskName;
  }
}

/** Thrown when a job has no task of the given name or path. */
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

/** Why a task did not complete. */
export class TaskError extends TintypeError {
  override readonly name = 'TaskError';
  readonly code: TaskErrorCode;
  readonly taskName: string;
  /** Number of the attempt that failed, from 1; 0 if the task made no attempt. */
  readonly attempt: number;
  /** Whether the job continued regardless, because of `continueOnFailure`. */
  readonly tolerated: boolean;
  /** What the task put out that could not be taken or kept. Not enumerable; absent after a resume. */
  declare readonly value?: unknown;

  constructor(
    code: TaskErrorCode,
    message: string,
    about: {
      readonly taskName: string;
      readonly attempt: number;
      readonly tolerated?: boolean;
      readonly cause?: unknown;
      readonly value?: unknown;
    },
  ) {
    super(message, about);
    this.code = code;
    this.taskName = about.taskName;
    this.attempt = about.attempt;
    this.tolerated = about.tolerated ?? false;
    if ('value' in about) Object.defineProperty(this, 'value', { value: about.value });
    setStack(this, foldedStackOf(about.cause, `${this.name}: ${message}`));
  }

  /** Returns what the task that failed first threw; if it threw nothing (as on a timeout), that task's TaskError. */
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

/** Why a job did not complete. `cause` is the first task error, the reason of a cancellation, or a JournalError. */
export class JobError extends TintypeError {
  override readonly name = 'JobError';
  readonly code: JobErrorCode;
  readonly jobName: string;
  readonly jobId: string;
  /** Path of the task that failed first, if one failed. */
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
    setStack(this, foldedStackOf(about.cause, `${this.name}: ${message}`));
  }

  /** Returns what the task that failed first threw, or the reason given to `cancel`. */
  rootCause(): unknown {
    return rootCauseOf(this);
  }
}

const rootCauseOf = (error: TaskError | JobError): unknown => {
  let root: unknown = error;
  const seen = new Set<unknown>();
  while ((isA(root, TaskError) || isA(root, JobError)) && 'cause' in root && !seen.has(root)) {
    seen.add(root);
    root = root.cause;
  }
  return root;
};

/** `instanceof` that never throws: returns false for a revoked proxy, for example. */
export const isA = <Kind>(value: unknown, kind: abstract new (...args: never) => Kind): value is Kind => {
  try {
    return value instanceof kind;
  } catch {
    return false;
  }
};

/** The `reason` of an attempt's aborted `signal`; `code` says why it was aborted. */
export class AbortError extends TintypeError {
  override readonly name = 'AbortError';
  readonly code: 'TASK_TIMEOUT' | 'TASK_DEADLINE' | 'HEARTBEAT_MISSED' | 'JOB_CANCELLED' | 'JOB_TIMEOUT' | 'JOB_FAILED';

  constructor(code: AbortError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Throw this error from a task to fail it without further retries. */
export class NonRetryableError extends TintypeError {
  override readonly name = 'NonRetryableError';
  readonly code = 'NON_RETRYABLE';
}

/**
 * Throw this error to retry a task after `delayMs` ms, at most its `retry.maxDelayMs` if given, if retries are left.
 * @throws OptionError for an invalid wait
 */
export class RetryAfterError extends TintypeError {
  override readonly name = 'RetryAfterError';
  readonly code = 'RETRY_AFTER';
  readonly delayMs: number;

  constructor(delayMs: number, message = `Try again in ${delayMs} ms.`, options?: ErrorOptions) {
    super(message, options);
    if (!(Number.isFinite(delayMs) && delayMs >= 0))
      throw new OptionError('RetryAfterError', [
        optionProblem('delayMs', `It was given ${delayMs}: expected a finite number of milliseconds, 0 or more.`),
      ]);
    this.delayMs = delayMs;
  }
}

/**
 * An executor rejects with this error if it has lost an attempt, for example because the worker died: the attempt is
 * repeated without using up a retry, up to `maxInterruptions` times. `message` says in a sentence what happened.
 */
export class InterruptedError extends TintypeError {
  override readonly name = 'InterruptedError';
  readonly code = 'INTERRUPTED';
}

/** All core error classes, for an exhaustive `switch` on `code`. Excludes ReadinessError. */
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
  | RetryAfterError
  | InterruptedError;

/** One difference between two versions of a job's definition. */
export type DefinitionChange = {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly task: string;
  /** With `changed`: the difference in words, such as `depends on a, b instead of a`. */
  readonly what?: string;
};
