import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';
import { outlineIn } from '../../engine/views/outline.ts';
import type { JobEvent } from '../../events/event.ts';
import { emptyFold, epochOf, foldEvent, type JobFold } from './job-fold.ts';

/** The folds of the jobs that were looked at last. */
export type JobViews = {
  /** Returns the fold of a stored job, with all events that the job has. @throws JournalError */
  readonly of: (job: JournalJob) => Promise<JobFold>;
  /** Updates the fold of a job with new events, if it is kept and they follow; returns it. */
  readonly follow: (jobId: string, events: readonly JobEvent[]) => JobFold | undefined;
};

/** How many tasks the folds that are kept have together at most. One of 10,000 tasks takes some 10 MB. */
const MAX_TASKS = 200_000;

/** How many events are read at once. */
const PAGE = 2_000;

export const createJobViews = (journal: Pick<Journal, 'events' | 'shape'>): JobViews => {
  /** By job, those that were used last at the end. */
  const folds = new Map<string, JobFold>();
  const reading = new Map<string, Promise<JobFold>>();

  const keep = (jobId: string, fold: JobFold): void => {
    folds.delete(jobId);
    folds.set(jobId, fold);
    let tasks = 0;
    for (const { table } of folds.values()) tasks += table.names.length;
    for (const [id, { table }] of folds) {
      if (tasks <= MAX_TASKS || id === jobId) return;
      folds.delete(id);
      tasks -= table.names.length;
    }
  };

  const read = async (job: JournalJob): Promise<JobFold> => {
    const known = folds.get(job.id);
    const fold =
      known?.table.epoch === epochOf(job) ? known : emptyFold(job, outlineIn(await journal.shape(job.fingerprint)));
    while (fold.table.seq < job.lastSeq) {
      const events = await journal.events(job.id, fold.table.seq + 1, PAGE);
      if (events.length === 0) break;
      // Another reader may have been faster.
      for (const stored of events) if (stored.seq > fold.table.seq) foldEvent(fold, eventOf(stored, job.id));
      await setImmediate();
    }
    keep(job.id, fold);
    return fold;
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
