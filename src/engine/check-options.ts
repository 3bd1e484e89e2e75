import { textOf } from '../events/error-data.ts';
import type { RetryOptions } from '../machines/retry.ts';
import type { DefinitionOptions, JobOptions, StartOptions } from './options.ts';
import { isPlainObject } from './plain-object.ts';
import type { Problem } from './problem.ts';
import { isSchema } from './standard-schema.ts';
import { didYouMean } from './suggest.ts';
import { TRIGGER_RULES } from './trigger.ts';
import type { TaskKind } from './views/graph-view.ts';

type Rules = Readonly<Record<string, Rule>>;

type Rule = { readonly expected: string; readonly holds: (value: unknown) => boolean };

const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value);
const rule = (expected: string, holds: (value: unknown) => boolean): Rule => ({ expected, holds });
const oneOf = (...values: unknown[]): Rule =>
  rule(`one of ${values.map((value) => JSON.stringify(value)).join(', ')}`, (value) => values.includes(value));
const duration = rule(
  'a number of milliseconds above 0, or Infinity for no limit',
  (value) => isNumber(value) && value > 0,
);
const wait = rule(
  'a finite number of milliseconds, 0 or more',
  (value) => Number.isFinite(value) && (value as number) >= 0,
);
const count = rule(
  'a whole number, 0 or more, or Infinity',
  (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 0),
);
const limit = rule(
  'a whole number, 1 or more, or Infinity',
  (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 1),
);
const flag = rule('true or false', (value) => typeof value === 'boolean');
const callable = rule('a function', (value) => typeof value === 'function');
const methods = (names: readonly string[], what: string): Rule =>
  rule(
    `${what} with the methods ${names.join(', ')}`,
    (value) =>
      value !== null &&
      (typeof value === 'object' || typeof value === 'function') &&
      names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
  );

const record = rule('an object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value));

const retryRules: Record<keyof RetryOptions, Rule> = {
  backoff: rule(
    '"none", "fixed", "linear", "exponential" or a function',
    (value) => typeof value === 'function' || ['none', 'fixed', 'linear', 'exponential'].includes(value as string),
  ),
  delayMs: wait,
  factor: rule('a finite number above 0', (value) => Number.isFinite(value) && (value as number) > 0),
  maxDelayMs: rule('a number of milliseconds, 0 or more', (value) => isNumber(value) && value >= 0),
  jitter: oneOf(true, false, 'none', 'full', 'equal'),
  retryIf: callable,
};

const schema = rule('a Standard Schema, such as one of zod, valibot or arktype', isSchema);

const flowRules: Rules = {
  dependsOn: rule(
    'an array of task names',
    (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  ),
  trigger: oneOf(...TRIGGER_RULES),
  when: callable,
  deadline: duration,
  continueOnFailure: flag,
  priority: rule('a finite number', (value) => Number.isFinite(value)),
};

const attemptRules: Rules = {
  timeout: duration,
  maxRetries: count,
  retry: record,
  onExhausted: oneOf('fail', 'pause'),
};

const functionRules: Rules = {
  ...flowRules,
  ...attemptRules,
  pool: rule('the name of a pool', (value) => typeof value === 'string' && value !== ''),
  slots: rule('a whole number, 1 or more', (value) => Number.isInteger(value) && (value as number) >= 1),
  output: schema,
  enrich: callable,
};

/** What each kind of task can be told. */
const taskRules: Readonly<Record<TaskKind, Rules>> = {
  task: functionRules,
  sensor: {
    ...functionRules,
    interval: wait,
    backoff: rule(
      '"fixed", "linear", "exponential" or a function',
      (value) => typeof value === 'function' || ['fixed', 'linear', 'exponential'].includes(value as string),
    ),
    factor: rule('a finite number above 0', (value) => Number.isFinite(value) && (value as number) > 0),
    maxInterval: rule('a number of milliseconds, 0 or more', (value) => isNumber(value) && value >= 0),
  },
  external: { ...flowRules, ...attemptRules, output: schema, heartbeatTimeout: duration },
  job: { ...flowRules, ...attemptRules, input: callable, output: callable },
  map: {
    ...functionRules,
    over: rule(
      'something to iterate over, or a function that gives it',
      (value) => typeof value === 'function' || isIterable(value),
    ),
    concurrency: limit,
    rateLimit: record,
  },
};

const isIterable = (value: unknown): boolean => typeof value === 'object' && value !== null && Symbol.iterator in value;

const rateRules: Rules = {
  limit: rule('a whole number, 1 or more', (value) => Number.isInteger(value) && (value as number) >= 1),
  periodMs: rule('a finite number of milliseconds above 0', (value) => Number.isFinite(value) && (value as number) > 0),
};

const poolRules: Rules = { slots: limit, ...rateRules };

const limitRules: Rules = { maxConcurrency: limit, rateLimit: record, pools: record };

const jobRules: Readonly<Record<keyof JobOptions, Rule>> = {
  ...(limitRules as Record<'maxConcurrency' | 'rateLimit' | 'pools', Rule>),
  sequential: flag,
  timeout: duration,
  onFailure: oneOf('abort', 'drain', 'continue'),
  graceMs: wait,
  maxRetries: count,
  retry: record,
  onExhausted: oneOf('fail', 'pause'),
  contextConflict: oneOf('event', 'error'),
  freeze: flag,
};

const startRules: Record<keyof StartOptions, Rule> = {
  ...jobRules,
  jobId: rule('a string that is not empty', (value) => typeof value === 'string' && value !== ''),
  signal: rule('an AbortSignal', (value) => value instanceof AbortSignal),
  logger: methods(['debug', 'info', 'warn', 'error'], 'a logger'),
  inspect: rule(
    'a function or an observer',
    (value) => typeof value === 'function' || (typeof value === 'object' && value !== null),
  ),
  clock: methods(['now', 'setTimer'], 'a clock'),
  random: callable,
};

const definitionRules: Readonly<Record<keyof DefinitionOptions, Rule>> = { ...jobRules, input: schema };

const engineRules: Rules = {
  ...limitRules,
  logger: startRules.logger,
  clock: startRules.clock,
  random: startRules.random,
};

export const taskOptionProblems = (options: unknown, task: string, kind: TaskKind): Problem[] => {
  const subject = `Task "${task}"`;
  const problems = problemsOf(options, taskRules[kind], subject, [task]);
  if (kind === 'task' && (options as { slots?: unknown } | undefined)?.slots === undefined) return problems;
  const missing = (option: string, message: string): void => {
    problems.push({ code: 'INVALID_OPTION', message, tasks: [task], option });
  };
  const given = (typeof options === 'object' && options !== null ? options : {}) as Record<string, unknown>;
  if (kind === 'map' && given.over === undefined)
    missing('over', `${subject} has no "over": expected the items, or a function that gives them.`);
  if (given.slots !== undefined && given.pool === undefined && 'pool' in taskRules[kind])
    missing('slots', `${subject} takes ${show(given.slots)} slots of no pool. Name the pool, or leave out "slots".`);
  return problems;
};

export const definitionOptionProblems = (options: unknown): Problem[] =>
  problemsOf(options, definitionRules, 'The job', []);

export const engineOptionProblems = (options: unknown): Problem[] => problemsOf(options, engineRules, 'The engine', []);

export const startOptionProblems = (input: unknown, options: unknown): Problem[] => [
  ...(input === undefined || isPlainObject(input)
    ? []
    : [
        {
          code: 'INVALID_OPTION' as const,
          message: `The input is ${show(input)}: expected a plain object, which becomes the first context.`,
          tasks: [],
          option: 'input',
        },
      ]),
  ...problemsOf(options, startRules, 'The start', []),
];

const cancelRules: Record<string, Rule> = { mode: oneOf('abort', 'drain') };
const waitRules: Record<string, Rule> = { signal: startRules.signal };

export const cancelOptionProblems = (options: unknown): Problem[] => problemsOf(options, cancelRules, 'cancel', []);

const closeRules: Rules = { mode: oneOf('drain', 'abort'), graceMs: wait };

export const closeOptionProblems = (options: unknown): Problem[] => problemsOf(options, closeRules, 'close', []);

const claimRules: Rules = { leaseMs: duration };

export const claimOptionProblems = (options: unknown): Problem[] => problemsOf(options, claimRules, 'claim', []);

export const waitOptionProblems = (options: unknown): Problem[] => problemsOf(options, waitRules, 'result', []);

const problemsOf = (
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
  subject: string,
  tasks: readonly string[],
  prefix = '',
): Problem[] => {
  const problem = (option: string, message: string): Problem => ({ code: 'INVALID_OPTION', message, tasks, option });
  if (options === undefined) return [];
  if (!record.holds(options)) {
    return [problem(prefix, `${subject} was given ${show(options)} for its options: expected an object.`)];
  }
  return Object.entries(options as object).flatMap(([key, value]) => {
    const option = prefix + key;
    const wanted = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (!wanted) {
      const hint = didYouMean(key, Object.keys(rules)) || ` Known are ${Object.keys(rules).join(', ')}.`;
      return [problem(option, `${subject} has no option "${option}".${hint}`)];
    }
    if (value === undefined) return [];
    if (!wanted.holds(value)) {
      return [problem(option, `${subject} has ${option} = ${show(value)}: expected ${wanted.expected}.`)];
    }
    if (key === 'retry') return problemsOf(value, retryRules, subject, tasks, 'retry.');
    if (key === 'rateLimit') return wholeRate(value, subject, tasks, 'rateLimit.');
    return key === 'pools' ? poolProblems(value as object, subject) : [];
  });
};

const poolProblems = (pools: object, subject: string): Problem[] =>
  Object.entries(pools).flatMap(([name, pool]) => {
    const option = `pools.${name}`;
    if (limit.holds(pool)) return [];
    const wrong = (what: string): Problem[] => [
      {
        code: 'INVALID_OPTION',
        message: `${subject} has ${option} = ${show(pool)}: expected ${what}.`,
        tasks: [],
        option,
      },
    ];
    if (!record.holds(pool)) return wrong('how many slots it has, 1 or more, or { slots, limit, periodMs }');
    const { slots, limit: starts, periodMs } = pool as Record<string, unknown>;
    if (slots === undefined && starts === undefined && periodMs === undefined)
      return wrong('slots, or limit and periodMs, or all three');
    const problems = problemsOf(pool, poolRules, subject, [], `${option}.`);
    if (problems.length > 0) return problems;
    return (starts === undefined) === (periodMs === undefined) ? [] : wrong('limit and periodMs together');
  });

const wholeRate = (rate: unknown, subject: string, tasks: readonly string[], prefix: string): Problem[] => {
  const { limit: starts, periodMs } = rate as Record<string, unknown>;
  return problemsOf(
    { ...(rate as object), limit: starts ?? null, periodMs: periodMs ?? null },
    rateRules,
    subject,
    tasks,
    prefix,
  );
};

const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  const text = textOf(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
