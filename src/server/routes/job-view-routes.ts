import { z } from '@hono/zod-openapi';
import type { JournalJob } from '../../engine/durable/journal.ts';
import type { AnyJob } from '../../engine/engine-options.ts';
import { UnknownTaskError } from '../../engine/errors/errors.ts';
import type { FoundJob } from '../../engine/found-job.ts';
import { loadHistory } from '../../engine/recovery/job-history.ts';
import { dotOf } from '../../engine/views/dot.ts';
import type { Explanation } from '../../engine/views/explain.ts';
import { ganttOf } from '../../engine/views/gantt.ts';
import type { GraphView } from '../../engine/views/graph-view.ts';
import type { JobView, ViewedTask } from '../../engine/views/job-view.ts';
import { mermaidOf } from '../../engine/views/mermaid.ts';
import { viewOfRecords } from '../../engine/views/view-of.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { storedTrace, TRACE_FORMATS } from '../../telemetry/stored-trace.ts';
import { pathOf } from '../../wire/job-table.ts';
import { TASK_STATES } from '../../wire/letters.ts';
import { rootsOf } from '../../wire/roots.ts';
import type { Api } from '../http/app.ts';
import { answerPage, cursorOf, PageQuery, pageOf, placeIn } from '../http/page.ts';
import { notFound } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import { endOf } from '../jobs/end-of-job.ts';
import { errorBody } from '../jobs/error-body.ts';
import { jobHere, noJob, placeOf, storedJob } from '../jobs/find-job.ts';
import { ownOutputOf } from '../jobs/own-output.ts';
import { EventBody } from '../schemas/event.ts';
import { ErrorBody } from '../schemas/job.ts';
import { wholeNumber } from '../schemas/query.ts';
import { ExplanationBody, GraphBody, type NestedJob, TaskBody } from '../schemas/task.ts';
import type { Service } from '../service/service.ts';
import { planOf } from '../units/plan-of.ts';
import { savedFile } from './streams.ts';

const tags = ['Jobs'];

const JobParam = z.object({ jobId: z.string().min(1).max(200) });

const listTasks = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/tasks`,
    operationId: 'listTasks',
    summary: 'Lists the tasks of a job, each before those inside it, page by page',
    tags,
    request: {
      params: JobParam,
      query: PageQuery.extend({
        state: z.enum(TASK_STATES).optional().meta({ description: 'Only tasks in this state' }),
        under: z.string().max(2000).optional().meta({ description: 'Only this task and those inside it' }),
        outputs: z.enum(['true', 'false']).default('false').meta({
          description:
            'Whether outputs are shown, as the context has them: of nested jobs and fan-outs under the name of the task',
        }),
      }),
    },
    responses: { 200: { description: 'A page', content: { 'application/json': { schema: pageOf(TaskBody) } } } },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const Result = z
  .object({
    state: z.string(),
    over: z.boolean(),
    outputs: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'Outputs of the tasks by their names, as `job.output` returns them' }),
    error: ErrorBody.optional(),
    reason: z.string().optional(),
  })
  .openapi('Result');

const getResult = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/result`,
    operationId: 'getResult',
    summary: 'Waits until a job is over, at most waitMs',
    tags,
    request: {
      params: JobParam,
      query: z.object({
        waitMs: wholeNumber(0, 60_000).default(0).meta({ description: 'How long to wait for the end, in ms' }),
      }),
    },
    responses: {
      200: { description: 'It is over', content: { 'application/json': { schema: Result } } },
      202: { description: 'It is not over yet', content: { 'application/json': { schema: Result } } },
    },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const explainJob = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/explain`,
    operationId: 'explainJob',
    summary: 'Says why tasks do not run; of a job that runs here',
    tags,
    request: {
      params: JobParam,
      query: z.object({
        task: z.string().max(2000).optional().meta({ description: 'Path of one task. Default: all that wait' }),
      }),
    },
    responses: {
      200: {
        description: 'What each task waits for',
        content: { 'application/json': { schema: z.object({ items: z.array(ExplanationBody) }) } },
      },
    },
  },
  { allowed: ['viewer'], refusals: [404, 409] },
);

const FORMATS = ['json', 'mermaid', 'dot', 'gantt'] as const;

const getGraph = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/graph`,
    operationId: 'getGraph',
    summary: 'Draws the outer tasks of a job in the colours of their states',
    tags,
    request: {
      params: JobParam,
      query: z.object({
        format: z.enum(FORMATS).default('json').meta({ description: 'Data, or the language of the drawing' }),
      }),
    },
    responses: {
      200: {
        description: 'The graph as data, or in the language of the format',
        content: { 'application/json': { schema: GraphBody }, 'text/plain': { schema: z.string() } },
      },
    },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const TraceFile = z
  .union([
    z.object({
      displayTimeUnit: z.literal('ms'),
      traceEvents: z.array(z.looseObject({ ph: z.string(), name: z.string() })),
    }),
    z.array(EventBody),
  ])
  .openapi('TraceFile');

/** The page of the API can't make one of a list of events by itself. */
const TRACE_EXAMPLE = {
  displayTimeUnit: 'ms',
  traceEvents: [{ ph: 'X', name: 'dice', cat: 'attempt', pid: 1, tid: 1, ts: 1_767_225_600_000_000, dur: 3000 }],
};

const getTrace = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/trace`,
    operationId: 'getTrace',
    summary: 'Returns the trace file of a job, to save and open in a viewer',
    tags,
    request: {
      params: JobParam,
      query: z.object({
        format: z.enum(TRACE_FORMATS).default('chrome').meta({
          description: "`chrome`: Chrome's trace-event format. `json`: the transitions, without outputs",
        }),
      }),
    },
    responses: {
      200: {
        description: 'The file. What has not ended lasts until now',
        content: { 'application/json': { schema: TraceFile, example: TRACE_EXAMPLE } },
      },
    },
  },
  { allowed: ['viewer'], refusals: [404] },
);

export const addJobViewRoutes = ({ add }: Api, service: Service): void => {
  const { engine } = service;

  const found = async (jobId: string): Promise<FoundJob> => {
    const job = await engine.find(jobId);
    if (!job) throw await noJob(service, jobId);
    return job;
  };

  add(listTasks, async (context) => {
    const { jobId } = context.req.valid('param');
    const { limit, cursor, state, under, outputs } = context.req.valid('query');
    const job = await found(jobId);
    const filter = { jobId, state, under };
    let after = placeIn(filter, cursor, z.string().min(1));
    const items: ViewedTask[] = [];
    for (;;) {
      const view = viewed(job, { under, after, limit: PAGE, outputs: outputs === 'true' });
      items.push(...view.tasks.filter((task) => state === undefined || task.state === state));
      after = view.tasks.at(-1)?.path;
      if (view.tasks.length < PAGE || items.length > limit) break;
    }
    const page = items.slice(0, limit);
    const next = items.length > limit ? cursorOf(filter, page.at(-1)?.path) : undefined;
    return context.json(answerPage(context, page.map(taskBody), next), 200);
  });

  add(getResult, async (context) => {
    const { jobId } = context.req.valid('param');
    const { waitMs } = context.req.valid('query');
    const stored = await storedJob(service, jobId);
    await endOf(service, jobId, waitMs, context.req.raw.signal);
    const job = await found(jobId);
    const { state, error, reason } = job;
    if (!isTerminalJobState(state)) return context.json({ state, over: false }, 202);
    const { tasks } = job.view({ outputs: true });
    // The definition may not be had any more.
    const plan = await planOf(service, stored).catch(() => undefined);
    const outputs = Object.fromEntries(
      tasks
        .filter(({ parent, output }) => parent === undefined && output !== undefined)
        .map((task) => [task.path, ownOutputOf(task, plan)]),
    );
    return context.json({ state, over: true, outputs, error: errorBody(error), reason }, 200);
  });

  add(explainJob, async (context) => {
    const { jobId } = context.req.valid('param');
    const { task } = context.req.valid('query');
    const { job } = await jobHere(service, jobId, 'explained');
    const items = job.explain(task).map(explained);
    if (task === undefined) return context.json({ items }, 200);
    await job.saved();
    const { table, indexOf } = await service.views.of(await storedJob(service, jobId));
    const index = indexOf.get(task);
    const { roots, more } = index === undefined ? { roots: [], more: 0 } : rootsOf(table, index);
    const shown = roots.flatMap((root) => explainedIn(job, pathOf(table, root)));
    return context.json({ items: items.map((item) => ({ ...item, roots: shown, moreRoots: more })) }, 200);
  });

  add(getGraph, async (context) => {
    const { jobId } = context.req.valid('param');
    const { format } = context.req.valid('query');
    const stored = await storedJob(service, jobId);
    const graph = await graphOf(service, stored, (await found(jobId)).view());
    if (format === 'json') {
      const rules = rulesIn(await service.journal.shape(stored.fingerprint));
      const tasks = graph.tasks.map(({ name, kind, dependsOn, state = 'unscheduled' as const }) => ({
        name,
        kind,
        dependsOn: [...dependsOn],
        state,
        ...(rules.get(name) ?? NO_RULES),
      }));
      return context.json({ name: graph.name, tasks }, 200);
    }
    return context.text(DRAW[format](graph), 200);
  });

  add(getTrace, async (context) => {
    const { jobId } = context.req.valid('param');
    const { format } = context.req.valid('query');
    const job = await storedJob(service, jobId);
    const { events, shape } = service.journal;
    const source = { events, shape: () => shape(job.fingerprint) };
    const until = job.endedAt ?? (placeOf(job, service) === 'nowhere' ? job.updatedAt : service.clock.now());
    const file = savedFile(context, storedTrace(source, job, format, until), {
      type: 'application/json',
      name: `${jobId}.${format === 'chrome' ? 'trace' : 'transitions'}.json`,
    });
    // The framework knows of a JSON answer only what it has serialised itself.
    return file as never;
  });
};

const PAGE = 500;

const DRAW = { mermaid: mermaidOf, dot: dotOf, gantt: ganttOf } as const;

const explained = ({ task, state, reasons, critical, slackMs }: Explanation) => ({
  task,
  state,
  critical,
  slackMs,
  reasons: reasons.map(({ kind, text, ...facts }) => ({ kind, text, facts })),
});

/** Explains a task that may have been removed meanwhile. */
const explainedIn = (job: AnyJob, path: string) => {
  try {
    return job.explain(path).map(explained);
  } catch (error) {
    if (error instanceof UnknownTaskError) return [];
    throw error;
  }
};

/** @throws HttpProblem `TASK_NOT_FOUND` */
const viewed = (job: FoundJob, options: Parameters<FoundJob['view']>[0]): JobView => {
  try {
    return job.view(options);
  } catch (error) {
    if (error instanceof UnknownTaskError) throw notFound('task', 'TASK_NOT_FOUND', options?.under ?? '');
    throw error;
  }
};

const taskBody = ({ dependsOn, error, ...task }: ViewedTask): z.infer<typeof TaskBody> => ({
  ...task,
  dependsOn: [...dependsOn],
  error: errorBody(error),
});

/** The outer tasks of a job as its events say, to be drawn. @throws JournalError */
const graphOf = async ({ journal, clock }: Service, stored: JournalJob, { tasks }: JobView): Promise<GraphView> => {
  const { record } = await loadHistory(journal, stored);
  const drawn = tasks.filter(({ parent }) => parent === undefined).map((task) => ({ ...task, name: task.path }));
  const plan = { name: stored.name, tasks: drawn } as unknown as Parameters<typeof viewOfRecords>[0];
  return viewOfRecords(plan, record.tasks, stored.endedAt ?? clock.now());
};

type Rules = Omit<NestedTask, 'name' | 'kind' | 'dependsOn'>;

type NestedTask = z.infer<typeof NestedJob>['tasks'][number];

/** A task that was added while the job ran: the journal has no rules of it. */
const NO_RULES: Rules = { conditional: false, continueOnFailure: false };

/** When the outer tasks of a definition start, what their failure does and which jobs they run; none if the text is no shape. */
const rulesIn = (shape: string | undefined): ReadonlyMap<string, Rules> => {
  try {
    const [, tasks] = JSON.parse(shape ?? 'null') as Shape;
    return new Map(tasks.map((task) => [task[0], rulesOf(task)]));
  } catch {
    return new Map();
  }
};

const rulesOf = ([, , continueOnFailure, { trigger, when, job } = {}]: TaskShape): Rules => ({
  trigger,
  conditional: when === true,
  continueOnFailure,
  ...(job && { job: { name: job[0], tasks: job[1].map(nestedTask) } }),
});

const nestedTask = (task: TaskShape): NestedTask => {
  const [name, dependsOn, , { kind, job } = {}] = task;
  return { name, kind: kind ?? (job ? 'job' : 'task'), dependsOn, ...rulesOf(task) };
};

type Shape = [name: string, tasks: TaskShape[]];

type TaskShape = [
  name: string,
  dependsOn: string[],
  continueOnFailure: boolean,
  { kind?: NestedTask['kind']; trigger?: string; when?: true; job?: Shape }?,
];
