import { TaskError } from '../errors/errors.ts';
import { isStopped, isTolerated, type JobRun, type TaskRun } from '../model/run.ts';
import { INTERRUPTED } from '../model/task-record.ts';
import { cancelTask } from './shutdown.ts';

/**
 * Ends a running attempt that was lost, without using up a retry. Another begins, up to `maxInterruptions`. `how`: as for
 * `failInterrupted`.
 */
export const interruptAttempt = (job: JobRun, task: TaskRun, how: string): void => {
  if (isStopped(task)) {
    cancelTask(job, task);
    return;
  }
  if (failInterrupted(task, INTERRUPTED, how)) return;
  job.batch(() => {
    job.commandTask(task, { type: 'attempt.interrupted' }, { reason: INTERRUPTED, dueAt: job.clock.now() });
    // At once, before the dispatcher runs, so that the task competes for slots with tasks that were ready before.
    job.commandTask(task, { type: 'task.schedule' });
  });
};

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
