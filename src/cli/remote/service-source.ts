import type { Client, JobInfo, LogPage } from '../../client/client.ts';
import { ServiceError } from '../../client/service-error.ts';
import type { JobFilter, JournalJob, Lease, StoredEvent } from '../../engine/durable/journal.ts';
import type { JobEvent, JobState, TaskLog } from '../../events/event.ts';
import type { JobSource, Outline } from '../stored/job-source.ts';
import { UsageError } from '../terminal/exit-code.ts';

/** Reads jobs of a server as if they were in a database here. The methods throw `ServiceError`. */
export const serviceSource = (client: Client, url: string): JobSource & Required<Pick<JobSource, 'stream'>> => {
  async function* stream(jobId: string, after: number, signal?: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    const events = client.jobs.events(jobId, { after: after < 0 ? undefined : after, signal });
    for await (const { id, data } of events) if (id !== undefined) yield data as JobEvent;
  }
  return {
    file: url,
    stream,
    job: async (id) => {
      if (id === '') return undefined;
      const job = await client.jobs.get(id).catch(unlessMissing);
      if (job?.state === 'draft') throw new UsageError(`"${id}" is a draft: nothing has happened in it yet.`);
      return job && jobOf(job, url);
    },
    jobs: async (filter) => {
      const { items, nextCursor } = await client.jobs.list(queryOf(filter));
      return items.map((job, at) => jobOf(job, url, at === items.length - 1 ? (nextCursor ?? '') : ''));
    },
    events: async (jobId, fromSeq = 0, limit = Number.POSITIVE_INFINITY) => {
      const events: StoredEvent[] = [];
      for await (const event of stream(jobId, fromSeq - 1)) {
        events.push({ seq: event.seq, data: JSON.stringify(event) });
        if (events.length >= limit) break;
      }
      return events;
    },
    // Of what is beside the events, a server tells the last lines alone.
    notes: () => [],
    unfinishedLogs: async ({ id, name, lastSeq }) => {
      const toEvent = (line: LogPage['unfinished'][number]) =>
        ({ ...line, type: 'task.log', jobId: id, jobName: name }) as JobEvent & TaskLog;
      for (let cursor: string | undefined; ; ) {
        const { unfinished, nextCursor } = await client.jobs.logs(id, { after: Math.max(0, lastSeq), cursor });
        if (nextCursor === null) return unfinished.map(toEvent);
        cursor = nextCursor;
      }
    },
    shape: async (_, jobId) => outlineOf(await client.jobs.outline(jobId)).shape,
    outline: async (jobId) => outlineOf(await client.jobs.outline(jobId)),
    trace: (jobId, format) => client.jobs.trace(jobId, format),
    progress: async (jobId) => {
      const { progress } = await client.jobs.get(jobId);
      return progress && { fraction: progress.fraction, leftMs: progress.leftMs };
    },
  };
};

/** The most jobs that a server lists at once. */
const PAGE = 500;

const queryOf = ({ states, names, labels = {}, since, before, idPrefix, limit = PAGE, cursor }: JobFilter = {}) => ({
  state: states,
  name: names?.[0],
  label: Object.entries(labels).map(([key, value]) => `${key}:${value}`),
  since,
  before,
  idPrefix,
  inputs: true,
  limit: Math.min(limit, PAGE),
  cursor,
});

/** Returns a job of a server as a journal lists it. `cursor`: continues the list after it. */
export const jobOf = (job: JobInfo, url: string, cursor = ''): JournalJob => ({
  id: job.id,
  name: job.name,
  key: job.jobKey,
  labels: job.labels,
  cursor,
  state: job.state as JobState,
  createdAt: job.createdAt,
  startedAt: job.startedAt,
  endedAt: job.endedAt,
  updatedAt: job.updatedAt,
  forkedFrom: job.forkedFrom,
  lastSeq: job.lastSeq,
  fence: 0,
  lease: job.interrupted ? undefined : leaseOf(job, url),
  input: JSON.stringify(job.input ?? {}),
  metadata: JSON.stringify(job.metadata),
  // What the server keeps to itself.
  fingerprint: '',
  options: '{}',
});

/** The lease of whoever runs a job, as the server says. */
const leaseOf = ({ elsewhere }: JobInfo, url: string): Lease => ({
  owner: url,
  host: elsewhere?.host ?? url,
  pid: elsewhere?.pid ?? 0,
  processStart: '',
});

type Graph = Awaited<ReturnType<Client['jobs']['outline']>>;

const outlineOf = (graph: Graph): Outline => ({
  shape: JSON.stringify(shapeOf(graph)),
  states: new Map(graph.tasks.map(({ name, state }) => [name, state])),
});

/** Returns the shape of a job, and of those nested in it, as a journal keeps it. */
const shapeOf = ({ name, tasks }: NonNullable<Graph['tasks'][number]['job']>): readonly unknown[] => [
  name,
  tasks.map(({ name, dependsOn, continueOnFailure, kind, trigger, conditional, job }) => [
    name,
    dependsOn,
    continueOnFailure,
    { kind, trigger, ...(conditional && { when: true }), ...(job && { job: shapeOf(job) }) },
  ]),
];

const unlessMissing = (error: unknown): undefined => {
  if (error instanceof ServiceError && error.code === 'JOB_NOT_FOUND') return undefined;
  throw error;
};
