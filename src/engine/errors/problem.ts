/** One thing that a schema found wrong: where, as `rows[0].name`, and what. */
export type Violation = { readonly path: string; readonly message: string };

export type ProblemCode =
  | 'DUPLICATE_TASK'
  | 'UNKNOWN_DEPENDENCY'
  | 'SELF_DEPENDENCY'
  | 'CYCLE'
  | 'INVALID_OPTION'
  | 'INVALID_NAME'
  | 'SEALED';

/** One thing wrong with a definition or its options. */
export type Problem = {
  readonly code: ProblemCode;
  /** What is wrong, with whom, and the way out. */
  readonly message: string;
  /** The tasks concerned; the culprit first. Empty where the job itself is concerned. */
  readonly tasks: readonly string[];
  /** `CYCLE`: task names round the cycle, each waiting on the next, the first again as last. */
  readonly path?: readonly string[];
  /** `INVALID_OPTION`: which one. */
  readonly option?: string;
};
