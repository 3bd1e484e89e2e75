import type { JobModel } from './job-model.ts';

export const RUNS_ELSEWHERE = 'Another process runs this job: it is paused and resumed there';

/** Why a job or its tasks can't be paused or resumed here; undefined if they can. */
export const refusalElsewhere = ({ head }: JobModel): string | undefined =>
  head.runs === 'elsewhere' ? RUNS_ELSEWHERE : undefined;
