import { ignoreRejection } from '../../events/thenable.ts';

/** Key that marks a special return value. The symbol is global, so that it works across copies of the package. */
export const DIRECTIVE: unique symbol = Symbol.for('tintype.answer');

/** Return value of a task that can't do its work yet. Created by `notReady`. */
export type NotReady = { readonly [DIRECTIVE]: 'notReady'; readonly reason: string };

/** Return value of a task that has nothing to do. Created by `skip`. */
export type Skip = { readonly [DIRECTIVE]: 'skip'; readonly reason: string };

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
export type Directive = NotReady | Skip | Branch<unknown> | Expand<unknown>;

/**
 * Creates the return value of a task whose prerequisites are missing. The task ends as `notReady`, and so does the job
 * unless a task fails. Trigger rules treat the task as skipped. A sensor that returns this value checks again later.
 */
export const notReady = (reason: string): NotReady => frozenDirective({ [DIRECTIVE]: 'notReady' as const, reason });

/**
 * Creates the return value of a task that has nothing to do, such as no new rows to load. The task ends as `skipped`, with
 * this reason and without an output or error; trigger rules treat it so. A sensor that returns this value ends, too. Not
 * for the instances of a fan-out, which return nothing instead, nor for external tasks.
 */
export const skip = (reason: string): Skip => frozenDirective({ [DIRECTIVE]: 'skip' as const, reason });

/**
 * Creates the return value of a task that selects which of its direct downstream tasks run. The others treat this task
 * as skipped, unless they are also downstream of a pick. `output` is merged into the context. If a pick does not
 * directly depend on the task, the task fails with `INVALID_OUTPUT`.
 */
export const branch = <const Output extends object | undefined = undefined>(
  picks: string | readonly string[],
  ...output: [output?: Output]
): Branch<Output> =>
  frozenDirective({
    [DIRECTIVE]: 'branch' as const,
    picks: Object.freeze(typeof picks === 'string' ? [picks] : [...picks]),
    output: output[0] as Output,
  });

/** Freezes a special value. Nobody awaits a promise in it, which is refused wherever the value is handled. */
export const frozenDirective = <Value extends Directive>(directive: Value): Value => {
  for (const part of Object.values(directive).flat()) ignoreRejection(part);
  return Object.freeze(directive);
};

export const directiveOf = (value: unknown): Directive | undefined =>
  typeof value === 'object' && value !== null && DIRECTIVE in value ? (value as Directive) : undefined;

export const kindOfDirective = (directive: Directive): Directive[typeof DIRECTIVE] => directive[DIRECTIVE];
