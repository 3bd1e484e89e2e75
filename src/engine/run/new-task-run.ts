import type { RetryPolicy } from '../../machines/retry.ts';
import type { TaskDefinition } from '../definition/plan.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/** The record of a task to which nothing has happened yet. */
export const newTaskRun = (job: JobRun, index: number, definition: TaskDefinition, retry: RetryPolicy): TaskRun => ({
  job,
  index,
  definition,
  path: job.pathOf(definition.name),
  place: (job.options.sequential ? job.plan.positions : job.plan.ranks)[index] as number,
  retry,
  actor: undefined,
  state: 'unscheduled',
  attempts: 0,
  attempt: undefined,
  lane: undefined,
  queuedAt: undefined,
  startedAt: undefined,
  endedAt: undefined,
  counted: false,
  output: undefined,
  version: 0,
});
