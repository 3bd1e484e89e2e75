import type { JournalJob } from '../../engine/durable/journal.ts';
import type { JobState } from '../../events/event.ts';
import type { JobSummary } from './job-summary.ts';

/** What the last jobs of a definition took, waited and failed of. All times in ms. */
export type DefinitionMetrics = {
  /** The newest first. */
  readonly jobs: JobMetrics[];
  /** How many of the jobs are in each state; of those alone in which there are some. */
  readonly states: Partial<Record<JobState, number>>;
  /** Of the jobs that completed; without numbers if there are none. */
  readonly durations: Spread & { readonly min?: number | undefined };
  /** From `ready` to `running`, of all attempts. */
  readonly waits: Spread;
  readonly attempts: number;
  /** Attempts after a task's first one. */
  readonly retries: number;
  readonly timeouts: number;
  readonly failures: number;
  /** The tasks that failed most often, at most 10. Instances of a fan-out are one: `resize[]`. */
  readonly failing: FailingTask[];
  /** How many of `failures` are of other tasks. */
  readonly otherFailures: number;
  /** Number of jobs whose events are not read yet; their times and states are here, their tasks' are not. */
  readonly unread: number;
};

export type Spread = {
  readonly count: number;
  readonly p50?: number | undefined;
  readonly p95?: number | undefined;
  readonly max?: number | undefined;
};

export type JobMetrics = {
  readonly id: string;
  readonly state: JobState;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  /** Of its tasks; undefined if its events are not read yet, or damaged. */
  readonly attempts?: number | undefined;
  readonly failures?: number | undefined;
  readonly waits?: Spread | undefined;
};

export type FailingTask = {
  readonly task: string;
  /** Attempts that failed, those that were tried again too. */
  readonly failures: number;
  /** How often the task ended failed. */
  readonly failed: number;
  /** In how many jobs. */
  readonly jobs: number;
  /** Of its last failure. */
  readonly code?: string | undefined;
  /** The newest job in which it failed. */
  readonly jobId: string;
};

/** A job with what its events say; `summary` is undefined if they are not read yet, or damaged. */
export type SummarisedJob = {
  readonly job: JournalJob;
  readonly summary: JobSummary | undefined;
  readonly isUnread: boolean;
};

const MOST_FAILING = 10;

/** Returns the metrics of jobs, the newest first. */
export const metricsOf = (jobs: readonly SummarisedJob[]): DefinitionMetrics => {
  const waits = new Map<number, number>();
  const sums = { attempts: 0, retries: 0, timeouts: 0, failures: 0 };
  const states: Partial<Record<JobState, number>> = {};
  for (const { job, summary } of jobs) {
    states[job.state] = (states[job.state] ?? 0) + 1;
    if (!summary) continue;
    sums.attempts += summary.attempts;
    sums.retries += summary.retries;
    sums.timeouts += summary.timeouts;
    sums.failures += summary.failures;
    for (const [ms, count] of summary.waits) waits.set(ms, (waits.get(ms) ?? 0) + count);
  }
  const failing = failingIn(jobs).slice(0, MOST_FAILING);
  return {
    jobs: jobs.map(({ job, summary }) => ({
      id: job.id,
      state: job.state,
      startedAt: job.startedAt ?? job.createdAt,
      endedAt: job.endedAt,
      attempts: summary?.attempts,
      failures: summary?.failures,
      waits: summary && spreadOf(summary.waits),
    })),
    states,
    durations: durationsOf(jobs),
    waits: spreadOf(waits),
    ...sums,
    failing,
    otherFailures: failing.reduce((left, { failures }) => left - failures, sums.failures),
    unread: jobs.filter(({ isUnread }) => isUnread).length,
  };
};

const durationsOf = (jobs: readonly SummarisedJob[]): DefinitionMetrics['durations'] => {
  const sorted = jobs
    .flatMap(({ job: { state, createdAt, startedAt = createdAt, endedAt } }) =>
      state === 'completed' && endedAt !== undefined ? [Math.max(0, endedAt - startedAt)] : [],
    )
    .sort((a, b) => a - b);
  if (sorted.length === 0) return { count: 0 };
  return {
    count: sorted.length,
    min: sorted[0],
    p50: shareOf(sorted, 0.5),
    p95: shareOf(sorted, 0.95),
    max: sorted.at(-1),
  };
};

/** Returns the number that the given share of sorted numbers, of which there is at least one, does not exceed. */
export const shareOf = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] as number;

/** `counts`: how often there is each number. */
const spreadOf = (counts: ReadonlyMap<number, number>): Spread => {
  const sorted = [...counts].sort(([a], [b]) => a - b);
  const count = sorted.reduce((sum, [, times]) => sum + times, 0);
  if (count === 0) return { count };
  const at = (share: number): number | undefined => {
    let left = Math.ceil(count * share);
    for (const [ms, times] of sorted) {
      left -= times;
      if (left <= 0) return ms;
    }
    return undefined;
  };
  return { count, p50: at(0.5), p95: at(0.95), max: sorted.at(-1)?.[0] };
};

/** The tasks that failed, those that did so most often first. */
const failingIn = (jobs: readonly SummarisedJob[]): readonly FailingTask[] => {
  const found = new Map<string, FailingTask>();
  for (const { job, summary } of jobs)
    for (const [task, { failures, failed, code }] of summary?.failing ?? []) {
      const newer = found.get(task);
      found.set(task, {
        task,
        failures: failures + (newer?.failures ?? 0),
        failed: failed + (newer?.failed ?? 0),
        jobs: 1 + (newer?.jobs ?? 0),
        code: newer ? newer.code : code,
        jobId: newer?.jobId ?? job.id,
      });
    }
  return [...found.values()].sort((a, b) => b.failures - a.failures || b.jobs - a.jobs || (a.task < b.task ? -1 : 1));
};
