import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import { outlineIn } from '../../engine/views/outline.ts';
import type { JobState } from '../../events/event.ts';
import { applyChange, emptyTable, type JobTable, putRow } from '../../wire/job-table.ts';
import { KIND_LETTERS, STATE_LETTERS } from '../../wire/letters.ts';
import { type DefinitionMetrics, metricsOf, type SummarisedJob, shareOf } from './definition-metrics.ts';
import { epochOf, taskChangeOf } from './job-fold.ts';
import { emptySummary, type JobSummary, summarise } from './job-summary.ts';

/** The last jobs of a definition with their outer tasks. */
export type Runs = {
  /** `p50`, `p95`: of the durations of those that completed, in ms, with the waits between their attempts. */
  readonly tasks: { readonly name: string; readonly p50?: number; readonly p95?: number }[];
  /** How many outer tasks are left out. */
  readonly moreTasks: number;
  /** The newest first. */
  readonly jobs: {
    readonly id: string;
    readonly state: JobState;
    readonly startedAt: number;
    readonly endedAt?: number | undefined;
    /** A letter for each of `tasks`, `-` for one that the job does not have; empty if its events are not read yet. */
    readonly states: string;
  }[];
  /** Number of jobs whose events are not read yet. */
  readonly unread: number;
};

export type DefinitionRuns = {
  /** `tasks`: the outer tasks of the definition; undefined if they are those of its last job. @throws JournalError */
  readonly of: (name: string, tasks: readonly string[] | undefined, limit: number) => Promise<Runs>;
  /** As `of`, with which it shares what is read of the journal. @throws JournalError */
  readonly metrics: (name: string, tasks: readonly string[] | undefined, limit: number) => Promise<DefinitionMetrics>;
};

export type RunsOptions = {
  readonly journal: Pick<Journal, 'events' | 'jobs' | 'shape'>;
  /** How many events one call reads at most. The next one continues. */
  readonly maxEvents?: number;
};

const MAX_EVENTS = 50_000;

/** How many outer tasks are shown. */
const MAX_TASKS = 500;

/** How much is kept of all jobs together, in outer tasks and numbers of summaries, each job counted as one more; enough for the most jobs of one call. */
const MAX_KEPT = 300_000;

/** How many events are read at once. */
const PAGE = 2_000;

/** The outer tasks of one job, as its events up to `table.seq` say. */
type Kept = {
  /** What is folded: tasks of other names, or of the job's earlier definition, are another matter. */
  readonly key: string;
  readonly table: JobTable;
  readonly indexOf: Map<string, number>;
  readonly summary: JobSummary;
  isDamaged: boolean;
  /** As it counts for `MAX_KEPT`. */
  size: number;
};

/** The last jobs of a definition, the newest first, as far as their events are read. */
type LastJobs = {
  readonly jobs: readonly JournalJob[];
  /** The outer tasks that are shown, and how many are not. */
  readonly names: readonly string[];
  readonly moreTasks: number;
  readonly keptOf: (job: JournalJob) => Kept;
};

export const createDefinitionRuns = ({ journal, maxEvents = MAX_EVENTS }: RunsOptions): DefinitionRuns => {
  /** By job, those that were used last at the end. */
  const known = new Map<string, Kept>();
  let keptSize = 0;
  const underWay = new Map<string, Promise<LastJobs>>();

  const keep = (jobId: string, kept: Kept | undefined): void => {
    const before = known.get(jobId);
    if (before) keptSize -= before.size;
    known.delete(jobId);
    if (!kept) return;
    known.set(jobId, kept);
    kept.size = sizeOf(kept);
    keptSize += kept.size;
    for (const [oldest] of known) {
      if (keptSize <= MAX_KEPT || oldest === jobId) return;
      keep(oldest, undefined);
    }
  };

  const outerTasks = async (job: JournalJob): Promise<readonly string[]> =>
    outlineIn(await journal.shape(job.fingerprint)).map(({ name }) => name);

  /** Reads what is new of a job, as far as `left` allows. */
  const read = async (job: JournalJob, kept: Kept, left: { events: number }): Promise<void> => {
    const { table } = kept;
    while (table.seq < job.lastSeq && left.events > 0) {
      const page = await journal.events(job.id, table.seq + 1, Math.min(PAGE, left.events));
      if (page.length === 0) return;
      left.events -= page.length;
      for (const stored of page) {
        // Another reader may have been faster.
        if (stored.seq <= table.seq) continue;
        const event = eventOf(stored, job.id);
        summarise(kept.summary, event);
        const change = taskChangeOf(kept, event);
        if (change) applyChange(table, change);
        table.seq = stored.seq;
      }
      await setImmediate();
    }
  };

  const find = async (name: string, tasks: readonly string[] | undefined, limit: number): Promise<LastJobs> => {
    const jobs = await journal.jobs({ names: [name], limit }, () => {});
    const [newest] = jobs;
    const all = tasks ?? (newest ? await outerTasks(newest) : []);
    const names = all.slice(0, MAX_TASKS);
    const namesText = JSON.stringify(names);
    const left = { events: maxEvents };
    const shapes = new Map<string, ReadonlySet<string>>();
    const begin = async (job: JournalJob, key: string): Promise<Kept> => {
      const own = shapes.get(job.fingerprint) ?? new Set(await outerTasks(job));
      shapes.set(job.fingerprint, own);
      return emptyKept(job, key, names, own);
    };
    const ofJobs = new Map<string, Kept>();
    for (const job of jobs) {
      const key = `${epochOf(job)} ${namesText}`;
      const before = known.get(job.id);
      const kept = before?.key === key ? before : await begin(job, key);
      ofJobs.set(job.id, kept);
      if (!kept.isDamaged) {
        try {
          await read(job, kept, left);
        } catch (error) {
          if (!(error instanceof JournalError && error.code === 'JOURNAL_CORRUPT')) throw error;
          kept.isDamaged = true;
        }
      }
      keep(job.id, kept);
    }
    return { jobs, names, moreTasks: all.length - names.length, keptOf: ({ id }) => ofJobs.get(id) as Kept };
  };

  const lastJobs: typeof find = (name, tasks, limit) => {
    const key = JSON.stringify([name, limit]);
    const asked = underWay.get(key);
    if (asked) return asked;
    const found = find(name, tasks, limit).finally(() => underWay.delete(key));
    underWay.set(key, found);
    return found;
  };

  return {
    of: async (name, tasks, limit) => runsOf(await lastJobs(name, tasks, limit)),
    metrics: async (name, tasks, limit) => metricsOf(summarised(await lastJobs(name, tasks, limit))),
  };
};

const runsOf = ({ jobs, names, moreTasks, keptOf }: LastJobs): Runs => {
  const whole = jobs.filter((job) => isWhole(job, keptOf(job))).map((job) => keptOf(job).table);
  return {
    tasks: names.map((task, index) => ({ name: task, ...spread(durationsOf(whole, index)) })),
    moreTasks,
    jobs: jobs.map((job) => ({
      id: job.id,
      state: job.state,
      startedAt: job.startedAt ?? job.createdAt,
      endedAt: job.endedAt,
      states: isWhole(job, keptOf(job)) ? keptOf(job).table.state.join('') : '',
    })),
    unread: jobs.filter((job) => isUnread(job, keptOf(job))).length,
  };
};

const summarised = ({ jobs, keptOf }: LastJobs): readonly SummarisedJob[] =>
  jobs.map((job) => ({
    job,
    summary: isWhole(job, keptOf(job)) ? keptOf(job).summary : undefined,
    isUnread: isUnread(job, keptOf(job)),
  }));

const isUnread = ({ lastSeq }: JournalJob, { table, isDamaged }: Kept): boolean => !isDamaged && table.seq < lastSeq;

const isWhole = (job: JournalJob, kept: Kept): boolean => !isUnread(job, kept) && !kept.isDamaged;

const sizeOf = ({ table, summary }: Kept): number =>
  1 + table.names.length + summary.waits.size + summary.failing.size + summary.failedInside.size;

/** The outer tasks of a job before its first event. `own`: those that its definition has. */
const emptyKept = (job: JournalJob, key: string, names: readonly string[], own: ReadonlySet<string>): Kept => {
  const { id, name, labels, createdAt } = job;
  const table = emptyTable(epochOf(job), createdAt, { id, name, state: 'idle', labels, runs: 'nowhere', createdAt });
  for (const [index, task] of names.entries()) {
    putRow(table, { index, name: task, parent: -1, kind: KIND_LETTERS.function, up: [] });
    if (own.has(task)) applyChange(table, { index, state: STATE_LETTERS.unscheduled, at: 0, attempt: 0 });
  }
  const indexOf = new Map(names.map((task, index) => [task, index]));
  return { key, table, indexOf, summary: emptySummary(), isDamaged: false, size: 0 };
};

/** Returns how long a task took in each job in which it completed, in ms, the shortest first. */
const durationsOf = (tables: readonly JobTable[], index: number): readonly number[] =>
  tables
    .filter(({ state, startAt }) => state[index] === STATE_LETTERS.completed && (startAt[index] as number) >= 0)
    .map(({ startAt, endAt }) => Math.max(0, (endAt[index] as number) - (startAt[index] as number)))
    .sort((a, b) => a - b);

const spread = (durations: readonly number[]): Pick<Runs['tasks'][number], 'p50' | 'p95'> =>
  durations.length === 0 ? {} : { p50: shareOf(durations, 0.5), p95: shareOf(durations, 0.95) };
