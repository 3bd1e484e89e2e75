import { TintypeError } from '../engine/errors/errors.ts';
import type { ProblemCode } from '../engine/errors/problem.ts';

export type WorkflowProblemCode =
  | Exclude<ProblemCode, 'SEALED'>
  | 'FILE_NOT_FOUND'
  | 'FILE_IS_DIRECTORY'
  | 'FILE_UNREADABLE'
  | 'FILE_TOO_LARGE'
  | 'FILE_NOT_UTF8'
  | 'FILE_EMPTY'
  | 'YAML_SYNTAX'
  | 'TOO_DEEP'
  | 'DUPLICATE_KEY'
  | 'UNKNOWN_ALIAS'
  | 'RECURSIVE_ALIAS'
  | 'TOO_MANY_ALIASES'
  | 'UNKNOWN_KEY'
  | 'MISSING_KEY'
  | 'INVALID_TYPE'
  | 'INVALID_VALUE'
  | 'INVALID_EXPRESSION'
  | 'UNSAFE_EXPRESSION'
  | 'UNKNOWN_REFERENCE'
  | 'SECRET_MISSING'
  | 'NESTED_WORKFLOW';

/** One thing wrong with a workflow file. */
export type WorkflowProblem = {
  readonly code: WorkflowProblemCode;
  /** What is wrong, with whom, and the way out. */
  readonly message: string;
  /** Both from 1; absent where the file could not be read. */
  readonly line?: number;
  readonly column?: number;
  /** The lines around it, with a mark below the culprit. */
  readonly frame?: string;
  /** Where it is in another file than the error's: one that this runs. */
  readonly file?: string;
};

/** A workflow file that can't run. All its problems are found together, in the order of the file. */
export class WorkflowError extends TintypeError {
  override readonly name = 'WorkflowError';
  readonly code = 'INVALID_WORKFLOW';
  readonly file: string;
  readonly problems: readonly WorkflowProblem[];

  constructor(file: string, problems: readonly WorkflowProblem[], options?: ErrorOptions) {
    super(problems.map((problem) => `${problemPlace(file, problem)}: ${problem.message}`).join('\n'), options);
    this.file = file;
    this.problems = problems;
  }
}

/** `file:line:column`, which editors and terminals can follow. */
export const problemPlace = (file: string, problem: WorkflowProblem): string => {
  const { file: at = file, line, column } = problem;
  return line === undefined ? at : `${at}:${line}:${column}`;
};
