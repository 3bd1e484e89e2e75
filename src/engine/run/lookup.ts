import type { TaskFunction } from '../definition/task-function.ts';
import type { TaskRun } from '../model/run.ts';

/** Either an output with which the task completes at once, or the function that performs its attempts. */
export type Found = { readonly output: object | undefined } | { readonly run: TaskFunction };

/** Looks for the result of a task before its first attempt, when all events so far are in the journal. */
export type Lookup = (task: TaskRun) => Promise<Found>;

/** The key of a task function's lookup. If the lookup rejects, the function performs the attempts. */
export const LOOKUP = Symbol('lookup');

export const lookupOf = ({ definition: { run, nested }, attempts, conditionError }: TaskRun): Lookup | undefined =>
  attempts > 0 || nested || conditionError ? undefined : (run as { readonly [LOOKUP]?: Lookup })[LOOKUP];
