import type { RouteConfig, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Env } from './env.ts';
import { invalidRequest } from './invalid-request.ts';
import { plainJson } from './plain-json.ts';

type Target = 'query' | 'param' | 'header' | 'json';

/** Reads the parts of a request that a route describes, which its handler gets by `context.req.valid`. @throws HttpProblem */
export const requestReader = ({ request = {} }: RouteConfig): ((context: Context<Env>) => Promise<void>) => {
  const { query, params, body } = request;
  const headers = request.headers as z.ZodObject | undefined;
  const names = Object.keys(headers?.shape ?? {});
  const content = body?.content as Readonly<Record<string, { readonly schema: z.ZodType }>> | undefined;
  const json = content?.['application/json']?.schema;
  return async ({ req }) => {
    const read = (target: Target, schema: z.ZodType, given: unknown): void => {
      const { success, data, error } = schema.safeParse(given);
      if (!success) throw invalidRequest(target, error.issues, req.queries());
      req.addValidatedData(target, data as object);
    };
    if (query) read('query', query, queryOf(req.queries()));
    if (params) read('param', params, req.param());
    // Those alone that the route knows: all of them would be copied.
    if (headers) read('header', headers, Object.fromEntries(names.map((name) => [name, req.header(name)])));
    if (!json) return;
    const isTyped = req.header('content-type') !== undefined;
    const text = isTyped ? await req.text() : '';
    // An empty body whose type is given is none, too, for routes that need none.
    const isNone = !isTyped || (text === '' && !body?.required);
    read('json', json, isNone ? {} : plainJson(text));
  };
};

/** A parameter that is given once is no list. */
const queryOf = (given: Readonly<Record<string, readonly string[]>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(given).map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
