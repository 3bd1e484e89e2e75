import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { directiveOf, notReady } from '../../../src/engine/definition/directive.ts';
import type { TaskFunction, TaskScope } from '../../../src/engine/definition/task-function.ts';
import type { Trace } from '../../../src/engine/definition/trace.ts';
import { NonRetryableError, RetryAfterError } from '../../../src/engine/errors/errors.ts';
import { MAX_BODY_BYTES } from '../../../src/executors/http/body.ts';
import {
  EXCERPT_LENGTH,
  HttpBodyError,
  HttpInvalidError,
  HttpRequestError,
  HttpStatusError,
} from '../../../src/executors/http/error.ts';
import { type HttpOptions, http, httpReady } from '../../../src/executors/http/http.ts';
import type { HttpRequest } from '../../../src/executors/http/request.ts';
import { createMask } from '../../../src/executors/mask/mask.ts';
import { jobFrom } from '../../../src/index.ts';
import { virtualClock } from '../../../src/testing.ts';
import { buildCli, start } from '../../support/cli.ts';
import { failureOf, taskScope } from '../../support/task-scope.ts';

/** What the server answers; each test sets its own. */
let answer: (request: IncomingMessage, response: ServerResponse) => unknown;
/** What the server was sent, in order. */
let received: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[];
let server: Server;
let base: string;
const servers: (Server | TcpServer)[] = [];

const listening = async <Kind extends Server | TcpServer>(started: Kind): Promise<[Kind, number]> => {
  servers.push(started);
  started.listen(0, '127.0.0.1');
  await once(started, 'listening');
  return [started, (started.address() as AddressInfo).port];
};

beforeEach(async () => {
  received = [];
  answer = (_request, response) => response.end();
  const [started, port] = await listening(
    createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part);
      const { method = '', url = '', headers } = request;
      received.push({ method, url, headers, body: Buffer.concat(parts).toString() });
      answer(request, response);
    }),
  );
  server = started;
  base = `http://127.0.0.1:${port}`;
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  for (const each of servers.splice(0)) {
    if ('closeAllConnections' in each) each.closeAllConnections();
    each.close();
  }
});

describe('a request', () => {
  test('yields status, headers and body, and is logged in one line without query and credentials', async () => {
    answer = (_request, response) => response.setHeader('content-type', 'text/plain').end('x'.repeat(1234));
    const url = `${base.replace('http://', 'http://ann:s3cret@')}/fruit?key=s3cret`;
    const { run, lines } = attempt(http(() => ({ url })));
    expect(await run).toEqual({
      status: 200,
      headers: expect.objectContaining({ 'content-type': 'text/plain' }),
      body: 'x'.repeat(1234),
    });
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^info GET ${base}/fruit -> 200 in \\d+ ms \\(1.2 kB\\)$`)),
    ]);
  });

  test('is a GET without a body and a POST with one, unless a method is given in any case', async () => {
    await send({});
    await send({ body: 'a' });
    await send({ json: [] });
    await send({ method: 'patch', body: 'b' });
    await send({ method: 'DELETE' });
    expect(received.map(({ method, body }) => `${method} ${body}`)).toEqual([
      'GET ',
      'POST a',
      'POST []',
      'PATCH b',
      'DELETE ',
    ]);
  });

  test('sends a body as it is, and json as JSON, with a content-type unless one is given', async () => {
    await send({ body: 'größer\n' });
    await send({ json: { fruit: 'größer', count: 3n, big: 9007199254740993n, none: null } });
    await send({ json: null, headers: { 'Content-Type': 'application/vnd.api+json' } });
    await send({ body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect(received.map(({ body, headers }) => [headers['content-type'], body])).toEqual([
      ['text/plain;charset=UTF-8', 'größer\n'],
      ['application/json', '{"fruit":"größer","count":3,"big":"9007199254740993","none":null}'],
      ['application/vnd.api+json', 'null'],
      ['application/x-www-form-urlencoded', 'a=1'],
    ]);
  });

  test('passes on the trace of its attempt, unless it has one of its own', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const mine = traceparent.replace(/^00-0/, '00-f');
    const sendTraced = async (headers: Record<string, string>, trace?: Trace): Promise<unknown> => {
      const scope = taskScope(new AbortController().signal, () => {});
      return http(() => ({ url: base, headers }))({ ...scope, ...(trace && { trace }) });
    };
    await sendTraced({}, { traceparent, tracestate: 'a=1' });
    await sendTraced({}, { traceparent });
    await sendTraced({ Traceparent: mine }, { traceparent, tracestate: 'a=1' });
    await sendTraced({});
    expect(received.map(({ headers }) => [headers.traceparent, headers.tracestate])).toEqual([
      [traceparent, 'a=1'],
      [traceparent, undefined],
      [mine, undefined],
      [undefined, undefined],
    ]);
  });

  test('adds its query, encoded, to that of the URL, which stays as it is spelled', async () => {
    const query = { q: 'a b+c&d=e/ü', tag: ['x', 'y'], none: [] };
    await send({ url: `${base}/search?sig=a%2fb+c&flag#part`, query });
    await send({ url: `${base}/search`, query: { page: '2' } });
    await send({ url: `${base}/search?page=1`, query: {} });
    expect(received.map(({ url }) => url)).toEqual([
      '/search?sig=a%2fb+c&flag&q=a%20b%2Bc%26d%3De%2F%C3%BC&tag=x&tag=y',
      '/search?page=2',
      '/search?page=1',
    ]);
  });

  test('sends user and password of the URL as its authorization, unless that is given', async () => {
    const at = (credentials: string): string => base.replace('http://', `http://${credentials}@`);
    await send({ url: at('ann:p%40ss%C3%BC') });
    await send({ url: at('ann:100%') });
    await send({ url: at('token') });
    await send({ url: at('ann:pass'), headers: { Authorization: 'Bearer token' } });
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    expect(received.map(({ headers }) => headers.authorization)).toEqual([
      basic('ann:p@ssü'),
      basic('ann:100%'),
      basic('token:'),
      'Bearer token',
    ]);
  });

  test('is prepared anew for each attempt, from its scope', async () => {
    await attempt(http(({ attempt: number, taskName }) => ({ url: `${base}/${taskName}/${number}` }))).run;
    expect(received[0]?.url).toBe('/task/1');
  });
});

describe('a body', () => {
  test.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/problem+json',
    'text/json',
  ])('of %s is parsed', async (type) => {
    expect(await bodyOf('\uFEFF{"größe": [1, null]}', type)).toEqual({ größe: [1, null] });
  });

  test.each([
    'text/html',
    'application/x-ndjson',
    'application/jsonp',
    'application/json-seq',
    undefined,
  ])('of %s is text', async (type) => {
    expect(await bodyOf('{"a":1}', type)).toBe('{"a":1}');
  });

  test('that is empty is null, whatever its content-type', async () => {
    expect(await bodyOf('', 'application/json')).toBeNull();
    expect(await bodyOf('\r\n', 'application/json')).toBeNull();
    expect(await bodyOf('', 'text/plain')).toBeNull();
    answer = (_request, response) => response.writeHead(204).end();
    expect(await send({})).toMatchObject({ status: 204, body: null });
    answer = (_request, response) => response.setHeader('content-type', 'application/json').end('{}');
    expect(await send({ method: 'HEAD' })).toMatchObject({ status: 200, body: null });
  });

  test('is decoded by its charset, and what is not valid in it does no harm', async () => {
    expect(await bodyOf(Buffer.from('größer', 'latin1'), 'text/plain; charset=ISO-8859-1')).toBe('größer');
    expect(await bodyOf(Buffer.from('"größer"', 'utf16le'), 'application/json; charset="utf-16le"')).toBe('größer');
    expect(await bodyOf('größer', 'text/plain; charset=surely-none')).toBe('größer');
    expect(await bodyOf(Buffer.from([0x61, 0xff, 0x62]), 'text/plain')).toBe('a\uFFFDb');
  });

  test('that comes in parts, cut through characters, is whole', async () => {
    const bytes = gzipSync('"€uro 😀"');
    answer = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      for (const byte of bytes) await new Promise<void>((written) => response.write(Buffer.of(byte), () => written()));
      response.end();
    };
    expect(await send({})).toMatchObject({ body: '€uro 😀' });
  });

  test('that is nested too deeply is an error with a code, which no retry mends', async () => {
    const error = await failure(() => bodyOf('['.repeat(8 * 2 ** 20), 'application/json'));
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toMatchObject({ code: 'HTTP_BODY', message: expect.stringContaining('more than 500 deep') });
  });

  test('keeps the numbers of its JSON', async () => {
    answer = (_request, response) =>
      response.setHeader('content-type', 'application/json').end('{"id":12345678901234567890,"huge":1e400,"n":1.5}');
    expect(await send({})).toMatchObject({ body: { id: '12345678901234567890', huge: '1e400', n: 1.5 } });
  });

  test('that is no JSON although it says so is an error that shows how it begins', async () => {
    const error = await failure(() => bodyOf('<html>busy</html>', 'application/json'));
    expect(error).toBeInstanceOf(HttpBodyError);
    expect(error).toMatchObject({ code: 'HTTP_BODY' });
    expect(error.message).toContain(
      `GET ${base}/ answered with the content-type application/json, but a body that is no`,
    );
    expect(error.message).toContain('It begins with "<html>busy</html>".');
  });

  test('of the largest size is kept, and a larger one ends the request before it is read', async () => {
    expect(((await bodyOf('x'.repeat(MAX_BODY_BYTES), 'text/plain')) as string).length).toBe(MAX_BODY_BYTES);
    let closed: Promise<unknown> | undefined;
    answer = (_request, response) => {
      closed = once(response, 'close');
      sendEndless(response);
    };
    const { run, lines } = attempt(http(() => ({ url: base })));
    const error = await failure(() => run);
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toBeInstanceOf(HttpBodyError);
    expect(error.message).toContain(`GET ${base}/ answered with a body larger than 10 MiB. Ask for less`);
    expect(lines).toHaveLength(1);
    await closed;
  });

  test('is limited by what it unpacks to', async () => {
    answer = (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(MAX_BODY_BYTES + 1)));
    expect((await failure(() => send({}))).message).toContain('larger than 10 MiB');
  });
});

describe('an unexpected status', () => {
  test('is an error that tells the request without secrets, what was expected, and how the body begins', async () => {
    answer = (_request, response) => response.writeHead(500).end(`{\n  "error": "${'no mango '.repeat(200)}"}`);
    const url = `${base.replace('http://', 'http://ann:s3cret@')}/fruit?key=s3cret`;
    const error = await failure(() => send({ url, method: 'PUT', body: 'x' }));
    expect(error).toBeInstanceOf(HttpStatusError);
    expect(error).toMatchObject({
      code: 'HTTP_STATUS',
      method: 'PUT',
      url: `${base}/fruit`,
      status: 500,
      expected: undefined,
    });
    expect(error.body).toHaveLength(EXCERPT_LENGTH);
    expect(error.message).toMatch(
      new RegExp(
        `^PUT ${base}/fruit answered 500 Internal Server Error, not a status from 200 to 299. The body begins with: { "error": "no mango`,
      ),
    );
    expect(error.message.length).toBeLessThan(400);
    expect(error.message + JSON.stringify(error)).not.toContain('s3cret');
  });

  test('is what the task says', async () => {
    answer = (request, response) => response.writeHead(Number(request.url?.slice(1))).end('{}');
    expect(await send({ url: `${base}/404`, expectStatus: [200, 404] })).toMatchObject({ status: 404 });
    const error = await failure(() => send({ url: `${base}/201`, expectStatus: [200, 404] }));
    expect(error.message).toBe(`GET ${base}/201 answered 201 Created, not 200 or 404. The body begins with: {}`);
    expect(error).toMatchObject({ expected: [200, 404] });
  });

  test('is worth a retry unless the request is to blame', async () => {
    answer = (request, response) => response.writeHead(Number(request.url?.slice(1))).end();
    const retryable = async (status: number): Promise<boolean> => {
      const error = await failure(() => send({ url: `${base}/${status}` }));
      expect(error instanceof HttpStatusError ? error : error.cause).toMatchObject({ code: 'HTTP_STATUS', status });
      return !(error instanceof NonRetryableError);
    };
    for (const status of [408, 425, 429, 500, 502, 503, 504, 304])
      expect([status, await retryable(status)]).toEqual([status, true]);
    for (const status of [400, 401, 403, 404, 405, 409, 422])
      expect([status, await retryable(status)]).toEqual([status, false]);
  });

  test.each([
    [429, '7', 7_000],
    [503, '0007', 7_000],
    [429, 'Wed, 21 Oct 2026 07:28:30 GMT', 30_000],
  ])('%i with Retry-After: %s asks to wait for that long', async (status, retryAfter, delayMs) => {
    answer = (_request, response) =>
      response
        .writeHead(status, { 'retry-after': retryAfter, date: 'Wed, 21 Oct 2026 07:28:00 GMT' })
        .end('slower, please');
    const error = await failure(() => send({}));
    expect(error).toBeInstanceOf(RetryAfterError);
    expect(error).toMatchObject({ delayMs, cause: { code: 'HTTP_STATUS', status, body: 'slower, please' } });
    expect(error.message).toBe(error.cause.message);
  });

  test.each([
    [503, 'Wed, 21 Oct 2026 07:27:00 GMT'],
    [429, '0'],
    [429, '-5'],
    [429, 'in 5 minutes'],
    [500, '7'],
  ])('%i with Retry-After: %s leaves the wait to the task', async (status, retryAfter) => {
    answer = (_request, response) =>
      response.writeHead(status, { 'retry-after': retryAfter, date: 'Wed, 21 Oct 2026 07:28:00 GMT' }).end();
    expect(await failure(() => send({}))).toBeInstanceOf(HttpStatusError);
  });

  test.each([
    ['99999999999', '99999999999 s'],
    ['9'.repeat(400), 'Infinity s'],
    ['Fri, 31 Dec 9999 23:59:59 GMT', '251609733119 s'],
    ['3601', '3601 s'],
  ])('with a Retry-After of %s is not tried again, unless there is a longest wait', async (retryAfter, shown) => {
    answer = (_request, response) =>
      response.writeHead(429, { 'retry-after': retryAfter, date: 'Wed, 21 Oct 2026 07:28:00 GMT' }).end();
    const error = await failure(() => send({}));
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toBeInstanceOf(HttpStatusError);
    expect(error.message).toContain(`requests a wait of ${shown} (Retry-After), longer than 3600 s.`);
    const capped = await failure(() => send({}, { maxDelayMs: 2_000 }));
    expect(capped).toBeInstanceOf(RetryAfterError);
    expect(capped.delayMs).toBe(2_000);
    expect(capped.message).toContain(`requests a wait of ${shown} (Retry-After), longer than retry.max_delay, 2 s.`);
    expect(await failure(() => send({}, { maxDelayMs: 1e15 }))).toBeInstanceOf(RetryAfterError);
  });

  test('counts the wait from now where the server tells no time', async () => {
    answer = (_request, response) => {
      response.sendDate = false;
      response.writeHead(503, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }).end();
    };
    const { delayMs } = await failure(() => send({}));
    expect(delayMs).toBeGreaterThan(3_500_000);
    expect(delayMs).toBeLessThanOrEqual(3_600_000);
  });

  test('is told also where its body never ends, breaks off or is large', async () => {
    answer = (_request, response) => response.writeHead(500).write('no mango');
    expect(await failure(() => send({}, { excerptMs: 200 }))).toMatchObject({ status: 500, body: 'no mango' });
    answer = (_request, response) => {
      response.writeHead(500, { 'content-length': '100' });
      response.write('no kiwi', () => response.destroy());
    };
    expect(await failure(() => send({}))).toMatchObject({ status: 500, body: 'no kiwi' });
    answer = (_request, response) => {
      sendEndless(response.writeHead(500));
    };
    expect(await failure(() => send({}))).toMatchObject({ status: 500, body: 'x'.repeat(EXCERPT_LENGTH) });
  });

  test('shows no part of a secret, wherever it is cut', async () => {
    const secret = 'CORRECTHORSEBATTERYSTAPLE';
    const options = { mask: createMask([secret]) };
    for (let before = 480; before <= 500; before++) {
      answer = (_request, response) => response.writeHead(500).end('.'.repeat(before) + secret);
      const { body } = await failure(() => send({}, options));
      expect(body).not.toMatch(/[A-Z]/);
    }
    answer = (_request, response) => response.writeHead(500).write(`half of it: ${secret.slice(0, 12)}`);
    expect((await failure(() => send({}, { ...options, excerptMs: 200 }))).body).not.toMatch(/[A-Z]/);
    answer = (_request, response) => response.writeHead(500).end(secret.repeat(500));
    expect((await failure(() => send({}, options))).body).toMatch(/^\**$/);
    answer = (_request, response) =>
      response.setHeader('content-type', 'application/json').end(`<${'.'.repeat(50)}${secret}`);
    expect((await failure(() => send({}, options))).message).not.toContain('CORRECT');
  });
});

describe('a redirect', () => {
  beforeEach(() => {
    answer = (request, response) => {
      if (request.url?.startsWith('/old')) response.writeHead(302, { location: '/new?key=s3cret' }).end('moved');
      else if (request.url === '/loop') response.writeHead(307, { location: '/loop' }).end();
      else if (request.url === '/ftp') response.writeHead(302, { location: 'ftp://example.org/' }).end();
      else response.writeHead(request.method === 'GET' ? 200 : 404).end('here');
    };
  });

  test('is followed, and told where the answer came from', async () => {
    const { run, lines } = attempt(http(() => ({ url: `${base}/old` })));
    expect(await run).toMatchObject({ status: 200, body: 'here' });
    expect(lines).toEqual([
      expect.stringMatching(
        new RegExp(`^info GET ${base}/old, redirected to ${base}/new, -> 200 in \\d+ ms \\(4 B\\)$`),
      ),
    ]);
  });

  test('that is expected is not followed', async () => {
    expect(await send({ url: `${base}/old`, expectStatus: [302] })).toMatchObject({
      status: 302,
      headers: { location: '/new?key=s3cret' },
      body: 'moved',
    });
  });

  test('warns when it may have made a GET of a POST', async () => {
    const { run, lines } = attempt(http(() => ({ url: `${base}/old`, body: 'mango' })));
    await run;
    expect(received.map(({ method, body }) => method + body)).toEqual(['POSTmango', 'GET']);
    expect(lines[0]).toContain(`warn The POST was redirected to ${base}/new.`);
    expect(lines[0]).toContain('it may have arrived there as a GET without its body');
  });

  test('takes no credentials to another origin', async () => {
    const other = base.replace('127.0.0.1', 'localhost');
    answer = (request, response) => {
      if (request.url === '/old') response.writeHead(302, { location: `${other}/new` }).end();
      else response.end();
    };
    // The server listens on 127.0.0.1, which localhost may mean as well.
    await send({ url: `${base.replace('http://', 'http://ann:s3cret@')}/old` });
    expect(received.map(({ headers }) => headers.authorization !== undefined)).toEqual([true, false]);
  });

  describe('to another origin', () => {
    const mask = createMask(['s3cret-key', 'ann-secret']);
    let other: string;
    const redirect = (status: number, location: string): void => {
      answer = (request, response) => {
        if (request.url?.startsWith('/old')) response.writeHead(status, { location }).end();
        else response.end('here');
      };
    };
    beforeEach(() => {
      // The server listens on 127.0.0.1, which localhost may mean as well.
      other = base.replace('127.0.0.1', 'localhost');
    });

    test.for([
      ['a header', { 'X-Api-Key': 's3cret-key', 'X-Trace': '7' }],
      ['a header with more', { 'X-Api-Key': 'Token s3cret-key!', 'X-Trace': '7' }],
      ['a header in base64', { 'X-Api-Key': Buffer.from('a:s3cret-key').toString('base64'), 'X-Trace': '7' }],
      ['a header in a URL', { 'X-Api-Key': '%73%33cret-key', 'X-Trace': '7' }],
      ['cookies', { Cookie: 'sid=s3cret-key', 'X-Trace': '7' }],
      ['what the file says was made from one', { 'X-Made': 's3', 'X-Trace': '7' }],
    ] as const)('takes no secret along: %s', async ([, headers]) => {
      redirect(302, `${other}/new`);
      const name = Object.keys(headers)[0] as string;
      const { run, lines } = attempt(
        http(() => ({ url: `${base}/old`, headers, fromSecrets: { headers: ['X-Made'] } }), { mask }),
      );
      expect(await run).toMatchObject({ status: 200, body: 'here' });
      expect(received.map((request) => request.headers[name.toLowerCase()] !== undefined)).toEqual([true, false]);
      expect(received.map((request) => request.headers['x-trace'])).toEqual(['7', '7']);
      expect(lines[0]).toContain(`warn The redirect to ${other}/new leads to another origin`);
      expect(lines[0]).toContain(`(${name.toLowerCase()})`);
    });

    test('takes no secret along when it comes back', async () => {
      answer = (request, response) => {
        if (request.url === '/old') response.writeHead(307, { location: `${other}/there` }).end();
        else if (request.url === '/there') response.writeHead(307, { location: `${base}/new` }).end();
        else response.end();
      };
      await send({ url: `${base}/old`, headers: { 'X-Api-Key': 's3cret-key' } }, { mask });
      expect(received.map(({ headers }) => headers['x-api-key'])).toEqual(['s3cret-key', undefined, undefined]);
    });

    test.for([307, 308])('is the answer if the body holds a secret: %i', async (status) => {
      redirect(status, `${other}/new`);
      const { run, lines } = attempt(http(() => ({ url: `${base}/old`, json: { key: 's3cret-key' } }), { mask }));
      expect(await failureOf(run)).toMatchObject({ code: 'HTTP_STATUS', status });
      expect(received).toHaveLength(1);
      expect(lines[0]).toContain(`warn The redirect to ${other}/new is not followed`);
      expect(lines[0]).toContain('its body may hold a secret');
    });

    test.for([301, 302, 303])('leaves the body behind where a GET is made of the POST: %i', async (status) => {
      redirect(status, `${other}/new`);
      await send({ url: `${base}/old`, body: 's3cret-key', headers: { 'Content-Type': 'a/b' } }, { mask });
      expect(received.map(({ method, body }) => method + body)).toEqual(['POSTs3cret-key', 'GET']);
      expect(received[1]?.headers).not.toHaveProperty('content-type');
    });

    test('is the answer if its URL holds a secret', async () => {
      redirect(301, `${other}/new?key=s3cret%2Dkey`);
      const { run, lines } = attempt(http(() => ({ url: `${base}/old`, query: { key: 's3cret-key' } }), { mask }));
      expect(await failureOf(run)).toMatchObject({ code: 'HTTP_STATUS', status: 301 });
      expect(received).toHaveLength(1);
      expect(lines.join()).not.toMatch(/s3cret/);
    });
  });

  test('within an origin takes all along', async () => {
    answer = (request, response) => {
      if (request.url === '/old') response.writeHead(307, { location: '/new' }).end();
      else response.end('here');
    };
    const { run, lines } = attempt(
      http(() => ({ url: `${base}/old`, headers: { 'X-Api-Key': 's3cret-key' }, body: 's3cret-key' }), {
        mask: createMask(['s3cret-key']),
      }),
    );
    expect(await run).toMatchObject({ status: 200, body: 'here' });
    expect(received.map(({ headers, body }) => [headers['x-api-key'], body])).toEqual([
      ['s3cret-key', 's3cret-key'],
      ['s3cret-key', 's3cret-key'],
    ]);
    expect(lines.at(-1)).toContain(`POST ${base}/old, redirected to ${base}/new, -> 200`);
  });

  test.for([
    ['that was not made from a secret', {}],
    ['that was', { headers: { 'X-Api-Key': 's3cret-key' } }],
  ] as const)('of a request %s ends as fetch ends it', async ([, request]) => {
    const options = { mask: createMask(['s3cret-key']) };
    const loop = await failure(() => send({ ...request, url: `${base}/loop` }, options));
    expect(loop).toMatchObject({ code: 'HTTP_FAILED', kind: 'protocol' });
    expect(loop.message).toContain('failed: redirect count exceeded. The server redirects without end');
    const ftp = await failure(() => send({ ...request, url: `${base}/ftp` }, options));
    expect(ftp.message).toContain('URL scheme must be a HTTP(S) scheme');
    expect(await send({ ...request, url: `${base}/old` }, options)).toMatchObject({ status: 200, body: 'here' });
  });

  test('without end, or to what is no HTTP, says so', async () => {
    const error = await failure(() => send({ url: `${base}/loop` }));
    expect(error).toMatchObject({ code: 'HTTP_FAILED', kind: 'protocol' });
    expect(error.message).toContain('failed: redirect count exceeded. The server redirects without end');
    expect((await failure(() => send({ url: `${base}/ftp` }))).message).toContain(
      'URL scheme must be a HTTP(S) scheme',
    );
  });
});

describe('a request that can not be sent', () => {
  test.each<[HttpRequest, string]>([
    [{ url: '' }, 'The URL is empty.'],
    [
      { url: 'example.org/fruit' },
      'The URL "example.org/fruit" does not begin with https:// or http://. Write it in full.',
    ],
    [{ url: 'localhost:8080/fruit' }, 'The URL "localhost:8080/fruit" does not begin with'],
    [{ url: 'ann:s3cret@example.org/fruit?s3cret' }, 'The URL "example.org/fruit" does not begin with'],
    [{ url: 'ftp://ann:s3cret@example.org/' }, 'The URL "ftp://example.org/" does not begin with'],
    [{ url: 'file:///etc/passwd' }, 'The URL "file:///etc/passwd" does not begin with'],
    [{ url: 'http://ann:s3/cret@example.org:port/?s3cret' }, 'The URL "http://example.org:port/" is not valid.'],
    [{ url: 'http://' }, 'The URL "http://" is not valid.'],
    [{ url: 'http://x', method: 'GE T' }, 'The method "GE T" is not valid'],
    [{ url: 'http://x', method: 'trace' }, "Node's fetch can't send the method TRACE."],
    [{ url: 'http://x', method: 'GET', body: 's3cret' }, "A GET request can't have a body."],
    [{ url: 'http://x', method: 'head', json: {} }, "A HEAD request can't have a body."],
    [{ url: 'http://x', body: 's3cret', json: 's3cret' }, 'either a body or json'],
    [{ url: 'http://x', json: () => {} }, "can't be: it is a function"],
    [{ url: 'http://x', headers: { 'x y': 's3cret' } }, 'The header name "x y" is not valid'],
    [{ url: 'http://x', headers: { 'x-key': 's3cret\nx: y' } }, 'The value of the header "x-key" can\'t be sent'],
    [{ url: 'http://x', headers: { 'x-key': 's3cret€' } }, 'The value of the header "x-key" can\'t be sent'],
    [{ url: 'http://x', headers: { Host: 'y' } }, 'The header "Host" can\'t be set'],
    [
      { url: 'http://127.0.0.1:6000/?s3cret' },
      "GET http://127.0.0.1:6000/ can't be sent: Node's fetch refuses this port",
    ],
  ])('%j says what is wrong, and is not worth a retry', async (request, message) => {
    const error = await failure(() => send(request));
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toBeInstanceOf(HttpInvalidError);
    expect(error.cause).toMatchObject({ code: 'HTTP_INVALID', message: error.message });
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('s3');
  });

  test('is also what fetch finds wrong', async () => {
    for (const headers of [{ expect: '100-continue' }, { 'transfer-encoding': 'gzip' }, { 'content-length': '7' }]) {
      const error = await failure(() => send({ body: 'x', headers }));
      expect(error.cause).toBeInstanceOf(HttpInvalidError);
      expect(error.message).toMatch(/can't be sent: .*Remove the header/);
    }
    expect(received).toEqual([]);
  });

  test('ends what JSON can not hold', async () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expect((await failure(() => send({ json: circular }))).message).toContain('circular');
  });
});

describe('a server that can not be reached', () => {
  test('is an error with the cause, its code and a remedy', async () => {
    server.close();
    const error = await failure(() => send({ url: `${base.replace('http://', 'http://ann:s3cret@')}/fruit?s3cret` }));
    expect(error).toBeInstanceOf(HttpRequestError);
    expect(error).toMatchObject({
      code: 'HTTP_FAILED',
      method: 'GET',
      url: `${base}/fruit`,
      kind: 'unreachable',
      causeCode: 'ECONNREFUSED',
      cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
    });
    expect(error.message).toBe(
      `GET ${base}/fruit failed: connect ECONNREFUSED ${base.slice('http://'.length)}. Check that the server runs, and host and port of the URL.`,
    );
  });

  test('for lack of a name tells of a proxy that is set but not heeded', async () => {
    for (const name of ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'NODE_USE_ENV_PROXY'])
      vi.stubEnv(name, '');
    const url = 'http://fruit.invalid/';
    const unset = await failure(() => send({ url }));
    expect(unset).toMatchObject({
      kind: 'unreachable',
      causeCode: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
    });
    expect(unset.message).toMatch(/Check the host of the URL, and the network\.$/);
    vi.stubEnv('HTTPS_PROXY', 'http://proxy.invalid');
    expect((await failure(() => send({ url }))).message).toContain('HTTPS_PROXY is set, but heeded only with');
  });

  test('any more, before the answer or within its body, is one too', async () => {
    answer = (request) => request.socket.destroy();
    expect(await failure(() => send({}))).toMatchObject({ code: 'HTTP_FAILED', kind: 'unreachable' });
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    };
    const error = await failure(() => send({}));
    expect(error).toMatchObject({ code: 'HTTP_FAILED', kind: 'unreachable' });
    expect(error.message).toContain('The server closed the connection before all was answered');
  });

  test('with HTTP is told apart', async () => {
    const [, port] = await listening(
      createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH\r\n')),
    );
    const error = await failure(() => send({ url: `http://127.0.0.1:${port}/` }));
    expect(error).toMatchObject({ code: 'HTTP_FAILED', kind: 'protocol' });
    expect(error.message).toContain('What answers speaks no HTTP');
    const tls = await failure(() => send({ url: base.replace('http:', 'https:') }));
    expect(tls).toMatchObject({ code: 'HTTP_FAILED', kind: 'protocol', causeCode: expect.stringMatching(/SSL/) });
    expect(tls.message).toMatch(/failed: TLS: .*Where the server speaks no TLS, begin the URL with http:/);
  });

  test('for its certificate says how to trust it, and is not worth a retry', async () => {
    const [, port] = await listening(createTlsServer(selfSigned()));
    const error = await failure(() => send({ url: `https://localhost:${port}/` }));
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toMatchObject({
      code: 'HTTP_FAILED',
      kind: 'untrusted',
      causeCode: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    expect(error.message).toContain('NODE_EXTRA_CA_CERTS');
  });

  test('as compressed as it says is told apart', async () => {
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip');
    expect((await failure(() => send({}))).message).toContain(
      'The body is not compressed as its content-encoding says',
    );
  });
});

describe('an attempt that is stopped', () => {
  const reason = new Error('stopped');

  test('before it begins sends nothing', async () => {
    await expect(
      attempt(
        http(() => ({ url: base })),
        AbortSignal.abort(reason),
      ).run,
    ).rejects.toBe(reason);
    expect(received).toEqual([]);
  });

  test('before the answer closes the connection and fails with the reason', async () => {
    const controller = new AbortController();
    let closed: Promise<unknown> | undefined;
    answer = (_request, response) => {
      closed = once(response, 'close');
      controller.abort(reason);
    };
    await expect(
      attempt(
        http(() => ({ url: base })),
        controller.signal,
      ).run,
    ).rejects.toBe(reason);
    await closed;
  });

  test.each([
    200, 500,
  ])('within the body of an answer of %i does so even where fetch has forgotten the signal', async (status) => {
    const controller = new AbortController();
    const { fetch } = globalThis;
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (target, { signal: _forgotten, ...init } = {}) => {
      const response = await fetch(target, init);
      setImmediate(() => controller.abort(reason));
      return response;
    });
    let closed: Promise<unknown> | undefined;
    answer = (_request, response) => {
      closed = once(response, 'close');
      response.writeHead(status).write('half');
    };
    await expect(
      attempt(
        http(() => ({ url: base })),
        controller.signal,
      ).run,
    ).rejects.toBe(reason);
    await closed;
  });
});

describe('a sensor', () => {
  const ready = (request: Partial<HttpRequest> = {}) =>
    attempt(httpReady(() => ({ url: `${base}/health`, ...request })));

  test('is ready with the response when its status is expected', async () => {
    answer = (_request, response) => response.setHeader('content-type', 'application/json').end('{"ok":true}');
    expect(await ready().run).toMatchObject({ status: 200, body: { ok: true } });
  });

  test('is not ready while the status is another, even one that no retry would mend', async () => {
    answer = (_request, response) => response.writeHead(404).write('never ends');
    const { run, lines } = ready();
    expect(await run).toEqual(notReady(`GET ${base}/health answered 404`));
    expect(lines).toEqual([expect.stringMatching(/-> 404 in \d+ ms$/)]);
    answer = (_request, response) => response.end();
    expect(await ready({ expectStatus: [404] }).run).toEqual(notReady(`GET ${base}/health answered 200`));
  });

  test('is not ready while the server can not be reached, or hangs up', async () => {
    answer = (request) => request.socket.destroy();
    expect(directiveOf(await ready().run)).toMatchObject({ reason: expect.stringContaining('failed: ') });
    server.close();
    expect(directiveOf(await ready().run)).toMatchObject({ reason: expect.stringContaining('ECONNREFUSED') });
    const unknown = await ready({ url: 'http://fruit.invalid/' }).run;
    expect(directiveOf(unknown)).toMatchObject({ reason: expect.stringContaining('fruit.invalid') });
  });

  test('fails of all else', async () => {
    expect((await failure(() => ready({ url: 'nowhere' }).run)).cause).toBeInstanceOf(HttpInvalidError);
    const [, port] = await listening(createTlsServer(selfSigned()));
    expect(await failure(() => ready({ url: `https://localhost:${port}/` }).run)).toBeInstanceOf(NonRetryableError);
    answer = (_request, response) => response.setHeader('content-type', 'application/json').end('<html>');
    expect(await failure(() => ready().run)).toBeInstanceOf(HttpBodyError);
    const reason = new Error('stopped');
    const stopped = attempt(
      httpReady(() => ({ url: base })),
      AbortSignal.abort(reason),
    );
    await expect(stopped.run).rejects.toBe(reason);
  });
});

describe('in a job', () => {
  test('a task is tried again after the wait that the server asks for', async () => {
    answer = (_request, response) => {
      if (received.length === 1) response.writeHead(429, { 'retry-after': '60' }).end();
      else response.setHeader('content-type', 'application/json').end('{"fruit":"mango"}');
    };
    const clock = virtualClock();
    const get = http(() => ({ url: base }));
    const task = { name: 'get', maxRetries: 1, retry: { backoff: 'fixed', delayMs: 5 } as const };
    const run = async (scope: TaskScope): Promise<object> => (await get(scope)) as object;
    const job = jobFrom('fruit', [{ ...task, run }]).start({}, { clock });
    await vi.waitFor(() => expect(job.task('get').state).toBe('retrying'));
    await clock.advance(59_999);
    expect(job.task('get').state).toBe('retrying');
    await clock.advance(1);
    expect((await job).tasks.get).toMatchObject({ state: 'completed', attempts: 2 });
  });

  test('a task that times out closes its connection', async () => {
    const clock = virtualClock();
    let closed: Promise<unknown> | undefined;
    answer = (_request, response) => {
      closed = once(response, 'close');
    };
    const get = http(() => ({ url: base }));
    const run = async (scope: TaskScope): Promise<object> => (await get(scope)) as object;
    const job = jobFrom('fruit', [{ name: 'get', timeout: 60_000, run }]).start({}, { clock });
    await vi.waitFor(() => expect(closed).toBeDefined());
    await clock.advance(60_000);
    expect((await job).tasks.get).toMatchObject({ state: 'failed', error: { code: 'TASK_TIMEOUT' } });
    await closed;
  });
});

describe('a process', () => {
  let folder = '';
  beforeAll(async () => {
    folder = join(dirname(await buildCli()), '../..');
    return () => rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test('exits when its requests are over, though the server keeps connections open', async () => {
    server.keepAliveTimeout = 0;
    answer = (request, response) => {
      if (request.url === '/ok') return response.end('ok');
      if (request.url === '/hang') return undefined;
      if (request.url === '/large') return response.write('x'.repeat(MAX_BODY_BYTES + 1));
      return response.writeHead(503).write('never ends');
    };
    const program = join(folder, 'program.mjs');
    writeFileSync(
      program,
      `import { http, httpReady } from './dist/executors/http/http.js';
const quiet = () => {};
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const scope = (signal = new AbortController().signal) => ({ ctx: {}, deps: {}, signal, log });
const at = (path) => () => ({ url: ${JSON.stringify(base)} + path });
const ended = await Promise.allSettled([
  http(at('/ok'))(scope()),
  http(at('/busy'), { excerptMs: 100 })(scope()),
  http(at('/large'))(scope()),
  http(at('/hang'))(scope(AbortSignal.timeout(100))),
  httpReady(at('/busy'))(scope()),
]);
console.log(ended.map(({ status }) => status).join());
// Only what keeps the process alive lets this timer fire.
setTimeout(() => { console.log('held open'); process.exit(1); }, 2_000).unref();
`,
    );
    const { exitCode, stdout } = await start(process.execPath, [program]).ended;
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'fulfilled,rejected,rejected,rejected,fulfilled\n' });
  });
});

/** One attempt of a task, with what it logs as `level message`. */
const attempt = (task: TaskFunction, signal: AbortSignal = new AbortController().signal) => {
  const lines: string[] = [];
  const scope = taskScope(signal, (line) => void lines.push(line));
  return { lines, run: Promise.resolve(task(scope)) };
};

const send = (request: Partial<HttpRequest>, options?: HttpOptions): Promise<unknown> =>
  attempt(http(() => ({ url: base, ...request }), options)).run;

const bodyOf = async (bytes: string | Buffer, type: string | undefined): Promise<unknown> => {
  answer = (_request, response) => {
    if (type !== undefined) response.setHeader('content-type', type);
    response.end(bytes);
  };
  return ((await send({})) as { body: unknown }).body;
};

const failure = (run: () => Promise<unknown>) => failureOf(run());

const sendEndless = (response: ServerResponse): void => {
  const endless = function* (): Generator<string> {
    for (;;) yield 'x'.repeat(10_000);
  };
  pipeline(Readable.from(endless()), response, () => {});
};

/** A key, and a certificate that nobody vouches for. */
const selfSigned = (): { key: string; cert: string } => {
  const directory = mkdtempSync(join(tmpdir(), 'tintype-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const made = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost'.split(
    ' ',
  );
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
};
