import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import type { AnyDefinition } from '../../engine/job-definition.ts';
import { paramSpecs } from '../../workflow/params.ts';
import { type Finding, WorkflowError } from '../../workflow/problem.ts';
import type { Entry } from '../definitions/catalog.ts';
import { paramsSchema } from '../definitions/params-schema.ts';
import type { Api } from '../http/app.ts';
import { setETag } from '../http/headers.ts';
import { answerPage, cursorOf, PageQuery, pageOf, placeIn } from '../http/page.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import {
  DefinitionBody,
  DefinitionCheck,
  DefinitionSummary,
  type FileProblem,
  MetricsBody,
  RunsBody,
} from '../schemas/definition.ts';
import { wholeNumber } from '../schemas/query.ts';
import type { Service } from '../service/service.ts';

const tags = ['Definitions'];

const Name = z.object({ name: z.string().min(1).max(200) });

const HELLO = 'name: hello\ntasks:\n  - { name: greet, type: external }\n';

const Yaml = {
  'application/yaml': { schema: z.string(), examples: { hello: { value: HELLO } } },
  'text/yaml': { schema: z.string() },
};

const listDefinitions = route(
  {
    method: 'get',
    path: `${BASE}/definitions`,
    operationId: 'listDefinitions',
    summary: 'Lists what jobs can be started of, by name, and files that can not be used',
    tags,
    request: { query: PageQuery },
    responses: {
      200: { description: 'A page', content: { 'application/json': { schema: pageOf(DefinitionSummary) } } },
    },
  },
  { allowed: ['viewer'] },
);

const getDefinition = route(
  {
    method: 'get',
    path: `${BASE}/definitions/{name}`,
    operationId: 'getDefinition',
    summary: 'Shows the tasks and params of a definition',
    tags,
    request: { params: Name },
    responses: {
      200: { description: 'The definition', content: { 'application/json': { schema: DefinitionBody } } },
      304: { description: 'It is as the ETag says' },
    },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const LastJobs = z.object({ limit: wholeNumber(1, 100).default(50).meta({ description: 'Number of jobs' }) });

const listRuns = route(
  {
    method: 'get',
    path: `${BASE}/definitions/{name}/runs`,
    operationId: 'listRuns',
    summary: 'Lists the last jobs of a definition with the states of their outer tasks, and how long these took',
    tags,
    request: { params: Name, query: LastJobs },
    responses: {
      200: { description: 'Its jobs and tasks', content: { 'application/json': { schema: RunsBody } } },
    },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const getMetrics = route(
  {
    method: 'get',
    path: `${BASE}/definitions/{name}/metrics`,
    operationId: 'getDefinitionMetrics',
    summary: 'Tells how long the last jobs of a definition took, how long their tasks waited, and what failed',
    tags,
    request: { params: Name, query: LastJobs },
    responses: {
      200: { description: 'The metrics', content: { 'application/json': { schema: MetricsBody } } },
    },
  },
  { allowed: ['viewer'], refusals: [404] },
);

const putDefinition = route(
  {
    method: 'put',
    path: `${BASE}/definitions/{name}`,
    operationId: 'putDefinition',
    summary: 'Uploads a workflow file; a job that runs keeps the form that it began with',
    tags,
    request: { params: Name, body: { required: true, content: Yaml } },
    responses: {
      200: { description: 'It replaced another', content: { 'application/json': { schema: DefinitionSummary } } },
      201: { description: 'It is new', content: { 'application/json': { schema: DefinitionSummary } } },
    },
  },
  { allowed: ['admin'], refusals: [409, 422] },
);

const deleteDefinition = route(
  {
    method: 'delete',
    path: `${BASE}/definitions/{name}`,
    operationId: 'deleteDefinition',
    summary: 'Removes an uploaded workflow file',
    tags,
    request: { params: Name },
    responses: { 204: { description: 'It is removed' } },
  },
  { allowed: ['admin'], refusals: [404, 409] },
);

const validateDefinition = route(
  {
    method: 'post',
    path: `${BASE}/definitions/validate`,
    operationId: 'validateDefinition',
    summary: 'Checks a workflow file as an upload is checked, and keeps nothing',
    tags,
    request: { body: { required: true, content: Yaml } },
    responses: {
      200: { description: 'What is wrong with it', content: { 'application/json': { schema: DefinitionCheck } } },
    },
  },
  { allowed: ['operator'] },
);

export const addDefinitionRoutes = ({ add }: Api, { catalog, uploads, settings, runs }: Service): void => {
  const entryOf = (name: string): Entry => {
    const entry = catalog.entries().get(name);
    if (!entry) throw notFound('definition', 'DEFINITION_NOT_FOUND', name);
    return entry;
  };

  add(listDefinitions, (context) => {
    const { limit, cursor } = context.req.valid('query');
    const after = placeIn('definitions', cursor, z.string());
    const entries = [...catalog.entries().values()]
      .filter(({ name }) => after === undefined || name > after)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const page = entries.slice(0, limit);
    const last = entries.length > limit ? page.at(-1)?.name : undefined;
    const next = last === undefined ? undefined : cursorOf('definitions', last);
    return context.json(answerPage(context, page.map(summaryOf), next), 200);
  });

  add(getDefinition, async (context) => {
    const entry = entryOf(context.req.valid('param').name);
    const text = entry.source === 'upload' ? await uploads.text(entry.name) : undefined;
    const body = { ...summaryOf(entry), ...(entry.definition && partsOf(entry, entry.definition)), text };
    const etag = `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 22)}"`;
    setETag(context, etag);
    if (context.req.header('if-none-match') === etag) return context.body(null, 304);
    return context.json(body, 200);
  });

  add(listRuns, async (context) => {
    const { name, definition } = entryOf(context.req.valid('param').name);
    const tasks = definition?.tasks.map((task) => task.name);
    return context.json(await runs.of(name, tasks, context.req.valid('query').limit), 200);
  });

  add(getMetrics, async (context) => {
    const { name } = context.req.valid('param');
    const entry = catalog.entries().get(name);
    const tasks = entry?.definition?.tasks.map((task) => task.name);
    const found = await runs.metrics(name, tasks, context.req.valid('query').limit);
    // Jobs of other programs have no definition here.
    if (found.jobs.length === 0) entryOf(name);
    return context.json(found, 200);
  });

  add(putDefinition, async (context) => {
    const { name } = context.req.valid('param');
    requireUploads(settings.upload);
    const known = catalog.entries().get(name);
    if (known && known.source !== 'upload') throw definedElsewhere(known);
    const text = await context.req.text();
    const checked = await uploads.check(text);
    if (checked.name !== name)
      throw new HttpProblem(
        422,
        'INVALID_DEFINITION',
        `The file has the name "${checked.name}": put it there, or change its name.`,
      );
    const { entry, isNew } = await uploads.put(text);
    return isNew ? context.json(summaryOf(entry), 201) : context.json(summaryOf(entry), 200);
  });

  add(deleteDefinition, async (context) => {
    const { name } = context.req.valid('param');
    const entry = entryOf(name);
    if (entry.source !== 'upload') throw definedElsewhere(entry);
    await uploads.remove(name);
    return context.body(null, 204);
  });

  add(validateDefinition, async (context) => {
    try {
      const { name, loaded } = await uploads.check(await context.req.text());
      return context.json(
        { name, valid: true, problems: [], warnings: (loaded?.warnings ?? []).map(problemBody) },
        200,
      );
    } catch (error) {
      if (!(error instanceof WorkflowError)) throw error;
      return context.json({ valid: false, problems: error.problems.map(problemBody), warnings: [] }, 200);
    }
  });
};

const requireUploads = (upload: string): void => {
  if (upload === 'none')
    throw new HttpProblem(403, 'UPLOAD_NOT_ALLOWED', 'This server takes no uploads: tintype serve --allow-upload.');
};

const definedElsewhere = ({ name, source, file }: Entry): HttpProblem =>
  new HttpProblem(
    409,
    'DEFINED_IN_FILE',
    source === 'code'
      ? `The definition "${name}" is part of the server's program, and can be changed there alone.`
      : `The definition "${name}" is in the file ${file} of the server, and can be changed there alone.`,
  );

const problemBody = ({ code, message, line, column, frame, file }: Finding): z.infer<typeof FileProblem> => ({
  code,
  message,
  line,
  column,
  frame,
  file,
});

const summaryOf = ({
  name,
  source,
  file,
  definition,
  loaded,
  problems,
  changedAt,
}: Entry): z.infer<typeof DefinitionSummary> => ({
  name,
  source,
  file,
  description: loaded?.workflow.description,
  startable: definition !== undefined,
  problems: problems.map(problemBody),
  changedAt,
});

const partsOf = ({ loaded }: Entry, definition: AnyDefinition) => ({
  fingerprint: definition.fingerprint,
  tasks: definition.tasks.map(({ name, kind, dependsOn, trigger, when }) => ({
    name,
    kind: kind ?? ('task' as const),
    dependsOn: [...dependsOn],
    trigger,
    conditional: when !== undefined,
  })),
  params: loaded && paramsSchema(paramSpecs(loaded.workflow.params)),
});
