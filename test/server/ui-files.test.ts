import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { getRequestListener } from '@hono/node-server';
import { describe, expect, onTestFinished, test } from 'vitest';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { createServerWith } from '../../src/server/create-server.ts';
import type { ServerOptions } from '../../src/server/service/server-options.ts';
import { testServer } from '../support/server.ts';
import { newFolder } from '../support/sqlite-files.ts';

const SCRIPT = '/assets/index-1a2B_c-4.js';
const PAGE = `<!doctype html>
<html lang="en"><head><title>tintype</title><link rel="icon" href="./icon.svg">
<script type="module" crossorigin src=".${SCRIPT}"></script></head><body><a href="https://tintype.example/">t</a></body></html>`;

/** What the build would write, and something beside it that nobody may read. */
const builtUi = (): string => {
  const folder = join(newFolder(), 'ui');
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(folder, '../secret.txt'), 'secret');
  writeFileSync(join(folder, 'index.html'), PAGE);
  writeFileSync(join(folder, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(folder, SCRIPT), `console.log(${JSON.stringify('ui '.repeat(500))})`);
  execFileSync(process.execPath, [join(import.meta.dirname, '../../scripts/compress-ui.mjs'), folder]);
  return folder;
};

const given = async (options: Partial<ServerOptions> = {}, folder: string | undefined = builtUi()) => {
  const { server } = await testServer({ tokens: true, ...options }, folder);
  onTestFinished(() => server.close());
  return async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const {
      status,
      headers: answered,
      body,
    } = await server.fetch(new Request(`http://localhost${path}`, { headers, method }));
    return { status, headers: answered, bytes: Buffer.from(await new Response(body).arrayBuffer()) };
  };
};

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'accept-encoding': 'gzip, deflate, br' };

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

describe('the web UI', () => {
  test.each([
    '/',
    '/index.html',
    '/jobs/one',
    '/definitions/etl.v2',
    '/jobs/one/log',
    '/waiting',
  ])('at %s its page is answered to a browser, without a token', async (path) => {
    const { status, headers, bytes } = await (await given())(path, BROWSER);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(brotliDecompressSync(bytes).toString()).toContain(`src="${SCRIPT}"`);
    expect(headers.get('content-encoding')).toBe('br');
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('content-security-policy')).toBe(POLICY);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('vary')).toBe('Accept-Encoding');
  });

  test('a file whose name changes with its content may be kept for ever, others are asked for again', async () => {
    const ask = await given();
    const script = await ask(SCRIPT);
    expect([script.status, script.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    const icon = await ask('/icon.svg');
    expect([icon.headers.get('content-type'), icon.headers.get('cache-control')]).toEqual([
      'image/svg+xml',
      'no-cache',
    ]);
  });

  test.each([
    ['br', 'br', brotliDecompressSync],
    ['gzip, br;q=0', 'gzip', gunzipSync],
    ['GZIP', 'gzip', gunzipSync],
    ['*', 'br', brotliDecompressSync],
    ['*;q=0', null, (bytes: Buffer) => bytes],
    ['identity', null, (bytes: Buffer) => bytes],
    ['deflate', null, (bytes: Buffer) => bytes],
    [',;=;q', null, (bytes: Buffer) => bytes],
  ])('of a client that takes %j a file is sent as %s', async (accepted, encoding, opened) => {
    const { headers, bytes } = await (await given())(SCRIPT, { 'accept-encoding': accepted });
    expect(headers.get('content-encoding')).toBe(encoding);
    expect(opened(bytes).toString()).toContain('console.log("ui ui');
    expect(headers.get('content-length')).toBe(String(bytes.length));
  });

  test('each form has an ETag of its own, by which it is not sent again', async () => {
    const ask = await given();
    const tags = [];
    for (const encoding of ['br', 'gzip', 'identity']) {
      const { headers } = await ask('/', { ...BROWSER, 'accept-encoding': encoding });
      const etag = headers.get('etag') as string;
      const again = await ask('/', { ...BROWSER, 'accept-encoding': encoding, 'if-none-match': `"x", W/${etag}` });
      expect([again.status, again.bytes.length, again.headers.get('etag')]).toEqual([304, 0, etag]);
      tags.push(etag);
    }
    expect(new Set(tags).size).toBe(3);
  });

  test('HEAD answers what GET does, without the file', async () => {
    const ask = await given();
    const { status, headers, bytes } = await ask(SCRIPT, { 'accept-encoding': 'br' }, 'HEAD');
    expect([status, bytes.length, headers.get('content-encoding')]).toEqual([200, 0, 'br']);
    expect(headers.get('content-length')).toBe(
      (await ask(SCRIPT, { 'accept-encoding': 'br' })).headers.get('content-length'),
    );
  });

  test.each([
    ['/assets/index-old00000.js', BROWSER],
    ['/assets/', BROWSER],
    ['/favicon.ico', BROWSER],
    ['/robots.txt', BROWSER],
    ['/jobs/one', { accept: '*/*' }],
    ['/jobs/one', {}],
    ['/api/v1/nothing', BROWSER],
    ['/api/', BROWSER],
  ])('%s is a problem for whoever asks so', async (path, headers) => {
    const { status, headers: answered, bytes } = await (await given())(path, headers);
    expect([status, answered.get('content-type')]).toEqual([404, 'application/problem+json']);
    expect(JSON.parse(bytes.toString())).toMatchObject({ code: 'NO_SUCH_ROUTE' });
  });

  test('only GET and HEAD reach it', async () => {
    const ask = await given();
    for (const method of ['POST', 'PUT', 'DELETE']) expect((await ask('/jobs/one', BROWSER, method)).status).toBe(404);
    expect((await ask('/healthz', BROWSER, 'POST')).status).toBe(405);
  });

  test('no path leads to a file outside, or to a compressed one by its name', async () => {
    const ui = createServerWith({ journal: memoryJournal() }, builtUi());
    await ui.ready;
    onTestFinished(() => ui.close());
    const { url } = await ui.listen({ port: 0 });
    // Unlike fetch, node:http sends paths as they are.
    const ask = (path: string) =>
      new Promise<string>((resolve, reject) => {
        httpRequest(url, { path }, async (answer) => {
          resolve(`${answer.statusCode} ${(await answer.toArray()).join('')}`);
        })
          .on('error', reject)
          .end();
      });
    for (const path of [
      '/../secret.txt',
      '/assets/../../secret.txt',
      '/%2e%2e/secret.txt',
      '/..%2fsecret.txt',
      '/assets/..%5c..%5csecret.txt',
      '//secret.txt',
      '/assets/%00',
      `${SCRIPT}.br`,
      `${SCRIPT}/`,
      '/__proto__',
    ])
      expect([path, (await ask(path)).slice(0, 3)]).toEqual([path, expect.stringMatching('40[04]')]);
    expect(await ask(SCRIPT)).toMatch(/^200 console/);
  });

  test('without a build, a page says how to get one; the API answers', async () => {
    const ask = await given({ tokens: false }, newFolder());
    const { status, headers, bytes } = await ask('/jobs/one', BROWSER);
    expect([status, headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(bytes.toString()).toContain('npm run build');
    expect((await ask('/api/v1/info')).status).toBe(200);
  });

  test('ui: false leaves it out', async () => {
    const ask = await given({ ui: false });
    for (const path of ['/', '/jobs/one', SCRIPT])
      expect([path, (await ask(path, BROWSER)).status]).toEqual([path, 404]);
  });
});

describe('below a path', () => {
  test.each(['/tools/tin-type', '/tools/tin-type/'])('with basePath %s, links and meta have it', async (basePath) => {
    const page = (await (await given({ basePath }))('/')).bytes.toString();
    expect(page).toContain(`src="/tools/tin-type${SCRIPT}"`);
    expect(page).toContain('href="/tools/tin-type/icon.svg"');
    expect(page).toContain('<meta name="base-path" content="/tools/tin-type">');
    expect(page).toContain('href="https://tintype.example/"');
    expect(page).not.toContain('<base');
  });

  test('without it, links begin at the root', async () => {
    expect((await (await given())('/')).bytes.toString()).toContain('<meta name="base-path" content="">');
  });

  test.each([
    ['strips the path', (url: string) => url.replace('/tin', '')],
    ['leaves the path', (url: string) => url],
  ])('behind a proxy that %s, pages, files and the API answer', async (_what, passedOn) => {
    const { server } = await testServer({ tokens: false, basePath: '/tin' }, builtUi());
    onTestFinished(() => server.close());
    const answer = getRequestListener(server.fetch);
    const proxy = createHttpServer((request, response) => {
      request.url = passedOn(request.url ?? '') || '/';
      void answer(request, response);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void proxy.close());
    const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    for (const path of ['/tin', '/tin/', '/tin/jobs/one', '/tin/jobs/tin']) {
      const page = await (await fetch(`${base}${path}`, { headers: { accept: 'text/html' } })).text();
      const [, script = ''] = /src="([^"]+)"/.exec(page) ?? [];
      expect([path, (await fetch(`${base}${script}`)).status]).toEqual([path, 200]);
    }
    expect(await (await fetch(`${base}/tin/api/v1/whoami`)).json()).toMatchObject({ id: 'open' });
    expect((await fetch(`${base}/tin/api/v1/jobs/none`)).status).toBe(404);
    expect((await fetch(`${base}/tin/openapi.json`)).status).toBe(200);
  });

  test('a path that is only similar is another one', async () => {
    const ask = await given({ basePath: '/tin', tokens: false });
    expect([(await ask('/tin/healthz')).status, (await ask('/tintype/healthz')).status]).toEqual([200, 404]);
  });

  test.each(['tintype', '/a b', '/"><script>', '/../x', '//x', '/a?b'])('%j can be none', async (basePath) => {
    expect(() => createServerWith({ journal: memoryJournal(), basePath }, undefined)).toThrow('basePath');
  });
});
