import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { defineJob, memoryJournal } from 'tintype';
import { createServer, type ServerOptions } from 'tintype/server';
import { expect, onTestFinished, test } from 'vitest';

/** Somebody's own app in hono, in which the service has a path. Resolves to the address of the service. */
const inHono = async (options: Partial<ServerOptions> = {}): Promise<string> => {
  const tintype = createServer({ journal: memoryJournal(), ...options });
  await tintype.ready;
  const app = new Hono().get('/', (context) => context.text('mine')).mount('/tools/tintype', tintype.fetch);
  const url = await new Promise<string>((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
      resolve(`http://127.0.0.1:${port}/tools/tintype`),
    );
    onTestFinished(() => void server.close());
  });
  onTestFinished(() => tintype.close());
  return url;
};

/** The same in an app that strips the path, as express does. */
const inNode = async (): Promise<string> => {
  const tintype = createServer({ journal: memoryJournal() });
  await tintype.ready;
  const answer = getRequestListener(tintype.fetch);
  const server = createHttpServer((request, response) => {
    request.url = (request.url ?? '').replace('/tools/tintype', '');
    void answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  onTestFinished(() => tintype.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/tools/tintype`;
};

const text = async (url: string): Promise<string> => (await fetch(url)).text();

test.each([
  ['hono', inHono],
  ['node:http', inNode],
])('mounted in an app of %s, the service answers under its path', async (_name, mounted) => {
  const base = await mounted();
  expect(await (await fetch(`${base}/api/v1/whoami`)).json()).toMatchObject({ id: 'open', roles: ['admin'] });
  expect((await fetch(`${base}/api/v1/nothing`)).status).toBe(404);
  const made = await fetch(`${base}/api/v1/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'a', roles: ['viewer'] }),
  });
  expect(made.status).toBe(201);
  expect((await fetch(`${base}/api/v1/whoami`)).status).toBe(401);

  // The document names its server relative to itself, the page its parts relative to itself.
  const { servers, paths } = JSON.parse(await text(`${base}/openapi.json`));
  const api = new URL(servers[0].url, `${base}/openapi.json`).href.replace(/\/$/, '');
  expect(api).toBe(base);
  expect((await fetch(api + Object.keys(paths)[0])).status).toBe(200);
  const page = await text(`${base}/docs`);
  const [spec, script] = [/spec-url="([^"]+)"/, /src="([^"]+)"/].map((link) => link.exec(page)?.[1] as string);
  expect((await fetch(new URL(spec as string, `${base}/docs`))).headers.get('content-type')).toBe('application/json');
  expect(await text(new URL(script as string, `${base}/docs`).href)).toContain('Redoc');
});

test('in an app that knows who asks, no token is needed: tokens: false', async () => {
  const base = await inHono({ tokens: false });
  const headers = { 'x-forwarded-for': '10.0.0.7', origin: 'https://page.example' };
  expect((await fetch(`${base}/api/v1/whoami`, { headers })).status).toBe(200);
});

test('an app that tells nothing of the connection needs a token, or tokens: false', async () => {
  const ask = async (options: Partial<ServerOptions>) => {
    const tintype = createServer({ journal: memoryJournal(), ...options });
    await tintype.ready;
    const answer = await tintype.fetch(new Request('http://localhost/api/v1/whoami'));
    await tintype.close();
    return [answer.status, ((await answer.json()) as { remedy?: string }).remedy];
  };
  expect(await ask({})).toEqual([403, expect.stringContaining('tokens: false')]);
  expect(await ask({ tokens: false })).toEqual([200, undefined]);
});

test('mounted, answers lead to what was created and to the next page', async () => {
  const quick = defineJob('quick')
    .task('a', () => ({}))
    .seal();
  const api = `${await inHono({ definitions: [quick] })}/api/v1`;
  const post = async (path: string, body: object): Promise<string> => {
    const answer = await fetch(`${api}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(201);
    return new URL(answer.headers.get('location') as string, answer.url).href;
  };
  const topic = await post('/topics', { name: 'dinner' });
  const job = await post('/jobs', { definition: 'quick' });
  expect(await (await fetch(`${job}/result?waitMs=60000`)).json()).toMatchObject({ state: 'completed' });
  const again = await post(`${new URL(job).href.slice(api.length)}/rerun`, { from: ['a'] });
  const schedule = await post('/schedules', { name: 'hourly', definition: 'quick', every: '1h' });
  const triggered = await post('/schedules/hourly/trigger', {});
  for (const url of [topic, job, again, schedule, triggered])
    expect([url, (await fetch(url)).status]).toEqual([url, 200]);
  const first = await fetch(`${api}/jobs?limit=2`);
  const [, next = ''] = /<(.+)>; rel="next"/.exec(first.headers.get('link') ?? '') ?? [];
  expect(await (await fetch(new URL(next, first.url))).json()).toMatchObject({ items: [{}], nextCursor: null });
});
