import { z } from '@hono/zod-openapi';
import { UNFINISHED_STATES } from '../../events/states.ts';
import type { Api } from '../http/app.ts';
import { setETag } from '../http/headers.ts';
import { requireMatch } from '../http/if-match.ts';
import { answerPage, cursorOf, PageQuery, pageOf, placeIn } from '../http/page.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import { Slug } from '../schemas/names.ts';
import { NewTopic, TopicBody, TopicChange, TopicSummary } from '../schemas/topic.ts';
import type { Service } from '../service/service.ts';
import { TOPIC, type Topic } from '../topics/topics.ts';

const tags = ['Topics'];

const Name = z.object({ topic: Slug });

const listTopics = route(
  {
    method: 'get',
    path: `${BASE}/topics`,
    operationId: 'listTopics',
    summary: 'Lists topics by name',
    tags,
    request: {
      query: PageQuery.extend({
        archived: z
          .enum(['true', 'false'])
          .default('false')
          .meta({ description: 'Whether only archived topics are listed, or only the others' }),
      }),
    },
    responses: { 200: { description: 'A page', content: { 'application/json': { schema: pageOf(TopicSummary) } } } },
  },
  { allowed: ['viewer'] },
);

const KITCHEN = { name: 'kitchen', title: 'Kitchen', definitions: { hot: { owner: 'cook', maxRetries: 2 } } };

const createTopic = route(
  {
    method: 'post',
    path: `${BASE}/topics`,
    operationId: 'createTopic',
    summary: 'Makes a topic',
    tags,
    request: {
      body: {
        required: true,
        content: { 'application/json': { schema: NewTopic, examples: { kitchen: { value: KITCHEN } } } },
      },
    },
    responses: { 201: { description: 'The topic', content: { 'application/json': { schema: TopicSummary } } } },
  },
  { allowed: ['operator'], refusals: [409], once: true },
);

const getTopic = route(
  {
    method: 'get',
    path: `${BASE}/topics/{topic}`,
    operationId: 'getTopic',
    summary: 'Shows a topic, with the number of its jobs by state',
    tags,
    request: { params: Name },
    responses: { 200: { description: 'The topic', content: { 'application/json': { schema: TopicBody } } } },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const updateTopic = route(
  {
    method: 'patch',
    path: `${BASE}/topics/{topic}`,
    operationId: 'updateTopic',
    summary: 'Changes a topic; documents of jobs that run keep the definitions that they began with',
    tags,
    request: { params: Name, body: { required: true, content: { 'application/json': { schema: TopicChange } } } },
    responses: { 200: { description: 'The topic', content: { 'application/json': { schema: TopicSummary } } } },
  },
  { allowed: ['operator'], refusals: [404, 409], ifMatch: true },
);

const archiveTopic = route(
  {
    method: 'delete',
    path: `${BASE}/topics/{topic}`,
    operationId: 'archiveTopic',
    summary: 'Archives a topic: it takes no more jobs, and stays with those that it has',
    tags,
    request: { params: Name },
    responses: { 204: { description: 'It is archived' } },
  },
  { allowed: ['operator'], refusals: [404, 409], ifMatch: true },
);

export const addTopicRoutes = ({ add }: Api, { topics, journal, clock, inTurn }: Service): void => {
  const existing = async (name: string): Promise<Topic> => {
    const topic = await topics.get(name);
    if (!topic) throw notFound('topic', 'TOPIC_NOT_FOUND', name);
    return topic;
  };

  add(listTopics, async (context) => {
    const { limit, cursor, archived } = context.req.valid('query');
    const filter = ['topics', archived];
    const wanted = (topic: Topic): boolean => (topic.archivedAt !== undefined) === (archived === 'true');
    const found: Topic[] = [];
    let after = placeIn(filter, cursor, z.string());
    while (found.length <= limit) {
      const page = await topics.list(after, limit + 1);
      found.push(...page.filter(wanted));
      after = page.at(-1)?.name;
      if (page.length <= limit) break;
    }
    const shown = found.slice(0, limit);
    const next = found.length > limit ? cursorOf(filter, shown.at(-1)?.name) : undefined;
    return context.json(answerPage(context, shown.map(summaryOf), next), 200);
  });

  add(createTopic, async (context) => {
    const { name, title, description, definitions = {} } = context.req.valid('json');
    const topic = await topics.put({ name, title, description, definitions, createdAt: clock.now() }, 0);
    if (!topic) throw new HttpProblem(409, 'TOPIC_EXISTS', `There is a topic "${name}" already.`);
    // Relative to this route, so that it is right wherever the service is mounted.
    context.header('location', `topics/${name}`);
    return context.json(summaryOf(topic), 201);
  });

  add(getTopic, async (context) => {
    const topic = await existing(context.req.valid('param').topic);
    const counts = (await journal.counts?.({ by: 'state', labels: { [TOPIC]: topic.name } })) ?? [];
    const jobs = Object.fromEntries(counts.map(({ value, count }) => [value, count]));
    setETag(context, etagOf(topic));
    return context.json({ ...summaryOf(topic), jobs }, 200);
  });

  add(updateTopic, async (context) => {
    const { archived, ...change } = context.req.valid('json');
    const after = await changing(context.req.valid('param').topic, context.req.header('if-match'), async (topic) => {
      if (archived) await requireUnused(topic.name);
      const archivedAt =
        archived === undefined ? topic.archivedAt : archived ? (topic.archivedAt ?? clock.now()) : undefined;
      const { definitions = topic.definitions, ...texts } = change;
      return changed({ ...topic, ...texts, definitions, archivedAt });
    });
    return context.json(summaryOf(after), 200);
  });

  add(archiveTopic, async (context) => {
    await changing(context.req.valid('param').topic, context.req.header('if-match'), async (topic) => {
      await requireUnused(topic.name);
      return changed({ ...topic, archivedAt: topic.archivedAt ?? clock.now() });
    });
    return context.body(null, 204);
  });

  const changing = (name: string, ifMatch: string | undefined, change: (topic: Topic) => Promise<Topic>) =>
    inTurn(`topic ${name}`, async () => {
      const topic = await existing(name);
      requireMatch(ifMatch, (etag) => etag === etagOf(topic), `The topic "${name}"`);
      return change(topic);
    });

  const changed = async ({ version, ...topic }: Topic): Promise<Topic> => {
    const put = await topics.put(topic, version);
    if (!put)
      throw new HttpProblem(409, 'TOPIC_CHANGED', `The topic "${topic.name}" was changed meanwhile. Read it again.`);
    return put;
  };

  const requireUnused = async (name: string): Promise<void> => {
    const [job] = await journal.jobs({ labels: { [TOPIC]: name }, states: UNFINISHED_STATES, limit: 1 });
    if (job)
      throw new HttpProblem(409, 'TOPIC_IN_USE', `Jobs of the topic "${name}" are not over, such as "${job.id}".`);
  };
};

const summaryOf = ({ version, ...topic }: Topic): z.infer<typeof TopicSummary> => ({
  ...topic,
  etag: etagOf({ version }),
});

const etagOf = ({ version }: Pick<Topic, 'version'>): string => `"${version}"`;
