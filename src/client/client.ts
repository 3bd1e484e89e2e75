/* The client of the service, for Node.js and browsers: `client.ts` has a method for each route, `request.ts` sends
 * requests and repeats them, `event-stream.ts` follows streams, `patches.ts` those of columns, `work.ts` does units, `service-error.ts` is what
 * refusals become. Types come from the schemas of the server, of which nothing is loaded. */

import type { z } from '@hono/zod-openapi';
import type * as columns from '../server/schemas/columns.ts';
import type * as definition from '../server/schemas/definition.ts';
import type * as event from '../server/schemas/event.ts';
import type * as job from '../server/schemas/job.ts';
import type * as limit from '../server/schemas/limit.ts';
import type * as schedule from '../server/schemas/schedule.ts';
import type * as task from '../server/schemas/task.ts';
import type * as token from '../server/schemas/token.ts';
import type * as topic from '../server/schemas/topic.ts';
import type * as unit from '../server/schemas/unit.ts';
import type * as who from '../server/schemas/who.ts';
import type { JobColumns } from '../wire/job-columns.ts';
import type { PatchHistory } from '../wire/patches.ts';
import { events, type StreamedEvent, type StreamOptions } from './event-stream.ts';
import { type PatchOptions, patches } from './patches.ts';
import { type ClientOptions, pause, type Send, sender } from './request.ts';
import { type ClaimedUnit, startWork, type UnitCommand, type UnitInfo, type Work, type WorkOptions } from './work.ts';

export type Page<Item> = { readonly items: readonly Item[]; readonly nextCursor: string | null };
export type JobInfo = z.infer<typeof job.JobBody>;
export type JobDetails = z.infer<typeof job.JobDetails>;
export type StartRequest = z.input<typeof job.StartBody>;
export type TaskInfo = z.infer<typeof task.TaskBody>;
export type TopicInfo = z.infer<typeof topic.TopicSummary>;
/** `unfinished`: on the last page, the last lines so far of attempts that have not ended. */
export type LogPage = z.infer<typeof event.LogPage>;
export type DefinitionInfo = z.infer<typeof definition.DefinitionBody>;

/** Which version is to be changed. */
export type ChangeOptions = {
  /** `etag` of what was read: if it was changed since, nothing is, and the method rejects with `PRECONDITION_FAILED`. Default: any. */
  readonly ifMatch?: string | undefined;
};

export type PageOptions = { readonly limit?: number | undefined; readonly cursor?: string | undefined };

/** Which jobs are listed. */
export type JobQuery = PageOptions & {
  readonly topic?: string | undefined;
  readonly name?: string | undefined;
  readonly state?: JobInfo['state'] | readonly JobInfo['state'][] | undefined;
  /** `key:value` */
  readonly label?: string | readonly string[] | undefined;
  readonly schedule?: string | undefined;
  /** Epoch ms. */
  readonly since?: number | undefined;
  readonly before?: number | undefined;
  /** The beginning of the id or of the name; of the name in upper or lower case. */
  readonly q?: string | undefined;
  /** The beginning of the id. */
  readonly idPrefix?: string | undefined;
  readonly forkedFrom?: string | undefined;
  /** Whether jobs have their `input`. Default false. */
  readonly inputs?: boolean | undefined;
  /** Whether jobs have `tasks`, the number of their tasks by state. Default false. */
  readonly tasks?: boolean | undefined;
  readonly order?: 'newest' | 'oldest' | undefined;
  /** How many jobs come before the page, instead of a cursor; `size` is its limit. The page then has `total`, `counts` and `now`, the time of the server. */
  readonly from?: number | undefined;
  readonly size?: number | undefined;
};

/** A page of jobs. */
export type JobPage = z.infer<typeof job.JobPage>;

export type Result = {
  readonly state: JobInfo['state'];
  readonly over: boolean;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly error?: z.infer<typeof job.ErrorBody>;
  readonly reason?: string;
};

/** A client of one service. Methods reject with a `ServiceError`; requests that may be are repeated. */
export const createClient = (options: ClientOptions) => {
  const { send, open } = sender(options);
  const stream = (path: string, given: StreamOptions = {}): AsyncGenerator<StreamedEvent, void, void> =>
    events({ open, sleep: options.sleep ?? pause }, path, given);
  const units = unitsOf(send);
  return {
    units,
    /** Claims units and does them, with signs of life; gives them back when it stops. */
    work: (given: WorkOptions): Work => startWork(units, options.sleep ?? pause, given),
    /** Follows the events of all jobs. */
    events: (given: StreamOptions = {}) => stream('/events', given),
    whoAmI: () => send<z.infer<typeof who.WhoAmIBody>>('GET', '/whoami'),
    /** In a browser: signs it in and out. Requests of its pages then need no token. */
    session: {
      begin: (token: string) => send<z.infer<typeof who.WhoAmIBody>>('POST', '/session', { body: { token } }),
      end: () => send<void>('DELETE', '/session', { repeatable: true }),
    },
    info: () => send<{ version: string; maxBodyBytes: number; upload: string }>('GET', '/info'),
    /** Slots of what all jobs share, who holds them, and who waits for them. `now`: the time of the server. */
    limits: () => send<{ readonly items: readonly LimitInfo[]; readonly now: number }>('GET', '/limits'),
    /** Changes them, until the server ends. `maxConcurrency: null`: no limit. */
    setLimits: (body: z.input<typeof limit.LimitsChange>) =>
      send<{ readonly items: readonly LimitInfo[]; readonly now: number }>('PATCH', '/limits', { body }),
    /** A page of the events of all jobs, from the oldest that is kept. */
    eventPage: (query: EventQuery = {}) => send<Page<z.infer<typeof event.FeedEventBody>>>('GET', '/events', { query }),
    jobs: jobsOf(send, stream),
    schedules: schedulesOf(send),
    topics: {
      list: (query: PageOptions = {}) => send<Page<TopicInfo>>('GET', '/topics', { query }),
      get: (name: string) => send<z.infer<typeof topic.TopicBody>>('GET', `/topics/${part(name)}`),
      create: (body: z.input<typeof topic.NewTopic>) => send<TopicInfo>('POST', '/topics', { body, once: true }),
      update: (name: string, body: z.input<typeof topic.TopicChange>, { ifMatch }: ChangeOptions = {}) =>
        send<TopicInfo>('PATCH', `/topics/${part(name)}`, { body, ifMatch }),
      /** With `ifMatch` it is not repeated: the version would be another one then. */
      archive: (name: string, { ifMatch }: ChangeOptions = {}) =>
        send<void>('DELETE', `/topics/${part(name)}`, { ifMatch, repeatable: ifMatch === undefined }),
    },
    definitions: {
      list: (query: PageOptions = {}) =>
        send<Page<z.infer<typeof definition.DefinitionSummary>>>('GET', '/definitions', { query }),
      get: (name: string) => send<DefinitionInfo>('GET', `/definitions/${part(name)}`),
      /** The last jobs of a definition, with the states of their outer tasks, and how long these took. */
      runs: (name: string, query: { readonly limit?: number | undefined } = {}) =>
        send<z.infer<typeof definition.RunsBody>>('GET', `/definitions/${part(name)}/runs`, { query }),
      /** How long the last jobs of a definition took, how long their tasks waited for their attempts, and what failed; times in ms. */
      metrics: (name: string, query: { readonly limit?: number | undefined } = {}) =>
        send<z.infer<typeof definition.MetricsBody>>('GET', `/definitions/${part(name)}/metrics`, { query }),
      put: (name: string, yaml: string) =>
        send<z.infer<typeof definition.DefinitionSummary>>('PUT', `/definitions/${part(name)}`, {
          text: { type: 'application/yaml', body: yaml },
          repeatable: true,
        }),
      remove: (name: string) => send<void>('DELETE', `/definitions/${part(name)}`),
      validate: (yaml: string) =>
        send<z.infer<typeof definition.DefinitionCheck>>('POST', '/definitions/validate', {
          text: { type: 'application/yaml', body: yaml },
          repeatable: true,
        }),
    },
    tokens: {
      list: () => send<{ items: z.infer<typeof token.TokenBody>[] }>('GET', '/tokens'),
      create: (body: z.input<typeof token.NewTokenBody>) =>
        send<z.infer<typeof token.CreatedTokenBody>>('POST', '/tokens', { body }),
      revoke: (id: string) => send<void>('DELETE', `/tokens/${part(id)}`),
    },
  };
};

export type Client = ReturnType<typeof createClient>;

const jobsOf = (
  send: Send,
  stream: (path: string, given?: StreamOptions) => AsyncGenerator<StreamedEvent, void, void>,
) => {
  const list = (query: JobQuery = {}) => send<JobPage>('GET', '/jobs', { query });
  const control =
    <Body extends z.ZodType>(verb: string) =>
    (id: string, body?: z.input<Body>) =>
      send<JobInfo>('POST', `/jobs/${part(id)}/${verb}`, { body });
  return {
    list,
    /** Yields all jobs of a filter, page by page. */
    all: (query: Omit<JobQuery, 'cursor' | 'from' | 'size'> = {}) => all((cursor) => list({ ...query, cursor })),
    /** Starts a job; a repetition of the request starts no other. */
    start: (body: StartRequest) => send<JobInfo>('POST', '/jobs', { body, once: true }),
    get: (id: string) => send<JobDetails>('GET', `/jobs/${part(id)}`),
    update: (id: string, body: z.input<typeof job.JobChange>, { ifMatch }: ChangeOptions = {}) =>
      send<JobInfo>('PATCH', `/jobs/${part(id)}`, { body, ifMatch }),
    remove: (id: string, { ifMatch }: ChangeOptions = {}) => send<void>('DELETE', `/jobs/${part(id)}`, { ifMatch }),
    startDraft: (id: string, { ifMatch }: ChangeOptions = {}) =>
      send<JobInfo>('POST', `/jobs/${part(id)}/start`, { ifMatch }),
    cancel: control<typeof job.CancelBody>('cancel'),
    pause: control<typeof job.PauseBody>('pause'),
    resume: control<typeof job.ResumeBody>('resume'),
    retry: (id: string, body: z.input<typeof job.RetryBody> = {}) =>
      send<JobInfo | z.infer<typeof job.PlanBody> | z.infer<typeof job.PlanRanges>>('POST', `/jobs/${part(id)}/retry`, {
        body,
      }),
    rerun: (id: string, body: z.input<typeof job.RerunBody> = {}) =>
      send<JobInfo | z.infer<typeof job.PlanBody> | z.infer<typeof job.PlanRanges>>('POST', `/jobs/${part(id)}/rerun`, {
        body,
        once: true,
      }),
    bulk: (body: z.input<typeof job.BulkBody>) =>
      send<z.infer<typeof job.BulkResult>>('POST', '/jobs/bulk', { body, once: true }),
    tasks: (
      id: string,
      query: PageOptions & { readonly state?: string; readonly under?: string; readonly outputs?: boolean } = {},
    ) => send<Page<TaskInfo>>('GET', `/jobs/${part(id)}/tasks`, { query }),
    addTasks: (id: string, tasks: z.input<typeof job.AddTasksBody>['tasks'], { ifMatch }: ChangeOptions = {}) =>
      send<JobInfo>('POST', `/jobs/${part(id)}/tasks`, { body: { tasks }, ifMatch }),
    removeTask: (id: string, path: string, { ifMatch }: ChangeOptions = {}) =>
      send<void>('DELETE', `/jobs/${part(id)}/tasks`, { query: { path }, ifMatch }),
    explain: (id: string, path?: string) =>
      send<{ items: z.infer<typeof task.ExplanationBody>[] }>('GET', `/jobs/${part(id)}/explain`, {
        query: { task: path },
      }),
    graph: (id: string, format: 'mermaid' | 'dot' | 'gantt') =>
      send<string>('GET', `/jobs/${part(id)}/graph`, { query: { format }, asText: true }),
    /** The trace file of a job: for a viewer of Chrome's trace-event format, or with `json` the transitions as they are kept. */
    trace: (id: string, format: 'chrome' | 'json' = 'chrome') =>
      send<string>('GET', `/jobs/${part(id)}/trace`, { query: { format }, asText: true }),
    /** All tasks of a job in columns, to be followed by `patches`. */
    view: (id: string) => send<JobColumns>('GET', `/jobs/${part(id)}/view`),
    /** Follows what changes in the columns of a job, until the job is over or they have to be read anew. */
    patches: (id: string, given: PatchOptions = {}) => patches(stream, `/jobs/${part(id)}/patches`, given),
    /** What `patches` told of a job from the beginning, or after a `seq`, up to another one: to replay it, from an empty table on. */
    history: (
      id: string,
      query: { readonly after?: number | undefined; readonly until?: number | undefined; readonly epoch?: string } = {},
    ) => send<PatchHistory>('GET', `/jobs/${part(id)}/patches`, { query }),
    /** The attempts of tasks, by their paths; of 500 at most. */
    attempts: (id: string, tasks: readonly string[]) =>
      send<z.infer<typeof columns.AttemptsBody>>('GET', `/jobs/${part(id)}/attempts`, { query: { tasks } }),
    /** The outer tasks of a job, with their states and what they wait for. */
    outline: (id: string) => send<z.infer<typeof task.GraphBody>>('GET', `/jobs/${part(id)}/graph`),
    /** Waits until a job is over, as long as that takes. */
    result: async (id: string, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Result> => {
      for (;;) {
        const result = await send<Result>('GET', `/jobs/${part(id)}/result`, { query: { waitMs: 30_000 }, signal });
        if (result.over) return result;
      }
    },
    /** A page of the events of a job. */
    eventPage: (id: string, query: PageOptions & { readonly after?: number | undefined } = {}) =>
      send<Page<z.infer<typeof event.EventBody>>>('GET', `/jobs/${part(id)}/events`, { query }),
    /** A page of what tasks of a job logged and printed, or with `q` the numbers of lines. */
    logs: (id: string, query: LogQuery = {}) => send<LogPage>('GET', `/jobs/${part(id)}/logs`, { query }),
    /** All lines as text, each with its task unless they are of one. */
    logText: (id: string, query: Pick<LogQuery, 'task' | 'attempt'> = {}) =>
      send<string>('GET', `/jobs/${part(id)}/logs`, { query: { ...query, format: 'text' }, asText: true }),
    /** Follows the events of a job, from the first on, until the job is over. */
    events: (id: string, given: StreamOptions = {}) => stream(`/jobs/${part(id)}/events`, given),
  };
};

/** Which lines of a log are read: by cursor and level, or by number. */
export type LogQuery = PageOptions & {
  /** Also those of the tasks inside it. */
  readonly task?: string | undefined;
  readonly level?: string | undefined;
  /** Only lines of events after this `seq`; by cursor alone. */
  readonly after?: number | undefined;
  readonly attempt?: number | undefined;
  /** How many lines come before the page; `size` is its limit. */
  readonly from?: number | undefined;
  readonly size?: number | undefined;
  /** A text that lines have. */
  readonly q?: string | undefined;
};

const schedulesOf = (send: Send) => ({
  list: (query: PageOptions = {}) =>
    send<Page<z.infer<typeof schedule.ScheduleSummary>>>('GET', '/schedules', { query }),
  get: (name: string) => send<ScheduleInfo>('GET', `/schedules/${part(name)}`),
  create: (body: z.input<typeof schedule.NewSchedule>) =>
    send<ScheduleInfo>('POST', '/schedules', { body, once: true }),
  replace: (name: string, body: z.input<typeof schedule.ScheduleChange>) =>
    send<ScheduleInfo>('PUT', `/schedules/${part(name)}`, { body, repeatable: true }),
  remove: (name: string) => send<void>('DELETE', `/schedules/${part(name)}`),
  /** Starts a job now, whatever is due. */
  trigger: (name: string) =>
    send<{ readonly jobId: string }>('POST', `/schedules/${part(name)}/trigger`, { once: true }),
  pause: (name: string, body: z.input<typeof schedule.PauseBody> = {}) =>
    send<ScheduleInfo>('POST', `/schedules/${part(name)}/pause`, { body }),
  resume: (name: string) => send<ScheduleInfo>('POST', `/schedules/${part(name)}/resume`),
  backfill: (name: string, body: z.input<typeof schedule.BackfillBody>) =>
    send<z.infer<typeof schedule.BackfillResult>>('POST', `/schedules/${part(name)}/backfill`, { body }),
  next: (name: string, count?: number) =>
    send<z.infer<typeof schedule.NextRuns>>('GET', `/schedules/${part(name)}/next`, { query: { count } }),
});

export type ScheduleInfo = z.infer<typeof schedule.ScheduleBody>;

export type LimitInfo = z.infer<typeof limit.LimitBody>;

/** Which events are listed. */
export type EventQuery = PageOptions & {
  readonly topic?: string | undefined;
  readonly name?: string | undefined;
  readonly type?: string | readonly string[] | undefined;
  /** The id of the last event that is known. */
  readonly after?: number | undefined;
};

const unitsOf = (send: Send) => ({
  list: (query: UnitQuery = {}) => send<Page<UnitInfo>>('GET', '/units', { query }),
  stats: () => send<z.infer<typeof unit.AllUnitStats>>('GET', '/units/stats'),
  /** A unit, and what its output has to be like, as JSON Schema. */
  get: (id: string) => send<z.infer<typeof unit.UnitDetails>>('GET', `/units/${part(id)}`),
  /** Takes up to `max` ready units; a repetition of the request takes no others. */
  claim: (body: z.input<typeof unit.ClaimBody>, { signal }: { readonly signal?: AbortSignal | undefined } = {}) =>
    send<z.infer<typeof unit.ClaimedUnits>>('POST', '/units/claim', { body, signal, once: true }),
  claimOne: (id: string, body: z.input<typeof unit.ClaimOneBody>) =>
    send<ClaimedUnit>('POST', `/units/${part(id)}/claim`, { body }),
  /** Reports on a unit. With its token, the outcome of an attempt may be repeated, and so is sent again if need be. */
  command: (id: string, command: UnitCommand) =>
    send<z.infer<typeof unit.CommandAnswer>>('POST', `/units/${part(id)}/commands`, {
      body: command,
      repeatable: command.token !== undefined && command.type !== 'log',
    }),
  commands: (id: string, query: PageOptions = {}) =>
    send<Page<z.infer<typeof unit.ReportedCommand>>>('GET', `/units/${part(id)}/commands`, { query }),
});

/** Which units are listed. */
export type UnitQuery = PageOptions & {
  readonly owner?: string | undefined;
  /** Default: those that are ready. */
  readonly state?: UnitInfo['state'] | undefined;
  readonly topic?: string | undefined;
  readonly job?: string | undefined;
  readonly task?: string | undefined;
};

const part = encodeURIComponent;

async function* all<Item>(page: (cursor: string | undefined) => Promise<Page<Item>>): AsyncGenerator<Item, void, void> {
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await page(cursor);
    yield* items;
    if (nextCursor === null) return;
    cursor = nextCursor;
  }
}
