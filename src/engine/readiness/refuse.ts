import { textOf } from '../../events/error-data.ts';
import { OptionError } from '../errors.ts';
import { isPlainObject } from '../plain-object.ts';
import type { Problem } from '../problem.ts';
import { didYouMean } from '../suggest.ts';

/** What a value must be. `undefined` stands for the default, unless the value is `required`. */
type Rule = {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
  readonly required?: true;
};

const has = (value: unknown, ...methods: string[]): boolean =>
  value !== null && methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function');

const clock: Rule = {
  expected: 'a clock with the methods now, setTimer',
  holds: (value) => has(value, 'now', 'setTimer'),
};

const proberRules: Readonly<Record<string, Rule>> = {
  timeout: {
    expected: 'a number of milliseconds above 0, or Infinity for no limit',
    holds: (value) => typeof value === 'number' && value > 0,
  },
  clock,
};

const pollerRules: Readonly<Record<string, Rule>> = {
  interval: {
    expected: 'a finite number of milliseconds above 0',
    holds: (value) => Number.isFinite(value) && (value as number) > 0,
    required: true,
  },
  prober: {
    expected: 'a prober, a poller or anything else with the method check',
    holds: (value) => has(value, 'check'),
  },
  clock,
};

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';

const argumentRules: Readonly<Record<string, Rule>> = {
  id: {
    expected: 'a string that is not empty, or { namespace?, name } of such strings',
    holds: (value) =>
      isName(value) ||
      (isPlainObject(value) && isName(value.name) && ['string', 'undefined'].includes(typeof value.namespace)),
    required: true,
  },
  fn: { expected: 'a function', holds: (value) => typeof value === 'function', required: true },
};

const checkRules: Readonly<Record<string, Rule>> = {
  signal: { expected: 'an AbortSignal', holds: (value) => value instanceof AbortSignal },
};

/** @throws OptionError */
export const refuseWrongProber = (options: unknown): void =>
  refuse('createProber', optionProblems(options, proberRules));

/** @throws OptionError */
export const refuseWrongPoller = (options: unknown): void =>
  refuse('createPoller', optionProblems(options, pollerRules));

/** @throws OptionError */
export const refuseWrongCheck = (id: unknown, fn: unknown, options: unknown): void =>
  refuse('A readiness check', [...ruleProblems({ id, fn }, argumentRules), ...optionProblems(options, checkRules)]);

const refuse = (subject: string, [first, ...rest]: readonly Problem[]): void => {
  if (first) throw new OptionError(subject, [first, ...rest]);
};

const optionProblems = (options: unknown = {}, rules: Readonly<Record<string, Rule>>): readonly Problem[] => {
  const known = Object.keys(rules);
  if (!isPlainObject(options)) {
    return [problem('', `The options are ${show(options)}: expected an object, of ${known.join(', ')}.`)];
  }
  const unknown = Object.keys(options).filter((option) => !known.includes(option));
  return [
    ...ruleProblems(options, rules),
    ...unknown.map((option) =>
      problem(
        option,
        `There is no option "${option}".${didYouMean(option, known) || ` Known are ${known.join(', ')}.`}`,
      ),
    ),
  ];
};

const ruleProblems = (
  values: Readonly<Record<string, unknown>>,
  rules: Readonly<Record<string, Rule>>,
): readonly Problem[] =>
  Object.entries(rules).flatMap(([option, { expected, holds, required }]) => {
    const value = values[option];
    if (value === undefined) return required ? [problem(option, `${option} is missing: expected ${expected}.`)] : [];
    return holds(value) ? [] : [problem(option, `${option} is ${show(value)}: expected ${expected}.`)];
  });

const problem = (option: string, message: string): Problem => ({ code: 'INVALID_OPTION', message, tasks: [], option });

/** A value as a short line of text, for a message. */
export const show = (value: unknown): string => {
  const text = typeof value === 'string' ? JSON.stringify(value) : textOf(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
