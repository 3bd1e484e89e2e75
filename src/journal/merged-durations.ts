import type { TaskDurations } from '../engine/durable/journal.ts';

/** How many values of a task are kept, and how many tasks of the jobs with one name. */
const MAX_VALUES = 5;
const MAX_TASKS = 20_000;

/** Adds durations to those that are kept: the newest values and tasks are last, and the oldest are dropped. */
export const mergedDurations = (
  kept: readonly TaskDurations[],
  added: readonly TaskDurations[],
): readonly TaskDurations[] => {
  const byTask = new Map(kept.map((one) => [one[0], one]));
  for (const [task, ...ms] of added) {
    const [, ...earlier] = byTask.get(task) ?? [task];
    byTask.delete(task);
    byTask.set(task, [task, ...[...earlier, ...ms].slice(-MAX_VALUES)]);
  }
  return [...byTask.values()].slice(-MAX_TASKS);
};
