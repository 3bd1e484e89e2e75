import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../src/client/client.ts';
import { defineJob } from '../src/engine/builder.ts';
import type { Server } from '../src/server/create-server.ts';
import { comingFrom, testServer } from './support/server.ts';

const add = defineJob<{ a?: number }>('add')
  .task('sum', ({ ctx }) => ({ sum: (ctx.a ?? 0) + 1 }))
  .seal();

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A client of a server without a port. `spoil` may lose what was sent, or its answer. */
const clientOf = async (spoil: (call: number) => 'request' | 'answer' | undefined = () => undefined) => {
  const { server } = await testServer({ definitions: [add] });
  servers.push(server);
  const waits: number[] = [];
  let calls = 0;
  const client = createClient({
    url: 'http://localhost',
    fetch: async (url, init) => {
      const lost = spoil(calls++);
      if (lost === 'request') throw new TypeError('connection refused');
      const answer = await server.fetch(new Request(url as string, init), comingFrom('127.0.0.1'));
      if (lost === 'answer') throw new TypeError('connection reset');
      return answer;
    },
    sleep: async (ms) => void waits.push(ms),
  });
  return { client, server, waits };
};

describe('a client', () => {
  test('starts a job and waits for its result', async () => {
    const { client } = await clientOf();
    const { id } = await client.jobs.start({ definition: 'add', input: { a: 1 } });
    expect(await client.jobs.result(id)).toMatchObject({ state: 'completed', outputs: { sum: { sum: 2 } } });
    expect(await client.jobs.get(id)).toMatchObject({ name: 'add', input: { a: 1 } });
  });

  test('starts one job, whatever gets lost on the way', async () => {
    const { client, waits } = await clientOf((call) => (['request', 'answer', 'answer'] as const)[call]);
    const { id } = await client.jobs.start({ definition: 'add' });
    expect(waits).toHaveLength(3);
    const ids: string[] = [];
    for await (const job of client.jobs.all()) ids.push(job.id);
    expect(ids).toEqual([id]);
  });

  test.each([503, 507])('asks again after the time that an answer of %i names', async (status) => {
    const waits: number[] = [];
    const answers = [
      new Response('', { status, headers: { 'retry-after': '30' } }),
      Response.json({ items: [] }, { headers: { 'tintype-api': 'v1' } }),
    ];
    const client = createClient({
      url: 'http://localhost',
      fetch: async () => answers.shift() as Response,
      sleep: async (ms) => void waits.push(ms),
    });
    expect(await client.jobs.list()).toEqual({ items: [] });
    expect(waits).toEqual([30_000]);
  });

  test('yields all jobs page by page', async () => {
    const { client } = await clientOf();
    for (const jobId of ['a', 'b', 'c']) await client.jobs.start({ definition: 'add', jobId });
    const ids: string[] = [];
    for await (const { id } of client.jobs.all({ limit: 2, order: 'oldest' })) ids.push(id);
    expect(ids).toEqual(['a', 'b', 'c']);
  });

  test('rejects with the code of a refusal, at once, and gives up on a service that is not there', async () => {
    const { client, waits } = await clientOf();
    await expect(client.jobs.get('none')).rejects.toMatchObject({
      name: 'ServiceError',
      code: 'JOB_NOT_FOUND',
      status: 404,
    });
    expect(waits).toEqual([]);
    const { client: alone } = await clientOf(() => 'request');
    await expect(alone.jobs.list()).rejects.toMatchObject({ code: 'UNREACHABLE', status: 0 });
  });

  test.each([
    ['200 with text/html', 'a page', { 'content-type': 'text/html; charset=utf-8' }],
    ['200 without a content type', new Uint8Array(), {}],
    ['200 with application/json', '{"items":[]}', { 'content-type': 'application/json' }],
    ['200 with text/event-stream', 'data: hello\n\n', { 'content-type': 'text/event-stream' }],
    ['404 with application/problem+json', '{"status":404}', { 'content-type': 'application/problem+json' }],
    ['302 without a content type and points to /login', new Uint8Array(), { location: '/login' }],
  ])('rejects an answer that another server gave: %s', async (what, body, headers) => {
    const status = Number(what.slice(0, 3));
    let calls = 0;
    const client = createClient({
      url: 'http://localhost',
      fetch: async () => {
        if (++calls > 3) throw new Error('asked again and again');
        return new Response(body, { status, headers: headers as Record<string, string> });
      },
      sleep: async () => {},
    });
    const message = `The address answered ${what}: that is no answer of tintype.`;
    const isNone = { code: 'NO_PROBLEM', status, message };
    await expect(client.jobs.list()).rejects.toMatchObject(isNone);
    await expect(client.jobs.start({ definition: 'add' })).rejects.toMatchObject(isNone);
    await expect(client.jobs.events('a').next()).rejects.toMatchObject(isNone);
  });

  test('asks again when the connection breaks within an answer', async () => {
    const { client, server } = await clientOf();
    const half = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"items":')),
      pull: (controller) => controller.error(new TypeError('terminated')),
    });
    const answers = [new Response(half, { headers: { 'tintype-api': 'v1' } })];
    const cut = createClient({
      url: 'http://localhost',
      fetch: async (url, init) =>
        answers.shift() ?? server.fetch(new Request(url as string, init), comingFrom('127.0.0.1')),
      sleep: async () => {},
    });
    await client.jobs.start({ definition: 'add', jobId: 'a' });
    expect((await cut.jobs.list()).items).toMatchObject([{ id: 'a' }]);
  });

  test('misses nothing of what happens from now on, if the stream is cut before the first event', async () => {
    const { server } = await clientOf();
    const waits: number[] = [];
    const client = createClient({
      url: 'http://localhost',
      fetch: async (url, init) => {
        const answer = await server.fetch(new Request(url as string, init), comingFrom('127.0.0.1'));
        if (waits.length > 0) return answer;
        const reader = answer.body?.getReader();
        const { value } = (await reader?.read()) ?? {};
        await reader?.cancel();
        return new Response(new Blob([value as Uint8Array<ArrayBuffer>]), { headers: answer.headers });
      },
      sleep: async (ms) => {
        waits.push(ms);
        await server.engine.start(add, { a: 1 }, { jobId: 'a' });
        await server.engine.job('a')?.saved();
      },
    });
    const stream = client.events();
    expect((await stream.next()).value).toMatchObject({ type: 'job.transition', data: { jobId: 'a', seq: 0 } });
    await stream.return();
    expect(waits).toEqual([0]);
  });

  test('connects again at once, but after the time that the server names if two streams in a row brought nothing new', async () => {
    const abort = new AbortController();
    const waits: number[] = [];
    const bodies = [
      '',
      '',
      'retry: 700\n\n',
      'id: 4\ndata: 1\n\n',
      'id: 4\ndata: 1\n\n',
      'event: snapshot\ndata: 2\n\n',
    ];
    const client = createClient({
      url: 'http://localhost',
      fetch: async () =>
        new Response(bodies.shift(), { headers: { 'tintype-api': 'v1', 'content-type': 'text/event-stream' } }),
      sleep: async (ms) => {
        waits.push(ms);
        if (bodies.length === 0) abort.abort();
      },
    });
    for await (const { data } of client.events({ signal: abort.signal })) expect(data).toBeDefined();
    expect(waits).toEqual([0, 2_000, 700, 0, 0, 700]);
  });

  test('leaves out the pings of a quiet stream', async () => {
    const bodies = ['event: ping\ndata: {}\n\nid: 4\nevent: job.transition\ndata: 1\n\nevent: ping\ndata: {}\n\n'];
    const abort = new AbortController();
    const client = createClient({
      url: 'http://localhost',
      fetch: async () =>
        new Response(bodies.shift(), { headers: { 'tintype-api': 'v1', 'content-type': 'text/event-stream' } }),
      sleep: async () => abort.abort(),
    });
    const seen: string[] = [];
    for await (const { type } of client.events({ signal: abort.signal })) seen.push(type);
    expect(seen).toEqual(['job.transition']);
  });

  test('has a method for each route', async () => {
    const { server } = await clientOf();
    const answer = await server.fetch(new Request('http://localhost/openapi.json'));
    const { paths } = (await answer.json()) as { readonly paths: Readonly<Record<string, object>> };
    const asked = new Set<string>();
    const spy = createClient({
      url: 'http://localhost',
      maxRetries: 0,
      sleep: async () => {},
      fetch: async (url, init) => {
        asked.add(`${init?.method} ${new URL(url as string).pathname.replaceAll('/ID', '/{}')}`);
        throw new TypeError('no service');
      },
    });
    const callAll = async (methods: object): Promise<void> => {
      for (const [name, method] of Object.entries(methods)) {
        if (typeof method !== 'function') await callAll(method);
        else if (!['work', 'all'].includes(name)) {
          const begun = method('ID', {});
          // A stream asks when it is read.
          await (begun.next?.() ?? begun).catch(() => {});
        }
      }
    };
    await callAll(spy);
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{[^}]+\}/g, '{}')}`),
    );
    expect(routes.filter((route) => route.includes('/api/v1') && !asked.has(route))).toEqual([]);
  });

  test('stops when its signal aborts', async () => {
    const { client } = await clientOf();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(client.jobs.result('x', { signal })).rejects.toThrow('enough');
  });
});
