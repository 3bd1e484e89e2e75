import { boundedErrorData, type ErrorData, shallowErrorData } from '../../events/error-data.ts';
import type { JobEvent } from '../../events/event.ts';
import { isA, TaskError, type TaskErrorCode } from '../errors/errors.ts';
import { reviveCause, setHidden } from './error-revive.ts';
import { isInstancePath } from './task-path.ts';

/** A `TaskError` as plain data. If its cause is a `TaskError`, the cause keeps its fields, too. */
export type TaskErrorData = Omit<ErrorData, 'cause'> & {
  readonly taskName: string;
  readonly attempt: number;
  readonly tolerated: boolean;
  readonly cause?: ErrorData | TaskErrorData;
};

export const taskErrorData = (error: TaskError, depth = 0): TaskErrorData => {
  const { taskName, attempt, tolerated, cause } = error;
  const data = { ...shallowErrorData(error), taskName, attempt, tolerated };
  if (cause === undefined || depth === MAX_CAUSES) return data;
  return {
    ...data,
    cause: isA(cause, TaskError) ? taskErrorData(cause, depth + 1) : boundedErrorData(cause, depth + 1),
  };
};

/** Returns the error of an instance of a fan-out that failed, to which the output of the fan-out refers. */
export const instanceErrorData = (event: JobEvent): TaskErrorData | undefined => {
  if (event.type !== 'task.transition' || event.to !== 'failed' || !isInstancePath(event.task)) return undefined;
  // Only a fan-out that tolerates failures has them in its output.
  return event.error && { ...event.error, taskName: event.task, attempt: event.attempt, tolerated: true };
};

/** Maximum depth of nested causes, as for any error. */
export const MAX_CAUSES = 8;

/** Restores a `TaskError`. A cause that was neither a `TaskError` nor a string becomes a plain `Error`. */
export const reviveTaskError = (data: TaskErrorData): TaskError => {
  const { message, taskName, attempt, tolerated, cause } = data;
  const about = { taskName, attempt, tolerated };
  const code = data.code as TaskErrorCode;
  const error = new TaskError(code, message, cause === undefined ? about : { ...about, cause: revived(cause) });
  setHidden(error, 'stack', data.stack ?? `${data.name}: ${message}`);
  return error;
};

const revived = (data: ErrorData | TaskErrorData): Error | string =>
  'taskName' in data ? reviveTaskError(data) : reviveCause(data);
