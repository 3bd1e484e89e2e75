import { parse } from 'hono/utils/cookie';
import { HttpProblem } from './problem.ts';

/** The header that a request with the cookie needs if it changes something. No form and no other page can send it. */
export const CSRF_HEADER = 'x-tintype-csrf';

/** The cookie of a session. Servers on several ports of a machine share its cookies, hence the port in the name. */
const nameFor = ({ url }: Request): string => {
  const { port } = new URL(url);
  return `tintype_session${port && `_${port}`}`;
};

/** Returns the id of the session that a request is of; undefined without the cookie. */
export const sessionIdOf = (request: Request): string | undefined => {
  const header = request.headers.get('cookie');
  return header === null ? undefined : parse(header, nameFor(request))[nameFor(request)];
};

/** Refuses what another page may have sent with the cookie. @throws HttpProblem */
export const requireOwnPage = ({ method, headers }: Request): void => {
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none')
    throw new HttpProblem(403, 'FORBIDDEN', 'Pages of other origins may not use a session.');
  if (method !== 'GET' && method !== 'HEAD' && headers.get(CSRF_HEADER) !== '1')
    throw new HttpProblem(
      403,
      'FORBIDDEN',
      `With a session, what changes something needs the header "${CSRF_HEADER}: 1".`,
    );
};

/** Returns the header `set-cookie` that gives a browser its session. It ends with the browser, if not before. */
export const sessionCookie = (request: Request, basePath: string, id: string): string =>
  cookieOf(request, basePath, id, '');

/** Returns the header `set-cookie` that takes the session away. */
export const noSessionCookie = (request: Request, basePath: string): string =>
  cookieOf(request, basePath, '', '; Max-Age=0');

const cookieOf = (request: Request, basePath: string, value: string, more: string): string =>
  `${nameFor(request)}=${value}; Path=${basePath || '/'}; HttpOnly; SameSite=Strict${isSecure(request) ? '; Secure' : ''}${more}`;

/**
 * Whether the browser came by https, here or to a proxy in front. Whoever invents the header keeps its own browser from
 * sending the cookie by http, and nothing else.
 */
const isSecure = ({ url, headers }: Request): boolean =>
  url.startsWith('https:') || /^https\b/i.test(headers.get('x-forwarded-proto') ?? '');
