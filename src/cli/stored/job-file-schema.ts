import * as z from 'zod/mini';
import { startOptionProblems } from '../../engine/definition/check-options.ts';
import { isTraceparent } from '../../engine/definition/trace.ts';
import { TRIGGER_RULES } from '../../engine/definition/trigger.ts';
import type { Journal, NoteKind } from '../../engine/durable/journal.ts';
import { decode, type StoredOutputs } from '../../engine/durable/serialise.ts';
import { TintypeError } from '../../engine/errors/errors.ts';
import { decodeOptions } from '../../engine/recovery/stored-options.ts';
import { errorData } from '../../events/error-data.ts';
import { eventProblems } from '../../events/event-problems.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { SHOWN_STATES } from './shown-state.ts';

/** A field of a line that is wrong, such as `event.task`, and a sentence that says what is wrong with it. */
export type FieldProblem = { readonly field: string; readonly message: string };

/** Returns what is wrong with a line of an export file; nothing if the line is right. */
export const lineProblems = (schema: z.ZodMiniType, line: unknown): readonly FieldProblem[] => {
  const result = schema.safeParse(line);
  if (result.success) return [];
  return result.error.issues.map((issue) => {
    const field = z.core.toDotPath(issue.path);
    if (issue.code === 'custom' && issue.params?.isSentence) return { field, message: issue.message };
    const value = issue.path.reduce<unknown>(
      (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
      line,
    );
    const found = value === undefined ? 'missing' : 'not what it should be';
    return { field, message: `"${field}" is ${found}: expected ${issue.message}` };
  });
};

const text = z.string({ error: 'text' });
const number = z.number({ error: 'a number' });
const count = z.int({ error: 'a whole number' }).check(z.gte(0, { error: 'a whole number, 0 or more' }));

/** A schema of anything, with problems that `find` returns or throws. Their fields are paths within the value. */
const checked = (find: (value: unknown) => readonly { readonly field: string; readonly expected: string }[]) =>
  z.unknown().check(({ value, issues }) => {
    const add = (field: string, message: string, isSentence: boolean): void => {
      const path = field === '' ? [] : field.split('.');
      issues.push({ code: 'custom', input: value, path, message, params: { isSentence } });
    };
    try {
      for (const { field, expected } of find(value)) add(field, expected, false);
    } catch (error) {
      add('', error instanceof TintypeError ? error.message : errorData(error).message, true);
    }
  });

/** A value in stored form: JSON as `serialise.ts` writes it. Once restored, it has to satisfy `test`. */
const stored = (expected: string, test: (value: unknown) => boolean) =>
  checked((value) => {
    const isRight = value !== undefined && test(decode(JSON.stringify(value), REFERENCES));
    return isRight ? [] : [{ field: '', expected }];
  });

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const options = checked((value) => {
  if (!isPlainObject(value)) return [{ field: '', expected: 'an object' }];
  const [problem] = startOptionProblems({}, decodeOptions(JSON.stringify(value)));
  if (problem) throw new TypeError(problem.message);
  return [];
});

const labels = checked((value) => {
  if (!isPlainObject(value)) return [{ field: '', expected: 'an object' }];
  const [problem] = startOptionProblems({}, { labels: value });
  if (problem) throw new TypeError(problem.message);
  return [];
});

const STATES = SHOWN_STATES.filter((state) => state !== 'interrupted');

const state = z.enum(STATES, {
  error: ({ input }) => (typeof input === 'string' ? `a state of a job: "${input}" is no state of a job` : 'text'),
});

const KINDS = ['task', 'sensor', 'external', 'job', 'map'] as const;

/** A task of a definition's shape, as `definition-shape.ts` writes it. */
const shapeTask = z.tuple(
  [
    text,
    z.array(text, { error: 'a list of texts' }),
    z.boolean({ error: 'true or false' }),
    z.optional(
      z.object(
        {
          kind: z.optional(z.enum(KINDS, { error: `one of ${KINDS.join(', ')}` })),
          trigger: z.optional(z.enum(TRIGGER_RULES, { error: `one of ${TRIGGER_RULES.join(', ')}` })),
          when: z.optional(z.boolean({ error: 'true' })),
          each: z.optional(z.enum(['job', 'sensor'], { error: '"job" or "sensor"' })),
          settled: z.optional(z.boolean({ error: 'true' })),
          collect: z.optional(z.boolean({ error: 'false' })),
          get job(): z.ZodMiniOptional<z.ZodMiniType> {
            return z.optional(shape);
          },
        },
        { error: 'an object' },
      ),
    ),
  ],
  { error: 'a task: name, dependencies, whether it may fail' },
);

const shape: z.ZodMiniType = z.tuple([text, z.array(shapeTask, { error: 'a list of tasks' })], {
  error: 'the name of a job and its tasks',
});

/** The first line: the job. */
export const jobLine = z.object({
  tintype: z.literal('job', { error: '"job"' }),
  version: count,
  job: z.object(
    {
      id: text,
      name: text,
      key: z.optional(text),
      labels: z.optional(labels),
      createdAt: number,
      forkedFrom: z.optional(text),
      fingerprint: text,
      state,
      startedAt: z.optional(number),
      endedAt: z.optional(number),
      updatedAt: number,
      lastSeq: z.int({ error: 'a whole number' }).check(z.gte(-1, { error: 'a whole number, -1 or more' })),
    },
    { error: 'an object' },
  ),
  input: stored('an object', isObject),
  options,
  metadata: stored('an object', isObject),
  shape,
});

/** Stands for the outputs that a stored value refers to: they are in other lines. */
const REFERENCES: StoredOutputs = { source: { journal: {} as Journal, jobId: '' }, at: () => null };

/** A line with an event, and its output if it has one. */
export const eventLine = z.object({
  seq: count,
  event: checked(eventProblems),
  output: z.optional(stored('a value', () => true)),
});

const isText = (value: unknown): boolean => typeof value === 'string';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isOptional = (value: unknown, test: (value: unknown) => boolean): boolean => value === undefined || test(value);

const isCause = (value: unknown): boolean =>
  eventProblems({ ...ANY_EVENT, type: 'job.transition', from: 'running', to: 'failed', error: value }).length === 0;

const ANY_EVENT = { jobId: '', jobName: '', seq: 0, at: 0 };

type NoteRule = readonly [expected: string, test: (value: unknown) => boolean];

/** What each kind of note holds; `model/notes.ts` and `model/stopping.ts` have the types. */
const NOTES: Readonly<Record<NoteKind, NoteRule>> = {
  checkpoint: ['a value', () => true],
  items: [
    'an attempt and its items',
    (note) => isObject(note) && isCount(note.attempt) && (Array.isArray(note.items) || isText(note.digest)),
  ],
  input: [
    'an attempt and its input',
    (note) => isObject(note) && isCount(note.attempt) && (isObject(note.input) || isText(note.digest)),
  ],
  branch: ['a list of texts', isTexts],
  again: ['a list of texts', isTexts],
  held: ['text', isText],
  limits: ['the limits of a job', isObject],
  priority: ['a number', (note) => Number.isFinite(note)],
  estimates: [
    'a list of paths with their ms',
    (note) =>
      Array.isArray(note) && note.every((one) => Array.isArray(one) && isText(one[0]) && Number.isFinite(one[1])),
  ],
  trace: [
    'a traceparent and how often the job was continued',
    (note) => isObject(note) && isTraceparent(note.traceparent) && isCount(note.resumption),
  ],
  logs: [
    'an attempt and its last lines',
    (note) =>
      isObject(note) &&
      eventProblems({ ...ANY_EVENT, type: 'task.log', task: '', level: 'info', message: '', ...note }).length === 0 &&
      isCount(note.omitted) &&
      Array.isArray(note.last),
  ],
  claim: [
    'worker, token and attempt of a claim',
    (note) =>
      isObject(note) &&
      [note.worker ?? note.owner, note.token].every(isText) &&
      isCount(note.attempt) &&
      isOptional(note.leaseMs, (ms) => Number.isFinite(ms)),
  ],
  stop: [
    'how a job was stopped',
    (note) =>
      isObject(note) &&
      ['failed', 'timedOut', 'cancelled'].includes(note.to as string) &&
      ['abort', 'drain'].includes(note.mode as string) &&
      isOptional(note.cause, isCause) &&
      isOptional(note.attempt, isCount) &&
      isOptional(note.code, isText) &&
      isOptional(
        note.conflict,
        (conflict) =>
          isObject(conflict) &&
          isText(conflict.key) &&
          isTexts(conflict.tasks) &&
          (conflict.tasks as readonly string[]).length === 2,
      ),
  ],
};

const NOTE_KINDS = Object.keys(NOTES) as NoteKind[];

/** A line with a note. */
export const noteLine = z
  .object({
    note: z.enum(NOTE_KINDS, {
      error: ({ input }) => `a kind of note: "${String(input)}" is no kind of note that this program knows`,
    }),
    task: text,
    value: z.unknown(),
  })
  .check(({ value: { note, value }, issues }) => {
    const [expected, test] = NOTES[note];
    const result = stored(expected, test).safeParse(value);
    for (const issue of result.error?.issues ?? []) {
      const params = issue.code === 'custom' ? issue.params : undefined;
      issues.push({ code: 'custom', input: value, path: ['value'], message: issue.message, params });
    }
  });

/** The last line. */
export const endLine = z.object({
  end: z.object({ lines: count, sha256: text }, { error: 'an object' }),
});
