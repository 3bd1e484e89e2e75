import { TaskError } from '../../engine/errors/errors.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import type { ErrorData } from '../../events/error-data.ts';
import { ProcessError } from '../../executors/process/error.ts';
import type { Tail } from './printed-lines.ts';

/** The error of a process as it was thrown, of what a journal kept of it: its name, its message, and what it printed. */
export const processErrorOf = (
  { name, message, stack }: Pick<ErrorData, 'name' | 'message' | 'stack'>,
  { stdout, stderr }: Tail = { stdout: [], stderr: [] },
): ProcessError | undefined => {
  const end = name === 'ProcessError' ? END.exec(message) : null;
  if (!end) return undefined;
  const [, type = '', code, signal] = end;
  const how = {
    exitCode: code === undefined ? null : Number(code),
    signal: (signal ?? null) as NodeJS.Signals | null,
  };
  const error = new ProcessError(type, how, { stdout, stderr });
  if (stack !== undefined) error.stack = stack;
  return error;
};

const END = /^The (\S+) command (?:exited with code (\d+)|was ended by (\w+))\./;

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
  const known = processErrorOf(cause, tails.get(path));
  if (known) error.cause = known;
  else revive(cause, tails, path);
};
