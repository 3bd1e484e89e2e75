import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { defineJob } from 'tintype';
import { createServer } from 'tintype/server';
import { expect, onTestFinished, test, vi } from 'vitest';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { testServer } from '../support/server.ts';

type Line = Readonly<Record<string, unknown>>;

/** A logger of pino, and what it has written. */
const logged = (level = 'info') => {
  const text: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, written) => {
      text.push(String(chunk));
      written();
    },
  });
  const lines = (): readonly Line[] =>
    text
      .join('')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return {
    logger: pino({ level, base: null }, stream),
    text: () => text.join(''),
    requests: () => lines().filter(({ status }) => status !== undefined),
    lines,
  };
};

const hello = defineJob('hello')
  .task('greet', () => ({ text: 'hi' }))
  .seal();

/** A server that listens on a free port. */
const listening = async (level?: string) => {
  const log = logged(level);
  const server = createServer({ journal: memoryJournal(), definitions: [hello], logger: log.logger });
  onTestFinished(() => server.close({ graceMs: 0 }));
  await server.ready;
  const { url } = await server.listen({ port: 0 });
  return { ...log, server, url };
};

test('a request over HTTP is one line, with the template of its path and the id of its token', async () => {
  const { server, url, requests } = await listening();
  const { secret, token } = await server.tokens.create({ name: 'ci', roles: ['operator'] });
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
  const started = await fetch(`${url}/api/v1/jobs`, { method: 'POST', headers, body: '{"definition":"hello"}' });
  const { jobId } = (await started.json()) as { readonly jobId: string };
  const shown = await fetch(`${url}/api/v1/jobs/${jobId}`, {
    headers: { ...headers, cookie: `s=${secret}` },
  });
  await shown.text();
  await vi.waitUntil(() => requests().length === 2, 5_000);
  expect(requests()).toEqual([
    {
      level: 30,
      time: expect.any(Number),
      reqId: started.headers.get('x-request-id'),
      method: 'POST',
      route: '/api/v1/jobs',
      status: 201,
      ms: expect.any(Number),
      token: token.id,
      msg: 'POST /api/v1/jobs 201',
    },
    {
      level: 30,
      time: expect.any(Number),
      reqId: shown.headers.get('x-request-id'),
      method: 'GET',
      route: '/api/v1/jobs/{jobId}',
      status: shown.status,
      ms: expect.any(Number),
      token: token.id,
      msg: `GET /api/v1/jobs/{jobId} ${shown.status}`,
    },
  ]);
});

test('no secret gets into the log: not of a token, a cookie, an address or a wrong token', async () => {
  const { server, url, text, requests } = await listening('debug');
  const { secret } = await server.tokens.create({ name: 'ci', roles: ['viewer'] });
  const wrong = secret.replace(/.{10}$/, 'AAAAAAAAAA');
  for (const token of [secret, wrong]) {
    const headers = { authorization: `Bearer ${token}`, cookie: `tintype=${secret}; __Host-tintype=${secret}` };
    for (const path of [`/api/v1/jobs?param=${secret}`, `/api/v1/nothing/${secret}`, `/signin?code=${secret}`])
      await (await fetch(url + path, { headers })).text();
  }
  await vi.waitUntil(() => requests().length === 6, 5_000);
  expect(text()).not.toContain(secret.slice(12));
  expect(text()).not.toContain(wrong.slice(12));
  expect(text()).not.toMatch(/cookie|authorization|bearer/i);
  const [, nowhere] = requests();
  expect(nowhere).toMatchObject({ status: 404, msg: 'GET (no route) 404' });
  expect(requests()[3]).toMatchObject({ status: 401, route: '/api/v1/jobs' });
  expect(requests()[3]).not.toHaveProperty('token');
});

test('probes are logged at debug, bytes that are no request without a method', async () => {
  const { url, requests } = await listening('debug');
  await (await fetch(`${url}/healthz`)).text();
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.end('no request\r\n\r\n'));
  socket.resume();
  await vi.waitUntil(() => requests().length === 2, 5_000);
  expect(requests()).toMatchObject([
    { level: 20, route: '/healthz', status: 200 },
    { level: 30, status: 400, msg: 'unreadable request (no route) 400' },
  ]);
});

test('a stream is logged when it ends, as aborted if the client left', async () => {
  const { url, requests } = await listening();
  const client = new AbortController();
  const answer = await fetch(`${url}/api/v1/events`, {
    headers: { accept: 'text/event-stream' },
    signal: client.signal,
  });
  expect(answer.status).toBe(200);
  expect(requests()).toEqual([]);
  client.abort();
  await vi.waitUntil(() => requests().length === 1, 5_000);
  expect(requests()).toMatchObject([{ route: '/api/v1/events', status: 200, aborted: true }]);
});

test('a failure of the server is an error with its cause and the id of the request', async () => {
  const log = logged();
  const journal = memoryJournal();
  const { call, server } = await testServer({ journal, logger: log.logger });
  onTestFinished(() => server.close({ graceMs: 0 }));
  vi.spyOn(journal, 'jobs').mockRejectedValue(Object.assign(new Error('no disk'), { code: 'EIO' }));
  const { headers } = await call('GET', '/jobs');
  const reqId = headers.get('x-request-id');
  expect(log.lines()).toMatchObject([
    { level: 50, reqId, err: { message: 'no disk', code: 'EIO', stack: expect.stringContaining('no disk') } },
    { level: 40, reqId, status: 500 },
  ]);
});

test('a logger of text gets no line, and one that throws changes no answer', async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const { call, server } = await testServer({ logger: { debug: log, info: log, warn: log, error: log } });
  onTestFinished(() => server.close({ graceMs: 0 }));
  await call('GET', '/info');
  expect(lines).toEqual([]);

  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
  onTestFinished(() => warned.mockRestore());
  const fail = () => {
    throw new Error('full');
  };
  const logger = { debug: fail, info: fail, warn: fail, error: fail, child: () => logger };
  const broken = await testServer({ logger });
  onTestFinished(() => broken.server.close({ graceMs: 0 }));
  for (let n = 0; n < 2; n++) expect(await broken.call('GET', '/info')).toMatchObject({ status: 200 });
  expect(warned).toHaveBeenCalledOnce();
});
