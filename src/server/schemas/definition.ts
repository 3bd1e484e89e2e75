import { z } from '@hono/zod-openapi';
import { JOB_STATES } from '../../events/states.ts';
import { Time } from './names.ts';

export const FileProblem = z
  .object({
    code: z.string(),
    message: z.string(),
    line: z.int().optional(),
    column: z.int().optional(),
    frame: z.string().optional().meta({ description: 'The lines around it' }),
    file: z.string().optional().meta({ description: 'The nested file that has the problem' }),
  })
  .openapi('FileProblem');

export const DefinitionSummary = z
  .object({
    name: z.string(),
    source: z.enum(['code', 'file', 'upload']),
    file: z.string().optional().meta({ description: 'Path within the folder of workflows' }),
    description: z.string().optional(),
    startable: z
      .boolean()
      .meta({ description: 'Whether jobs can be started; a file with problems keeps its last good form' }),
    problems: z.array(FileProblem),
    changedAt: Time.optional(),
  })
  .openapi('DefinitionSummary');

export const DefinitionBody = DefinitionSummary.extend({
  fingerprint: z.string().optional(),
  tasks: z
    .array(
      z.object({
        name: z.string(),
        kind: z.enum(['task', 'sensor', 'external', 'job', 'map']),
        dependsOn: z.array(z.string()),
        trigger: z.string().optional(),
        conditional: z.boolean(),
      }),
    )
    .optional(),
  params: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'JSON Schema of `input.params` of a workflow file' }),
  text: z.string().optional().meta({ description: 'The file, if it was uploaded' }),
}).openapi('Definition');

const lastJob = { id: z.string(), state: z.enum(JOB_STATES), startedAt: Time, endedAt: Time.optional() };

export const RunsBody = z
  .object({
    tasks: z
      .array(
        z.object({
          name: z.string(),
          p50: z.number().optional().meta({ description: 'Of the times that it took where it completed, in ms' }),
          p95: z.number().optional(),
        }),
      )
      .meta({ description: 'The first 500 outer tasks, in the order of the definition' }),
    moreTasks: z.int().meta({ description: 'How many outer tasks are left out' }),
    jobs: z
      .array(
        z.object({
          ...lastJob,
          states: z.string().meta({
            description:
              'A letter for each of `tasks`, as in the columns of a job; `-` for one that the job does not have. Empty if its events are not read yet, or damaged',
          }),
        }),
      )
      .meta({ description: 'The newest first' }),
    unread: z.int().meta({ description: 'Number of jobs whose events are not read yet, as there are many: ask again' }),
  })
  .openapi('DefinitionRuns');

const Spread = z.object({
  count: z.int(),
  p50: z.number().optional().meta({ description: 'In ms, like the others' }),
  p95: z.number().optional(),
  max: z.number().optional(),
});

export const MetricsBody = z
  .object({
    jobs: z
      .array(
        z.object({
          ...lastJob,
          attempts: z.int().optional().meta({
            description: 'Of its tasks, as are the next two. Not there if its events are not read yet, or damaged',
          }),
          failures: z.int().optional(),
          waits: Spread.optional(),
        }),
      )
      .meta({ description: 'The newest first' }),
    states: z
      .partialRecord(z.enum(JOB_STATES), z.int())
      .meta({ description: 'Number of jobs by state; states without any are left out' }),
    durations: Spread.extend({ min: z.number().optional() }).meta({
      description: 'From start to end of the jobs that completed, pauses too',
    }),
    waits: Spread.meta({
      description: 'How long attempts waited, from `ready` to `running`; at most 1.6 % off where it is more than 64 ms',
    }),
    attempts: z.int(),
    retries: z.int().meta({ description: "Attempts after a task's first one" }),
    timeouts: z.int().meta({ description: 'Attempts that took longer than the time limit of their task' }),
    failures: z.int().meta({ description: 'Attempts that failed, and tasks that failed without one' }),
    failing: z
      .array(
        z.object({
          task: z.string().meta({ description: 'Its path; instances of a fan-out are one: `resize[]`' }),
          failures: z.int().meta({ description: 'Those that were tried again too' }),
          failed: z.int().meta({ description: 'How often the task ended failed' }),
          jobs: z.int().meta({ description: 'In how many of the jobs' }),
          code: z.string().optional().meta({ description: 'Of its last failure' }),
          jobId: z.string().meta({ description: 'The newest job in which it failed' }),
        }),
      )
      .meta({
        description:
          'The 10 tasks that failed most often, of the first 200 of each job. A nested job or fan-out of which a task failed is not among them; that task is',
      }),
    otherFailures: z.int().meta({ description: 'How many of `failures` are of other tasks' }),
    unread: z.int().meta({ description: 'Number of jobs whose events are not read yet, as there are many: ask again' }),
  })
  .openapi('DefinitionMetrics');

export const DefinitionCheck = z
  .object({
    name: z.string().optional(),
    valid: z.boolean(),
    problems: z.array(FileProblem),
    warnings: z.array(FileProblem),
  })
  .openapi('DefinitionCheck');
