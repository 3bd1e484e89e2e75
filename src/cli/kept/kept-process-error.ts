import { TaskError } from '../../engine/errors/errors.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import { type ErrorData, errorData } from '../../events/error-data.ts';
import { ProcessError } from '../../executors/process/error.ts';
import type { Tail } from './printed-lines.ts';

/** Returns a stored error as the `ProcessError` that was thrown, with what the command printed last; undefined for other errors. */
export const processErrorOf = (
  { details, stack }: Pick<ErrorData, 'details' | 'stack'>,
  { stdout, stderr }: Tail = { stdout: [], stderr: [] },
): ProcessError | undefined => {
  if (typeof details?.command !== 'string') return undefined;
  const { command, exitCode, signal } = details as { command: string; exitCode: number; signal: NodeJS.Signals };
  const error = new ProcessError(command, { exitCode, signal }, { stdout, stderr });
  if (stack !== undefined) error.stack = stack;
  return error;
};

/** Gives errors of processes that were read from a journal back what is known of them. */
export const reviveProcessErrors = (result: JobResult, tails: ReadonlyMap<string, Tail>): void => {
  for (const error of result.errors) revive(error, tails);
  for (const task of Object.values(result.tasks)) reviveIn(task, tails);
};

const reviveIn = ({ error, tasks }: TaskResult, tails: ReadonlyMap<string, Tail>): void => {
  if (error) revive(error, tails);
  for (const task of Object.values(tasks ?? {})) reviveIn(task, tails);
};

const revive = (error: Error, tails: ReadonlyMap<string, Tail>, around = ''): void => {
  const { cause } = error;
  if (!(cause instanceof Error) || cause instanceof ProcessError) return;
  const path = error instanceof TaskError ? error.taskName : around;
  const known = processErrorOf(errorData(cause), tails.get(path));
  if (known) error.cause = known;
  else revive(cause, tails, path);
};
