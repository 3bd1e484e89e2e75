import { TaskError } from '../errors/errors.ts';
import { isTolerated, type TaskRun } from '../model/run.ts';

/**
 * Fails a task whose attempt was interrupted, if that has happened more often than `maxInterruptions` allows. Returns
 * whether it has. `how`: in sentences, what interrupts the task, and that it ends here.
 */
export const failInterrupted = (task: TaskRun, reason: string, how: string): boolean => {
  const { job, path, attempts, definition, interruptions = 0 } = task;
  const max = definition.maxInterruptions ?? job.options.maxInterruptions ?? DEFAULT_MAX_INTERRUPTIONS;
  if (interruptions < max) return false;
  const times = interruptions + 1 === 1 ? 'once' : `${interruptions + 1} times`;
  const message = `Task "${path}" was interrupted ${times}, the last time in attempt ${attempts}: ${how} maxInterruptions (in a workflow file max_interruptions) allows more.`;
  const error = new TaskError('TASK_INTERRUPTED', message, {
    taskName: path,
    attempt: attempts,
    tolerated: isTolerated(task),
  });
  job.commandTask(task, { type: 'attempt.failed', error, final: true }, { reason, error });
  return true;
};

/** The default of `maxInterruptions`. */
export const DEFAULT_MAX_INTERRUPTIONS = 10;
