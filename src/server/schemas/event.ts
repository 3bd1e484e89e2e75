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
  })
  .openapi('LogLine');
