import { isPlainObject } from '../../events/plain-object.ts';
import { ignoreRejections, isThenable } from '../../events/thenable.ts';
import type { RetryOptions } from '../../machines/retry.ts';
import { optionProblem, type Problem } from '../errors/problem.ts';
import { frozenJson } from './frozen-json.ts';
import {
  type About,
  abortSignal,
  callable,
  checking,
  clock,
  count,
  duration,
  finite,
  flag,
  formatValue,
  growth,
  limit,
  longest,
  methods,
  oneOf,
  options,
  period,
  plain,
  positive,
  problemsOf,
  type Rule,
  type Rules,
  record,
  required,
  rule,
  text,
  wait,
} from './option-rules.ts';
import type { DefinitionOptions, JobOptions, StartOptions, TaskKind } from './options.ts';
import { isSchema } from './standard-schema.ts';
import { isTraceparent, isTracestate } from './trace.ts';
import { TRIGGER_RULES } from './trigger.ts';

const backoff = (...names: string[]): Rule =>
  rule(
    `${names.map((name) => `"${name}"`).join(', ')} or a function`,
    (value) => typeof value === 'function' || names.includes(value as string),
  );

const retryRules: Readonly<Record<keyof RetryOptions, Rule>> = {
  backoff: backoff('none', 'fixed', 'linear', 'exponential'),
  delayMs: wait,
  factor: growth,
  maxDelayMs: longest,
  jitter: oneOf(true, false, 'none', 'full', 'equal'),
  retryIf: callable,
};

const schema = rule('a Standard Schema, such as one of zod, valibot or arktype', isSchema);

const names = rule(
  'an array of task names',
  (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
);

const flowRules: Rules = {
  dependsOn: names,
  trigger: oneOf(...TRIGGER_RULES),
  when: callable,
  deadline: duration,
  continueOnFailure: flag,
  priority: finite,
  estimate: wait,
};

const attemptRules: Rules = {
  timeout: duration,
  maxRetries: count,
  retry: options(retryRules),
  onExhausted: oneOf('fail', 'pause'),
  maxInterruptions: count,
};

/** The most tags of workers that a task may name. */
export const MAX_TAGS = 16;

/** The pattern of a tag of workers: that of the keys of labels. */
export const WORKER_TAG = /^[\w./-]{1,63}$/;

const worker = options({
  tags: rule(
    `an array of at most ${MAX_TAGS} tags, each of 1 to 63 letters, digits and . _ - /`,
    (value) =>
      Array.isArray(value) &&
      value.length <= MAX_TAGS &&
      value.every((tag) => typeof tag === 'string' && WORKER_TAG.test(tag)),
  ),
});

const functionRules: Rules = {
  ...flowRules,
  ...attemptRules,
  pool: text('the name of a pool'),
  slots: positive,
  worker,
  output: schema,
  enrich: callable,
  expansion: callable,
};

const poolRules: Rules = { slots: limit, limit: positive, periodMs: period };
const rateLimit = options({ limit: required(positive), periodMs: required(period) });

const isIterable = (value: unknown): boolean => typeof value === 'object' && value !== null && Symbol.iterator in value;

const items: Rule = {
  ...rule(
    'something to iterate over, or a function that gives it',
    (value) => typeof value === 'function' || isIterable(value),
  ),
  inside: (value, about) => (Array.isArray(value) ? promiseProblems(value, about) : []),
};

/** Refuses promises as items: nobody would await them. */
const promiseProblems = (list: readonly unknown[], { subject, tasks, option = '' }: About): Problem[] => {
  if (!list.some(isThenable)) return [];
  ignoreRejections(list);
  const message = `${subject} has promises in ${option}: let a function "over" await them, as by Promise.all.`;
  return [optionProblem(option, message, tasks)];
};

/** A percentage from 0% to 100%. */
export const PERCENTAGE = /^(\d{1,2}(\.\d+)?|100)%$/;

const mapRules: Rules = {
  over: items,
  concurrency: limit,
  rateLimit,
  maxFailures: rule(
    'a whole number, 0 or more, or a percentage from 0% to 100%, such as "5%"',
    (value) => count.test(value) || (typeof value === 'string' && PERCENTAGE.test(value)),
  ),
  collect: flag,
};

/** Maximum length of the owner of an external task, in characters. */
export const MAX_OWNER_LENGTH = 200;

const taskRules: Readonly<Record<TaskKind, Rules>> = {
  task: functionRules,
  sensor: {
    ...functionRules,
    ...mapRules,
    interval: wait,
    backoff: backoff('fixed', 'linear', 'exponential'),
    factor: growth,
    maxInterval: longest,
    softFail: flag,
  },
  external: {
    ...flowRules,
    ...attemptRules,
    output: schema,
    heartbeatTimeout: duration,
    onMissedHeartbeat: oneOf('fail', 'release'),
    owner: rule(
      `text of 1 to ${MAX_OWNER_LENGTH} characters`,
      (value) => typeof value === 'string' && value.trim() !== '' && value.length <= MAX_OWNER_LENGTH,
    ),
    description: rule('text', (value) => typeof value === 'string'),
    data: rule(
      'plain JSON: text, finite numbers, true, false, null, arrays and objects of these',
      (value) => frozenJson(value) !== undefined,
    ),
  },
  job: { ...flowRules, ...attemptRules, input: callable, output: callable, ...mapRules },
  map: { ...functionRules, ...mapRules, over: required(items) },
};

/** Returns the problems of the `labels` option. */
const labelProblems = (labels: object, { subject, option: within = 'labels' }: About): Problem[] => {
  const entries = Object.entries(labels);
  const problems = entries.flatMap(([key, value]) => {
    const wrong = (what: string): Problem[] => [optionProblem(`${within}.${key}`, `${subject} has ${what}`)];
    if (!LABEL_KEY.test(key))
      return wrong(`a label ${formatValue(key)}: expected a key of 1 to 63 letters, digits and . _ - /`);
    if (typeof value === 'string' && value.length <= MAX_LABEL_LENGTH && !CONTROL.test(value)) return [];
    return wrong(
      `${within}.${key} = ${formatValue(value)}: expected text of at most ${MAX_LABEL_LENGTH} characters, without control characters.`,
    );
  });
  if (entries.length <= MAX_LABELS) return problems;
  return [
    ...problems,
    optionProblem(within, `${subject} has ${entries.length} labels: expected at most ${MAX_LABELS}.`),
  ];
};

export const MAX_LABELS = 32;
export const MAX_LABEL_LENGTH = 200;
export const LABEL_KEY = /^[\w./-]{1,63}$/;
export const CONTROL = /\p{Cc}/u;

/** Returns the problems of the `pools` option. A pool is a number of slots, or `{ slots, limit, periodMs }`. */
const poolProblems = (pools: object, { subject, option: within = 'pools' }: About): Problem[] =>
  Object.entries(pools).flatMap(([name, pool]) => {
    const option = `${within}.${name}`;
    const wrong = (expected: string): Problem[] => [
      optionProblem(option, `${subject} has ${option} = ${formatValue(pool)}: expected ${expected}.`),
    ];
    if (limit.test(pool)) return [];
    if (!record.test(pool)) return wrong('how many slots it has, 1 or more, or { slots, limit, periodMs }');
    const { slots, limit: starts, periodMs } = pool as Record<string, unknown>;
    if (slots === undefined && starts === undefined && periodMs === undefined)
      return wrong('slots, or limit and periodMs, or all three');
    const problems = problemsOf(pool, poolRules, { subject, option });
    if (problems.length > 0) return problems;
    return (starts === undefined) === (periodMs === undefined) ? [] : wrong('limit and periodMs together');
  });

export const limitRules = { maxConcurrency: limit, rateLimit, pools: { ...plain, inside: poolProblems } };

const jobRules: Readonly<Record<keyof JobOptions, Rule>> = {
  ...limitRules,
  sequential: flag,
  timeout: duration,
  onFailure: oneOf('abort', 'drain', 'continue'),
  graceMs: wait,
  maxRetries: count,
  retry: options(retryRules),
  onExhausted: oneOf('fail', 'pause'),
  maxInterruptions: count,
  contextConflict: oneOf('event', 'error'),
  freeze: flag,
  logs: options({ first: count, last: count, maxBytes: count }),
};

const definitionRules: Readonly<Record<keyof DefinitionOptions, Rule>> = {
  ...jobRules,
  input: schema,
  redact: callable,
  computed: names,
};

export const logger = methods('a logger', 'debug', 'info', 'warn', 'error');
export const journal = methods('a journal', 'create', 'append', 'acquire', 'beat', 'release');

export const metadata: Rule = record;
export const labels: Rule = { ...plain, inside: labelProblems };

const trace = options({
  traceparent: required(rule('a traceparent of the W3C, such as 00-<32 hex digits>-<16 hex digits>-01', isTraceparent)),
  tracestate: rule('a tracestate of the W3C: printable ASCII', isTracestate),
});

const startRules: Readonly<Record<keyof StartOptions, Rule>> = {
  ...jobRules,
  jobId: text('a string that is not empty'),
  jobKey: text('a string that is not empty'),
  metadata,
  labels,
  journal,
  signal: abortSignal,
  logger,
  intercept: callable,
  trace,
  inspect: rule(
    'a function or an observer',
    (value) => typeof value === 'function' || (typeof value === 'object' && value !== null),
  ),
  clock,
  random: callable,
};

export const taskOptionProblems = (given: unknown, task: string, kind: TaskKind): Problem[] => {
  const subject = `Task "${task}"`;
  const problems = problemsOf(given, taskRules[kind], { subject, tasks: [task] });
  const { slots, pool, over, ...others } = (given ?? {}) as Readonly<Record<string, unknown>>;
  if (over === undefined && (kind === 'job' || kind === 'sensor'))
    for (const option of Object.keys(mapRules).filter((key) => others[key] !== undefined))
      problems.push(
        optionProblem(option, `${subject} has ${option} without "over": only a fan-out has items to limit.`, [task]),
      );
  if (slots === undefined || pool !== undefined || !('pool' in taskRules[kind])) return problems;
  const message = `${subject} takes ${formatValue(slots)} slots of no pool. Name the pool, or leave out "slots".`;
  return [...problems, optionProblem('slots', message, [task])];
};

export const startOptionProblems = (input: unknown, given: unknown): Problem[] => {
  const problems = problemsOf(given, startRules, { subject: 'The start' });
  const { jobId, jobKey } = (given ?? {}) as StartOptions;
  if (jobId !== undefined && jobKey !== undefined) {
    const message = 'The start has both jobId and jobKey: the id of a job with a key is made from that. Leave out one.';
    problems.push(optionProblem('jobId', message));
  }
  if (input === undefined || isPlainObject(input)) return problems;
  const message = `The input is ${formatValue(input)}: expected a plain object, which becomes the first context.`;
  return [optionProblem('input', message), ...problems];
};

const { jobId, jobKey: _, metadata: __, labels: ___, ...commonRestartRules } = startRules;

/** The options that start a job again, with or without an engine. */
export const restartRules: Readonly<Record<'resume' | 'retry' | 'rerun', Rules>> = {
  resume: commonRestartRules,
  retry: { ...commonRestartRules, tasks: names, downstream: flag },
  rerun: {
    ...commonRestartRules,
    jobId,
    metadata,
    labels,
    from: rule('the name of a task, or an array of them', (value) => typeof value === 'string' || names.test(value)),
  },
};

/** Returns the problems of the options with which a handle retries or reruns its job. */
export const restartOptionProblems = (given: unknown, what: 'retry' | 'rerun'): Problem[] =>
  problemsOf(given, restartRules[what], { subject: what });

export const limitOptionProblems = checking('setLimits', limitRules);
export const definitionOptionProblems = checking('The job', definitionRules);
export const cancelOptionProblems = checking('cancel', { mode: oneOf('abort', 'drain') });
export const claimOptionProblems = checking('claim', { leaseMs: duration });
export const viewOptionProblems = checking('view', {
  outputs: flag,
  under: text('the path of a task'),
  after: text('the path of a task'),
  limit: positive,
});
export const waitOptionProblems = checking('result', { signal: abortSignal });
