import { z } from '@hono/zod-openapi';
import { TASK_STATES } from '../../wire/letters.ts';
import { Json } from './document.ts';
import { ErrorBody } from './job.ts';
import { Time } from './names.ts';

const TASK_KINDS = ['task', 'sensor', 'external', 'job', 'map'] as const;

export const TaskBody = z
  .object({
    path: z.string(),
    parent: z.string().optional().meta({ description: 'Path of the nested job or fan-out around it' }),
    kind: z.enum(TASK_KINDS),
    dependsOn: z.array(z.string()).meta({ description: 'Paths of its direct upstreams' }),
    state: z.enum(TASK_STATES),
    attempts: z.int(),
    readyAt: Time.optional(),
    startedAt: Time.optional().meta({ description: 'Start of the first attempt' }),
    lastStartedAt: Time.optional(),
    endedAt: Time.optional(),
    reason: z.string().optional(),
    dueAt: Time.optional().meta({ description: 'When a task that waits for its next attempt or check is ready again' }),
    polls: z.int().optional(),
    pausedBy: z.string().optional(),
    heldBy: z.string().optional(),
    error: ErrorBody.optional(),
    progress: z.object({ fraction: z.number(), message: z.string().optional() }).optional(),
    claim: z.object({ worker: z.string(), leaseEndsAt: Time.optional() }).optional(),
    owner: z.string().optional(),
    data: Json.optional(),
    output: Json.optional(),
  })
  .openapi('Task');

const Waiting = z.object({
  task: z.string(),
  state: z.enum(TASK_STATES),
  reasons: z.array(z.object({ kind: z.string(), text: z.string(), facts: z.unknown().optional() })),
  critical: z.boolean().optional().meta({ description: 'Whether it is on the critical path of its job' }),
  slackMs: z.number().optional().meta({
    description:
      'How much longer it could take without a longer critical path, in ms; left out where nothing is known of how long tasks take',
  }),
});

export const ExplanationBody = Waiting.extend({
  roots: z.array(Waiting).optional().meta({
    description:
      'Of one task: what holds it up in the end, also through tasks that wait for others. One without reasons is running',
  }),
  moreRoots: z.int().optional().meta({ description: 'How many are left out' }),
}).openapi('Explanation');

const graphTask = {
  name: z.string(),
  kind: z.enum(TASK_KINDS),
  dependsOn: z.array(z.string()),
  trigger: z.string().optional().meta({ description: 'When it starts. Default: when all upstreams completed' }),
  conditional: z.boolean().meta({ description: 'Whether it has a condition' }),
  continueOnFailure: z.boolean().meta({ description: 'Whether it is allowed to fail' }),
  get job() {
    return NestedJob.optional();
  },
};

/** The job that a task runs, as it is defined. */
export const NestedJob = z
  .object({
    name: z.string(),
    get tasks() {
      return z.array(z.object(graphTask));
    },
  })
  .openapi('NestedJob');

export const GraphBody = z
  .object({
    name: z.string(),
    tasks: z.array(z.object({ ...graphTask, state: z.enum(TASK_STATES) })),
  })
  .openapi('Graph');
