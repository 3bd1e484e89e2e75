import type { RouteConfig } from '@hono/zod-openapi';
import { accepts } from 'hono/accepts';
import type { Check } from './env.ts';
import { HttpProblem } from './problem.ts';

/** Checks that the client takes what the route answers, and that the body is of a type that the route takes. */
export const negotiated = (config: RouteConfig): Check => {
  const given = [
    ...new Set(
      Object.values(config.responses).flatMap((response) =>
        Object.keys(('content' in response && response.content) || {}),
      ),
    ),
  ].filter((type) => type !== 'application/problem+json');
  const taken = Object.keys(config.request?.body?.content ?? {});
  return (context) => {
    if (
      given.length > 0 &&
      context.req.header('accept') !== undefined &&
      accepts(context, { header: 'Accept', supports: given, default: '', match: firstAccepted }) === ''
    )
      throw new HttpProblem(406, 'NOT_ACCEPTABLE', `The answer is ${given.join(' or ')}.`);
    if (taken.length > 0 && hasBody(context.req.raw)) {
      const type = (context.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
      if (!taken.includes(type ?? ''))
        throw new HttpProblem(
          415,
          'UNSUPPORTED_MEDIA_TYPE',
          `The body must be ${taken.join(' or ')}: say so in Content-Type.`,
        );
    }
  };
};

const hasBody = (request: Request): boolean =>
  request.headers.has('transfer-encoding') ||
  (request.headers.get('content-length') ?? '0') !== '0' ||
  request.headers.has('content-type');

type Accept = { readonly type: string; readonly q: number };

/** Returns a supported type that the header names, also by a wildcard; the default if it names none. */
const firstAccepted = (
  named: readonly Accept[],
  { supports, default: none }: { readonly supports: readonly string[]; readonly default: string },
): string => {
  if (named.length === 0) return supports[0] as string;
  const found = supports.find((type) => named.some((one) => one.q > 0 && matches(one.type.toLowerCase(), type)));
  return found ?? none;
};

const matches = (wanted: string, type: string): boolean =>
  wanted === '*/*' || wanted === type || (wanted.endsWith('/*') && type.startsWith(wanted.slice(0, -1)));
