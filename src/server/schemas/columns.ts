import { z } from '@hono/zod-openapi';
import { JOB_STATES } from '../../events/states.ts';
import { ATTEMPT_OUTCOMES, type TaskAttempts } from '../../wire/attempts.ts';
import type { JobColumns } from '../../wire/job-columns.ts';
import { KIND_LETTERS, REMOVED, STATE_LETTERS } from '../../wire/letters.ts';
import { Time } from './names.ts';

/** What stands for something on the wire, for people: `c completed, …`. */
const listed = (letters: Readonly<Record<string, string>>): string =>
  Object.entries(letters)
    .map(([what, letter]) => `${letter} ${what}`)
    .join(', ');

const Numbers = z.array(z.int());

const ShortError = z
  .object({ name: z.string(), message: z.string(), code: z.string().optional() })
  .openapi('ShortError');

const HeadBody = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(JOB_STATES),
    labels: z.record(z.string(), z.string()),
    forkedFrom: z.string().optional(),
    runs: z
      .enum(['here', 'elsewhere', 'nowhere'])
      .meta({ description: 'Which process runs it: this server, another, or none' }),
    createdAt: Time,
    startedAt: Time.optional(),
    endedAt: Time.optional(),
    reason: z.string().optional(),
    error: ShortError.optional(),
  })
  .openapi('JobHead');

export const ColumnsBody = z
  .object({
    seq: z.int().meta({ description: '`seq` of the last event that it contains; patches continue after it' }),
    epoch: z.string().meta({ description: 'Indices of columns with another epoch may mean other tasks' }),
    startedAt: Time.meta({ description: 'Times of tasks count from here' }),
    now: Time.meta({ description: 'The time of the server' }),
    names: z.string().meta({ description: 'The last steps of the paths, joined by line feeds' }),
    parent: Numbers.meta({ description: 'Index of the nested job or map around each task, or -1' }),
    kind: z.string().meta({ description: `A letter for each task: ${listed(KIND_LETTERS)}` }),
    up: z.array(Numbers).meta({ description: 'Indices of the direct upstreams of each task' }),
    state: z
      .string()
      .meta({ description: `A letter for each task: ${listed(STATE_LETTERS)}, ${REMOVED} none: it was removed` }),
    readyAt: Numbers.meta({ description: 'When each task was first ready, in ms since `startedAt`; -1: not yet' }),
    startAt: Numbers.meta({ description: 'When its first attempt began' }),
    endAt: Numbers.meta({ description: 'When it ended' }),
    attempt: Numbers.meta({ description: 'Number of attempts begun of each task' }),
    job: HeadBody,
  })
  .openapi('JobColumns');

const AttemptBody = z
  .object({
    number: z.int().meta({ description: 'From 1; 0 if it has not begun' }),
    readyAt: z.int().optional(),
    startAt: z.int().optional(),
    endAt: z.int().optional(),
    outcome: z.enum(ATTEMPT_OUTCOMES).optional(),
    reason: z.string().optional(),
    error: ShortError.optional(),
  })
  .meta({ description: 'Times are in ms since `startedAt` of the columns' })
  .openapi('Attempt');

export const AttemptsBody = z
  .object({
    seq: z.int().meta({ description: '`seq` of the last event of the job that the answer contains' }),
    epoch: z.string(),
    startedAt: Time.meta({ description: 'Times of attempts count from here' }),
    items: z.array(
      z.object({
        task: z.string(),
        attempts: z.array(AttemptBody),
        omitted: z.int().meta({ description: 'How many earlier attempts are left out' }),
      }),
    ),
  })
  .openapi('Attempts');

const Seq = z.int().optional().meta({ description: '`seq` that the columns have after the event' });

const HistoryEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('patch'), seq: Seq, data: z.array(z.union([z.number(), z.string()])) }),
    z.object({
      type: z.literal('tasks'),
      seq: Seq,
      data: z.object({
        index: Numbers,
        names: z.string(),
        parent: Numbers,
        kind: z.string(),
        up: z.array(Numbers),
      }),
    }),
    z.object({ type: z.literal('progress'), seq: Seq, data: z.array(z.array(z.union([z.number(), z.string()]))) }),
    z.object({
      type: z.literal('job'),
      seq: Seq,
      data: z.object({
        at: Time,
        from: z.enum(JOB_STATES).optional(),
        to: z.enum(JOB_STATES).optional(),
        reason: z.string().optional(),
        error: ShortError.optional(),
        resumedBy: z.string().optional(),
      }),
    }),
  ])
  .meta({ description: 'As the stream has it' });

export const PatchHistoryBody = z
  .object({
    events: z.array(HistoryEvent),
    seq: z.int().meta({ description: '`seq` of the last event of the job that the answer contains' }),
    more: z.boolean().meta({ description: 'Whether more follow, up to `until`: continue after `seq`' }),
    epoch: z.string(),
    startedAt: Time.meta({ description: 'Times of tasks count from here' }),
  })
  .openapi('PatchHistory');

/** What the schemas say is what the wire says. */
export type Checked = [
  Fits<z.input<typeof ColumnsBody>, JobColumns>,
  Fits<z.input<typeof AttemptsBody>['items'][number], TaskAttempts>,
];

type Fits<Type extends Wanted, Wanted> = Type;
