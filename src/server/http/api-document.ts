import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { Api } from './app.ts';
import { setETag } from './headers.ts';
import { HttpProblem } from './problem.ts';

/** Adds `/openapi.json`, which describes all routes, and `/docs`, which shows it without any other host. */
export const addApiDocument = ({ app }: Api, version: string): void => {
  let text: string | undefined;
  let etag = '';
  const document = (): string => {
    text ??= JSON.stringify(
      app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: {
          title: 'tintype',
          version,
          description: DESCRIPTION,
          license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' },
        },
        tags: TAGS.map(([name, description]) => ({ name, description })),
        // Relative to the document, so that it is right wherever the service is mounted.
        servers: [{ url: '.' }],
      }),
    );
    etag ||= `"${createHash('sha256').update(text).digest('base64url').slice(0, 16)}"`;
    return text;
  };
  app.get('/openapi.json', (context) => {
    const body = document();
    setETag(context, etag);
    if (context.req.header('if-none-match') === etag) return context.body(null, 304);
    return context.body(body, 200, { 'content-type': 'application/json' });
  });
  app.get('/docs', (context) => {
    context.header('content-security-policy', DOCS_POLICY);
    return context.html(DOCS_PAGE);
  });
  app.get('/docs/redoc.js', (context) => {
    const file = redoc();
    if (file === undefined)
      throw new HttpProblem(404, 'NO_SUCH_ROUTE', 'The page is no part of this bundle. /openapi.json is there.');
    return context.body(readFileSync(file, 'utf8').replace(LOGO, 'data:,'), 200, {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=86400',
    });
  });
};

/** The parts of the API, in the order in which one meets them. */
const TAGS: readonly (readonly [name: string, description: string])[] = [
  ['Jobs', 'Start, find and read jobs'],
  ['Control', 'Cancel, pause, resume, retry, rerun and grow jobs'],
  ['Units', 'Find, claim and do the work that clients do'],
  ['Topics', 'Pages for jobs that belong together'],
  ['Definitions', 'What jobs can be started of'],
  ['Schedules', 'When jobs are started'],
  ['Events', 'What happens, as pages and streams'],
  ['Tokens', 'Who may do what'],
  ['Sessions', 'Browsers that sign in'],
  ['Server', 'State, version and limits of the server'],
];

const DESCRIPTION = [
  'Jobs, their tasks and units, topics, schedules and events. Times are in epoch ms.',
  'Every answer has the headers `x-request-id` and `tintype-api: v1`. A refusal is a problem of type `application/problem+json`; its `code` never changes.',
  'A list is a page: the next one has the same filter and `cursor`, which is `nextCursor` of this one.',
  'An admin may do what operators and workers may, an operator what viewers may.',
].join('\n\n');

/** The one thing that the page would load from another host. */
const LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';

/** The build copies the file from the package `redoc`, which stands beside the source alone. A bundle has neither. */
const redoc = (): URL | undefined => {
  // In a bundle of CommonJS it is undefined.
  const here: string | undefined = import.meta.url;
  const places = ['./redoc.standalone.js', '../../../node_modules/redoc/bundles/redoc.standalone.js'];
  return here === undefined ? undefined : places.map((place) => new URL(place, here)).find((file) => existsSync(file));
};

const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; worker-src blob:; frame-ancestors 'none'";

/** Its links are relative, so that they are right wherever the service is mounted. */
const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>tintype: the API</title><link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="margin: 0"><redoc spec-url="openapi.json"></redoc><script src="docs/redoc.js"></script></body>
</html>
`;
