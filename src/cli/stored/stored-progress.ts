import { type History, NO_HISTORY } from '../../engine/definition/estimates.ts';
import { decodeOptions } from '../../engine/recovery/stored-options.ts';
import { criticalPathOf, weightsOf } from '../../engine/views/critical-path.ts';
import { byName, type Outline, sorted } from '../../engine/views/outline.ts';
import { planOfOutline } from '../../engine/views/planned-outline.ts';
import { type JobProgress, progressOf } from '../../engine/views/progress.ts';
import { recordedWork, type Work } from '../../engine/views/work.ts';
import type { JobSource } from './job-source.ts';
import type { ShapeTask } from './shape-tasks.ts';
import { shownState } from './shown-state.ts';
import type { StoredJob } from './stored-job.ts';

/** Returns how far a job is that a process runs; undefined of any other. @throws JournalError, ServiceError */
export const storedProgress = async (
  source: JobSource,
  { job, record, shape }: StoredJob,
  now: number,
): Promise<JobProgress | undefined> => {
  const state = shownState(job);
  if (!shape || (state !== 'running' && state !== 'paused')) return undefined;
  if (source.progress) return source.progress(job.id);
  const note = (await source.notes(job.id)).find(({ task, kind }) => task === '' && kind === 'estimates');
  const history = new Map(JSON.parse(note?.value || '[]') as readonly (readonly [string, number])[]);
  return progressOf(workOfStored({ job, record, shape }, history), now);
};

/** Returns the names of the tasks on the critical path of a job; by the number of tasks where nothing is known of times. */
export const storedCriticalPath = (
  { job, record, shape = [] }: StoredJob,
  until: number,
): { readonly names: readonly string[]; readonly isTimed: boolean } => {
  const work = workOfStored({ job, record, shape }, NO_HISTORY);
  const weights = weightsOf(work, until);
  const { path } = criticalPathOf(work.graph, weights ?? work.tasks.map(() => 1));
  return { names: path.map((index) => work.tasks[index]?.name ?? ''), isTimed: weights !== undefined };
};

const workOfStored = (
  { job, record, shape }: Pick<StoredJob, 'job' | 'record'> & { readonly shape: readonly ShapeTask[] },
  history: History,
): Work =>
  recordedWork(planOfOutline(job.name, outlinesOf(shape)), { record, history, options: decodeOptions(job.options) });

export const outlinesOf = (shape: readonly ShapeTask[]): readonly Outline[] =>
  shape
    .map(({ name, kind, trigger, dependsOn, each, job }): Outline => {
      const inside = job && outlinesOf(job.tasks);
      const layers = each ? { inside: undefined, each: { kind: each, inside } } : { inside };
      return { name, kind, trigger, dependsOn: sorted(dependsOn), ...layers };
    })
    .sort(byName);
