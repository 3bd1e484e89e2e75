import { z } from '@hono/zod-openapi';
import { JOB_STATES } from '../../events/states.ts';
import { Document, DocumentTask } from './document.ts';
import { JobId, Slug, Time } from './names.ts';

export const ErrorBody = z
  .object({
    name: z.string(),
    message: z.string(),
    code: z.string().optional(),
    details: z.unknown().optional(),
    get cause() {
      return ErrorBody.optional();
    },
  })
  .openapi('Error');

const Labels = z.record(z.string().min(1).max(63), z.string().max(200));

const Metadata = z.record(z.string(), z.unknown());

/** The states of the API: those of a job, and that of one which has not been started yet. */
export const ShownJobState = z.enum(['draft', ...JOB_STATES] as const);

export const JobBody = z
  .object({
    id: z.string(),
    name: z.string(),
    topic: z.string().optional(),
    state: ShownJobState,
    interrupted: z.boolean().meta({ description: 'Whether it is not over, and no process runs it' }),
    resumable: z.string().optional().meta({ description: 'Of an interrupted job: how it goes on' }),
    elsewhere: z
      .object({ host: z.string(), pid: z.int() })
      .optional()
      .meta({ description: 'The process that runs it, if it is not this server' }),
    jobKey: z.string().optional(),
    labels: Labels,
    metadata: Metadata,
    createdAt: Time,
    startedAt: Time.optional(),
    endedAt: Time.optional(),
    updatedAt: Time.meta({ description: 'When something was last kept of it, in epoch ms' }),
    forkedFrom: z.string().optional(),
    lastSeq: z.int().meta({
      description:
        '`seq` of its last event; -1 before the first. After a command: what it did is seen from this event on',
    }),
    tasks: z.record(z.string(), z.int()).optional().meta({
      description:
        'Of `GET /jobs` with `tasks=true`: number of tasks by state, without those that others stand inside. Left out of jobs of more than 20,000 tasks, and of those that took too long to read: ask again',
    }),
    progress: z.object({ fraction: z.number(), leftMs: z.number().optional() }).optional().meta({
      description:
        'Of a job that is not over: how much of it is done, from 0 to 1, and how long the rest takes, in ms, by how long its tasks are thought to take; without `leftMs` where nothing is known. `GET /jobs` has it with `tasks=true` of the jobs that this server runs, of as many as can be computed within 50 ms. It changes with time, without another `etag`',
    }),
    etag: z.string().meta({ description: 'Its version, for `If-Match`; changes with each event and each change' }),
    input: z
      .unknown()
      .optional()
      .meta({ description: 'Of `GET /jobs/{jobId}`, and of `GET /jobs` with `inputs=true`' }),
  })
  .openapi('Job');

export const JobPage = z
  .object({
    items: z.array(JobBody),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: '`cursor` of the next page; null on the last page, and by `from`' }),
    from: z.int().optional().meta({ description: 'Number of jobs before the page' }),
    now: Time.optional().meta({ description: 'By `from`: the time of the server, in epoch ms' }),
    total: z.int().optional().meta({ description: 'Number of jobs that the filter selects' }),
    counts: z
      .record(z.string(), z.int())
      .optional()
      .meta({ description: 'Number of jobs in each state, whichever of them the filter selects; exact to a second' }),
  })
  .openapi('JobPage');

export const JobDetails = JobBody.extend({
  pausedBy: z.string().optional(),
  reason: z.string().optional(),
  error: ErrorBody.optional(),
  document: Document.optional().meta({ description: 'What it was started of, or of a draft, will be' }),
}).openapi('JobDetails');

export const JobOptionsBody = z
  .strictObject({
    timeoutMs: z.number().positive().optional(),
    onFailure: z.enum(['abort', 'drain', 'continue']).optional(),
    maxConcurrency: z.number().int().positive().optional(),
  })
  .openapi('StartOptions');

export const StartBody = z
  .strictObject({
    definition: z.string().min(1).max(200).optional().meta({ description: 'Name of a definition; or `document`' }),
    input: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'Input of the definition; of a workflow file `{ params }`' }),
    document: Document.optional(),
    topic: Slug.optional(),
    labels: Labels.optional(),
    metadata: Metadata.optional(),
    jobId: JobId.optional(),
    jobKey: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .meta({ description: 'The same key within a name is the same job, for ever' }),
    options: JobOptionsBody.optional(),
    start: z.boolean().optional().meta({ description: 'false keeps a draft of the document. Default true' }),
  })
  .refine(({ definition, document }) => (definition === undefined) !== (document === undefined), {
    message: 'expected either definition or document',
    path: ['definition'],
  })
  .refine(({ jobKey, start }) => start !== false || jobKey === undefined, {
    message: 'a draft has a jobId, and no jobKey',
    path: ['jobKey'],
  })
  .refine(({ document, start }) => start !== false || document !== undefined, {
    message: 'expected a document: only that can be a draft',
    path: ['start'],
  })
  .openapi('StartJob');

export const JobChange = z
  .strictObject({
    document: Document.optional(),
    topic: Slug.nullable().optional(),
    labels: Labels.optional(),
    metadata: Metadata.optional(),
  })
  .openapi('JobChange');

export const Reason = z.string().max(2000);

export const CancelBody = z
  .strictObject({
    reason: Reason.optional(),
    mode: z
      .enum(['abort', 'drain'])
      .optional()
      .meta({ description: 'Whether running tasks are aborted, or may end. Default abort' }),
  })
  .openapi('Cancel');

const OneTask = z.string().max(2000).optional().meta({ description: 'Path of a task. Default: the whole job' });

export const PauseBody = z.strictObject({ reason: Reason.optional(), task: OneTask }).openapi('Pause');

const Changed = z
  .enum(['refuse', 'accept', 'force'])
  .optional()
  .meta({ description: 'If its definition has changed: whether it goes on. Default refuse' });

export const ResumeBody = z.strictObject({ task: OneTask, changed: Changed }).openapi('Resume');

const Ranges = z.boolean().optional().meta({
  description:
    'Of a dry run: whether a plan of more than 1,000 tasks has indices of the columns of the job. Default false',
});

export const RetryBody = z
  .strictObject({
    tasks: z.array(z.string().max(2000)).max(10_000).optional(),
    downstream: z.boolean().optional(),
    changed: Changed,
    dryRun: z.boolean().optional(),
    ranges: Ranges,
  })
  .openapi('Retry');

export const RerunBody = z
  .strictObject({
    from: z.array(z.string().max(2000)).max(10_000).optional(),
    changed: Changed,
    dryRun: z.boolean().optional(),
    ranges: Ranges,
    labels: Labels.optional(),
    metadata: Metadata.optional(),
  })
  .openapi('Rerun');

export const PlanBody = z.object({ runs: z.array(z.string()), keeps: z.array(z.string()) }).openapi('Plan');

const IndexRanges = z
  .array(z.array(z.int()).length(2))
  .meta({ description: 'Each first and last index of tasks in the columns with this epoch' });

export const PlanRanges = z
  .object({
    seq: z.int().meta({ description: '`seq` of these columns' }),
    epoch: z.string(),
    runs: IndexRanges,
    keeps: IndexRanges,
  })
  .openapi('PlanRanges');

export const BulkBody = z
  .strictObject({
    action: z.enum(['cancel', 'pause', 'resume', 'retry', 'remove']),
    ids: z.array(z.string().min(1).max(200)).min(1).max(10_000).optional(),
    filter: z
      .strictObject({
        state: z.array(z.enum(JOB_STATES)).max(20).optional(),
        name: z.string().max(200).optional(),
        topic: Slug.optional(),
        labels: Labels.optional(),
        since: z.number().optional(),
        before: z.number().optional(),
      })
      .optional(),
    reason: Reason.optional(),
    dryRun: z.boolean().optional(),
  })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), {
    message: 'expected either ids or filter',
    path: ['ids'],
  })
  .openapi('Bulk');

export const BulkResult = z
  .object({
    matched: z.int(),
    done: z.int(),
    failed: z.array(z.object({ id: z.string(), code: z.string(), detail: z.string() })),
  })
  .openapi('BulkResult');

export const AddTasksBody = z.strictObject({ tasks: z.array(DocumentTask).min(1).max(1000) }).openapi('AddTasks');
