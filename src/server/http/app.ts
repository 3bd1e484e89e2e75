/* Everything about HTTP that is the same for all routes. `app.ts` creates the app and says what every request goes
 * through, in order; `env.ts` is what they leave for the routes. `listener.ts` is the server of Node.js in front of it. `route.ts` describes a route, `problem.ts` makes the answer to a refused request of an error,
 * `authenticate.ts` finds out who asks, also by `session-cookie.ts`, `same-origin.ts` refuses hostile pages,
 * `fault-log.ts` logs what no request is to blame for, `negotiate.ts` checks media types, `known-query.ts` the names of parameters, `invalid-request.ts` says what a schema found wrong, `plain-json.ts` refuses JSON that is a trap, `once.ts` answers repeated requests, `if-match.ts` refuses to change another version than is meant, `in-turn.ts` makes changes wait for each other, `page.ts` makes pages of lists. */

import { OpenAPIHono } from '@hono/zod-openapi';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { getPath } from 'hono/utils/url';
import type { ProblemBody } from '../schemas/problem.ts';
import { type Authentication, authenticated } from './authenticate.ts';
import type { Env } from './env.ts';
import { invalidRequest } from './invalid-request.ts';
import { knownQuery } from './known-query.ts';
import { negotiated } from './negotiate.ts';
import { type Once, once } from './once.ts';
import { noneAsEmpty, plainJson } from './plain-json.ts';
import { HttpProblem, problemOf } from './problem.ts';
import { API_HEADER, API_VERSION, extrasOf, TITLES } from './route.ts';

export type AppOptions = {
  readonly authentication: Authentication;
  readonly once: Once;
  readonly maxBodyBytes: number;
  readonly newId: () => string;
  /** Refuses requests while the server begins or ends. @throws HttpProblem */
  readonly requireReady: () => void;
  /** Is told of what no request causes. */
  readonly onFault: (error: unknown, requestId: string) => void;
  /** The path below which the app is reached, without a slash at its end; a proxy in front may have taken it away. Default: none. */
  readonly basePath?: string | undefined;
  /** Answers requests that no route takes, if they are for pages. */
  readonly pages?: ((context: Context<Env>) => Response | undefined) | undefined;
};

/** The app: `add` adds a route that `route()` described. */
export type Api = {
  readonly app: OpenAPIHono<Env>;
  readonly add: OpenAPIHono<Env>['openapi'];
  /** Answers a request that failed before it got to the app. */
  readonly refuse: (error: Error) => Promise<Response>;
};

export const createApp = (options: AppOptions): Api => {
  const app = new OpenAPIHono<Env>({
    getPath: belowPath(options.basePath ?? ''),
    defaultHook: (result, { req }) => {
      if (!result.success) throw invalidRequest(result.target, result.error.issues, req.queries());
    },
  });
  const usual = [usualHeaders(options.newId), secureHeaders(HEADERS)];
  app.use(...usual);
  app.notFound((context) => {
    const { path } = context.req;
    const allowed = app.routes.filter((route) => route.method !== 'ALL' && patternOf(route.path).test(path));
    const methods = [...new Set(allowed.map(({ method }) => method))].join(', ');
    const page = methods === '' ? options.pages?.(context) : undefined;
    if (page) return page;
    const problem =
      methods !== ''
        ? new HttpProblem(405, 'METHOD_NOT_ALLOWED', `${context.req.method} is not possible here, only ${methods}.`, {
            headers: { allow: methods },
          })
        : new HttpProblem(404, 'NO_SUCH_ROUTE', `There is nothing at ${path}.`, { remedy: 'See /openapi.json.' });
    return answerOf(problem, context);
  });
  const onError = (error: Error, context: Context<Env>): Response => {
    const problem = problemOf(error) ?? httpException(error) ?? brokenOff(context);
    if (problem?.cause !== undefined) options.onFault(problem.cause, context.get('requestId'));
    if (problem) return answerOf(problem, context);
    options.onFault(error, context.get('requestId'));
    return answerOf(
      new HttpProblem(500, 'INTERNAL_ERROR', 'The server failed. Its log says why, with this request id.'),
      context,
    );
  };
  app.onError(onError);

  const add = ((config: Parameters<Api['add']>[0], handler: Parameters<Api['add']>[1]) => {
    const extras = extrasOf(config);
    const before: MiddlewareHandler<Env>[] = [
      async (_context, next) => {
        if (extras.allowed !== 'everybody') options.requireReady();
        await next();
      },
      authenticated(options.authentication, extras.allowed),
      negotiated(config),
      knownQuery(config),
    ];
    const { content, required } = config.request?.body ?? {};
    if (content) {
      const isJson = 'application/json' in content;
      before.push(limited(isJson ? options.maxBodyBytes : Math.min(options.maxBodyBytes, MAX_FILE_BYTES)));
      if (isJson) before.push(plainJson);
      if (isJson && required !== true) before.push(noneAsEmpty);
    }
    if (extras.once) before.push(once(options.once, config.operationId as string));
    return app.openapi(
      { ...config, middleware: before, getRoutingPath: () => toHono(config.path) } as typeof config,
      handler,
    );
  }) as Api['add'];

  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'A token that `tintype token create` made',
  });
  const refuse = async (error: Error): Promise<Response> =>
    new Hono<Env>()
      .use(...usual)
      .onError(onError)
      .all('*', () => {
        throw error;
      })
      .request('/');
  return { app, add, refuse };
};

/** Gives a request its id, and its answer the headers that all have. */
const usualHeaders =
  (newId: () => string): MiddlewareHandler<Env> =>
  async (context, next) => {
    const requestId = newId();
    context.set('requestId', requestId);
    await next();
    // `context.header` would copy the answer into one that is sent as a stream, at twice the time.
    const { headers } = context.res;
    headers.set('x-request-id', requestId);
    headers.set(API_HEADER, API_VERSION);
    if (!headers.has('content-security-policy')) headers.set('content-security-policy', NOTHING);
    if (!headers.has('cache-control')) headers.set('cache-control', headers.has('etag') ? 'no-cache' : 'no-store');
  };

/** Returns what finds the path of a request, without the base path. */
const belowPath =
  (basePath: string) =>
  (request: Request): string => {
    const path = getPath(request);
    if (basePath === '' || !path.startsWith(basePath)) return path;
    const rest = path.slice(basePath.length);
    return rest === '' ? '/' : rest.startsWith('/') ? rest : path;
  };

/** The policy of all answers but those that set their own: no scripts, no frames, nothing from elsewhere. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'";

const HEADERS: Parameters<typeof secureHeaders>[0] = {
  crossOriginResourcePolicy: 'same-origin',
  referrerPolicy: 'no-referrer',
  xFrameOptions: 'DENY',
  // What ends TLS, if anything does, is in front of the server and says so itself.
  strictTransportSecurity: false,
};

/** What a path of a route matches, with its parameters. */
const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/:[^/]+/g, '[^/]+')}$`);

const toHono = (path: string): string => path.replaceAll(/\{([^}]+)\}/g, ':$1');

const answerOf = (problem: HttpProblem, context: Context<Env>): Response => {
  const { status, code, message, remedy, problems, headers } = problem;
  const body: ProblemBody = {
    type: `urn:tintype:problem:${code}`,
    title: TITLES[status],
    status,
    code,
    detail: message,
    ...(remedy !== undefined && { remedy }),
    instance: context.get('requestId'),
    ...(problems && problems.length > 0 && { problems }),
  };
  return context.body(JSON.stringify(body), status, { ...headers, 'content-type': 'application/problem+json' });
};

/** Errors that the framework throws itself: of bodies that are no JSON. */
const httpException = (error: unknown): HttpProblem | undefined => {
  if (!(error instanceof HTTPException)) return undefined;
  if (error.status === 400) return new HttpProblem(400, 'INVALID_JSON', 'The body is not JSON.');
  return undefined;
};

/** Of a request whose client went before its body was there, which nobody answers any more. */
const brokenOff = ({ env }: Context<Env>): HttpProblem | undefined =>
  env?.incoming?.destroyed && !env.incoming.complete
    ? new HttpProblem(400, 'INVALID_REQUEST', 'The body has not come as a whole.')
    : undefined;

/** The largest workflow file. To read one of 1 MiB can take seconds, in which no other request is answered. */
const MAX_FILE_BYTES = 128 * 1024;

/** Refuses bodies that are too large. */
const limited = (maxSize: number): MiddlewareHandler<Env> => {
  const onError = (): never => {
    throw tooLarge(maxSize);
  };
  const counted = bodyLimit({ maxSize, onError });
  return (context, next) => {
    const length = context.req.header('content-length');
    // Without a length the bytes have to be counted as they come, which takes a stream.
    if (length === undefined || context.req.header('transfer-encoding') !== undefined) return counted(context, next);
    return Number(length) > maxSize ? onError() : next();
  };
};

const tooLarge = (bytes: number): HttpProblem =>
  new HttpProblem(413, 'PAYLOAD_TOO_LARGE', `The body is larger than ${bytes} bytes.`);
