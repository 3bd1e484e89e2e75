import { createRoute, type RouteConfig, z } from '@hono/zod-openapi';
import type { Role } from '../access/principal.ts';
import { ProblemBody } from '../schemas/problem.ts';
import { IfMatchHeaders } from './if-match.ts';
import { MAX_KEY } from './once.ts';
import type { ProblemStatus } from './problem.ts';

export const API_VERSION = 'v1';

/** Where the routes of this version of the API begin. */
export const BASE = '/api/v1';

/** On every answer, with the version of the API: a client knows by it that tintype answered, and no other server. */
export const API_HEADER = 'tintype-api';

/** Who may call a route: those with one of the roles, everybody who is known, or everybody. */
export type Allowed = readonly Role[] | 'known' | 'everybody';

type Described = Omit<RouteConfig, 'middleware' | 'security'> & {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: string[];
};

export type RouteExtras = {
  readonly allowed: Allowed;
  /** Refusals that this route has besides those of all. */
  readonly refusals?: readonly ProblemStatus[];
  /** Whether the request may carry an `Idempotency-Key`, so that it is done once. Default: no. */
  readonly once?: boolean;
  /** Whether the request may carry `If-Match`. Default: no. */
  readonly ifMatch?: boolean;
};

/** Describes a route, with the refusals that it may answer. `extras` are read by the middleware of the app. */
export const route = <const Path extends string, const Route extends Described & { path: Path }>(
  described: Route,
  extras: RouteExtras,
): Route & { getRoutingPath(): string } => {
  const statuses = new Set<ProblemStatus>([
    ...COMMON,
    ...(extras.allowed === 'everybody' ? [] : KNOWN),
    ...bodyRefusals(described),
    ...(extras.refusals ?? []),
  ]);
  if (extras.ifMatch) statuses.add(412);
  if (extras.once) for (const status of [409, 422] as const) statuses.add(status);
  const refusals = Object.fromEntries([...statuses].sort().map((status) => [status, refusal(status)]));
  const { request, description } = described;
  const config = createRoute({
    ...described,
    description: [description, needed(extras.allowed)].filter(Boolean).join(' '),
    ...(extras.once && { request: withHeaders(request, OnceHeaders) }),
    ...(extras.ifMatch && { request: withHeaders(request, IfMatchHeaders) }),
    security: extras.allowed === 'everybody' ? [] : [{ token: [] }],
    responses: { ...refusals, ...described.responses },
    'x-roles': typeof extras.allowed === 'string' ? [extras.allowed] : extras.allowed,
  } as RouteConfig);
  EXTRAS.set(config, extras);
  return config as unknown as Route & { getRoutingPath(): string };
};

/** Who may ask, for people who read the document; `x-roles` is for programs. */
const needed = (allowed: Allowed): string => {
  if (allowed === 'everybody') return 'Needs no token.';
  if (allowed === 'known') return 'Needs any token.';
  return `Needs the role ${allowed.join(' or ')}${allowed.includes('admin') ? '' : ', or one that includes it'}.`;
};

const OnceHeaders = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(MAX_KEY)
    .optional()
    .meta({ description: 'The same key is the same request, done once; its answer is kept for 24 h' }),
});

/** Adds headers to those that a request may carry. */
const withHeaders = (request: RouteConfig['request'], headers: z.ZodObject): RouteConfig['request'] => ({
  ...request,
  headers: request?.headers instanceof z.ZodObject ? request.headers.extend(headers.shape) : headers,
});

const EXTRAS = new WeakMap<object, RouteExtras>();

export const extrasOf = (config: object): RouteExtras => EXTRAS.get(config) as RouteExtras;

/** Every route may answer so: a bad request, a wrong `Accept`, too many requests, a server that begins or ends. */
const COMMON: readonly ProblemStatus[] = [400, 406, 429, 500, 503];
const KNOWN: readonly ProblemStatus[] = [401, 403];

const bodyRefusals = ({ method, request }: Described): readonly ProblemStatus[] => [
  ...(request?.body ? ([413, 415] as const) : []),
  ...(method === 'get' ? [] : ([507] as const)),
];

const refusal = (status: ProblemStatus) => ({
  description: TITLES[status],
  content: { 'application/problem+json': { schema: ProblemBody } },
});

/** What a status means, in the words of HTTP. */
export const TITLES: Readonly<Record<ProblemStatus, string>> = {
  400: 'Bad request',
  401: 'Unauthenticated',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  406: 'Not acceptable',
  408: 'Request timeout',
  409: 'Conflict',
  412: 'Precondition failed',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Unprocessable',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Unavailable',
  507: 'Insufficient storage',
};
