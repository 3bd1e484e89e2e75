import type { JobModel } from '../job/job-model.ts';
import type { JobFocus } from '../job/job-page.tsx';

export type TimelineRow = {
  readonly index: number;
  readonly depth: number;
  /** Whether others are inside; then it can be unfolded. */
  readonly isGroup: boolean;
  readonly isOpen: boolean;
};

/** The rows of the timeline: by when they were first ready, what is inside behind what is around it. */
export const timelineRows = (
  model: JobModel,
  { open, unfoldsAll, states, hits }: Pick<JobFocus, 'open' | 'unfoldsAll' | 'states' | 'hits'>,
): readonly TimelineRow[] => {
  const rows: TimelineRow[] = [];
  const { readyAt } = model.table;
  const isMeant = (index: number): boolean => {
    const inside = model.inside(index);
    const meantHere =
      (states.size === 0 ||
        (inside.length === 0
          ? states.has(model.state(index))
          : [...states].some((state) => model.tally.count(index, state as never) > 0))) &&
      (hits === undefined || hits.has(index));
    return meantHere || (hits !== undefined && inside.some(isMeant));
  };
  const order = (one: number, other: number): number => {
    const [first, second] = [readyAt[one] as number, readyAt[other] as number];
    if (first < 0 || second < 0) return first < 0 && second < 0 ? one - other : first < 0 ? 1 : -1;
    return first - second || one - other;
  };
  const add = (indices: readonly number[], depth: number): void => {
    for (const index of [...indices].sort(order)) {
      if ((states.size > 0 || hits !== undefined) && !isMeant(index)) continue;
      const isGroup = model.inside(index).length > 0;
      const isOpen = isGroup && (unfoldsAll || open.has(model.path(index)));
      rows.push({ index, depth, isGroup, isOpen });
      if (isOpen) add(model.inside(index), depth + 1);
    }
  };
  add(model.inside(-1), 0);
  return rows;
};
