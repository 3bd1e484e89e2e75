/* The routes, one file for each resource: `add…Routes` adds them to the app. `general-routes.ts` has those about the
 * server itself. */

import { z } from '@hono/zod-openapi';
import type { LimitOptions } from '../../engine/definition/options.ts';
import { VERSION } from '../../telemetry/version.ts';
import type { Api } from '../http/app.ts';
import { HttpProblem, RETRY_SOON } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import { limitsOf } from '../jobs/limit-holders.ts';
import { LimitsBody, LimitsChange } from '../schemas/limit.ts';
import type { Service } from '../service/service.ts';

const tags = ['Server'];

const State = z.object({ state: z.enum(['ok', 'ready']) });

const healthz = route(
  {
    method: 'get',
    path: '/healthz',
    operationId: 'getHealth',
    summary: 'Whether the process answers',
    tags,
    responses: { 200: { description: 'It does', content: { 'application/json': { schema: State } } } },
  },
  { allowed: 'everybody' },
);

const readyz = route(
  {
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Whether requests are served: interrupted jobs are taken up, the database can be written',
    tags,
    responses: { 200: { description: 'They are', content: { 'application/json': { schema: State } } } },
  },
  { allowed: 'everybody', refusals: [507] },
);

/** `isOpen`: whether it needs no token. */
const metricsRoute = (isOpen: boolean) =>
  route(
    {
      method: 'get',
      path: '/metrics',
      operationId: 'getMetrics',
      summary: 'The metrics of the server, for Prometheus',
      tags,
      responses: {
        200: { description: 'Text that Prometheus reads', content: { 'text/plain': { schema: z.string() } } },
      },
    },
    { allowed: isOpen ? 'everybody' : ['viewer'] },
  );

const getInfo = route(
  {
    method: 'get',
    path: `${BASE}/info`,
    operationId: 'getInfo',
    summary: 'Version and limits of the server',
    tags,
    responses: {
      200: {
        description: 'Version, limits, and what is allowed',
        content: {
          'application/json': {
            schema: z
              .object({
                version: z.string(),
                maxBodyBytes: z.int(),
                maxOutputBytes: z.number(),
                upload: z.enum(['none', 'external', 'http', 'processes']),
              })
              .openapi('Info'),
          },
        },
      },
    },
  },
  { allowed: 'known' },
);

const getLimits = route(
  {
    method: 'get',
    path: `${BASE}/limits`,
    operationId: 'getLimits',
    summary: 'Slots of the concurrency and the pools that all jobs share, who holds them and who waits for them',
    tags,
    responses: {
      200: {
        description: 'Slots of each, the tasks that hold them, and those that wait',
        content: { 'application/json': { schema: LimitsBody } },
      },
    },
  },
  { allowed: ['viewer'] },
);

const setLimits = route(
  {
    method: 'patch',
    path: `${BASE}/limits`,
    operationId: 'setLimits',
    summary: 'Changes the concurrency and the pools that all jobs share, until the server ends; what is left out stays',
    tags,
    request: { body: { required: true, content: { 'application/json': { schema: LimitsChange } } } },
    responses: {
      200: {
        description: 'The limits from now on; what may start has started',
        content: { 'application/json': { schema: LimitsBody } },
      },
    },
  },
  { allowed: ['operator'] },
);

export const addGeneralRoutes = ({ add }: Api, service: Service): void => {
  const { engine, journal, store, clock, settings } = service;

  add(healthz, (context) => context.json({ state: 'ok' as const }, 200));

  add(readyz, async (context) => {
    requireReady(service);
    service.requireWritable();
    // Finds a database that is locked, or may only be read.
    await store.removeExpired(clock.now());
    return context.json({ state: 'ready' as const }, 200);
  });

  add(metricsRoute(settings.metricsOpen), async (context) => {
    const { text, type } = await service.exposition();
    return context.text(text, 200, { 'content-type': type, 'cache-control': 'no-store' });
  });

  add(getInfo, (context) =>
    context.json(
      {
        version: VERSION,
        maxBodyBytes: settings.maxBodyBytes,
        maxOutputBytes: journal.maxOutputBytes,
        upload: settings.upload,
      },
      200,
    ),
  );

  const limits = () => ({ items: limitsOf(engine), now: clock.now() });

  add(getLimits, (context) => context.json(limits(), 200));

  add(setLimits, (context) => {
    const { maxConcurrency, pools } = context.req.valid('json');
    engine.setLimits({
      maxConcurrency: maxConcurrency === null ? Number.POSITIVE_INFINITY : maxConcurrency,
      pools: pools as LimitOptions['pools'],
    });
    return context.json(limits(), 200);
  });
};

/** @throws HttpProblem while the server begins or ends */
export const requireReady = ({ stage }: Pick<Service, 'stage'>): void => {
  if (stage() === 'starting')
    throw new HttpProblem(503, 'STARTING', 'The server is taking up interrupted jobs.', { headers: RETRY_SOON });
  if (stage() === 'closing')
    throw new HttpProblem(503, 'SHUTTING_DOWN', 'The server is shutting down.', { headers: RETRY_SOON });
};
