import { z } from '@hono/zod-openapi';
import { isTerminalJobState } from '../../events/states.ts';
import { columnsOf } from '../../wire/job-table.ts';
import type { Api } from '../http/app.ts';
import { setETag } from '../http/headers.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import { answerJson } from '../http/zipped.ts';
import { placeOf, storedJob } from '../jobs/find-job.ts';
import { etagOf } from '../jobs/job-version.ts';
import { AttemptsBody, ColumnsBody, PatchHistoryBody } from '../schemas/columns.ts';
import { wholeNumber } from '../schemas/query.ts';
import type { Service } from '../service/service.ts';
import { attemptsOf, epochOf } from '../view/job-fold.ts';
import { historyOf } from '../view/patch-history.ts';
import { isHead, listenerOf, noBody, Resume, streamed, wantsStream } from './streams.ts';

const tags = ['Jobs'];

const JobParam = z.object({ jobId: z.string().min(1).max(200) });

const getColumns = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/view`,
    operationId: 'getColumns',
    summary: 'Shows a job with all its tasks in columns, for a page that then follows its patches',
    tags,
    request: { params: JobParam },
    responses: {
      200: { description: 'The job in columns', content: { 'application/json': { schema: ColumnsBody } } },
      304: { description: 'It is as the ETag says; only of a job that is over' },
    },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const listPatches = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/patches`,
    operationId: 'listPatches',
    summary: 'Streams what changes in the columns of a job until it is over, or lists what did',
    description:
      'Events: `patch`, four values a change: index, letter of the state, ms since startedAt, attempts begun; `tasks`, new ones; `progress`, what tasks reported last; `job`, its own transitions; `end`; `reset`, then take a new view. As JSON, to replay a job: all of these up to `until`, the tasks of the definition first.',
    tags,
    request: {
      params: JobParam,
      headers: Resume,
      query: z.object({
        after: wholeNumber(-1, Number.MAX_SAFE_INTEGER).optional().meta({
          description: '`seq` of the columns that the client has, -1 for none; `Last-Event-ID` counts more',
        }),
        until: wholeNumber(-1, Number.MAX_SAFE_INTEGER).optional().meta({
          description: 'Of JSON: `seq` of the last event of the job that is wanted. Default: the last one so far',
        }),
        epoch: z.string().max(100).optional().meta({ description: '`epoch` of these columns' }),
      }),
    },
    responses: {
      200: {
        description:
          'All that changed, or for `Accept: text/event-stream` a stream, with a `ping` after 15 s of silence',
        content: { 'application/json': { schema: PatchHistoryBody }, 'text/event-stream': { schema: z.string() } },
      },
      204: { description: 'The job is over, and the client has its last event' },
    },
  },
  { allowed: ['viewer'], refusals: [404, 409] },
);

/** How many tasks one request may ask for. */
const MAX_TASKS = 500;

const TaskPath = z.string().min(1).max(2000);

const listAttempts = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/attempts`,
    operationId: 'listAttempts',
    summary: 'Lists the attempts of tasks: when they were ready, began and ended, and how',
    tags,
    request: {
      params: JobParam,
      query: z.object({
        tasks: z
          .union([TaskPath, z.array(TaskPath).min(1).max(MAX_TASKS)])
          .transform((value) => (Array.isArray(value) ? value : [value]))
          .meta({ description: 'Path of a task; may be repeated' }),
      }),
    },
    responses: {
      200: { description: 'The attempts of each task', content: { 'application/json': { schema: AttemptsBody } } },
    },
  },
  { allowed: ['viewer'], refusals: [404] },
);

export const addColumnRoutes = ({ add }: Api, service: Service): void => {
  const { views, feed, clock, journal } = service;

  add(getColumns, async (context) => {
    const job = await storedJob(service, context.req.valid('param').jobId);
    if (isTerminalJobState(job.state)) {
      const etag = `"${epochOf(job)}-${etagOf(job).slice(1)}`;
      setETag(context, etag);
      if (context.req.header('if-none-match') === etag) return context.body(null, 304);
    }
    const { table } = await views.of(job);
    const { labels } = job;
    const columns = columnsOf(
      { ...table, job: { ...table.job, labels, runs: placeOf(job, service) } },
      clock.now(),
    ) as z.input<typeof ColumnsBody>;
    return answerJson(context, JSON.stringify(columns));
  });

  add(listPatches, async (context) => {
    const { jobId } = context.req.valid('param');
    const { after, until, epoch } = context.req.valid('query');
    if (!wantsStream(context)) {
      const job = await storedJob(service, jobId);
      const fold = await views.of(job);
      const { seq } = fold.table;
      const range = { after: after ?? -1, until: Math.min(until ?? seq, seq) };
      if (range.after > seq || (epoch !== undefined && epoch !== fold.table.epoch)) throw otherColumns(jobId);
      return answerJson(context, await historyOf({ journal, jobId, fold }, range));
    }
    if (isHead(context)) return noBody();
    const body = await feed.ofPatches(jobId, epoch, listenerOf(context, after));
    return body ? streamed(body) : context.body(null, 204);
  });

  add(listAttempts, async (context) => {
    const job = await storedJob(service, context.req.valid('param').jobId);
    const fold = await views.of(job);
    const items = [...new Set(context.req.valid('query').tasks)].map((task) => {
      const found = attemptsOf(fold, task);
      if (!found) throw notFound('task', 'TASK_NOT_FOUND', task);
      return { ...found, attempts: [...found.attempts] };
    });
    const { seq, epoch, startedAt } = fold.table;
    return context.json({ seq, epoch, startedAt, items }, 200);
  });
};

const otherColumns = (jobId: string): HttpProblem =>
  new HttpProblem(
    409,
    'COLUMNS_CHANGED',
    `The columns are not those that the job ${JSON.stringify(jobId)} has now: take a new view.`,
  );
