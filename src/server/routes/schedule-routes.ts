import { z } from '@hono/zod-openapi';
import { localTime } from '../../timing/local-time.ts';
import type { Api } from '../http/app.ts';
import { answerPage, cursorOf, PageQuery, pageOf, placeIn } from '../http/page.ts';
import { HttpProblem } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import { definitionNamed } from '../jobs/start-job.ts';
import { scheduleProblems } from '../schedules/define-schedule.ts';
import { startOfDue } from '../schedules/due-times.ts';
import { type GivenSchedule, type Schedule, scheduleOf } from '../schedules/schedule.ts';
import { MAX_BACKFILL } from '../schedules/schedule-state.ts';
import type { ScheduleEntry } from '../schedules/schedules.ts';
import { Slug } from '../schemas/names.ts';
import { wholeNumber } from '../schemas/query.ts';
import * as schemas from '../schemas/schedule.ts';
import { TraceHeaders, traceIn } from '../schemas/trace-headers.ts';
import type { Service } from '../service/service.ts';

const tags = ['Schedules'];

const Name = z.object({ name: Slug });

const json = <Schema extends z.ZodType>(schema: Schema, examples: Examples = {}) => ({
  'application/json': { schema, examples },
});

type Examples = Readonly<Record<string, { readonly value: unknown }>>;

const NIGHTLY = { definition: 'etl', cron: '0 3 * * *', timezone: 'Europe/Berlin', catchup: 'latest', jitter: '5m' };

const listSchedules = route(
  {
    method: 'get',
    path: `${BASE}/schedules`,
    operationId: 'listSchedules',
    summary: 'Lists schedules by name, wherever they are defined',
    tags,
    request: { query: PageQuery },
    responses: { 200: { description: 'A page', content: json(pageOf(schemas.ScheduleSummary)) } },
  },
  { allowed: ['viewer'] },
);

const createSchedule = route(
  {
    method: 'post',
    path: `${BASE}/schedules`,
    operationId: 'createSchedule',
    summary: 'Makes a schedule; what was due before is not caught up',
    tags,
    request: {
      body: {
        required: true,
        content: json(schemas.NewSchedule, { nightly: { value: { name: 'nightly', ...NIGHTLY } } }),
      },
    },
    responses: { 201: { description: 'The schedule', content: json(schemas.ScheduleBody) } },
  },
  { allowed: ['operator'], refusals: [404, 409, 422], once: true },
);

const getSchedule = route(
  {
    method: 'get',
    path: `${BASE}/schedules/{name}`,
    operationId: 'getSchedule',
    summary: 'Shows a schedule, what runs, and what became of the last due times',
    tags,
    request: { params: Name },
    responses: { 200: { description: 'The schedule', content: json(schemas.ScheduleBody) } },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const replaceSchedule = route(
  {
    method: 'put',
    path: `${BASE}/schedules/{name}`,
    operationId: 'replaceSchedule',
    summary: 'Replaces a schedule; with another timing it begins anew, so that nothing is caught up',
    tags,
    request: {
      params: Name,
      body: { required: true, content: json(schemas.ScheduleChange, { nightly: { value: NIGHTLY } }) },
    },
    responses: { 200: { description: 'The schedule', content: json(schemas.ScheduleBody) } },
  },
  { allowed: ['operator'], refusals: [404, 409, 422] },
);

const deleteSchedule = route(
  {
    method: 'delete',
    path: `${BASE}/schedules/{name}`,
    operationId: 'deleteSchedule',
    summary: 'Removes a schedule; its jobs stay',
    tags,
    request: { params: Name },
    responses: { 204: { description: 'It is removed' } },
  },
  { allowed: ['operator'], refusals: [404, 409] },
);

const triggerSchedule = route(
  {
    method: 'post',
    path: `${BASE}/schedules/{name}/trigger`,
    operationId: 'triggerSchedule',
    summary: 'Starts a job now, whatever runs, and also if the schedule is paused',
    tags,
    request: { headers: TraceHeaders, params: Name },
    responses: {
      201: { description: 'The job has begun', content: json(z.object({ jobId: z.string() })) },
    },
  },
  { allowed: ['operator'], refusals: [404, 409, 413, 422], once: true },
);

const pauseSchedule = route(
  {
    method: 'post',
    path: `${BASE}/schedules/{name}/pause`,
    operationId: 'pauseSchedule',
    summary: 'Starts nothing from now on, wherever the schedule is defined; jobs that run go on',
    tags,
    request: { params: Name, body: { required: false, content: json(schemas.PauseBody) } },
    responses: { 200: { description: 'The schedule', content: json(schemas.ScheduleBody) } },
  },
  { allowed: ['operator'], refusals: [404] },
);

const resumeSchedule = route(
  {
    method: 'post',
    path: `${BASE}/schedules/{name}/resume`,
    operationId: 'resumeSchedule',
    summary: 'Goes on; what was due meanwhile is not caught up',
    tags,
    request: { params: Name },
    responses: { 200: { description: 'The schedule', content: json(schemas.ScheduleBody) } },
  },
  { allowed: ['operator'], refusals: [404] },
);

const backfillSchedule = route(
  {
    method: 'post',
    path: `${BASE}/schedules/{name}/backfill`,
    operationId: 'backfillSchedule',
    summary: `Starts the jobs of due times that have passed, one after the other; at most 1,000`,
    tags,
    request: { params: Name, body: { required: true, content: json(schemas.BackfillBody) } },
    responses: { 200: { description: 'What is started', content: json(schemas.BackfillResult) } },
  },
  { allowed: ['operator'], refusals: [404, 409] },
);

const nextRuns = route(
  {
    method: 'get',
    path: `${BASE}/schedules/{name}/next`,
    operationId: 'nextRuns',
    summary: 'Shows when it is due next, also if it is paused',
    tags,
    request: {
      params: Name,
      query: z.object({ count: wholeNumber(1, 100).default(5).meta({ description: 'How many due times' }) }),
    },
    responses: { 200: { description: 'The next due times', content: json(schemas.NextRuns) } },
  },
  { allowed: ['viewer'], refusals: [404] },
);

export const addScheduleRoutes = ({ add }: Api, { schedules, catalog, clock }: Service): void => {
  /** @throws HttpProblem if the schedule can't be used */
  const checked = (given: GivenSchedule): Schedule => {
    const schedule = scheduleOf(given);
    const problems = scheduleProblems(schedule).map(({ option, code, message }) => ({ path: option, code, message }));
    const [first] = problems;
    if (first) throw new HttpProblem(422, 'INVALID_CRON', first.message, { problems });
    definitionNamed(catalog, schedule.definition);
    return schedule;
  };

  add(listSchedules, (context) => {
    const { limit, cursor } = context.req.valid('query');
    const after = placeIn('schedules', cursor, z.string());
    const found: ScheduleEntry[] = [];
    for (const entry of schedules.list(after)) if (found.push(entry) > limit) break;
    const page = found.slice(0, limit);
    const next = found.length > limit ? cursorOf('schedules', page.at(-1)?.schedule.name) : undefined;
    return context.json(answerPage(context, page.map(summaryOf), next), 200);
  });

  add(createSchedule, async (context) => {
    const entry = await schedules.create(checked(context.req.valid('json')));
    // Relative to the routes, so that they are right wherever the service is mounted.
    context.header('location', `schedules/${entry.schedule.name}`);
    return context.json(bodyOf(entry), 201);
  });

  add(getSchedule, (context) => context.json(bodyOf(schedules.get(context.req.valid('param').name)), 200));

  add(replaceSchedule, async (context) => {
    const { name } = context.req.valid('param');
    schedules.get(name);
    const entry = await schedules.replace(checked({ name, ...context.req.valid('json') }));
    return context.json(bodyOf(entry), 200);
  });

  add(deleteSchedule, async (context) => {
    await schedules.remove(context.req.valid('param').name);
    return context.body(null, 204);
  });

  add(triggerSchedule, async (context) => {
    const { runs } = schedules.get(context.req.valid('param').name);
    const { jobId } = await runs.trigger({
      onceKey: context.get('onceKey'),
      trace: traceIn(context.req.valid('header')),
    });
    context.header('location', `../../jobs/${encodeURIComponent(jobId)}`);
    return context.json({ jobId }, 201);
  });

  add(pauseSchedule, async (context) => {
    const entry = schedules.get(context.req.valid('param').name);
    const { reason } = context.req.valid('json') ?? {};
    await entry.runs.pause(reason ?? context.get('principal').name);
    schedules.rearm(entry.schedule.name);
    return context.json(bodyOf(entry), 200);
  });

  add(resumeSchedule, async (context) => {
    const entry = schedules.get(context.req.valid('param').name);
    await entry.runs.resume();
    schedules.rearm(entry.schedule.name);
    return context.json(bodyOf(entry), 200);
  });

  add(backfillSchedule, async (context) => {
    const { runs, schedule } = schedules.get(context.req.valid('param').name);
    const { from, to, dryRun = false } = context.req.valid('json');
    if (to > clock.now())
      throw new HttpProblem(400, 'INVALID_REQUEST', 'Only what has passed can be backfilled: "to" lies ahead.');
    const dueTimes = runs.dueTimes(from - 1, MAX_BACKFILL + 1, to - 1);
    if (dueTimes.length > MAX_BACKFILL)
      throw new HttpProblem(
        400,
        'INVALID_REQUEST',
        `More than ${MAX_BACKFILL} due times: ask for a shorter time, such as until ${dueTimes.at(-1)}.`,
      );
    if (!dryRun) {
      await runs.backfill(dueTimes);
      schedules.rearm(schedule.name);
    }
    return context.json({ dueTimes: [...dueTimes] }, 200);
  });

  add(nextRuns, (context) => {
    const { runs, schedule } = schedules.get(context.req.valid('param').name);
    const { count } = context.req.valid('query');
    const items = runs.dueTimes(clock.now(), count).map((due) => {
      return { due, local: localTime(due, schedule.timezone), at: startOfDue(schedule, due) };
    });
    return context.json({ items }, 200);
  });
};

const summaryOf = ({
  schedule,
  source,
  file,
  problems,
  runs,
}: ScheduleEntry): z.infer<typeof schemas.ScheduleSummary> => {
  const { input, ...options } = schedule;
  const { paused, failures } = runs.state;
  return {
    ...options,
    input: input && { ...input },
    source,
    file,
    paused,
    nextDue: runs.nextDue,
    failures,
    problems: [...problems],
  };
};

const bodyOf = (entry: ScheduleEntry): z.infer<typeof schemas.ScheduleBody> => {
  const { running, owed, recent } = entry.runs.state;
  return {
    ...summaryOf(entry),
    running: running.map(({ jobId, due }) => ({ jobId, due })),
    owed: owed.toSorted((a, b) => a.at - b.at),
    recent: recent.toReversed(),
  };
};
