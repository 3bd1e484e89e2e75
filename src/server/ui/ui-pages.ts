import type { Context } from 'hono';
import type { Env } from '../http/env.ts';
import { type Encoding, INDEX, type UiFile, type UiFiles } from './ui-files.ts';

/** Returns the answer of the UI to a request that no route takes; undefined if it is none for the UI. */
export type UiPages = (context: Context<Env>) => Response | undefined;

/** Without files, there is a page that says why. */
export const uiPages =
  (files: UiFiles | undefined): UiPages =>
  ({ req }) => {
    const { path } = req;
    if ((req.method !== 'GET' && req.method !== 'HEAD') || path.startsWith('/api/')) return undefined;
    const isPage = path === '/' || path === INDEX || (!isFile(path) && isNavigation(req.header('accept')));
    if (files === undefined) return isPage ? missing() : undefined;
    const file = files.get(path) ?? (isPage ? files.get(INDEX) : undefined);
    return file && answerOf(file, req.raw.headers);
  };

/** Whether a path is that of a file, and not an address that the page shows. Names of jobs and definitions have dots, too. */
const isFile = (path: string): boolean => /^\/(?:assets\/|[^/]*\.[^/]*$)/.test(path);

/** Whether a browser goes to an address: it then asks for HTML by name, which programs do not. */
const isNavigation = (accept: string | undefined): boolean => /\btext\/html\b/i.test(accept ?? '');

const answerOf = ({ type, isHashed, etag, bodies }: UiFile, headers: Headers): Response => {
  const encoding = encodingOf(headers.get('accept-encoding'), bodies);
  const tag = `"${etag}${encoding === 'identity' ? '' : `-${encoding}`}"`;
  const common = {
    ...UI_HEADERS,
    'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag: tag,
    vary: 'Accept-Encoding',
  };
  if (isKnown(headers.get('if-none-match'), tag)) return new Response(null, { status: 304, headers: common });
  const body = bodies[encoding] ?? bodies.identity;
  return new Response(body, {
    headers: {
      ...common,
      'content-type': type,
      'content-length': String(body.byteLength),
      ...(encoding !== 'identity' && { 'content-encoding': encoding }),
    },
  });
};

/** Nothing of other hosts, and no script or style inside the page. */
const UI_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const UI_HEADERS = { 'content-security-policy': UI_POLICY };

/** Returns the smallest form that the client takes. */
const encodingOf = (accepted: string | null, bodies: UiFile['bodies']): Encoding => {
  const weights = new Map(
    (accepted ?? '').split(',').map((part) => {
      const [name = '', ...parameters] = part.toLowerCase().split(';');
      const weight = parameters.map((parameter) => /^\s*q\s*=\s*([\d.]+)\s*$/.exec(parameter)?.[1]).find(Boolean);
      return [name.trim(), Number(weight ?? 1)] as const;
    }),
  );
  const takes = (name: Encoding): boolean => (weights.get(name) ?? weights.get('*') ?? 0) > 0;
  return (['br', 'gzip'] as const).find((name) => bodies[name] && takes(name)) ?? 'identity';
};

const isKnown = (header: string | null, tag: string): boolean =>
  header?.split(',').some((one) => one.trim().replace(/^W\//, '') === tag || one.trim() === '*') === true;

const missing = (): Response =>
  new Response(MISSING, {
    status: 404,
    headers: { 'content-security-policy': UI_POLICY, 'content-type': 'text/html; charset=utf-8' },
  });

const MISSING = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>tintype</title><link rel="icon" href="data:,"></head>
<body><h1>The web UI is not in this build</h1>
<p>The server runs, and its API answers. The UI comes with the published package; in a checkout <code>npm run build</code> makes it, in <code>dist/ui</code>.</p></body>
</html>
`;
