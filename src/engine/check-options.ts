import { textOf } from '../events/error-data.ts';
import type { RetryOptions } from '../machines/retry.ts';
import type { JobOptions, StartOptions, TaskOptions } from './options.ts';
import { isPlainObject } from './plain-object.ts';
import type { Problem } from './problem.ts';
import { didYouMean } from './suggest.ts';

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

const taskRules: Record<keyof TaskOptions, Rule> = {
  dependsOn: rule(
    'an array of task names',
    (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  ),
  timeout: duration,
  deadline: duration,
  maxRetries: count,
  retry: record,
  continueOnFailure: flag,
  priority: rule('a finite number', (value) => Number.isFinite(value)),
};

const jobRules: Record<keyof JobOptions, Rule> = {
  maxConcurrency: limit,
  sequential: flag,
  timeout: duration,
  onFailure: oneOf('abort', 'drain', 'continue'),
  graceMs: wait,
  maxRetries: count,
  retry: record,
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

export const taskOptionProblems = (options: unknown, task: string): Problem[] =>
  problemsOf(options, taskRules, `Task "${task}"`, [task]);

export const jobOptionProblems = (options: unknown): Problem[] => problemsOf(options, jobRules, 'The job', []);

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
    return key === 'retry' ? problemsOf(value, retryRules, subject, tasks, 'retry.') : [];
  });
};

const show = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  const text = textOf(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
