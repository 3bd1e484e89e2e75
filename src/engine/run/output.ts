import { ownOutput } from '../definition/plan.ts';
import { TaskError, type TaskErrorCode } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';

/** Returns the frozen output of a completed task. @throws TaskError if the task did not complete */
export const outputOf = (job: JobRun, index: number): unknown => {
  const task = job.tasks[index];
  if (task?.state === 'completed') return ownOutput(task.definition, task.output);
  const taskName = job.pathOf(job.plan.graph.names[index] as string);
  if (task?.error) throw task.error;
  const refuse = (code: TaskErrorCode, what: string): never => {
    throw new TaskError(code, `Task "${taskName}" ${what}`, { taskName, attempt: task?.attempts ?? 0 });
  };
  if (task?.state === 'notReady') return refuse('TASK_NOT_READY', `is not ready: ${task.reason}`);
  if (task?.state === 'skipped') return refuse('TASK_SKIPPED', `was skipped: ${task.reason}`);
  return refuse('TASK_CANCELLED', task ? 'was cancelled.' : 'was never started, because the job ended before.');
};
