import { type RouteConfig, z } from '@hono/zod-openapi';
import { knownNames } from '../../engine/errors/suggest.ts';
import type { Check } from './env.ts';
import { invalidRequest } from './invalid-request.ts';

/** Refuses parameters of a query that the route does not have, as its body would be refused. */
export const knownQuery = ({ request }: RouteConfig): Check => {
  const names = request?.query instanceof z.ZodObject ? Object.keys(request.query.shape) : [];
  const known = new Set(names);
  return ({ req }) => {
    if (!req.url.includes('?')) return;
    const others = [...new Set(new URL(req.url).searchParams.keys())].filter((name) => !known.has(name));
    if (others.length === 0) return;
    throw invalidRequest(
      'query',
      others.map((name) => ({
        path: [name],
        code: 'unrecognized_keys',
        message: `There is no such parameter.${knownNames(name, names)}`,
      })),
    );
  };
};
