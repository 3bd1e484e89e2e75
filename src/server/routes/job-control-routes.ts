import { z } from '@hono/zod-openapi';
import { isTerminalJobState } from '../../events/states.ts';
import type { Api } from '../http/app.ts';
import { BASE, route } from '../http/route.ts';
import { bulk } from '../jobs/bulk.ts';
import { placeOf, storedJob } from '../jobs/find-job.ts';
import { addTasksTo, removeTaskFrom } from '../jobs/grow-job.ts';
import { bodyOf } from '../jobs/job-body.ts';
import { requireVersion } from '../jobs/job-version.ts';
import { rerunOf, retryOf } from '../jobs/repeat-job.ts';
import { cancelJob, type Outcome, pauseJob, resumeInterrupted, resumeJob } from '../jobs/steer-job.ts';
import {
  AddTasksBody,
  BulkBody,
  BulkResult,
  CancelBody,
  JobBody,
  PauseBody,
  PlanBody,
  PlanRanges,
  RerunBody,
  ResumeBody,
  RetryBody,
} from '../schemas/job.ts';
import type { Service } from '../service/service.ts';
import { MANY_TASKS, rangesOf } from '../view/plan-ranges.ts';

const tags = ['Control'];

type Plan = z.infer<typeof PlanBody>;

const JobParam = z.object({ jobId: z.string().min(1).max(200) });

const optionalBody = <Schema extends z.ZodType>(
  schema: Schema,
  examples: Readonly<Record<string, { readonly value: unknown }>> = {},
) => ({
  required: false,
  content: { 'application/json': { schema, examples } },
});

const job = (description: string) => ({ description, content: { 'application/json': { schema: JobBody } } });

const steering = <Schema extends z.ZodType>(
  verb: 'cancel' | 'pause' | 'resume',
  operationId: string,
  schema: Schema,
  summary: string,
) =>
  route(
    {
      method: 'post',
      path: `${BASE}/jobs/{jobId}/${verb}`,
      operationId,
      summary,
      tags,
      request: { params: JobParam, body: optionalBody(schema) },
      responses: {
        200: job('It is kept'),
        202: job('It was sent to the process that runs the job'),
      },
    },
    { allowed: ['operator'], refusals: [404, 409] },
  );

const cancel = steering('cancel', 'cancelJob', CancelBody, 'Cancels a job, wherever it runs; its clean-up still runs');
const pause = steering(
  'pause',
  'pauseJob',
  PauseBody,
  'Pauses a job, or one of its tasks: what runs continues, nothing new starts',
);
const resume = steering(
  'resume',
  'resumeJob',
  ResumeBody,
  'Resumes a job or a task that is paused, or a job that is interrupted',
);

const retry = route(
  {
    method: 'post',
    path: `${BASE}/jobs/{jobId}/retry`,
    operationId: 'retryJob',
    summary: 'Retries tasks of a job, and what is downstream of them; with dryRun only says which',
    tags,
    request: { params: JobParam, body: optionalBody(RetryBody, { plan: { value: { dryRun: true } } }) },
    responses: {
      200: {
        description: 'The job, or the plan of a dry run',
        content: { 'application/json': { schema: z.union([JobBody, PlanBody, PlanRanges]) } },
      },
    },
  },
  { allowed: ['operator'], refusals: [404, 409, 422] },
);

const rerun = route(
  {
    method: 'post',
    path: `${BASE}/jobs/{jobId}/rerun`,
    operationId: 'rerunJob',
    summary: 'Runs a part of a job that is over anew, as another job that reuses the other results',
    tags,
    request: { params: JobParam, body: optionalBody(RerunBody, { plan: { value: { from: ['load'], dryRun: true } } }) },
    responses: {
      200: {
        description: 'The plan of a dry run',
        content: { 'application/json': { schema: z.union([PlanBody, PlanRanges]) } },
      },
      201: job('The new job'),
    },
  },
  { allowed: ['operator'], refusals: [404, 409, 422], once: true },
);

const BULKS = {
  count: { value: { action: 'retry', filter: { state: ['failed'], name: 'etl' }, dryRun: true } },
  cancel: { value: { action: 'cancel', ids: ['one', 'two'], reason: 'not needed' } },
};

const bulkJobs = route(
  {
    method: 'post',
    path: `${BASE}/jobs/bulk`,
    operationId: 'bulkJobs',
    summary: 'Does one thing to many jobs, 10,000 at most; with dryRun only counts them. To remove takes an admin',
    tags,
    request: { body: { required: true, content: { 'application/json': { schema: BulkBody, examples: BULKS } } } },
    responses: { 200: { description: 'What was done', content: { 'application/json': { schema: BulkResult } } } },
  },
  { allowed: ['operator'], refusals: [413], once: true },
);

const ONE_MORE = { tasks: [{ name: 'serve', dependsOn: ['cook'], units: [{ name: 'plates', owner: 'waiter' }] }] };

const addTasks = route(
  {
    method: 'post',
    path: `${BASE}/jobs/{jobId}/tasks`,
    operationId: 'addTasks',
    summary: 'Adds tasks with their units to a draft or a running job of a document, all or none',
    tags,
    request: {
      params: JobParam,
      body: {
        required: true,
        content: { 'application/json': { schema: AddTasksBody, examples: { one: { value: ONE_MORE } } } },
      },
    },
    responses: { 200: job('The job') },
  },
  { allowed: ['operator'], refusals: [404, 409, 422], ifMatch: true },
);

const removeTask = route(
  {
    method: 'delete',
    path: `${BASE}/jobs/{jobId}/tasks`,
    operationId: 'removeTask',
    summary: 'Removes a task that has not started from a draft or a running job',
    tags,
    request: {
      params: JobParam,
      query: z.object({ path: z.string().min(1).max(2000).meta({ description: 'Path of the task' }) }),
    },
    responses: { 204: { description: 'It is removed' } },
  },
  { allowed: ['operator'], refusals: [404, 409, 422], ifMatch: true },
);

export const addJobControlRoutes = ({ add }: Api, service: Service): void => {
  const shown = async (jobId: string) => {
    const stored = await storedJob(service, jobId);
    return bodyOf(stored, placeOf(stored, service));
  };
  const planBody = async (jobId: string, plan: Plan, { ranges }: { readonly ranges?: boolean | undefined }) => {
    const { runs, keeps } = plan;
    if (!ranges || runs.length + keeps.length <= MANY_TASKS) return plan;
    const fold = await service.views.of(await storedJob(service, jobId));
    const { seq, epoch } = fold.table;
    return { seq, epoch, runs: rangesOf(fold, runs), keeps: rangesOf(fold, keeps) };
  };
  const statusOf = (outcome: Outcome): 200 | 202 => (outcome === 'sent' ? 202 : 200);

  add(cancel, async (context) => {
    const { jobId } = context.req.valid('param');
    const outcome = await cancelJob(service, jobId, context.req.valid('json') ?? {});
    return context.json(await shown(jobId), statusOf(outcome));
  });

  add(pause, async (context) => {
    const { jobId } = context.req.valid('param');
    const control = context.req.valid('json') ?? {};
    const by = control.reason ?? context.get('principal').name;
    const outcome = await pauseJob(service, jobId, control, by);
    return context.json(await shown(jobId), statusOf(outcome));
  });

  add(resume, async (context) => {
    const { jobId } = context.req.valid('param');
    const control = context.req.valid('json') ?? {};
    const stored = await storedJob(service, jobId);
    const isInterrupted = !isTerminalJobState(stored.state) && placeOf(stored, service) === 'nowhere';
    const outcome = isInterrupted
      ? await resumeInterrupted(service, stored, control.changed)
      : await resumeJob(service, jobId, control);
    return context.json(await shown(jobId), statusOf(outcome));
  });

  add(retry, async (context) => {
    const { jobId } = context.req.valid('param');
    const body = context.req.valid('json') ?? {};
    const plan = await retryOf(service, jobId, body);
    return context.json(plan ? await planBody(jobId, plan, body) : await shown(jobId), 200);
  });

  add(rerun, async (context) => {
    const { jobId } = context.req.valid('param');
    const body = context.req.valid('json') ?? {};
    const answer = await rerunOf(service, jobId, body, context.get('onceKey'));
    if ('runs' in answer) return context.json(await planBody(jobId, answer, body), 200);
    // Relative to this route, so that it is right wherever the service is mounted.
    context.header('location', `../${encodeURIComponent(answer.jobId)}`);
    return context.json(await shown(answer.jobId), 201);
  });

  add(bulkJobs, async (context) => {
    const result = await bulk(service, context.get('principal'), context.req.valid('json'));
    return context.json(result, 200);
  });

  add(addTasks, async (context) => {
    const { jobId } = context.req.valid('param');
    const changed = await changing(jobId, context.req.header('if-match'), () =>
      addTasksTo(service, jobId, context.req.valid('json').tasks),
    );
    return context.json(changed, 200);
  });

  add(removeTask, async (context) => {
    const { jobId } = context.req.valid('param');
    await changing(jobId, context.req.header('if-match'), () =>
      removeTaskFrom(service, jobId, context.req.valid('query').path),
    );
    return context.body(null, 204);
  });

  const changing = <Answer>(jobId: string, ifMatch: string | undefined, change: () => Promise<Answer>) =>
    service.inTurn(`job ${jobId}`, async () => {
      await requireVersion(service, jobId, ifMatch);
      return change();
    });
};
