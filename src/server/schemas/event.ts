import { z } from '@hono/zod-openapi';
import { Time } from './names.ts';

const EVENT_TYPES = [
  'job.transition',
  'job.resumed',
  'task.transition',
  'task.progress',
  'task.log',
  'task.lateResult',
  'task.added',
  'task.removed',
  'context.conflict',
] as const;

export const EventType = z.enum(EVENT_TYPES);

const stamp = {
  jobId: z.string(),
  jobName: z.string(),
  seq: z.int().meta({ description: 'Place among the events of its job, from 0, without gaps' }),
  at: Time,
};

export const EventBody = z
  .looseObject({ type: EventType, ...stamp })
  .meta({ description: 'What happened in a job; the fields of each type are in the README' })
  .openapi('Event');

export const FeedEventBody = z
  .looseObject({
    type: EventType,
    position: z.int().meta({ description: 'Place among the events of all jobs' }),
    ...stamp,
  })
  .openapi('FeedEvent');

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export const LogLevelName = z.enum(LEVELS);

const line = {
  level: LogLevelName,
  message: z.string(),
  data: z.unknown().optional(),
  at: Time,
};

export const LogBody = z
  .object({
    task: z.string(),
    attempt: z.int(),
    seq: stamp.seq,
    ...line,
    omitted: z.int().optional().meta({ description: 'How many lines of the attempt are missing before `last`' }),
    last: z.array(z.object(line)).optional().meta({ description: 'The last lines of the attempt' }),
    number: z.int().optional().meta({ description: 'Of a line that was found by number, from 1' }),
  })
  .openapi('LogLine');

export const LogPage = z
  .object({
    items: z.array(LogBody),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: '`cursor` of the next page; null on the last page, and by number' }),
    unfinished: z
      .array(LogBody)
      .meta({ description: 'On the last page: the last lines, so far, of attempts that have not ended' }),
    from: z.int().optional().meta({ description: 'Number of lines before the page' }),
    total: z.int().optional().meta({ description: 'Number of lines that the filter selects' }),
    matches: z.array(z.int()).optional().meta({ description: 'Numbers of the lines that have the text `q`' }),
    next: z.int().nullable().optional().meta({ description: '`from` of the next search; null at the end' }),
  })
  .openapi('LogPage');
