export const ANSWER: unique symbol = Symbol.for('tintype.answer');

/** The answer of a task that can't do its work yet. Made by `notReady`. */
export type NotReady = { readonly [ANSWER]: 'notReady'; readonly reason: string };

/** The answer of a task that picks which of its downstream runs. Made by `branch`. */
export type Branch<Output = undefined> = {
  readonly [ANSWER]: 'branch';
  readonly picks: readonly string[];
  readonly output: Output;
};

/** The answer of a task that adds tasks to its job. Made by `expand`. */
export type Expand<Output = undefined> = {
  readonly [ANSWER]: 'expand';
  readonly tasks: readonly { readonly name: string }[];
  readonly output: Output;
};

/** What a task may answer instead of an output. */
export type Answer = NotReady | Branch<unknown> | Expand<unknown>;

/**
 * Returned by a task: what it needs is not there yet. The task ends `notReady`, its downstream is skipped, other
 * branches go on, and the job ends `notReady`, without an error. From a sensor it means "look again later".
 */
export const notReady = (reason: string): NotReady => Object.freeze({ [ANSWER]: 'notReady' as const, reason });

/**
 * Returned by a task: of its direct downstream only these run. To the others the task counts as skipped, and their
 * trigger rule decides what follows; one that is also downstream of a picked task is left to that. `output` is merged
 * like any other.
 */
export const branch = <const Output extends object | undefined = undefined>(
  picks: string | readonly string[],
  ...output: [output?: Output]
): Branch<Output> =>
  Object.freeze({
    [ANSWER]: 'branch' as const,
    picks: Object.freeze(typeof picks === 'string' ? [picks] : [...picks]),
    output: output[0] as Output,
  });

/** Which answer a value is, if it is one. */
export const answerOf = (value: unknown): Answer | undefined =>
  typeof value === 'object' && value !== null && ANSWER in value ? (value as Answer) : undefined;

export const kindOfAnswer = (answer: Answer): Answer[typeof ANSWER] => answer[ANSWER];
