/** One violation of a schema: the path of the value, such as `rows[0].name`, and what is wrong with it. */
export type Violation = { readonly path: string; readonly message: string };

export type ProblemCode =
  | 'DUPLICATE_TASK'
  | 'UNKNOWN_DEPENDENCY'
  | 'SELF_DEPENDENCY'
  | 'DUPLICATE_DEPENDENCY'
  | 'CYCLE'
  | 'INVALID_OPTION'
  | 'INVALID_NAME'
  | 'SEALED';

/** One problem of a definition or of options. */
export type Problem = {
  readonly code: ProblemCode;
  /** What is wrong, which task or option is at fault, and how to fix it. */
  readonly message: string;
  /** Names of the tasks concerned, the one at fault first. Empty for a problem of the job itself. */
  readonly tasks: readonly string[];
  /** With `CYCLE`: the tasks along the cycle, each waiting on the next; the first is repeated at the end. */
  readonly path?: readonly string[];
  /** With `INVALID_OPTION`: the path of the option, such as `retry.delayMs`. */
  readonly option?: string;
};

export const optionProblem = (option: string, message: string, tasks: readonly string[] = []): Problem => ({
  code: 'INVALID_OPTION',
  message,
  tasks,
  option,
});
