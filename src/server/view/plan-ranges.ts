import type { JobFold } from './job-fold.ts';

/** First and last index of tasks that follow each other. */
export type IndexRange = [first: number, last: number];

/** Above so many tasks, a plan may be given as ranges of indices. */
export const MANY_TASKS = 1_000;

/** Returns the indices of tasks as ranges, ascending. Leaves out an item that is not there yet. */
export const rangesOf = ({ indexOf }: Pick<JobFold, 'indexOf'>, paths: readonly string[]): IndexRange[] => {
  const indices = paths.flatMap((path) => indexOf.get(path) ?? []).sort((a, b) => a - b);
  const ranges: IndexRange[] = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    if (last && index <= last[1] + 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges;
};
