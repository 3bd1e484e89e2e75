import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';
import { type Outline, outlineIn } from '../../engine/views/outline.ts';
import type { JobEvent } from '../../events/event.ts';
import { emptyFold, epochOf, foldEvent, type JobFold } from './job-fold.ts';

/** The folds of the jobs that were looked at last. */
export type JobViews = {
  /** Returns the fold of a stored job, with all events that the job has. @throws JournalError */
  readonly of: (job: JournalJob) => Promise<JobFold>;
  /**
   * Returns the same if all events are read before `mayGoOn` returns false, else undefined: a later call goes on. The fold
   * of a job of more than `maxTasks` is returned as soon as it has them. @throws JournalError
   */
  readonly within: (job: JournalJob, limits: Limits) => Promise<JobFold | undefined>;
  /** Updates the fold of a job with new events, if it is kept and they follow; returns it. */
  readonly follow: (jobId: string, events: readonly JobEvent[]) => JobFold | undefined;
};

type Limits = {
  readonly mayGoOn: () => boolean;
  readonly maxTasks: number;
  /** Whether the fold is not asked for again. */
  readonly isOnce: boolean;
};

/** How many tasks the folds that are kept have together at most. One of 10,000 tasks takes some 10 MB. */
const MAX_TASKS = 200_000;

/** How many folds are kept. */
const MAX_FOLDS = 1_000;

/** How many definitions are kept as they were read. */
const MAX_OUTLINES = 100;

/** How many events are read at once. */
const PAGE = 2_000;

export const createJobViews = (journal: Pick<Journal, 'events' | 'shape'>): JobViews => {
  /** By job, those that were used last at the end. */
  const folds = new Map<string, JobFold>();
  const reading = new Map<string, Promise<JobFold>>();
  /** What was read of definitions last, by fingerprint: the jobs of a list have few of them. */
  const outlines = new Map<string, readonly Outline[]>();

  const outlineOf = async (fingerprint: string): Promise<readonly Outline[]> => {
    const outline = outlines.get(fingerprint) ?? outlineIn(await journal.shape(fingerprint));
    outlines.delete(fingerprint);
    outlines.set(fingerprint, outline);
    if (outlines.size > MAX_OUTLINES) outlines.delete(outlines.keys().next().value as string);
    return outline;
  };

  const keep = (jobId: string, fold: JobFold): void => {
    folds.delete(jobId);
    folds.set(jobId, fold);
    let tasks = 0;
    for (const { table } of folds.values()) tasks += table.names.length;
    for (const [id, { table }] of folds) {
      if ((tasks <= MAX_TASKS && folds.size <= MAX_FOLDS) || id === jobId) return;
      folds.delete(id);
      tasks -= table.names.length;
    }
  };

  /** Returns the fold of a job so far. */
  const begin = async (job: JournalJob): Promise<JobFold> => {
    const known = folds.get(job.id);
    return known?.table.epoch === epochOf(job) ? known : emptyFold(job, await outlineOf(job.fingerprint));
  };

  const read = async (job: JournalJob): Promise<JobFold> => {
    const fold = await begin(job);
    while (await readPage(job, fold)) await setImmediate();
    keep(job.id, fold);
    return fold;
  };

  /** Reads the next events; returns whether there were any. */
  const readPage = async (job: JournalJob, fold: JobFold): Promise<boolean> => {
    if (fold.table.seq >= job.lastSeq) return false;
    const events = await journal.events(job.id, fold.table.seq + 1, PAGE);
    // Another reader may have been faster.
    for (const stored of events) if (stored.seq > fold.table.seq) foldEvent(fold, eventOf(stored, job.id));
    return events.length > 0;
  };

  return {
    of: async (job) => {
      for (let under = reading.get(job.id); under; under = reading.get(job.id)) {
        const fold = await under.catch(() => undefined);
        if (fold && fold.table.epoch === epochOf(job) && fold.table.seq >= job.lastSeq) return fold;
        if (reading.get(job.id) === under) reading.delete(job.id);
      }
      const begun = read(job);
      reading.set(job.id, begun);
      try {
        return await begun;
      } finally {
        if (reading.get(job.id) === begun) reading.delete(job.id);
      }
    },
    within: async (job, { mayGoOn, maxTasks, isOnce }) => {
      // Whoever reads it for a page that shows it all keeps it.
      if (reading.has(job.id)) return undefined;
      const isKept = folds.has(job.id);
      const fold = await begin(job);
      const isTooLarge = (): boolean => fold.table.names.length > maxTasks;
      let isWhole = false;
      // One page is read in any case, so that each call gets on.
      do isWhole = isTooLarge() || !(await readPage(job, fold));
      while (!isWhole && mayGoOn());
      isWhole ||= fold.table.seq >= job.lastSeq;
      if (isTooLarge()) return fold;
      if (!isOnce || isKept || !isWhole) keep(job.id, fold);
      return isWhole ? fold : undefined;
    },
    follow: (jobId, events) => {
      const fold = folds.get(jobId);
      const [first, last] = [events[0], events.at(-1)];
      if (!fold || !first || !last || first.seq > fold.table.seq + 1) return undefined;
      if (last.seq - first.seq + 1 !== events.length) return undefined;
      // Another process may continue the job with another definition.
      if (events.some(({ type, seq }) => type === 'job.resumed' && seq > fold.table.seq)) return undefined;
      for (const event of events) if (event.seq > fold.table.seq) foldEvent(fold, event);
      keep(jobId, fold);
      return fold;
    },
  };
};
