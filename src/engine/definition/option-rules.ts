import { textOf } from '../../events/error-data.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { OptionError } from '../errors/errors.ts';
import { optionProblem, type Problem } from '../errors/problem.ts';
import { knownNames } from '../errors/suggest.ts';

export type Rule = {
  /** Text that follows "expected" in a message. */
  readonly expected: string;
  readonly test: (value: unknown) => boolean;
  /** Set if the option must be given and must not be `undefined`. */
  readonly required?: true;
  /** Returns the problems inside a value that has passed `test`. */
  readonly inside?: (value: object, about: About) => Problem[];
};

export type Rules = Readonly<Record<string, Rule>>;

/** For messages: `subject` is the owner of the options, in words; `option` is the path of the enclosing option. */
export type About = { readonly subject: string; readonly tasks?: readonly string[]; readonly option?: string };

export const rule = (expected: string, test: (value: unknown) => boolean): Rule => ({ expected, test });
export const required = (of: Rule): Rule => ({ ...of, required: true });

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isAmount = (value: unknown): value is number => Number.isFinite(value);
const isWhole = (value: unknown, least: number): boolean => Number.isInteger(value) && (value as number) >= least;

export const duration = rule(
  'a number of milliseconds above 0, or Infinity for no limit',
  (value) => isNumber(value) && value > 0,
);

export const wait = rule('a finite number of milliseconds, 0 or more', (value) => isAmount(value) && value >= 0);
export const period = rule('a finite number of milliseconds above 0', (value) => isAmount(value) && value > 0);
export const longest = rule('a number of milliseconds, 0 or more', (value) => isNumber(value) && value >= 0);
export const growth = rule('a finite number above 0', (value) => isAmount(value) && value > 0);
export const finite = rule('a finite number', isAmount);
export const count = rule('a whole number, 0 or more, or Infinity', (value) => value === Infinity || isWhole(value, 0));
export const limit = rule('a whole number, 1 or more, or Infinity', (value) => value === Infinity || isWhole(value, 1));
export const positive = rule('a whole number, 1 or more', (value) => isWhole(value, 1));
export const flag = rule('true or false', (value) => typeof value === 'boolean');
export const callable = rule('a function', (value) => typeof value === 'function');

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const record = rule('an object', isRecord);
/** For names and values of the program's own choice: of a Map, say, none would be seen. */
export const plain = rule('a plain object', isPlainObject);
export const abortSignal = rule('an AbortSignal', (value) => value instanceof AbortSignal);

export const oneOf = (...values: unknown[]): Rule =>
  rule(`one of ${values.map((value) => JSON.stringify(value)).join(', ')}`, (value) => values.includes(value));

export const text = (what: string): Rule => rule(what, (value) => typeof value === 'string' && value !== '');

export const methods = (what: string, ...names: string[]): Rule =>
  rule(`${what} with the method${names.length > 1 ? 's' : ''} ${names.join(', ')}`, (value) => {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
    return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
  });

const hasClockMethods = methods('', 'now', 'setTimer').test;

export const clock = rule('a clock with the methods now, setTimer and, if at all, monotonicNow', (value) => {
  const { monotonicNow } = (value ?? {}) as { readonly monotonicNow?: unknown };
  return hasClockMethods(value) && (monotonicNow === undefined || typeof monotonicNow === 'function');
});

export const options = (rules: Rules): Rule => ({
  ...record,
  inside: (value, about) => problemsOf(value, rules, about),
});

/** Returns all problems of the given options: missing, unknown and invalid ones. */
export const problemsOf = (given: unknown = {}, rules: Rules, about: About): Problem[] => {
  const { subject, tasks, option: within } = about;
  const prefix = within === undefined ? '' : `${within}.`;
  const problems: Problem[] = [];
  const add = (key: string, message: string): void => {
    problems.push(optionProblem(prefix + key, `${subject} ${message}`, tasks));
  };
  if (!isRecord(given)) {
    add('', `was given ${formatValue(given)} for its options: expected an object.`);
    return problems;
  }
  for (const [key, { expected }] of requiredOf(rules))
    if (given[key] === undefined) add(key, `has no ${prefix}${key}: expected ${expected}.`);
  for (const key of Object.keys(given)) {
    const value = given[key];
    const wanted = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (!wanted) {
      add(key, `has no option "${prefix}${key}".${knownNames(key, Object.keys(rules))}`);
    } else if (value !== undefined && !wanted.test(value)) {
      add(key, `has ${prefix}${key} = ${formatValue(value)}: expected ${wanted.expected}.`);
    } else if (value !== undefined && wanted.inside) {
      problems.push(...wanted.inside(value as object, { ...about, option: prefix + key }));
    }
  }
  return problems;
};

/** Returns a function that checks options by `rules` and returns all problems. */
export const checking =
  (subject: string, rules: Rules): ((given: unknown) => Problem[]) =>
  (given) =>
    problemsOf(given, rules, { subject });

/** Returns the required options of a set of rules. Cached, since the same sets are used for every check. */
const requiredOf = (rules: Rules): readonly (readonly [string, Rule])[] => {
  const known = REQUIRED.get(rules);
  if (known) return known;
  const found = Object.entries(rules).filter(([, one]) => one.required);
  REQUIRED.set(rules, found);
  return found;
};

const REQUIRED = new WeakMap<Rules, readonly (readonly [string, Rule])[]>();

/** Throws all problems as one error; does nothing if there are none. @throws OptionError */
export const throwIfInvalid = (subject: string, [first, ...rest]: readonly Problem[]): void => {
  if (first) throw new OptionError(subject, [first, ...rest]);
};

/** Throws for one invalid argument of a call. @throws OptionError */
export const refuseArgument = (subject: string, argument: string, message: string): never => {
  throw new OptionError(subject, [optionProblem(argument, message)]);
};

/** Formats a value for a message: one short line, cut off after 60 characters. */
export const formatValue = (value: unknown): string => {
  const shown = typeof value === 'string' ? JSON.stringify(value) : textOf(value);
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
};
