import type { Attempt } from '../model/attempt.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/** Counts a result that came after its attempt, and publishes that it did. The result is not taken. */
export const reportLateResult = (
  job: JobRun,
  task: TaskRun,
  attempt: Attempt,
  outcome: 'succeeded' | 'failed',
): void => {
  task.lateResults = (task.lateResults ?? 0) + 1;
  const earlier = isReplaced(job) ? ({ earlier: true } as const) : {};
  job.publish({ type: 'task.lateResult', task: task.path, attempt: attempt.number, outcome, ...earlier });
};

/** Whether a newer attempt of an enclosing task has replaced this job or an enclosing one. */
const isReplaced = (job: JobRun): boolean => {
  const { parent } = job;
  return parent !== undefined && (parent.child !== job || isReplaced(parent.job));
};
