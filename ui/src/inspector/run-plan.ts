import type { JobModel } from '../job/job-model.ts';

/** Which tasks a retry or rerun would run: paths, or ranges of indices of a view if there are many. */
export type RunPlan = {
  readonly runs: readonly string[];
  readonly ranges?: { readonly epoch: string; readonly runs: readonly (readonly [number, number])[] };
};

/** The tasks of a plan with all that is inside them. */
export const planIndices = (model: JobModel, plan: RunPlan): ReadonlySet<number> => {
  const runs = new Set<number>();
  const add = (index: number): void => {
    if (runs.has(index)) return;
    runs.add(index);
    for (const one of model.inside(index)) add(one);
  };
  for (const path of plan.runs) {
    const index = model.indexOf(path);
    if (index !== undefined) add(index);
  }
  for (const [from, to] of plan.ranges?.runs ?? []) for (let index = from; index <= to; index += 1) add(index);
  return runs;
};
