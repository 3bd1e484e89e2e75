import { TintypeError } from '../engine/errors/errors.ts';
import type { ProblemCode } from '../engine/errors/problem.ts';

/** The code of a problem: in reading the file, in its YAML, in its keys and values, or in its task graph. */
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

/** The code of a warning: text in braces that looks like an expression, a sensor that may look for ever. */
export type WorkflowWarningCode = 'NOT_AN_EXPRESSION' | 'NO_DEADLINE';

export type WorkflowProblem = Finding<WorkflowProblemCode>;

/** What is probably a mistake, in a file that can run. */
export type WorkflowWarning = Finding<WorkflowWarningCode>;

/** A problem or a warning. */
export type Finding<Code extends string = WorkflowProblemCode | WorkflowWarningCode> = {
  readonly code: Code;
  /** What is wrong, which task or key it concerns, and how to fix it. */
  readonly message: string;
  /** Line in the file, counted from 1; absent if the problem concerns the file as a whole. */
  readonly line?: number;
  /** Column in the line, counted from 1; present if `line` is. */
  readonly column?: number;
  /** The lines around the problem, with a mark below its column; present if `line` is. */
  readonly frame?: string;
  /** The nested file that has the problem; absent if it is the error's own `file`. */
  readonly file?: string;
};

/** Thrown when a workflow file can't run. Lists every problem that could be found, in the order of the file. */
export class WorkflowError extends TintypeError {
  override readonly name = 'WorkflowError';
  readonly code = 'INVALID_WORKFLOW';
  /** The path of the workflow file, as it was given. */
  readonly file: string;
  readonly problems: readonly WorkflowProblem[];

  constructor(file: string, problems: readonly WorkflowProblem[], options?: ErrorOptions) {
    super(problems.map((problem) => `${problemPlace(file, problem)}: ${problem.message}`).join('\n'), options);
    this.file = file;
    this.problems = problems;
  }
}

/** Returns `file:line:column`, which editors and terminals turn into a link. */
export const problemPlace = (file: string, problem: Finding): string => {
  const { file: at = file, line, column } = problem;
  return line === undefined ? at : `${at}:${line}:${column}`;
};
