/* Metrics for Prometheus. `prometheus.ts` is the subscriber of an engine's events, with its options. `job-metrics.ts`
 * follows the jobs and counts, in the plain numbers of `job-series.ts` and `buckets.ts`. `engine-families.ts` declares the
 * metrics; `families.ts` hands their values to prom-client, which renders them when Prometheus scrapes. */
/// <reference path="./registry.d.ts" />
import type { Registry } from 'prom-client';
// Not the whole package, which calls `require`: in a bundle that is an ES module, there is none.
import PromRegistry from 'prom-client/lib/registry.js';
import { methods, positive, problemsOf, rule, throwIfInvalid } from '../../engine/definition/option-rules.ts';
import type { Engine } from '../../engine/engine.ts';
import { OptionError } from '../../engine/errors/errors.ts';
import { optionProblem } from '../../engine/errors/problem.ts';
import type { JobEvent } from '../../events/event.ts';
import { DURATION_BUCKETS } from './buckets.ts';
import { addEngineFamilies, type Dropped, NAMES } from './engine-families.ts';
import { JobMetrics } from './job-metrics.ts';
import { CappedSeries } from './job-series.ts';

export type PrometheusOptions = {
  /** The registry of prom-client that gets the metrics. Default: a new one. */
  readonly register?: Registry | undefined;
  /** How many names of jobs have series of their own; jobs of others are counted as `other`. Default 200. */
  readonly maxNames?: number | undefined;
  /** How many tasks have series of their own, of all jobs; attempts of others are counted as `other`. Default 500. */
  readonly maxTasks?: number | undefined;
  /** Upper bounds of the buckets of durations, in s, ascending. Default: 0.005 to 3600 in 11 steps. */
  readonly buckets?: readonly number[] | undefined;
};

export type PrometheusMetrics = {
  /** Counts an event: subscribe the metrics to `engine.events$`. */
  readonly next: (event: JobEvent) => void;
  /** Renders the metrics: `await register.metrics()`. */
  readonly register: Registry;
};

/**
 * Counts what the jobs of an engine do, for Prometheus. Labels are names of definitions, so that their number is bounded.
 * @throws OptionError, also if the registry has the metrics of an engine already
 * @example
 * const metrics = prometheus(engine);
 * engine.events$.subscribe(metrics);
 * http.createServer(async (_, response) => response.end(await metrics.register.metrics()));
 */
export const prometheus = (engine: Engine, options: PrometheusOptions = {}): PrometheusMetrics => {
  throwIfInvalid('prometheus', problemsOf(options, RULES, { subject: 'prometheus' }));
  return measure(engine, options);
};

/** `others`: what other metrics of the registry have counted as `other`. Does not check the options. */
export const measure = (
  engine: Engine,
  options: PrometheusOptions = {},
  others: () => readonly Dropped[] = () => [],
): PrometheusMetrics => {
  const { register = new PromRegistry(), maxNames = 200, maxTasks = 500, buckets = DURATION_BUCKETS } = options;
  requireUnused(register);
  const jobs = new JobMetrics(engine, new CappedSeries(buckets, { maxNames, maxTasks }));
  addEngineFamilies(register, engine, jobs, others);
  return { next: (event) => jobs.next(event), register };
};

const isAscending = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((bound, index) => Number.isFinite(bound) && (index === 0 || bound > value[index - 1]));

const RULES = {
  register: methods('a registry of prom-client', 'registerMetric', 'getSingleMetric', 'metrics'),
  maxNames: positive,
  maxTasks: positive,
  buckets: rule('finite numbers of seconds, ascending', isAscending),
};

const requireUnused = (register: Registry): void => {
  const used = NAMES.find((name) => register.getSingleMetric(name));
  if (used === undefined) return;
  const message = `The registry has a metric ${used} already. Give each engine a registry of its own, or merge them by Registry.merge.`;
  throw new OptionError('prometheus', [optionProblem('register', message)]);
};
