import { historyPath, medianOf } from '../definition/estimates.ts';
import type { TaskDurations } from '../durable/journal.ts';
import { pausedWithin } from './job-record.ts';
import type { JobRun, TaskRun } from './run.ts';

/** Returns how long the tasks took that a job has completed since it began or was retried, those inside tasks included. */
export const durationsOf = (job: JobRun): readonly TaskDurations[] => {
  const found = new Map<string, number[]>();
  collect(job, found);
  return [...found].map(([path, ms]) => [path, medianOf(ms) as number]);
};

const collect = (job: JobRun, found: Map<string, number[]>): void => {
  for (const task of job.tasks) {
    if (!task || task.measured) continue;
    const ms = durationOf(task);
    if (ms !== undefined) {
      const path = historyPath(task.path);
      const known = found.get(path);
      if (known) known.push(ms);
      else found.set(path, [ms]);
    }
    if (task.child) collect(task.child, found);
  }
};

/** Returns how long a task took that has completed: its last attempt; of a sensor or an external task, all its time. */
const durationOf = (task: TaskRun): number | undefined => {
  const { state, reason, definition, startedAt, lastStartedAt, endedAt, paused = [] } = task;
  if (state !== 'completed' || reason === 'reused' || startedAt === undefined || endedAt === undefined)
    return undefined;
  const waits = definition.kind === 'sensor' || definition.kind === 'external';
  const from = (waits ? task.firstReadyAt : undefined) ?? lastStartedAt ?? startedAt;
  return Math.max(0, endedAt - from - pausedWithin(paused, from, endedAt));
};
