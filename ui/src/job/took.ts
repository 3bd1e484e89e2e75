import type { JobModel } from './job-model.ts';

/**
 * From the first start of a task to its end, or to now while it runs, in ms. Undefined for one that has not begun, and for
 * one that waits between two attempts: only the history knows how long those took.
 */
export const tookMs = (model: JobModel, index: number): number | undefined => {
  const start = model.table.startAt[index] as number;
  const end = model.table.endAt[index] as number;
  if (start < 0 || (end < 0 && model.state(index) !== 'running')) return undefined;
  return (end < 0 ? model.now : end) - start;
};
