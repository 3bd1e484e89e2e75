/** Marks the special return values. Global, so that copies of the package recognise each other's values. */
export const DIRECTIVE: unique symbol = Symbol.for('tintype.answer');

/** Return value of a task that can't do its work yet. Created by `notReady`. */
export type NotReady = { readonly [DIRECTIVE]: 'notReady'; readonly reason: string };

/** Return value of a task that chooses which of its direct downstream tasks run. Created by `branch`. */
export type Branch<Output = undefined> = {
  readonly [DIRECTIVE]: 'branch';
  readonly picks: readonly string[];
  readonly output: Output;
};

/** Return value of a task that adds tasks to its job. Created by `expand`. */
export type Expand<Output = undefined> = {
  readonly [DIRECTIVE]: 'expand';
  readonly tasks: readonly { readonly name: string }[];
  readonly output: Output;
};

/** The special values that a task may return instead of an output. */
export type Directive = NotReady | Branch<unknown> | Expand<unknown>;

/**
 * Creates the return value of a task whose prerequisites are missing: the task ends `notReady`, which its downstream's
 * trigger rules count as skipped. Unless a task fails, the job ends `notReady`. From a sensor: "check again later".
 */
export const notReady = (reason: string): NotReady => Object.freeze({ [DIRECTIVE]: 'notReady' as const, reason });

/**
 * Creates the return value of a task of whose direct downstream tasks only `picks` run. For the others it counts as
 * skipped, except for those downstream of a pick. `output` is merged into the context. A pick that does not directly
 * depend on the task fails the task with `INVALID_OUTPUT`.
 */
export const branch = <const Output extends object | undefined = undefined>(
  picks: string | readonly string[],
  ...output: [output?: Output]
): Branch<Output> =>
  Object.freeze({
    [DIRECTIVE]: 'branch' as const,
    picks: Object.freeze(typeof picks === 'string' ? [picks] : [...picks]),
    output: output[0] as Output,
  });

export const directiveOf = (value: unknown): Directive | undefined =>
  typeof value === 'object' && value !== null && DIRECTIVE in value ? (value as Directive) : undefined;

export const kindOfDirective = (directive: Directive): Directive[typeof DIRECTIVE] => directive[DIRECTIVE];
