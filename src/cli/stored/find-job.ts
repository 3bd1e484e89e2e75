import type { DamagedJob, JournalJob } from '../../engine/durable/journal.ts';
import { UsageError } from '../terminal/exit-code.ts';
import { shortId } from '../terminal/short-id.ts';
import type { JobSource } from './job-source.ts';
import { shownState } from './shown-state.ts';

/** Finds a job by its id, by the start of its id, or the newest as `last`. @throws UsageError @throws JournalError */
export const findJob = async (journal: JobSource, name: string): Promise<JournalJob> => {
  const damaged: DamagedJob[] = [];
  const throwIfDamaged = (isMeant: (jobId: string) => boolean): void => {
    const one = damaged.find(({ jobId }) => isMeant(jobId));
    if (one) throw one.error;
  };
  if (name === 'last') {
    const [newest] = await journal.jobs({ limit: 1 }, (job) => damaged.push(job));
    throwIfDamaged(() => true);
    if (newest) return newest;
    throw new UsageError(`There is no job in ${journal.file}.`);
  }
  const exact = await journal.job(name);
  if (exact) return exact;
  const meant = name === '' ? [] : await journal.jobs({ idPrefix: name }, (job) => damaged.push(job));
  throwIfDamaged(() => true);
  if (meant.length === 1) return meant[0] as JournalJob;
  if (meant.length > 1) {
    throw new UsageError(
      `${meant.length} jobs begin with "${name}". Name one of them by more of its id:\n${list(meant)}`,
    );
  }
  const jobs = await journal.jobs({}, () => {});
  const nearest = jobs.length === 0 ? '' : ` The nearest are:\n${list(nearestTo(name, jobs))}`;
  throw new UsageError(
    `There is no job "${name}" in ${journal.file}. A job is named by its id, by the beginning of it, or as "last"; tintype jobs lists them.${nearest}`,
  );
};

const MAX_LISTED = 5;

const list = (jobs: readonly JournalJob[]): string => {
  const more = jobs.length - MAX_LISTED;
  const ids = jobs.map(({ id }) => id);
  const lines = jobs.slice(0, MAX_LISTED).map((job) => `  ${shortId(job.id, ids)}  ${job.name}  ${shownState(job)}`);
  return [...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n');
};

/** Returns the jobs called `name`, then those whose ids share the longest prefix with `name`; the newest first. */
const nearestTo = (name: string, jobs: readonly JournalJob[]): readonly JournalJob[] => {
  const nearness = (job: JournalJob): number =>
    job.name === name ? Number.POSITIVE_INFINITY : commonLength(job.id.toLowerCase(), name.toLowerCase());
  return jobs
    .map((job) => [job, nearness(job)] as const)
    .sort(([, a], [, b]) => (a === b ? 0 : b - a))
    .slice(0, MAX_LISTED)
    .map(([job]) => job);
};

const commonLength = (a: string, b: string): number => {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
};
