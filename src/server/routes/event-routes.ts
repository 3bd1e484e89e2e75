import { z } from '@hono/zod-openapi';
import { unfinishedLogs } from '../../engine/views/unfinished-logs.ts';
import type { JobEvent, LogLevel, TaskLog } from '../../events/event.ts';
import { LEVELS } from '../../events/levels.ts';
import { type EventFilter, isWanted } from '../feed/feed-event.ts';
import type { Api } from '../http/app.ts';
import { answerPage, cursorOf, PageQuery, pageOf, placeIn } from '../http/page.ts';
import { HttpProblem } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import { storedJob } from '../jobs/find-job.ts';
import { logIndexes } from '../logs/log-index.ts';
import { isWithin, readPage, selectLines, textOf } from '../logs/log-lines.ts';
import { searchLines } from '../logs/log-search.ts';
import { streamLog } from '../logs/log-stream.ts';
import { EventBody, EventType, FeedEventBody, type LogBody, LogLevelName, LogPage } from '../schemas/event.ts';
import { Slug } from '../schemas/names.ts';
import { wholeNumber } from '../schemas/query.ts';
import type { Service } from '../service/service.ts';
import { isHead, listenerOf, noBody, Resume, savedFile, streamed, streamOr, wantsStream } from './streams.ts';

const tags = ['Events'];

const JobParam = z.object({ jobId: z.string().min(1).max(200) });

const After = wholeNumber(0, Number.MAX_SAFE_INTEGER).optional().meta({
  description: 'The id of the last event that the client has; `Last-Event-ID` counts more',
});

const listEvents = route(
  {
    method: 'get',
    path: `${BASE}/events`,
    operationId: 'listEvents',
    summary: 'Lists the events of all jobs in the order in which they were kept, or streams those that follow',
    tags,
    request: {
      headers: Resume,
      query: PageQuery.extend({
        after: After,
        topic: Slug.optional().meta({ description: 'Only events of jobs of this topic' }),
        name: z
          .string()
          .max(200)
          .optional()
          .meta({ description: 'Only events of jobs of this definition or document' }),
        type: z
          .union([EventType, z.array(EventType).max(20)])
          .transform((value) => (Array.isArray(value) ? value : [value]))
          .optional()
          .meta({ description: 'Only events of this type, or of one of these' }),
      }),
    },
    responses: { 200: streamOr(pageOf(FeedEventBody)) },
  },
  { allowed: ['viewer'], refusals: [409] },
);

const listJobEvents = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/events`,
    operationId: 'listJobEvents',
    summary: 'Lists the events of a job, or streams them until it is over',
    tags,
    request: {
      params: JobParam,
      headers: Resume,
      query: PageQuery.extend({
        after: After,
        snapshot: z
          .enum(['true', 'false'])
          .default('false')
          .meta({ description: 'Whether a stream that does not resume begins with the job as it is' }),
      }),
    },
    responses: {
      200: streamOr(pageOf(EventBody)),
      204: { description: 'The job is over, and the client has its last event' },
    },
  },
  { allowed: ['viewer'], refusals: [404, 409] },
);

const listLogs = route(
  {
    method: 'get',
    path: `${BASE}/jobs/{jobId}/logs`,
    operationId: 'listLogs',
    summary: 'Lists what the tasks of a job have logged: by cursor, or by line number, as text, or as a stream',
    description:
      'With `from` or `size`: lines by their numbers, fewer if they are long. With `q`: the numbers of lines that have a text. As a stream: frames `lines` with new lines, whose id is the number of the last one.',
    tags,
    request: {
      params: JobParam,
      headers: Resume,
      query: PageQuery.extend({
        task: z.string().max(2000).optional().meta({ description: 'Only this task and those inside it' }),
        level: LogLevelName.optional().meta({
          description: 'Only lines of this level, and more severe ones; by cursor alone',
        }),
        attempt: wholeNumber(0, Number.MAX_SAFE_INTEGER)
          .optional()
          .meta({ description: 'Only lines of this attempt; not by cursor' }),
        from: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional().meta({
          description:
            'Number of lines before the page, instead of a cursor; of a stream, number of the last line that the client has',
        }),
        size: wholeNumber(1, 500)
          .optional()
          .meta({ description: 'Number of lines by `from`, or of matches. Default 100' }),
        q: z.string().min(1).max(200).optional().meta({
          description: 'Text to find, in upper or lower case; looks at 10,000 lines at most',
        }),
        format: z.enum(['json', 'text']).optional().meta({ description: '`text`: all lines, to save them' }),
        after: wholeNumber(0, Number.MAX_SAFE_INTEGER)
          .optional()
          .meta({ description: 'Only lines of events after this `seq`; a cursor counts more; not by number' }),
      }),
    },
    responses: {
      200: {
        description:
          'A page, the text, or for `Accept: text/event-stream` a stream, with a `ping` after 15 s of silence',
        content: {
          'application/json': { schema: LogPage },
          'text/plain': { schema: z.string() },
          'text/event-stream': { schema: z.string() },
        },
      },
      204: { description: 'The job is over, and the client has its last line' },
    },
  },
  { allowed: ['viewer'], refusals: [404, 409] },
);

/** How many events one request looks at for those that it wants. It then answers with what it has, and a cursor. */
const MAX_SCANNED = 10_000;

const PAGE = 500;

export const addEventRoutes = ({ add }: Api, service: Service): void => {
  const { journal, feed } = service;
  const logs = logIndexes(journal);

  add(listEvents, async (context) => {
    const { limit, cursor, after, topic, name, type } = context.req.valid('query');
    const filter: EventFilter = { topic, name, types: type };
    if (wantsStream(context)) {
      const listener = listenerOf(context, after);
      return isHead(context) ? noBody() : streamed(await feed.ofAll(filter, listener));
    }
    const items: z.infer<typeof FeedEventBody>[] = [];
    let place: number | undefined = placeIn(filter, cursor, z.int()) ?? after ?? 0;
    for (let scanned = 0; items.length <= limit && scanned < MAX_SCANNED && place !== undefined; scanned += PAGE) {
      const { events, reached } = await feed.pages.ofAll(feed.required(), place, PAGE);
      for (const one of events)
        if (isWanted(filter, one)) items.push({ ...one.event, position: one.position as number });
      place = reached;
    }
    const page = items.slice(0, limit);
    const next = items.length > limit ? page.at(-1)?.position : place;
    return context.json(answerPage(context, page, next === undefined ? undefined : cursorOf(filter, next)), 200);
  });

  add(listJobEvents, async (context) => {
    const { jobId } = context.req.valid('param');
    const { limit, cursor, after, snapshot } = context.req.valid('query');
    if (wantsStream(context)) {
      const listener = listenerOf(context, after);
      if (isHead(context)) return noBody();
      const body = await feed.ofJob(jobId, snapshot === 'true', listener);
      return body ? streamed(body) : context.body(null, 204);
    }
    await storedJob(service, jobId);
    const place = placeIn({ jobId }, cursor, z.int()) ?? after ?? -1;
    const { events, isLast } = await feed.pages.ofJob(jobId, place, limit + 1);
    const page = events.slice(0, limit).map(({ event }) => ({ ...event }));
    const next = isLast && events.length <= limit ? undefined : cursorOf({ jobId }, page.at(-1)?.seq);
    return context.json(answerPage(context, page, next), 200);
  });

  add(listLogs, async (context) => {
    const { jobId } = context.req.valid('param');
    const { limit, cursor, level, after, from, size = 100, q, format, ...lineFilter } = context.req.valid('query');
    const { task, attempt } = lineFilter;
    const job = await storedJob(service, jobId);
    const isByNumber = [from, context.req.query('size'), q, attempt].some((one) => one !== undefined);
    if (isByNumber || format === 'text' || wantsStream(context)) {
      if (cursor !== undefined || level !== undefined || after !== undefined)
        throw new HttpProblem(
          400,
          'INVALID_REQUEST',
          'Lines are found by cursor, level and after, or by number: leave one out.',
        );
      if (wantsStream(context)) {
        if (isHead(context)) return noBody();
        const body = await streamLog({ ...service, logs }, jobId, lineFilter, listenerOf(context, from));
        return body ? streamed(body) : context.body(null, 204);
      }
      const lines = selectLines(journal, jobId, await logs.of(job), lineFilter);
      if (format === 'text')
        return savedFile(context, textOf(lines, lineFilter), { type: 'text/plain', name: `${jobId}.log` });
      const { total } = lines;
      const place = { nextCursor: null, from: from ?? 0, total };
      if (q !== undefined)
        return context.json(
          { ...place, items: [], unfinished: [], ...(await searchLines(lines, q, from ?? 0, size)) },
          200,
        );
      const items = await readPage(lines, from ?? 0, size);
      const isLast = (items.at(-1)?.number ?? total) >= total;
      const held = isLast ? await unfinishedLogs(journal, job) : [];
      const unfinished = held
        .filter((one) => isWithin(one.task, task) && (attempt === undefined || one.attempt === attempt))
        .flatMap((one) => linesOf(one));
      return context.json({ ...place, items: [...items], unfinished }, 200);
    }
    const filter = { jobId, task, level };
    const items: z.infer<typeof LogBody>[] = [];
    const wanted = (event: JobEvent): readonly z.infer<typeof LogBody>[] =>
      event.type === 'task.log' && isWithin(event.task, task) ? linesOf(event, level) : [];
    let place: number | undefined = placeIn(filter, cursor, z.int()) ?? after ?? -1;
    for (let scanned = 0; items.length <= limit && scanned < MAX_SCANNED && place !== undefined; scanned += PAGE) {
      const { events, isLast } = await feed.pages.ofJob(jobId, place, PAGE);
      for (const { event } of events) items.push(...wanted(event));
      place = isLast ? undefined : events.at(-1)?.event.seq;
    }
    const page = items.slice(0, limit);
    const next = items.length > limit ? page.at(-1)?.seq : place;
    const unfinished = next === undefined ? (await unfinishedLogs(journal, job)).flatMap(wanted) : [];
    return context.json(
      { ...answerPage(context, page, next === undefined ? undefined : cursorOf(filter, next)), unfinished },
      200,
    );
  });
};

/** Returns what an event of a log has of a level, and of more severe ones. */
const linesOf = (event: JobEvent & TaskLog, least: LogLevel = 'debug'): readonly z.infer<typeof LogBody>[] => {
  const isSevere = ({ level }: { readonly level: LogLevel }): boolean => LEVELS.indexOf(level) >= LEVELS.indexOf(least);
  const { task, attempt, seq, at, level, message, data, omitted, last } = event;
  const lines = last?.filter(isSevere).map((line) => ({ ...line }));
  if (!isSevere(event) && !lines?.length) return [];
  return [{ task, attempt, seq, at, level, message, data, omitted, last: lines }];
};
