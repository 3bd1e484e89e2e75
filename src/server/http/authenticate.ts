import type { MiddlewareHandler } from 'hono';
import type { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
// The package's index loads what it has for all databases, which can't be bundled.
// @ts-expect-error: this file has no types of its own
import InMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import { hasRole, OPEN, type Principal } from '../access/principal.ts';
import type { Tokens } from '../access/tokens.ts';
import type { Env } from './env.ts';
import { HttpProblem } from './problem.ts';
import type { Allowed } from './route.ts';
import { requireSameOrigin } from './same-origin.ts';

export type AuthenticationOptions = {
  readonly tokens: Tokens;
  /** Whether a token is needed. `unless-none`: as soon as there is one. */
  readonly needed: boolean | 'unless-none';
  /** Number of requests a second that one token may make. Default: no limit. */
  readonly requestsPerSecond?: number | undefined;
};

export type Authentication = {
  /** Finds out who asks, and counts the request. `address`: that of the peer, if it is known. @throws HttpProblem */
  readonly principalOf: (request: Request, address: string | undefined) => Promise<Principal>;
};

export const authentication = ({ tokens, needed, requestsPerSecond }: AuthenticationOptions): Authentication => {
  const requests = requestsPerSecond === undefined ? undefined : limiter(requestsPerSecond, 1);
  const failures = limiter(FAILURES, FAILURES_SECONDS);
  const isOpen = async () => needed === false || (needed === 'unless-none' && !(await tokens.any()));
  return {
    principalOf: async (request, address) => {
      const secret = bearer(request.headers.get('authorization'));
      if (secret === undefined && (await isOpen())) {
        if (needed !== false) requireSameOrigin(request, address);
        return OPEN;
      }
      const principal = secret === undefined ? undefined : await tokens.principalOf(secret);
      if (!principal) {
        await count(failures, address ?? 'unknown');
        throw unauthenticated(secret);
      }
      if (requests) await count(requests, principal.id);
      return principal;
    },
  };
};

/** How many requests with a wrong token one address may make, and within how many seconds. */
const FAILURES = 60;
const FAILURES_SECONDS = 60;

/** The library counts by the time of the system: it takes no clock. */
const limiter = (points: number, duration: number): RateLimiterMemory => new InMemory({ points, duration });

const count = async (limiter: RateLimiterMemory, key: string): Promise<void> => {
  try {
    await limiter.consume(key);
  } catch (refused) {
    const seconds = Math.max(1, Math.ceil((refused as RateLimiterRes).msBeforeNext / 1000));
    throw new HttpProblem(429, 'RATE_LIMITED', `Too many requests. Ask again in ${seconds} s.`, {
      headers: { 'retry-after': String(seconds) },
    });
  }
};

const bearer = (header: string | null): string | undefined =>
  header === null ? undefined : (/^Bearer +(\S+)$/i.exec(header)?.[1] ?? '');

export const unauthenticated = (secret: string | undefined): HttpProblem =>
  new HttpProblem(
    401,
    'UNAUTHENTICATED',
    secret === undefined
      ? 'A token is needed. An administrator makes one with "tintype token create".'
      : 'The token is none that this server knows, or it has expired or was revoked.',
    { remedy: 'Send "Authorization: Bearer tt_…".', headers: { 'www-authenticate': 'Bearer' } },
  );

/** Sets who asks, if it is somebody who may. */
export const authenticated =
  ({ principalOf }: Authentication, allowed: Allowed): MiddlewareHandler<Env> =>
  async (context, next) => {
    if (allowed === 'everybody') return next();
    const address = context.env?.incoming?.socket?.remoteAddress;
    const principal = await principalOf(context.req.raw, address);
    if (allowed !== 'known' && !hasRole(principal, ...allowed)) throw forbidden(principal, allowed);
    context.set('principal', principal);
    return next();
  };

const forbidden = ({ roles }: Principal, allowed: readonly string[]): HttpProblem =>
  new HttpProblem(
    403,
    'FORBIDDEN',
    `This needs the role ${allowed.join(' or ')}, and the token has ${roles.join(', ') || 'none'}.`,
  );
