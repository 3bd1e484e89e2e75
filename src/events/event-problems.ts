import type { JobEvent, Stamp, TaskState } from './event.ts';
import { LEVELS } from './levels.ts';
import { isPlainObject } from './plain-object.ts';
import { JOB_STATES } from './states.ts';

/** What is wrong with a value that should be an event: a field, such as `error.message`, and what was expected there. */
export type EventProblem = { readonly field: string; readonly expected: string };

type Field = { readonly expected: string; readonly isValid: (value: unknown) => boolean };
type Fields = Readonly<Record<string, Field>>;

/** Returns what makes no sense in a value that should be an event without its output; nothing if it is one. */
export const eventProblems = (value: unknown): readonly EventProblem[] => {
  if (!isPlainObject(value)) return [{ field: '', expected: 'an object' }];
  const fields = Object.hasOwn(FIELDS, value.type as string) ? FIELDS[value.type as JobEvent['type']] : undefined;
  if (!fields) return [{ field: 'type', expected: `one of ${Object.keys(FIELDS).join(', ')}` }];
  const problems: EventProblem[] = [];
  for (const rules of [STAMP, fields]) {
    for (const field in rules) {
      const { expected, isValid } = rules[field] as Field;
      if (!isValid(value[field])) problems.push({ field, expected });
    }
  }
  return problems;
};

const orUndefined =
  (isValid: Field['isValid']): Field['isValid'] =>
  (value) =>
    value === undefined || isValid(value);

const optional = ({ expected, isValid }: Field): Field => ({ expected, isValid: orUndefined(isValid) });

const oneOf = (...values: readonly string[]): Field => ({
  expected: `one of ${values.join(', ')}`,
  isValid: (value) => values.includes(value as string),
});

const isText = (value: unknown): value is string => typeof value === 'string';

const isListOf =
  (isValid: Field['isValid']): Field['isValid'] =>
  (value) =>
    Array.isArray(value) && value.every(isValid);

const TEXT: Field = { expected: 'text', isValid: isText };
const COUNT: Field = {
  expected: 'a whole number, 0 or more',
  isValid: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};
const NUMBER: Field = { expected: 'a number', isValid: Number.isFinite };
const TRUE: Field = { expected: 'true', isValid: (value) => value === true };
const TEXTS: Field = { expected: 'a list of texts', isValid: isListOf(isText) };
const TWO_TEXTS: Field = {
  expected: 'a list of two texts',
  isValid: (value) => TEXTS.isValid(value) && (value as readonly string[]).length === 2,
};

/** An error as `error-data.ts` writes it. Causes are 8 deep at most there. */
const ERROR: Field = { expected: 'an error with name and message, both text', isValid: (value) => isErrorData(value) };

const MAX_CAUSES = 32;

const isErrorData = (value: unknown, depth = 0): boolean => {
  if (!isPlainObject(value) || !isText(value.name) || !isText(value.message) || depth > MAX_CAUSES) return false;
  return (
    isOptionalText(value.code) &&
    isOptionalText(value.stack) &&
    (value.cause === undefined || isErrorData(value.cause, depth + 1)) &&
    (value.details === undefined || (isPlainObject(value.details) && Object.values(value.details).every(isPrimitive)))
  );
};

const isOptionalText = orUndefined(isText);
const isPrimitive = (value: unknown): boolean => value === null || typeof value !== 'object';

const TASK_STATES: Readonly<Record<TaskState, true>> = {
  unscheduled: true,
  ready: true,
  running: true,
  retrying: true,
  polling: true,
  paused: true,
  completed: true,
  failed: true,
  notReady: true,
  skipped: true,
  cancelled: true,
};

const TASK_STATE = oneOf(...Object.keys(TASK_STATES));
const JOB_STATE = oneOf(...JOB_STATES);
const LEVEL = oneOf(...LEVELS);

const isLine = (value: unknown): boolean =>
  isPlainObject(value) && LEVEL.isValid(value.level) && TEXT.isValid(value.message) && NUMBER.isValid(value.at);

const STAMP: Fields & Readonly<Record<keyof Stamp, Field>> = { jobId: TEXT, jobName: TEXT, seq: COUNT, at: NUMBER };

/** The fields of each event beside its stamp. A later version may add fields, and these are not looked at. */
const FIELDS: { readonly [Type in JobEvent['type']]: Fields } = {
  'job.transition': {
    from: JOB_STATE,
    to: JOB_STATE,
    reason: optional(TEXT),
    error: optional(ERROR),
  },
  'task.transition': {
    task: TEXT,
    from: TASK_STATE,
    to: TASK_STATE,
    attempt: COUNT,
    reason: optional(TEXT),
    error: optional(ERROR),
    dueAt: optional(NUMBER),
    readyAt: optional(NUMBER),
    tolerated: optional(TRUE),
    worker: optional(TEXT),
    owner: optional(TEXT),
  },
  'task.progress': { task: TEXT, attempt: COUNT, fraction: NUMBER, message: optional(TEXT), omitted: optional(COUNT) },
  'task.log': {
    task: TEXT,
    attempt: COUNT,
    level: LEVEL,
    message: TEXT,
    omitted: optional(COUNT),
    last: optional({ expected: 'a list of lines', isValid: isListOf(isLine) }),
  },
  'task.lateResult': { task: TEXT, attempt: COUNT, outcome: oneOf('succeeded', 'failed') },
  'task.added': { task: TEXT, dependsOn: TEXTS, by: optional(TEXT) },
  'task.removed': { task: TEXT },
  'job.resumed': { by: TEXT, changes: optional(TEXTS) },
  'context.conflict': { key: TEXT, tasks: TWO_TEXTS, kept: TEXT },
};
