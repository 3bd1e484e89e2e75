import { z } from '@hono/zod-openapi';
import { Json } from './document.ts';
import { ErrorBody, Reason } from './job.ts';
import { Owner, Slug, Time } from './names.ts';

export const UNIT_STATES = [
  'waiting',
  'ready',
  'claimed',
  'paused',
  'completed',
  'failed',
  'notReady',
  'cancelled',
  'skipped',
] as const;

export type UnitState = (typeof UNIT_STATES)[number];

export const UnitBody = z
  .object({
    id: z.string(),
    jobId: z.string(),
    jobName: z.string(),
    topic: z.string().optional(),
    task: z.string().optional().meta({ description: 'Path of the task around it, if there is one' }),
    name: z.string(),
    owner: z.string().optional().meta({ description: 'Who may work on it; without an owner, operators' }),
    state: z.enum(UNIT_STATES).meta({
      description:
        '`waiting`: for others, or for its next attempt; `paused`: it, or what is around it; `notReady`: given up so',
    }),
    attempt: z.int().meta({ description: 'Number of the current or last attempt; 0 before the first' }),
    worker: z.string().optional().meta({ description: 'Who works on it now; its commands say who did' }),
    leaseEndsAt: Time.optional(),
    readySince: Time.optional(),
    priority: z.number(),
    description: z.string().optional().meta({ description: 'What whoever works on it is asked, in words for people' }),
    data: Json.optional(),
    deps: z.record(z.string(), z.unknown()).meta({ description: 'What its upstreams put out, by their names' }),
    output: Json.optional(),
    error: ErrorBody.optional().meta({ description: 'Why it failed, or its last attempt' }),
    elsewhere: z
      .literal(true)
      .optional()
      .meta({ description: 'Another process runs its job: it can be seen here, and not be claimed' }),
  })
  .openapi('Unit');

export type UnitBody = z.infer<typeof UnitBody>;

export const UnitDetails = UnitBody.extend({
  outputSchema: z.record(z.string(), z.unknown()).optional().meta({
    description: 'JSON Schema of its output, if the document or the definition says what that has to be like',
  }),
}).openapi('UnitDetails');

export const ClaimedUnitBody = UnitBody.extend({
  token: z.string().meta({ description: 'Of this attempt; each command needs it' }),
  traceparent: z.string().optional().meta({
    description: "The attempt's place in a trace, as in the header of the W3C's Trace Context; if its job is traced",
  }),
  tracestate: z.string().optional(),
}).openapi('ClaimedUnit');

export type ClaimedUnitBody = z.infer<typeof ClaimedUnitBody>;

const Worker = z.string().min(1).max(200).meta({ description: 'Who works on it, for others to read' });

const LeaseMs = z
  .int()
  .min(1000)
  .max(24 * 60 * 60 * 1000)
  .optional()
  .meta({
    description: 'How long nothing may be heard of the worker. Default: the heartbeatTimeout of the unit, else 60,000',
  });

export const ClaimBody = z
  .strictObject({
    owners: z.array(Owner).min(1).max(100).meta({ description: 'Whose units are wanted' }),
    worker: Worker,
    max: z.int().min(1).max(100).default(1).meta({ description: 'How many units the client can work on now' }),
    waitMs: z.int().min(0).max(60_000).default(0).meta({ description: 'How long to wait for the first unit' }),
    leaseMs: LeaseMs,
    topics: z.array(Slug).min(1).max(100).optional().meta({ description: 'Only units of jobs of these topics' }),
  })
  .openapi('Claim');

export const ClaimOneBody = z.strictObject({ worker: Worker, leaseMs: LeaseMs }).openapi('ClaimOne');

export const ClaimedUnits = z.object({ units: z.array(ClaimedUnitBody) }).openapi('ClaimedUnits');

const Text = z.string().max(10_000);

const command = <Type extends string, Parts extends z.ZodRawShape>(type: Type, parts: Parts) =>
  z.strictObject({
    type: z.literal(type),
    token: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .meta({ description: 'The token of the claim; operators may leave it out' }),
    ...parts,
  });

export const Command = z
  .discriminatedUnion('type', [
    command('progress', { fraction: z.number().min(0).max(1), message: Text.optional() }),
    command('log', { level: z.enum(['debug', 'info', 'warn', 'error']), message: Text, data: Json.optional() }),
    command('heartbeat', {}),
    command('pause', {}),
    command('resume', {}),
    command('success', { output: Json.optional() }),
    command('error', {
      message: Text.min(1),
      code: z.string().min(1).max(200).optional(),
      retryable: z.boolean().optional().meta({ description: 'Whether another attempt may help. Default true' }),
    }),
    command('notReady', { reason: Reason.min(1) }),
    command('release', { reason: Reason.optional() }),
  ])
  .openapi('Command');

export type Command = z.infer<typeof Command>;

export const MAX_COMMANDS = 100;

export const CommandsBody = z.union([Command, z.array(Command).min(1).max(MAX_COMMANDS)]);

export const CommandAnswer = z
  .object({
    unit: UnitBody,
    leaseEndsAt: Time.optional(),
    seq: z.int().optional().meta({
      description: 'What the command did is seen from this event of the job on. Absent if it was sent elsewhere',
    }),
  })
  .openapi('CommandAnswer');

export const ReportedCommand = z
  .object({
    seq: z.int().meta({ description: 'Of the event of the job' }),
    at: Time,
    attempt: z.int(),
    type: z.enum([
      'ready',
      'claim',
      'progress',
      'log',
      'pause',
      'resume',
      'success',
      'error',
      'notReady',
      'release',
      'skipped',
      'cancelled',
    ]),
    worker: z.string().optional(),
    fraction: z.number().optional(),
    level: z.enum(['debug', 'info', 'warn', 'error']).optional(),
    message: z.string().optional(),
    reason: z.string().optional(),
    data: Json.optional(),
    output: Json.optional(),
    error: ErrorBody.optional(),
  })
  .openapi('ReportedCommand');

export type ReportedCommand = z.infer<typeof ReportedCommand>;

export const UnitStats = z
  .object({
    ready: z.int(),
    claimed: z.int(),
    oldestReadyMs: z.number().meta({ description: 'How long the oldest ready unit has been ready; 0 without one' }),
  })
  .openapi('UnitStats');

export const AllUnitStats = UnitStats.extend({
  elsewhere: z.int().meta({ description: 'Ready units of jobs that other processes run; nobody can claim them here' }),
  items: z.array(UnitStats.extend({ owner: z.string().optional() })).meta({ description: 'By owner' }),
}).openapi('AllUnitStats');

export const UnitGroups = z
  .object({
    topics: z.array(
      z.object({
        topic: z.string().optional(),
        jobs: z.array(
          z.object({
            id: z.string(),
            name: z.string(),
            tasks: z.array(z.object({ task: z.string().optional(), units: z.array(UnitBody) })),
          }),
        ),
      }),
    ),
    nextCursor: z.string().nullable(),
  })
  .openapi('UnitGroups');
