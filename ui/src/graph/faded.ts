import type { JobModel } from '../job/job-model.ts';
import type { JobFocus } from '../job/job-page.tsx';

type Meant = Pick<JobFocus, 'states' | 'hits' | 'preview'>;

/** Whether a task without others inside is none of those that are meant: by the filter of states, by what is sought, by the preview. */
export const isFaded = (model: JobModel, { states, hits, preview }: Meant, task: number): boolean =>
  (states.size > 0 && !states.has(model.state(task))) || isOut(hits, task) || isOut(preview, task);

/** Whether of a nested job or map nothing is meant that is in one of these states. */
export const isShareFaded = (model: JobModel, { states, hits, preview }: Meant, task: number, state: string): boolean =>
  (states.size > 0 && !states.has(state)) || isOut(preview, task) || (hits !== undefined && !holds(model, hits, task));

const isOut = (meant: ReadonlySet<number> | undefined, task: number): boolean =>
  meant !== undefined && !meant.has(task);

const holds = (model: JobModel, hits: ReadonlySet<number>, task: number): boolean =>
  hits.has(task) || model.inside(task).some((one) => holds(model, hits, one));
