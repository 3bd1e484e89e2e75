import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import { outlineIn } from '../../engine/views/outline.ts';
import type { JobState } from '../../events/event.ts';
import { applyChange, emptyTable, type JobTable, putRow } from '../../wire/job-table.ts';
import { KIND_LETTERS, STATE_LETTERS } from '../../wire/letters.ts';
import { epochOf, taskChangeOf } from './job-fold.ts';

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
};

export type RunsOptions = {
  readonly journal: Pick<Journal, 'events' | 'jobs' | 'shape'>;
  /** How many events one call reads at most. The next one continues. */
  readonly maxEvents?: number;
};

const MAX_EVENTS = 50_000;

/** How many outer tasks are shown, and how many are kept of all jobs together, each job counted as one more. */
const MAX_TASKS = 500;
const MAX_KEPT_TASKS = 100_000;

/** How many events are read at once. */
const PAGE = 2_000;

/** The outer tasks of one job, as its events up to `table.seq` say. */
type Kept = {
  /** What is folded: tasks of other names, or of the job's earlier definition, are another matter. */
  readonly key: string;
  readonly table: JobTable;
  readonly indexOf: Map<string, number>;
  isDamaged: boolean;
};

export const createDefinitionRuns = ({ journal, maxEvents = MAX_EVENTS }: RunsOptions): DefinitionRuns => {
  /** By job, those that were used last at the end. */
  const known = new Map<string, Kept>();
  let keptTasks = 0;
  const underWay = new Map<string, Promise<Runs>>();

  const keep = (jobId: string, kept: Kept | undefined): void => {
    const before = known.get(jobId);
    if (before) keptTasks -= sizeOf(before);
    known.delete(jobId);
    if (!kept) return;
    known.set(jobId, kept);
    keptTasks += sizeOf(kept);
    for (const [oldest] of known) {
      if (keptTasks <= MAX_KEPT_TASKS || oldest === jobId) return;
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
        const change = taskChangeOf(kept, eventOf(stored, job.id));
        if (change) applyChange(table, change);
        table.seq = stored.seq;
      }
      await setImmediate();
    }
  };

  const find = async (name: string, tasks: readonly string[] | undefined, limit: number): Promise<Runs> => {
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
      keep(job.id, kept);
      if (kept.isDamaged) continue;
      try {
        await read(job, kept, left);
      } catch (error) {
        if (!(error instanceof JournalError && error.code === 'JOURNAL_CORRUPT')) throw error;
        kept.isDamaged = true;
      }
    }
    const isUnread = ({ id, lastSeq }: JournalJob): boolean => {
      const { table, isDamaged } = ofJobs.get(id) as Kept;
      return !isDamaged && table.seq < lastSeq;
    };
    const isWhole = (job: JournalJob): boolean => !isUnread(job) && !ofJobs.get(job.id)?.isDamaged;
    const whole = jobs.filter(isWhole).map(({ id }) => (ofJobs.get(id) as Kept).table);
    return {
      tasks: names.map((task, index) => ({ name: task, ...spread(durationsOf(whole, index)) })),
      moreTasks: all.length - names.length,
      jobs: jobs.map((job) => ({
        id: job.id,
        state: job.state,
        startedAt: job.startedAt ?? job.createdAt,
        endedAt: job.endedAt,
        states: isWhole(job) ? (ofJobs.get(job.id) as Kept).table.state.join('') : '',
      })),
      unread: jobs.filter(isUnread).length,
    };
  };

  return {
    of: (name, tasks, limit) => {
      const key = JSON.stringify([name, limit]);
      const asked = underWay.get(key);
      if (asked) return asked;
      const found = find(name, tasks, limit).finally(() => underWay.delete(key));
      underWay.set(key, found);
      return found;
    },
  };
};

const sizeOf = ({ table }: Kept): number => 1 + table.names.length;

/** The outer tasks of a job before its first event. `own`: those that its definition has. */
const emptyKept = (job: JournalJob, key: string, names: readonly string[], own: ReadonlySet<string>): Kept => {
  const { id, name, labels, createdAt } = job;
  const table = emptyTable(epochOf(job), createdAt, { id, name, state: 'idle', labels, runs: 'nowhere', createdAt });
  for (const [index, task] of names.entries()) {
    putRow(table, { index, name: task, parent: -1, kind: KIND_LETTERS.function, up: [] });
    if (own.has(task)) applyChange(table, { index, state: STATE_LETTERS.unscheduled, at: 0, attempt: 0 });
  }
  return { key, table, indexOf: new Map(names.map((task, index) => [task, index])), isDamaged: false };
};

/** Returns how long a task took in each job in which it completed, in ms, the shortest first. */
const durationsOf = (tables: readonly JobTable[], index: number): readonly number[] =>
  tables
    .filter(({ state, startAt }) => state[index] === STATE_LETTERS.completed && (startAt[index] as number) >= 0)
    .map(({ startAt, endAt }) => Math.max(0, (endAt[index] as number) - (startAt[index] as number)))
    .sort((a, b) => a - b);

const spread = (durations: readonly number[]): Pick<Runs['tasks'][number], 'p50' | 'p95'> => {
  const at = (share: number): number => durations[Math.max(0, Math.ceil(durations.length * share) - 1)] as number;
  return durations.length === 0 ? {} : { p50: at(0.5), p95: at(0.95) };
};
