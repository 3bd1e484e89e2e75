import { TaskError } from '../../engine/errors/errors.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import { type ErrorData, errorData } from '../../events/error-data.ts';
import { type ProcessEnd, ProcessError } from '../../executors/process/error.ts';
import type { Tail } from './printed-lines.ts';

/** Restores a ProcessError from stored data and the task's last lines. Returns `undefined` for data of other errors. */
export const processErrorOf = (
  { details, stack }: Pick<ErrorData, 'details' | 'stack'>,
  { stdout, stderr }: Tail = { stdout: [], stderr: [] },
): ProcessError | undefined => {
  if (typeof details?.command !== 'string') return undefined;
  const { command, ...end } = details as { command: string } & ProcessEnd;
  const error = new ProcessError(command, end, { stdout, stderr });
  if (stack !== undefined) error.stack = stack;
  return error;
};

/** Replaces stored process errors among the causes of a result's errors by `ProcessError`s with a task's last lines. */
export const reviveProcessErrors = (result: JobResult, tails: ReadonlyMap<string, Tail>): void => {
  for (const error of result.errors) revive(error, tails);
  for (const task of Object.values(result.tasks)) reviveIn(task, tails);
};

const reviveIn = ({ error, tasks }: TaskResult, tails: ReadonlyMap<string, Tail>): void => {
  if (error) revive(error, tails);
  for (const task of Object.values(tasks ?? {})) reviveIn(task, tails);
};

const revive = (error: Error, tails: ReadonlyMap<string, Tail>, parent = ''): void => {
  const { cause } = error;
  if (!(cause instanceof Error) || cause instanceof ProcessError) return;
  const path = error instanceof TaskError ? error.taskName : parent;
  const known = processErrorOf(errorData(cause), tails.get(path));
  if (known) error.cause = known;
  else revive(cause, tails, path);
};
