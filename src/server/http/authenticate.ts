import type { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
// The package's index loads what it has for all databases, which can't be bundled.
// @ts-expect-error: this file has no types of its own
import InMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import { hasRole, OPEN, type Principal } from '../access/principal.ts';
import type { Session, Sessions } from '../access/sessions.ts';
import type { Tokens } from '../access/tokens.ts';
import type { Check } from './env.ts';
import { HttpProblem } from './problem.ts';
import type { Allowed } from './route.ts';
import { requireSameOrigin } from './same-origin.ts';
import { requireOwnPage, sessionIdOf } from './session-cookie.ts';

export type AuthenticationOptions = {
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  /** Whether a token is needed. `unless-none`: as soon as there is one. */
  readonly needed: boolean | 'unless-none';
  /** Number of requests a second that one token may make. Default: no limit. */
  readonly requestsPerSecond?: number | undefined;
};

export type Authentication = {
  /** Finds out who asks, and counts the request. `address`: that of the peer, if it is known. @throws HttpProblem */
  readonly whoAsks: (request: Request, address: string | undefined) => Promise<WhoAsks>;
  /** Returns who has a token. @throws HttpProblem if it is none, also one of too many */
  readonly holderOf: (secret: string, address: string | undefined) => Promise<Principal>;
};

export type WhoAsks = { readonly principal: Principal; readonly session?: Session };

export const authentication = ({
  tokens,
  sessions,
  needed,
  requestsPerSecond,
}: AuthenticationOptions): Authentication => {
  const requests = requestsPerSecond === undefined ? undefined : limiter(requestsPerSecond, 1);
  const failures = limiter(FAILURES, FAILURES_SECONDS);
  const isOpen = async () => needed === false || (needed === 'unless-none' && !(await tokens.any()));
  const refused = async (address: string | undefined, secret?: string): Promise<HttpProblem> => {
    await count(failures, address ?? 'unknown');
    return unauthenticated(secret);
  };
  const holderOf: Authentication['holderOf'] = async (secret, address) => {
    const principal = await tokens.principalOf(secret);
    if (!principal) throw await refused(address, secret);
    return principal;
  };
  const byCookie = async (request: Request, address: string | undefined): Promise<WhoAsks> => {
    const id = sessionIdOf(request);
    if (id === undefined) throw await refused(address);
    const session = await sessions.find(id);
    // Pages go on to ask after the end of their session: that is no attempt to guess one.
    if (session === undefined) throw sessionOver();
    requireOwnPage(request);
    return { principal: session.principal, session };
  };
  return {
    holderOf,
    whoAsks: async (request, address) => {
      const secret = bearer(request.headers.get('authorization'));
      if (secret === undefined && (await isOpen())) {
        if (needed !== false) requireSameOrigin(request, address);
        return { principal: OPEN };
      }
      const found =
        secret === undefined ? await byCookie(request, address) : { principal: await holderOf(secret, address) };
      if (requests) await count(requests, found.principal.id);
      return found;
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

const sessionOver = (): HttpProblem =>
  new HttpProblem(401, 'UNAUTHENTICATED', 'The session is over. Sign in again, with a token.', {
    headers: { 'www-authenticate': 'Bearer' },
  });

/** Sets who asks, if it is somebody who may. */
export const authenticated =
  ({ whoAsks }: Authentication, allowed: Exclude<Allowed, 'everybody'>): Check =>
  async (context) => {
    const address = context.env?.incoming?.socket?.remoteAddress;
    const { principal, session } = await whoAsks(context.req.raw, address);
    if (context.env.notes && principal !== OPEN) context.env.notes.token = principal.id;
    if (allowed !== 'known' && !hasRole(principal, ...allowed)) throw forbidden(principal, allowed);
    context.set('principal', principal);
    context.set('session', session);
  };

const forbidden = ({ roles }: Principal, allowed: readonly string[]): HttpProblem =>
  new HttpProblem(
    403,
    'FORBIDDEN',
    `This needs the role ${allowed.join(' or ')}, and the token has ${roles.join(', ') || 'none'}.`,
  );
