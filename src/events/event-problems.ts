import type { JobEvent, JobState, LogLevel, Stamp, TaskState } from './event.ts';
import { isPlainObject } from './plain-object.ts';

/** What is wrong with a value that should be an event: a field, such as `error.message`, and what was expected there. */
export type EventProblem = { readonly field: string; readonly expected: string };

type Field = {
  readonly expected: string;
  readonly isValid: (value: unknown) => boolean;
  readonly isOptional?: true;
};

/** Returns what makes no sense in a value that should be an event without its output; nothing if it is one. */
export const eventProblems = (value: unknown): readonly EventProblem[] => {
  if (!isPlainObject(value)) return [{ field: '', expected: 'an object' }];
  const fields = Object.hasOwn(FIELDS, value.type as string) ? FIELDS[value.type as JobEvent['type']] : undefined;
  if (!fields) return [{ field: 'type', expected: `one of ${Object.keys(FIELDS).join(', ')}` }];
  const problems: EventProblem[] = [];
  for (const field in STAMP) problemOf(value, field, STAMP[field as keyof Stamp], problems);
  for (const field in fields) problemOf(value, field, fields[field] as Field, problems);
  return problems;
};

const problemOf = (event: Readonly<Record<string, unknown>>, field: string, rule: Field, to: EventProblem[]): void => {
  const value = event[field];
  if ((value === undefined && rule.isOptional) || rule.isValid(value)) return;
  to.push({ field, expected: rule.expected });
};

const optional = (field: Field): Field => ({ ...field, isOptional: true });

const oneOf = (values: Readonly<Record<string, true>>): Field => ({
  expected: `one of ${Object.keys(values).join(', ')}`,
  isValid: (value) => typeof value === 'string' && Object.hasOwn(values, value),
});

const isText = (value: unknown): value is string => typeof value === 'string';

const TEXT: Field = { expected: 'text', isValid: isText };
const COUNT: Field = {
  expected: 'a whole number, 0 or more',
  isValid: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};
const NUMBER: Field = { expected: 'a number', isValid: Number.isFinite };
const TEXTS: Field = { expected: 'a list of texts', isValid: (value) => Array.isArray(value) && value.every(isText) };
const TWO_TEXTS: Field = {
  expected: 'a list of two texts',
  isValid: (value) => TEXTS.isValid(value) && (value as readonly string[]).length === 2,
};

/** An error as `error-data.ts` writes it. Causes are 8 deep at most there. */
const ERROR: Field = {
  expected: 'an error with name and message, both text',
  isValid: (value) => isErrorData(value, 0),
};

const MAX_CAUSES = 32;

const isErrorData = (value: unknown, depth: number): boolean => {
  if (!isPlainObject(value) || !isText(value.name) || !isText(value.message) || depth > MAX_CAUSES) return false;
  const { code, stack, cause, details } = value;
  return (
    (code === undefined || isText(code)) &&
    (stack === undefined || isText(stack)) &&
    (cause === undefined || isErrorData(cause, depth + 1)) &&
    (details === undefined || (isPlainObject(details) && Object.values(details).every(isPrimitive)))
  );
};

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

const JOB_STATES: Readonly<Record<JobState, true>> = {
  idle: true,
  running: true,
  paused: true,
  completed: true,
  failed: true,
  timedOut: true,
  cancelled: true,
  notReady: true,
};

const LEVELS: Readonly<Record<LogLevel, true>> = { debug: true, info: true, warn: true, error: true };

const isLine = (value: unknown): boolean =>
  isPlainObject(value) && oneOf(LEVELS).isValid(value.level) && TEXT.isValid(value.message) && NUMBER.isValid(value.at);

const STAMP: Readonly<Record<keyof Stamp, Field>> = { jobId: TEXT, jobName: TEXT, seq: COUNT, at: NUMBER };

/** The fields of each event beside its stamp. A later version may add fields, and these are not looked at. */
const FIELDS: { readonly [Type in JobEvent['type']]: Readonly<Record<string, Field>> } = {
  'job.transition': {
    from: oneOf(JOB_STATES),
    to: oneOf(JOB_STATES),
    reason: optional(TEXT),
    error: optional(ERROR),
  },
  'task.transition': {
    task: TEXT,
    from: oneOf(TASK_STATES),
    to: oneOf(TASK_STATES),
    attempt: COUNT,
    reason: optional(TEXT),
    error: optional(ERROR),
    dueAt: optional(NUMBER),
    worker: optional(TEXT),
    owner: optional(TEXT),
  },
  'task.progress': { task: TEXT, attempt: COUNT, fraction: NUMBER, message: optional(TEXT), omitted: optional(COUNT) },
  'task.log': {
    task: TEXT,
    attempt: COUNT,
    level: oneOf(LEVELS),
    message: TEXT,
    omitted: optional(COUNT),
    last: optional({ expected: 'a list of lines', isValid: (value) => Array.isArray(value) && value.every(isLine) }),
  },
  'task.lateResult': { task: TEXT, attempt: COUNT, outcome: oneOf({ succeeded: true, failed: true }) },
  'task.added': { task: TEXT, dependsOn: TEXTS, by: optional(TEXT) },
  'task.removed': { task: TEXT },
  'job.resumed': { by: TEXT, changes: optional(TEXTS) },
  'context.conflict': { key: TEXT, tasks: TWO_TEXTS, kept: TEXT },
};
