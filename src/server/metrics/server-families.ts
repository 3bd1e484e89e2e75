import { statSync } from 'node:fs';
import type { Registry } from 'prom-client';
import type { Journal } from '../../engine/durable/journal.ts';
import { JournalWriter } from '../../engine/durable/journal-writer.ts';
import type { Engine } from '../../engine/engine.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import { runOf } from '../../engine/job.ts';
import { HEARTBEAT } from '../../engine/model/task-record.ts';
import { findTask } from '../../engine/run/find-task.ts';
import type { JobEvent } from '../../events/event.ts';
import type { Dropped } from '../../telemetry/prometheus/engine-families.ts';
import { addCounter, addGauge, addHistogram } from '../../telemetry/prometheus/families.ts';
import { OTHER } from '../../telemetry/prometheus/job-series.ts';
import { measure } from '../../telemetry/prometheus/prometheus.ts';
import type { ServerCounts } from './server-counts.ts';

/** What is asked at each scrape, and listened to. */
export type MetricSources = {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly units: {
    readonly stats: (sees: () => boolean) => readonly OwnerNumbers[];
    /** How many claims wait. */
    readonly waiting: () => number;
  };
  readonly schedules: {
    readonly onOutcome: (listener: (schedule: string, outcome: ScheduleOutcome) => void) => unknown;
  };
  /** How many streams are open. */
  readonly streams: () => number;
  /** Whether the metrics of Node.js are there, too. */
  readonly nodeMetrics: boolean;
};

/** `count`: how many due times were missed. */
type ScheduleOutcome = { readonly outcome: string; readonly count?: number | undefined };

type OwnerNumbers = {
  readonly owner: string | undefined;
  readonly ready: number;
  readonly claimed: number;
  readonly oldestReadyMs: number;
};

export type Metrics = {
  /** The text that Prometheus reads, and its type. */
  readonly exposition: () => Promise<{ readonly text: string; readonly type: string }>;
  readonly close: () => void;
};

/** Counts what an engine and its server do. */
export const measureServer = (counts: ServerCounts, sources: MetricSources): Metrics => {
  const { engine, journal } = sources;
  const { next, register } = measure(engine, {}, () => droppedOf(counts));
  const subscription = engine.events$.subscribe((event) => {
    next(event);
    countLostLease(counts, engine, event);
  });
  sources.schedules.onOutcome((schedule, { outcome, count = 1 }) => counts.scheduleRun(schedule, outcome, count));
  const { watchers } = JournalWriter.of(journal);
  const watcher = watchAppends(counts);
  watchers.add(watcher);
  /** Counted once a scrape, over all ready units. */
  let owners: readonly OwnerNumbers[] = [];
  addUnitFamilies(register, counts, sources, () => owners);
  addJournalFamilies(register, counts, journal);
  addHttpFamilies(register, counts, sources);
  const ofNode = sources.nodeMetrics ? addNodeMetrics(register) : undefined;
  // The scrape tells.
  ofNode?.catch(() => {});
  return {
    exposition: async () => {
      await ofNode;
      owners = sources.units.stats(ALL);
      return { text: await register.metrics(), type: register.contentType };
    },
    close: () => {
      subscription.unsubscribe();
      watchers.delete(watcher);
    },
  };
};

const addNodeMetrics = async (register: Registry): Promise<void> => {
  const { collectDefaultMetrics } = await import('prom-client');
  collectDefaultMetrics({ register });
};

const watchAppends = (counts: ServerCounts) => (events: number) => {
  const began = performance.now();
  return (error?: unknown): void => {
    counts.appends.observe((performance.now() - began) / 1000);
    if (error === undefined) counts.events += events;
    else counts.journalErrors.add({ code: error instanceof JournalError ? error.code : 'JOURNAL_FAILED' });
  };
};

/** Counts why a request failed, if that was the journal. */
export const countJournalError = (counts: ServerCounts, error: unknown): void => {
  if (error instanceof JournalError) counts.journalErrors.add({ code: error.code });
};

const countLostLease = (counts: ServerCounts, engine: Engine, event: JobEvent): void => {
  if (event.type !== 'task.transition' || event.reason !== HEARTBEAT) return;
  if (event.from !== 'running' && event.from !== 'paused') return;
  counts.leaseLost(event.owner ?? ownerOf(engine, event));
};

const ownerOf = (engine: Engine, { jobId, task }: { readonly jobId: string; readonly task: string }) => {
  const job = engine.job(jobId);
  return job && findTask(runOf(job), task).definition?.external?.owner;
};

const addUnitFamilies = (
  register: Registry,
  counts: ServerCounts,
  { units }: MetricSources,
  numbers: () => readonly OwnerNumbers[],
): void => {
  addGauge(register, { name: 'tintype_units_ready', help: 'Units that may be claimed.' }, () =>
    byOwner(counts, numbers(), 'ready'),
  );
  addGauge(register, { name: 'tintype_units_claimed', help: 'Units that workers have claimed.' }, () =>
    byOwner(counts, numbers(), 'claimed'),
  );
  addGauge(
    register,
    {
      name: 'tintype_units_oldest_ready_seconds',
      help: 'For how long the unit has been ready that has waited longest for a claim; 0 without one.',
    },
    () => byOwner(counts, numbers(), 'oldestReadyMs').map((one) => ({ ...one, value: one.value / 1000 })),
  );
  addCounter(
    register,
    { name: 'tintype_unit_claims_total', help: 'Units that were claimed by requests.' },
    () => counts.claims.series,
  );
  addCounter(
    register,
    {
      name: 'tintype_unit_leases_lost_total',
      help: 'Claims that ended because nothing was heard of the worker.',
    },
    () => counts.leasesLost.series,
  );
  addCounter(
    register,
    { name: 'tintype_unit_commands_total', help: 'What workers reported of units, by the status of the answer.' },
    () => counts.commands.series,
  );
  addGauge(register, { name: 'tintype_unit_polls_waiting', help: 'Requests that wait for a unit to claim.' }, () => [
    { value: units.waiting() },
  ]);
};

const ALL = (): boolean => true;

/** An owner whose units are all done goes back to 0, instead of away. Owners beyond the cap are one: the sum, or the oldest. */
const byOwner = (
  counts: ServerCounts,
  stats: readonly OwnerNumbers[],
  key: 'ready' | 'claimed' | 'oldestReadyMs',
): readonly { readonly labels: { readonly owner: string }; readonly value: number }[] => {
  const found = new Map<string, number>();
  for (const one of stats) {
    const owner = counts.ownerLabel(one.owner);
    const before = found.get(owner) ?? 0;
    found.set(owner, key === 'oldestReadyMs' ? Math.max(before, one[key]) : before + one[key]);
  }
  for (const owner of counts.owners.all) if (!found.has(owner)) found.set(owner, 0);
  return [...found].map(([owner, value]) => ({ labels: { owner }, value }));
};

const addJournalFamilies = (register: Registry, counts: ServerCounts, journal: Journal): void => {
  addHistogram(
    register,
    {
      name: 'tintype_journal_append_seconds',
      help: 'Time of a write of events to the database, of all jobs together.',
    },
    () => [{ buckets: counts.appends }],
  );
  addCounter(register, { name: 'tintype_journal_events_total', help: 'Events that were stored.' }, () => [
    { value: counts.events },
  ]);
  addCounter(
    register,
    { name: 'tintype_journal_errors_total', help: 'Failures of the database, by code.' },
    () => counts.journalErrors.series,
  );
  addGauge(
    register,
    {
      name: 'tintype_journal_size_bytes',
      help: 'Size of the database and of its write-ahead log. A journal in memory has none.',
    },
    () => {
      const { file } = journal as { readonly file?: unknown };
      return typeof file === 'string' ? [{ value: sizeOf(file) + sizeOf(`${file}-wal`) }] : [];
    },
  );
};

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

const addHttpFamilies = (register: Registry, counts: ServerCounts, { streams }: MetricSources): void => {
  addHistogram(
    register,
    { name: 'tintype_event_lag_seconds', help: 'Time from an event to when it is sent to the clients that listen.' },
    () => [{ buckets: counts.eventLag }],
  );
  addHistogram(
    register,
    {
      name: 'tintype_http_request_duration_seconds',
      help: 'Time from a request to its answer, by the template of the route; of those that wait, and of streams to their beginning, by that with :wait.',
    },
    () => counts.requests.values(),
  );
  addGauge(register, { name: 'tintype_sse_clients', help: 'Streams of events that are open.' }, () => [
    { value: streams() },
  ]);
  addCounter(
    register,
    { name: 'tintype_sse_clients_cut_total', help: 'Streams that were cut, since their client read too slowly.' },
    () => [{ value: counts.cut }],
  );
  addCounter(
    register,
    { name: 'tintype_schedule_runs_total', help: 'Due times of schedules, by what became of them.' },
    () => counts.scheduleRuns.series,
  );
};

const droppedOf = ({ claims, leasesLost, commands, scheduleRuns }: ServerCounts): readonly Dropped[] => [
  { name: 'tintype_unit_claims_total', count: claims.sumOf('owner', OTHER) },
  { name: 'tintype_unit_leases_lost_total', count: leasesLost.sumOf('owner', OTHER) },
  { name: 'tintype_unit_commands_total', count: commands.sumOf('owner', OTHER) },
  { name: 'tintype_schedule_runs_total', count: scheduleRuns.sumOf('schedule', OTHER) },
];
