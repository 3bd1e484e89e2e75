import type { Registry } from 'prom-client';
import type { Engine } from '../../engine/engine.ts';
import type { JobState } from '../../events/event.ts';
import { ENDED_STATES } from '../../events/states.ts';
import { VERSION } from '../version.ts';
import { addCounter, addGauge, addHistogram, type Family, type Series } from './families.ts';
import type { JobMetrics } from './job-metrics.ts';
import { type NameSeries, type Numbers, OTHER } from './job-series.ts';

const FAMILIES = {
  info: { name: 'tintype_info', help: 'The version of tintype; the value is 1.' },
  jobs: { name: 'tintype_jobs', help: 'Jobs that are not over, by state.' },
  tasks: {
    name: 'tintype_tasks',
    help: 'Tasks of jobs that are not over, by state. A task counts from its first transition on.',
  },
  started: {
    name: 'tintype_jobs_started_total',
    help: 'Jobs that were started, or retried after they were over.',
  },
  ended: { name: 'tintype_jobs_ended_total', help: 'Jobs that ended, by the state in which they did.' },
  resumed: { name: 'tintype_jobs_resumed_total', help: 'Jobs of another process that this one continued.' },
  jobDuration: {
    name: 'tintype_job_duration_seconds',
    help: 'Time from the start of a job, or its last retry, to its end.',
  },
  transitions: { name: 'tintype_task_transitions_total', help: 'Transitions of tasks, by the new state.' },
  attempts: { name: 'tintype_task_attempts_total', help: 'Attempts of tasks that ended, by their outcome.' },
  taskDuration: { name: 'tintype_task_duration_seconds', help: 'Time from the start of an attempt to its end.' },
  queueWait: {
    name: 'tintype_task_queue_wait_seconds',
    help: 'Time for which a task was ready before it ran, without external tasks, which wait for a claim.',
  },
  lateResults: {
    name: 'tintype_late_results_total',
    help: 'Results that were dropped, since their attempt had timed out or was cancelled.',
  },
  conflicts: {
    name: 'tintype_context_conflicts_total',
    help: 'Keys of the context that two tasks without order wrote.',
  },
  slots: {
    name: 'tintype_slots',
    help: 'Slots of the engine and of its pools: size, taken, and tasks that are waiting for them.',
  },
  busy: { name: 'tintype_slot_busy_seconds_total', help: 'Time for which slots were taken, summed over the slots.' },
  dropped: {
    name: 'tintype_dropped_series_total',
    help: 'What each metric counted under the label other, since there are too many names or tasks.',
  },
} as const satisfies Readonly<Record<string, Family>>;

/** The names of the metrics of an engine. */
export const NAMES: readonly string[] = Object.values(FAMILIES).map(({ name }) => name);

/** How much a metric has counted as `other`. */
export type Dropped = { readonly name: string; readonly count: number };

/** Registers the metrics of an engine. `others`: what other metrics have counted as `other`. */
export const addEngineFamilies = (
  register: Registry,
  engine: Pick<Engine, 'usage'>,
  jobs: JobMetrics,
  others: () => readonly Dropped[],
): void => {
  const { series } = jobs;
  /** The series of one number for each name of jobs. */
  const each = (number: (name: NameSeries) => number) => (): Series[] =>
    series.all.map((name) => ({ shared: name.labels, value: number(name) }));

  addGauge(register, FAMILIES.info, () => [{ labels: { version: VERSION }, value: 1 }]);
  addGauge(register, FAMILIES.jobs, () =>
    [...jobs.standing()].flatMap(([name, standing]) =>
      byLabel(name, 'state', { ...NO_JOBS, ...standing.jobs } as Numbers<JobState>),
    ),
  );
  addGauge(register, FAMILIES.tasks, () =>
    [...jobs.standing()].flatMap(([name, { tasks }]) => {
      // A state that a task once had goes back to 0, instead of away.
      const none = Object.fromEntries(Object.keys(name.transitions).map((state) => [state, 0]));
      return byLabel(name, 'state', { ...none, ...tasks });
    }),
  );
  addCounter(
    register,
    FAMILIES.started,
    each(({ started }) => started),
  );
  addCounter(register, FAMILIES.ended, () =>
    series.all.flatMap((name) => byLabel(name, 'state', { ...NONE_ENDED, ...name.ended })),
  );
  addCounter(
    register,
    FAMILIES.resumed,
    each(({ resumed }) => resumed),
  );
  addHistogram(register, FAMILIES.jobDuration, () => series.all.flatMap((name) => [...name.jobDurations.values()]));
  addCounter(register, FAMILIES.transitions, () => series.all.flatMap((name) => byLabel(name, 'to', name.transitions)));
  addCounter(register, FAMILIES.attempts, () => series.all.flatMap(attemptsOf));
  addHistogram(register, FAMILIES.taskDuration, () =>
    series.all.map(({ labels, taskDurations }) => ({ labels, buckets: taskDurations })),
  );
  addHistogram(register, FAMILIES.queueWait, () =>
    series.all.map(({ labels, queueWaits }) => ({ labels, buckets: queueWaits })),
  );
  addCounter(
    register,
    FAMILIES.lateResults,
    each(({ lateResults }) => lateResults),
  );
  addCounter(
    register,
    FAMILIES.conflicts,
    each(({ conflicts }) => conflicts),
  );
  addGauge(register, FAMILIES.slots, () =>
    engine.usage.flatMap(({ name, size, taken, waiting }) =>
      Object.entries({ size, taken, waiting }).map(([kind, value]) => ({
        labels: { pool: poolOf(name), kind },
        value,
      })),
    ),
  );
  addCounter(register, FAMILIES.busy, () =>
    engine.usage.map(({ name, busyMs }) => ({ labels: { pool: poolOf(name) }, value: busyMs / 1000 })),
  );
  addCounter(register, FAMILIES.dropped, () =>
    [...droppedOf(jobs), ...others()].map(({ name, count }) => ({ labels: { metric: name }, value: count })),
  );
};

const NO_JOBS = { running: 0, paused: 0 };

/** So that the first failure is an increase. */
const NONE_ENDED = Object.fromEntries(ENDED_STATES.map((state) => [state, 0]));

const byLabel = ({ labels }: NameSeries, label: string, numbers: Numbers<string>): Series[] =>
  Object.entries(numbers).map(([key, value = 0]) => ({ shared: labels, labels: { [label]: key }, value }));

const attemptsOf = ({ labels, tasks }: NameSeries): Series[] =>
  [...tasks.values()].flatMap(({ task, attempts }) =>
    Object.entries(attempts).map(([outcome, value]) => ({ shared: labels, labels: { task, outcome }, value })),
  );

/** The names of limits are words for messages: `the engine`, `pool "db" of the engine`. */
const poolOf = (name: string): string => {
  const pool = /^pool "(.*)" of the engine$/s.exec(name)?.[1];
  if (pool === undefined) return ENGINE;
  return pool === ENGINE ? name : pool;
};

/** The label of the engine's own limit. A pool of that name has a longer one. */
const ENGINE = '(engine)';

const sum = (numbers: Numbers<string>): number =>
  Object.values<number | undefined>(numbers).reduce<number>((total, value = 0) => total + value, 0);

const droppedOf = ({ series }: JobMetrics): Dropped[] => {
  const { other } = series;
  const ofNames: readonly (readonly [Family, number])[] = [
    [FAMILIES.started, other.started],
    [FAMILIES.ended, sum(other.ended)],
    [FAMILIES.resumed, other.resumed],
    [FAMILIES.jobDuration, sum(other.ended)],
    [FAMILIES.transitions, sum(other.transitions)],
    [FAMILIES.taskDuration, other.taskDurations.count],
    [FAMILIES.queueWait, other.queueWaits.count],
    [FAMILIES.lateResults, other.lateResults],
    [FAMILIES.conflicts, other.conflicts],
    [FAMILIES.attempts, series.all.reduce((total, { tasks }) => total + sum(tasks.get(OTHER)?.attempts ?? {}), 0)],
  ];
  return ofNames.map(([{ name }, count]) => ({ name, count }));
};
