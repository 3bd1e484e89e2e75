import type { JobModel } from '../job/job-model.ts';

/** Paths of the tasks that a retry or rerun would run. */
export type RunPlan = { readonly runs: readonly string[] };

/**
 * The tasks of a plan. Of a nested job or map of which a part runs again, the plan names what that is; of any other, all
 * that is inside runs.
 */
export const planIndices = (model: JobModel, { runs }: RunPlan): ReadonlySet<number> => {
  const named = new Set(runs.flatMap((path) => model.indexOf(path) ?? []));
  const inParts = new Set([...named].map((index) => model.parent(index)));
  const planned = new Set(named);
  const addInside = (index: number): void => {
    for (const one of model.inside(index)) {
      planned.add(one);
      addInside(one);
    }
  };
  for (const index of named) if (!inParts.has(index)) addInside(index);
  return planned;
};
