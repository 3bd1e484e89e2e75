/* Everything about HTTP that is the same for all routes. `app.ts` creates the app and says what every request goes
 * through, in order; `env.ts` is what they leave for the routes, `headers.ts` what all answers have.
 * `listener.ts` is the server of Node.js in front of it. `route.ts` describes a route, `problem.ts` makes the answer to a refused request of an error, `fault-log.ts` logs what no request is to blame
 * for, `request-log.ts` each request. `authenticate.ts` finds out who asks, also by `session-cookie.ts`, `same-origin.ts` refuses hostile pages, `negotiate.ts` checks media types,
 * `known-query.ts` the names of parameters, `once.ts` answers repeated requests. `read-request.ts` reads what the schemas
 * describe: `plain-json.ts` refuses JSON that is a trap, `invalid-request.ts` says what a schema found wrong. `if-match.ts`
 * refuses to change another version than is meant, `in-turn.ts` makes changes wait for each other, `page.ts` makes pages
 * of lists, `zipped.ts` answers what is long. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi';
import { type Context, type Handler, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getPath } from 'hono/utils/url';
import type { ProblemBody } from '../schemas/problem.ts';
import { type Authentication, authenticated } from './authenticate.ts';
import type { Check, Env } from './env.ts';
import { addHeaders, setHeaders } from './headers.ts';
import { knownQuery } from './known-query.ts';
import { negotiated } from './negotiate.ts';
import { type Once, once } from './once.ts';
import { HttpProblem, problemOf } from './problem.ts';
import { requestReader } from './read-request.ts';
import { type RequestLog, UI_ROUTE } from './request-log.ts';
import { BASE, extrasOf, TITLES } from './route.ts';

export type AppOptions = {
  readonly authentication: Authentication;
  readonly once: Once;
  readonly maxBodyBytes: number;
  readonly newId: () => string;
  /** Refuses requests while the server begins or ends. @throws HttpProblem */
  readonly requireReady: () => void;
  /** Is told of what no request causes. */
  readonly onFault: (error: unknown, requestId: string) => void;
  /** Logs requests. */
  readonly log?: RequestLog | undefined;
  /** Is told of each answer of a route. */
  readonly onAnswer?: ((answered: AnsweredRequest) => void) | undefined;
  /** The path below which the app is reached, without a slash at its end; a proxy in front may have taken it away. Default: none. */
  readonly basePath?: string | undefined;
  /** Answers requests that no route takes, if they are for pages. */
  readonly pages?: ((context: Context<Env>) => Response | undefined) | undefined;
};

/** `route`: the template of its path, without `/api/v1`. `waits`: whether the client asked to wait, or for a stream. */
export type AnsweredRequest = {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly waits: boolean;
  /** Time to the answer, or to the beginning of a stream. */
  readonly ms: number;
  /** What was thrown, if the request was refused. */
  readonly error?: unknown;
};

/** The app: `add` adds a route that `route()` described. */
export type Api = {
  readonly app: OpenAPIHono<Env>;
  readonly add: OpenAPIHono<Env>['openapi'];
  /** Answers a request; `env` is what is known of its connection. */
  readonly fetch: (request: Request, env?: object) => Promise<Response>;
  /** Answers a request of a server of Node.js that sends nothing else: at half the time for the headers. */
  readonly fetchForNode: (request: Request, env: HttpBindings) => Response | Promise<Response>;
  /** Answers a request that failed before it got to the app. */
  readonly refuse: (error: Error) => Promise<Response>;
};

export const createApp = (options: AppOptions): Api => {
  const app = new OpenAPIHono<Env>({ getPath: belowPath(options.basePath ?? '') });
  app.notFound((context) => {
    const { path } = context.req;
    const allowed = app.routes.filter((route) => patternOf(route.path).test(path));
    const methods = [...new Set(allowed.map(({ method }) => method))].join(', ');
    const page = methods === '' ? options.pages?.(context) : undefined;
    if (page) {
      if (context.env.notes) context.env.notes.route = UI_ROUTE;
      return page;
    }
    const problem =
      methods !== ''
        ? new HttpProblem(405, 'METHOD_NOT_ALLOWED', `${context.req.method} is not possible here, only ${methods}.`, {
            headers: { allow: methods },
          })
        : new HttpProblem(404, 'NO_SUCH_ROUTE', `There is nothing at ${path}.`, { remedy: 'See /openapi.json.' });
    return answerOf(problem, context);
  });
  const onError = (error: Error, context: Context<Env>): Response => {
    const problem = problemOf(error) ?? brokenOff(context);
    if (problem?.cause !== undefined) options.onFault(problem.cause, context.env.requestId);
    if (problem) return answerOf(problem, context);
    options.onFault(error, context.env.requestId);
    return answerOf(
      new HttpProblem(500, 'INTERNAL_ERROR', 'The server failed. Its log says why, with this request id.'),
      context,
    );
  };
  app.onError(onError);

  const add = ((config: RouteConfig, handler: Handler<Env>) => {
    app.openAPIRegistry.registerPath(config);
    app.on(config.method, toHono(config.path), reported(config, answering(config, handler, options), options));
    return app;
  }) as unknown as Api['add'];

  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'A token that `tintype token create` made',
  });
  const { log } = options;
  const answered = async (
    by: (bindings: Env['Bindings']) => Response | Promise<Response>,
    method?: string,
  ): Promise<Response> => {
    const requestId = options.newId();
    const notes = log?.begin(requestId, method);
    const answer = await by({ requestId, notes });
    notes?.answered(answer.status);
    addHeaders(answer, requestId);
    return answer;
  };
  return {
    app,
    add,
    fetch: (request, env) => answered((bindings) => app.fetch(request, { ...env, ...bindings }), request.method),
    fetchForNode: (request, { incoming, outgoing }) => {
      const requestId = options.newId();
      setHeaders(outgoing as ServerResponse, requestId);
      const notes = log?.ofNode(requestId, incoming as IncomingMessage, outgoing as ServerResponse);
      return app.fetch(request, { incoming, outgoing, requestId, notes });
    },
    refuse: (error) => {
      const refusing = new Hono<Env>().onError(onError).all('*', () => {
        throw error;
      });
      return answered((bindings) => refusing.request('/', {}, bindings));
    },
  };
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

/** What a path of a route matches, with its parameters. */
const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/:[^/]+/g, '[^/]+')}$`);

/**
 * What a request to a route goes through, in order. One function for the framework, which takes its time over each.
 */
const answering = (config: RouteConfig, handler: Handler<Env>, options: AppOptions): Handler<Env> => {
  const extras = extrasOf(config);
  const checks: Check[] = [];
  if (extras.allowed !== 'everybody')
    checks.push(options.requireReady, authenticated(options.authentication, extras.allowed));
  checks.push(negotiated(config), knownQuery(config));
  const content = config.request?.body?.content;
  if (content) {
    const isJson = 'application/json' in content;
    checks.push(limited(isJson ? options.maxBodyBytes : Math.min(options.maxBodyBytes, MAX_FILE_BYTES)));
  }
  const read = requestReader(config);
  const answer: Handler<Env> = async (context, next) => {
    await read(context);
    return handler(context, next);
  };
  const done = extras.once ? once(options.once, config.operationId as string, answer) : answer;
  return async (context, next) => {
    const { notes } = context.env;
    if (notes) notes.route = config.path;
    for (const check of checks) await check(context);
    return done(context, next);
  };
};

/** Reports each answer of a route, also one that refuses. */
const reported = (config: RouteConfig, answer: Handler<Env>, { onAnswer }: AppOptions): Handler<Env> => {
  if (!onAnswer) return answer;
  const method = config.method.toUpperCase();
  const route = config.path.startsWith(`${BASE}/`) ? config.path.slice(BASE.length) : config.path;
  const mayStream = Object.values(config.responses).some(
    (response) => 'content' in response && response.content !== undefined && STREAM in response.content,
  );
  return async (context, next) => {
    const began = performance.now();
    const report = (status: number, isStream: boolean, error?: unknown): void => {
      const waits = isStream || context.get('waits') === true;
      onAnswer({ method, route, status, waits, ms: performance.now() - began, error });
    };
    try {
      const response = (await answer(context, next)) as Response;
      report(response.status, mayStream && response.headers.get('content-type')?.startsWith(STREAM) === true);
      return response;
    } catch (error) {
      report((problemOf(error) ?? brokenOff(context))?.status ?? 500, false, error);
      throw error;
    }
  };
};

const STREAM = 'text/event-stream';

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
    instance: context.env.requestId,
    ...(problems && problems.length > 0 && { problems }),
  };
  return context.body(JSON.stringify(body), status, { ...headers, 'content-type': 'application/problem+json' });
};

/** Of a request whose client went before its body was there, which nobody answers any more. */
const brokenOff = ({ env }: Context<Env>): HttpProblem | undefined =>
  env?.incoming?.destroyed && !env.incoming.complete
    ? new HttpProblem(400, 'INVALID_REQUEST', 'The body has not come as a whole.')
    : undefined;

/** The largest workflow file. To read one of 1 MiB can take seconds, in which no other request is answered. */
const MAX_FILE_BYTES = 128 * 1024;

/** Refuses bodies that are too large. */
const limited = (maxSize: number): Check => {
  const onError = (): never => {
    throw tooLarge(maxSize);
  };
  const counted = bodyLimit({ maxSize, onError });
  return async (context) => {
    const length = context.req.header('content-length');
    // Without a length the bytes have to be counted as they come, which takes a stream.
    if (length === undefined || context.req.header('transfer-encoding') !== undefined)
      await counted(context, async () => {});
    else if (Number(length) > maxSize) onError();
  };
};

const tooLarge = (bytes: number): HttpProblem =>
  new HttpProblem(413, 'PAYLOAD_TOO_LARGE', `The body is larger than ${bytes} bytes.`);
