import type { JobState } from '../../events/event.ts';
import { ENDED_STATES, JOB_STATES } from '../../events/states.ts';
import type { Problem } from '../errors/problem.ts';
import { journal, labels, limitRules, logger, metadata, restartRules } from './check-options.ts';
import {
  callable,
  checking,
  clock,
  finite,
  methods,
  oneOf,
  period,
  positive,
  problemsOf,
  type Rule,
  type Rules,
  required,
  rule,
  text,
  wait,
} from './option-rules.ts';
import { isDefinition } from './sealed.ts';

const definitions = rule(
  'an array of sealed definitions, each with a name of its own, or a function that finds the definition of a job',
  (value) =>
    typeof value === 'function' ||
    (Array.isArray(value) && value.every(isDefinition) && new Set(value.map(({ name }) => name)).size === value.length),
);

const engineRules: Rules = {
  ...limitRules,
  journal,
  definitions,
  logger,
  intercept: callable,
  executor: methods('an executor', 'takes', 'room', 'reserve', 'onRoom'),
  clock,
  random: callable,
};

const changed = oneOf('refuse', 'accept', 'force');

const takeUpRules: Rules = {
  definition: rule('a sealed definition', isDefinition),
  added: rule('an array of task specs', Array.isArray),
  changed,
};

/** Returns the problems of the options with which an engine resumes, retries or reruns a stored job. */
export const takeUpOptionProblems = (given: unknown, what: keyof typeof restartRules): Problem[] =>
  problemsOf(given, { ...restartRules[what], ...takeUpRules }, { subject: what });

export const engineOptionProblems = checking('The engine', engineRules);
export const recoverOptionProblems = checking('recover', { changed, everyMs: period, filter: callable });

const statesOf = (states: readonly JobState[]): Rule =>
  rule(
    `an array of ${states.map((state) => `"${state}"`).join(', ')}`,
    (value) => Array.isArray(value) && value.every((state) => states.includes(state)),
  );

const selectionRules: Rules = { name: rule('the name of a job', (value) => typeof value === 'string'), labels };

export const listOptionProblems = checking('list', {
  ...selectionRules,
  states: statesOf(JOB_STATES),
  since: finite,
  limit: positive,
  cursor: text('what the page before returned as its cursor'),
});

export const pruneOptionProblems = checking('prune', {
  ...selectionRules,
  olderThanMs: required(wait),
  states: statesOf(ENDED_STATES),
  keepNewest: rule('a whole number, 0 or more', (value) => Number.isSafeInteger(value) && (value as number) >= 0),
});

export const descriptionProblems = checking('describe', { labels, metadata });

export const closeOptionProblems = checking('close', { mode: oneOf('drain', 'abort'), graceMs: wait });
