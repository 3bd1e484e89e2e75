import { SETTLED } from '../../events/states.ts';
import { withRetries } from '../../machines/task.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { copyRecord, type TaskRecord } from '../model/task-record.ts';

/** Copies a record, except for its errors and output, to the task of a fresh job; returns the task. */
export const taskFrom = (job: JobRun, index: number, record: TaskRecord<unknown>): TaskRun => {
  const task = job.taskAt(index);
  copyRecord(task, record);
  task.snapshot = withRetries(record.snapshot, task.retry.maxRetries);
  task.counted = SETTLED.has(task.state);
  return task;
};
