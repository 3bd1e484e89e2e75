import { z } from '@hono/zod-openapi';
import type { JobFilter, JournalJob } from '../../engine/durable/journal.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { Draft } from '../documents/documents.ts';
import { streamJobList } from '../feed/job-list-stream.ts';
import type { Api } from '../http/app.ts';
import { setETag } from '../http/headers.ts';
import { answerPage, cursorOf, PageQuery, placeIn } from '../http/page.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import { changedLabels, describeStarted } from '../jobs/describe-job.ts';
import { errorBody } from '../jobs/error-body.ts';
import { placeOf, storedJob } from '../jobs/find-job.ts';
import { bodyOf, bodyOfDraft, objectIn, type JobBody as Shown } from '../jobs/job-body.ts';
import { jobCounts } from '../jobs/job-counts.ts';
import { progressOfJobs } from '../jobs/job-progress.ts';
import { describedPart, etagOf, requireVersion } from '../jobs/job-version.ts';
import { keepDraft, startDraft, startOf } from '../jobs/start-job.ts';
import { JobBody, JobChange, JobDetails, JobPage, ShownJobState, StartBody } from '../schemas/job.ts';
import { Slug } from '../schemas/names.ts';
import { timeOf, wholeNumber } from '../schemas/query.ts';
import { TraceHeaders, traceIn } from '../schemas/trace-headers.ts';
import type { Service } from '../service/service.ts';
import { TOPIC } from '../topics/topics.ts';
import { taskCounts } from '../view/task-counts.ts';
import { isHead, listenerOf, noBody, streamed, streamOr, wantsStream } from './streams.ts';

const tags = ['Jobs'];

/** One value or several, as a query may repeat a parameter. */
const manyOf = <Item extends z.ZodType>(item: Item) =>
  z
    .union([item, z.array(item).max(50)])
    .transform((value) => (Array.isArray(value) ? value : [value]))
    .optional();

const JobParam = z.object({ jobId: z.string().min(1).max(200) });

const body = <Schema extends z.ZodType>(
  schema: Schema,
  examples: Readonly<Record<string, { readonly value: unknown }>> = {},
) => ({
  required: true,
  content: { 'application/json': { schema, examples } },
});

const STARTS = {
  definition: { value: { definition: 'etl', input: { params: { day: '2027-03-28' } }, labels: { team: 'data' } } },
  document: {
    value: {
      document: {
        name: 'dinner',
        tasks: [
          { name: 'shop', units: [{ name: 'fish', owner: 'waiter', data: { pounds: 2 } }] },
          { name: 'cook', dependsOn: ['shop'], units: [{ name: 'soup', use: 'hot' }] },
        ],
        definitions: { hot: { owner: 'cook', heartbeatTimeoutMs: 60_000 } },
      },
    },
  },
};

const job = (description: string) => ({ description, content: { 'application/json': { schema: JobBody } } });

/** How many jobs of a page say how many of their tasks are in each state. */
const MAX_WITH_TASKS = 200;

const MAX_FROM = 1_000_000_000;

const listJobs = route(
  {
    method: 'get',
    path: `${BASE}/jobs`,
    operationId: 'listJobs',
    summary: 'Lists jobs, the newest first, whoever started them; drafts with `state=draft` alone',
    description:
      'As a stream: frames `jobs` with the jobs that changed, `started` (how many have begun since), `total` and `counts`, at most two a second. A stream does not resume: read the page again.',
    tags,
    request: {
      query: PageQuery.extend({
        topic: Slug.optional().meta({ description: 'Only jobs of this topic' }),
        name: z.string().max(200).optional().meta({ description: 'Only jobs of this definition or document' }),
        state: manyOf(ShownJobState).meta({ description: 'Only jobs in this state, or in one of these' }),
        label: manyOf(z.string().regex(/^[^:]{1,63}:.{0,200}$/, 'expected key:value')).meta({
          description: 'Only jobs with this label `key:value`, or with all of these',
        }),
        schedule: Slug.optional().meta({ description: 'Only jobs that this schedule started' }),
        since: timeOf('Only jobs created then or later'),
        before: timeOf('Only jobs created earlier'),
        q: z
          .string()
          .min(1)
          .max(200)
          .optional()
          .meta({ description: 'Beginning of the id or of the name; of the name in upper or lower case of a to z' }),
        idPrefix: z.string().min(1).max(200).optional().meta({ description: 'Beginning of the id' }),
        forkedFrom: z.string().max(200).optional().meta({ description: 'Only reruns of this job' }),
        inputs: z.enum(['true', 'false']).default('false').meta({ description: 'Whether inputs are shown' }),
        tasks: z.enum(['true', 'false']).default('false').meta({
          description:
            'Whether jobs say how many of their tasks are in each state, and their `progress`; of the first 200 of a page',
        }),
        order: z.enum(['newest', 'oldest']).optional().meta({ description: 'Which come first. Default newest' }),
        from: wholeNumber(0, MAX_FROM).optional().meta({
          description:
            'Number of jobs before the page, instead of a cursor. The answer then has counts, and the time of the server',
        }),
        size: wholeNumber(1, 500).optional().meta({ description: 'Number of items of a page by `from`. Default 50' }),
      }),
    },
    responses: { 200: streamOr(JobPage) },
  },
  { allowed: ['viewer'], refusals: [409] },
);

const startJob = route(
  {
    method: 'post',
    path: `${BASE}/jobs`,
    operationId: 'startJob',
    summary: 'Starts a job of a definition or a document, or keeps a draft; answers once it is kept',
    tags,
    request: { headers: TraceHeaders, body: body(StartBody, STARTS) },
    responses: {
      200: job('A job with this key, or of this request, was there'),
      201: job('It has begun, or by `overlap` of its file waits, paused, for others of its name'),
    },
  },
  { allowed: ['operator'], refusals: [404, 409, 413, 422], once: true },
);

const getJob = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}`,
    operationId: 'getJob',
    summary: 'Shows a job; its tasks are in /tasks',
    tags,
    request: { params: JobParam },
    responses: {
      200: { description: 'The job', content: { 'application/json': { schema: JobDetails } } },
      304: { description: 'It is as the ETag says' },
    },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const updateJob = route(
  {
    method: 'patch',
    path: `${BASE}/jobs/{jobId}`,
    operationId: 'updateJob',
    summary: 'Changes topic, labels and metadata of a job, also of one that is over; of a draft the document, too',
    tags,
    request: { params: JobParam, body: body(JobChange) },
    responses: { 200: job('The job') },
  },
  { allowed: ['operator'], refusals: [404, 409], ifMatch: true },
);

const removeJob = route(
  {
    method: 'delete',
    path: `${BASE}/jobs/{jobId}`,
    operationId: 'removeJob',
    summary: 'Removes a job that is over, with all that was kept of it, or a draft',
    tags,
    request: { params: JobParam },
    responses: { 204: { description: 'It is removed' } },
  },
  { allowed: ['admin'], refusals: [404, 409], ifMatch: true },
);

const startDraftRoute = route(
  {
    method: 'post',
    path: `${BASE}/jobs/{jobId}/start`,
    operationId: 'startDraft',
    summary: 'Checks a draft as a whole, and starts it',
    tags,
    request: { headers: TraceHeaders, params: JobParam },
    responses: { 201: job('It has begun') },
  },
  { allowed: ['operator'], refusals: [404, 409, 422], ifMatch: true },
);

export const addJobRoutes = ({ add }: Api, service: Service): void => {
  const { engine, journal, documents } = service;
  const parts = { ...service, now: () => service.clock.now() };
  const shown = (stored: JournalJob): Shown => bodyOf(stored, placeOf(stored, service));
  const withInput = (stored: JournalJob): Shown => ({ ...shown(stored), input: objectIn(stored.input) });
  const counts = jobCounts(journal, service.clock);
  const tasksOf = taskCounts(service.views);
  const progressOf = progressOfJobs(engine);
  const allShown = async (
    jobs: readonly JournalJob[],
    { inputs, tasks }: { readonly inputs: string; readonly tasks: string },
  ): Promise<Shown[]> => {
    const first = tasks === 'true' ? jobs.slice(0, MAX_WITH_TASKS) : [];
    const found = await tasksOf(first);
    const progress = progressOf.ofRunning(first.filter(({ state }) => !isTerminalJobState(state)).map(({ id }) => id));
    return jobs.map((job) => ({
      ...(inputs === 'true' ? withInput(job) : shown(job)),
      tasks: found.get(job.id),
      progress: progress.get(job.id),
    }));
  };

  add(listJobs, async (context) => {
    const { limit, cursor, from, size, inputs, tasks, ...query } = context.req.valid('query');
    const { state, topic, schedule, label = [], name, q: prefix, idPrefix, order, since, before, forkedFrom } = query;
    const isByNumber = from !== undefined || size !== undefined;
    if (isByNumber && cursor !== undefined)
      throw new HttpProblem(400, 'INVALID_REQUEST', 'A page is found by cursor, or by from and size: leave one out.');
    if (state?.includes('draft')) {
      if (state.length > 1)
        throw new HttpProblem(400, 'INVALID_REQUEST', 'Drafts are listed apart: state=draft alone.');
      if (isByNumber || wantsStream(context))
        throw new HttpProblem(400, 'INVALID_REQUEST', 'Drafts are listed by cursor alone.');
      const after = placeIn(query, cursor, z.string());
      const found = await documents.drafts(after, limit + 1);
      const page = found.slice(0, limit);
      const next = found.length > limit ? cursorOf(query, page.at(-1)?.id) : undefined;
      return context.json(answerPage(context, page.map(bodyOfDraft), next), 200);
    }
    const labels = {
      ...Object.fromEntries(label.map((text) => [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)])),
      ...(topic !== undefined && { [TOPIC]: topic }),
      ...(schedule !== undefined && { schedule }),
    };
    const filter: JobFilter = {
      states: state as JournalJob['state'][] | undefined,
      names: name === undefined ? undefined : [name],
      labels,
      idPrefix,
      prefix,
      forkedFrom,
      since,
      before,
    };
    if (wantsStream(context)) {
      if (isHead(context)) return noBody();
      const shown = (jobs: readonly JournalJob[]) => allShown(jobs, { inputs: 'false', tasks });
      const parts = { ...service, shown, counts, onError: service.onError };
      return streamed(await streamJobList(parts, filter, listenerOf(context, undefined)));
    }
    if (isByNumber) {
      const page = await journal.jobs({ ...filter, order, offset: from ?? 0, limit: size ?? 50 }, () => {});
      const body = {
        items: await allShown(page, { inputs, tasks }),
        nextCursor: null,
        from: from ?? 0,
        now: service.clock.now(),
        ...(await counts(filter)),
      };
      return context.json(body, 200);
    }
    const place = placeIn(query, cursor, z.string());
    const found = await journal.jobs({ ...filter, order, cursor: place, limit: limit + 1 }, () => {});
    const page = found.slice(0, limit);
    const next = found.length > limit ? cursorOf(query, page.at(-1)?.cursor) : undefined;
    return context.json(answerPage(context, await allShown(page, { inputs, tasks }), next), 200);
  });

  add(startJob, async (context) => {
    const given = context.req.valid('json');
    if (given.start === false) {
      const draft = await keepDraft(parts, given);
      context.header('location', locationOf(draft.id));
      return context.json(bodyOfDraft(draft), 201);
    }
    const { overlaps } = service;
    const trace = traceIn(context.req.valid('header'));
    const { jobId, found } = await startOf(parts, given, { onceKey: context.get('onceKey'), overlaps, trace });
    context.header('location', locationOf(jobId));
    const answer = shown(await storedJob(service, jobId));
    return found ? context.json(answer, 200) : context.json(answer, 201);
  });

  add(getJob, async (context) => {
    const { jobId } = context.req.valid('param');
    const stored = await journal.job(jobId);
    if (!stored) {
      const draft = await existingDraft(jobId);
      const body = bodyOfDraft(draft);
      setETag(context, body.etag);
      return context.json({ ...body, document: draft.document }, 200);
    }
    const etag = etagOf(stored);
    setETag(context, etag);
    if (context.req.header('if-none-match') === etag) return context.body(null, 304);
    const found = await engine.find(jobId);
    const document = await documents.documentOf(jobId);
    const { pausedBy, reason, error } = found?.view({ limit: 1 }) ?? {};
    const progress = found && !isTerminalJobState(stored.state) ? progressOf.of(found) : undefined;
    return context.json({ ...withInput(stored), pausedBy, reason, error: errorBody(error), progress, document }, 200);
  });

  add(updateJob, async (context) => {
    const { jobId } = context.req.valid('param');
    const change = context.req.valid('json');
    const changed = await changing(jobId, async () => {
      await requireVersion(service, jobId, context.req.header('if-match'), describedPart);
      const stored = await journal.job(jobId);
      if (stored) {
        await describeStarted(parts, stored, change);
        service.units.lookAgain(jobId);
        return shown(await storedJob(service, jobId));
      }
      const { version, updatedAt: _, ...draft } = await existingDraft(jobId);
      const labels = await changedLabels(service, draft.labels, change);
      const { document = draft.document, metadata = draft.metadata } = change;
      const kept = await documents.putDraft({ ...draft, document, metadata, labels }, version);
      if (!kept)
        throw new HttpProblem(409, 'DRAFT_CHANGED', `The draft "${jobId}" was changed meanwhile. Read it again.`);
      return bodyOfDraft(kept);
    });
    return context.json(changed, 200);
  });

  add(removeJob, async (context) => {
    const { jobId } = context.req.valid('param');
    await changing(jobId, async () => {
      await requireVersion(service, jobId, context.req.header('if-match'));
      if (!(await journal.job(jobId)) && (await documents.removeDraft(jobId))) return;
      await engine.remove(jobId);
      await documents.remove(jobId);
    });
    return context.body(null, 204);
  });

  add(startDraftRoute, async (context) => {
    const { jobId } = context.req.valid('param');
    await changing(jobId, async () => {
      await requireVersion(service, jobId, context.req.header('if-match'));
      if (await journal.job(jobId)) throw begun(jobId);
      await startDraft(parts, await existingDraft(jobId), traceIn(context.req.valid('header')));
    });
    return context.json(shown(await storedJob(service, jobId)), 201);
  });

  const changing = <Answer>(jobId: string, work: () => Promise<Answer>) => service.inTurn(`job ${jobId}`, work);

  const existingDraft = async (jobId: string): Promise<Draft> => {
    const draft = await documents.draft(jobId);
    if (!draft) throw notFound('job', 'JOB_NOT_FOUND', jobId);
    return draft;
  };
};

/** Relative to the route that starts it, so that it is right wherever the service is mounted. */
const locationOf = (jobId: string): string => `jobs/${encodeURIComponent(jobId)}`;

const begun = (jobId: string): HttpProblem =>
  new HttpProblem(409, 'INVALID_STATE', `The job "${jobId}" has begun: only a draft can be started.`);
