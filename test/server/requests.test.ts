import { connect, Server as SocketServer } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import { comingFrom, testServer } from '../support/server.ts';

const body = { name: 'a', roles: ['viewer'] };

/** Sends bytes to a server that listens, and resolves to the status and the code of what it answers. */
const sent = async (bytes: string, options: Parameters<typeof testServer>[0] = {}) => {
  const { head, rest } = await answered(bytes, options);
  return { status: Number(head.split(' ')[1]), code: /"code":"(\w+)"/.exec(rest)?.[1] };
};

/** The headers of a refusal, and its body, which ends where the headers say. */
const refused = async (bytes: string) => {
  const { head, rest } = await answered(bytes);
  const headers = new Headers(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(/: (.*)/).slice(0, 2) as [string, string]),
  );
  expect(Number(headers.get('content-length'))).toBe(Buffer.byteLength(rest));
  const problem = JSON.parse(rest) as { status: number; problems?: object[]; remedy?: string };
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${problem.status} `));
  return { headers, problem };
};

const answered = async (bytes: string, options: Parameters<typeof testServer>[0] = {}) => {
  const { server } = await testServer(options);
  onTestFinished(() => server.close());
  const { port } = new URL((await server.listen({ port: 0 })).url);
  const text = await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      socket.end();
    });
    socket.on('error', reject).on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
  const [head = '', rest = ''] = text.split('\r\n\r\n');
  return { head, rest };
};

const post = (headers: readonly string[], payload: string): string =>
  ['POST /api/v1/tokens HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', ...headers, '', payload].join(
    '\r\n',
  );

const chunked = (payload: string): string => `${payload.length.toString(16)}\r\n${payload}\r\n0\r\n\r\n`;

describe('a body', () => {
  const small = JSON.stringify(body);
  const large = JSON.stringify({ ...body, name: 'x'.repeat(2000) });

  test.each([
    ['within the limit', post([`Content-Length: ${small.length}`], small), 201, undefined],
    ['within the limit, in chunks', post(['Transfer-Encoding: chunked'], chunked(small)), 201, undefined],
    ['that says it is too large', post([`Content-Length: ${large.length}`], large), 413, 'PAYLOAD_TOO_LARGE'],
    ['that says so and does not come', post(['Content-Length: 99999999'], ''), 413, 'PAYLOAD_TOO_LARGE'],
    ['too large, in chunks', post(['Transfer-Encoding: chunked'], chunked(large)), 413, 'PAYLOAD_TOO_LARGE'],
    [
      'that says its length twice',
      post(['Content-Length: 2', 'Transfer-Encoding: chunked'], chunked(small)),
      400,
      'INVALID_REQUEST',
    ],
    ['that is none', post(['Content-Length: 0'], ''), 400, 'INVALID_JSON'],
    ['that is no JSON', post(['Content-Length: 2'], '{\u0000'), 400, 'INVALID_JSON'],
  ])('%s', async (_name, bytes, status, code) => {
    expect(await sent(bytes, { maxBodyBytes: 1000 })).toEqual({ status, code });
  });

  test('may be left out where none is needed, also by who says in each request that it is JSON', async () => {
    const sleeper = defineJob('sleeper').external('wait').seal();
    const { server, call } = await testServer({ tokens: false, definitions: [sleeper] });
    onTestFinished(() => server.close({ graceMs: 0 }));
    const { url } = await server.listen({ port: 0 });
    await call('POST', '/jobs', { body: { definition: 'sleeper', jobId: 'a' } });
    const headers = { 'content-type': 'application/json' };
    for (const verb of ['pause', 'resume', 'cancel', 'rerun'])
      for (const given of [headers, {}])
        expect(await fetch(`${url}/api/v1/jobs/a/${verb}`, { method: 'POST', headers: given })).toMatchObject({
          ok: true,
        });
    expect(await call('POST', '/jobs/a/cancel', { body: '{', headers })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_JSON' },
    });
  });

  test('of another type is refused, also one that a form of a page could send', async () => {
    const { call } = await testServer({ tokens: false });
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/json',
      '',
    ];
    for (const type of types)
      expect(await call('POST', '/tokens', { body, headers: { 'content-type': type } })).toMatchObject({
        status: 415,
        body: { code: 'UNSUPPORTED_MEDIA_TYPE', detail: expect.stringContaining('application/json') },
      });
    for (const type of ['application/json; charset=utf-8', 'Application/JSON'])
      expect((await call('POST', '/tokens', { body, headers: { 'content-type': type } })).status).toBe(201);
  });

  test('that a client breaks off is no fault of the server', async () => {
    const logged: string[] = [];
    const log = (message: string): void => void logged.push(message);
    const { server } = await testServer({ logger: { debug: log, info: log, warn: log, error: log } });
    const { port } = new URL((await server.listen({ port: 0 })).url);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write(post(['Content-Length: 500'], '{"name":'), () => setImmediate(() => socket.destroy()));
      });
      socket.on('close', () => resolve());
    });
    expect((await fetch(`http://127.0.0.1:${port}/api/v1/tokens`)).status).toBe(200);
    await server.close();
    expect(logged).toEqual([]);
  });

  test('with keys that JavaScript treats specially is refused like every other one', async () => {
    const { call } = await testServer();
    for (const key of ['__proto__', 'constructor', 'toString'])
      expect(await call('POST', '/tokens', { body: `{"name":"a","roles":["viewer"],"${key}":{"a":1}}` })).toMatchObject(
        {
          status: 400,
          body: { code: 'INVALID_REQUEST' },
        },
      );
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect((await call('POST', '/tokens', { body: `{"name":${deep}}` })).status).toBe(400);
  });
});

describe('a request', () => {
  test.each([
    ['*/*', 200],
    ['application/json', 200],
    ['APPLICATION/*;q=0.1, text/html', 200],
    ['text/html, application/xhtml+xml, */*;q=0.8', 200],
    ['text/html', 406],
    ['application/json;q=0', 406],
    ['application/xml, text/*', 406],
  ])('with Accept: %s gets %i', async (accept, status) => {
    const { call } = await testServer();
    expect((await call('GET', '/info', { headers: { accept } })).status).toBe(status);
  });

  test('of another method is told which there are', async () => {
    const { call } = await testServer();
    const allowed = async (method: string, path: string) => {
      const { status, headers } = await call(method, path);
      return [status, headers.get('allow')];
    };
    expect(await allowed('PUT', '/tokens')).toEqual([405, 'GET, POST']);
    expect(await allowed('OPTIONS', '/tokens')).toEqual([405, 'GET, POST']);
    expect(await allowed('GET', '/tokens/abc')).toEqual([405, 'DELETE']);
    expect(await allowed('POST', '!/openapi.json')).toEqual([405, 'GET']);
    expect(await allowed('DELETE', '!/docs')).toEqual([405, 'GET']);
    expect(await allowed('GET', '/tokens/abc/def')).toEqual([404, null]);
  });

  test('by HEAD gets the headers of GET and no body', async () => {
    const { call } = await testServer();
    const { status, headers, body: text } = await call('HEAD', '/info');
    expect([status, headers.get('content-type'), text]).toEqual([200, 'application/json', '']);
    expect(await call('HEAD', '/nothing')).toMatchObject({ status: 404 });
  });

  test.each([
    ['/tokens/a%2Fb', 404, 'TOKEN_NOT_FOUND'],
    ['/tokens/%00', 404, 'TOKEN_NOT_FOUND'],
    ['/tokens/%E0%A4%A', 404, 'TOKEN_NOT_FOUND'],
    ['/tokens/%ff', 404, 'TOKEN_NOT_FOUND'],
    ['/tokens/__proto__', 404, 'TOKEN_NOT_FOUND'],
    [`/tokens/${'x'.repeat(10_000)}`, 404, 'TOKEN_NOT_FOUND'],
    ['/tokens/', 404, 'NO_SUCH_ROUTE'],
    ['/tokens//', 404, 'NO_SUCH_ROUTE'],
    ['/%2e%2e/%2e%2e/package.json', 404, 'NO_SUCH_ROUTE'],
    ['/..%2f..%2fpackage.json', 404, 'NO_SUCH_ROUTE'],
    ['/\u{1f34b}', 404, 'NO_SUCH_ROUTE'],
  ])('to %.40s is %i %s', async (path, status, code) => {
    const { call } = await testServer();
    expect(await call('DELETE', path)).toMatchObject({ status, body: { code } });
  });

  const asked = (line: string, ...headers: string[]): string =>
    [line, ...(headers.length > 0 ? headers : ['Host: localhost']), 'Connection: close', '', ''].join('\r\n');

  test.each([
    ['with a line that is longer than 16 KiB', asked(`GET /${'x'.repeat(20_000)} HTTP/1.1`), 431, 'HEADERS_TOO_LARGE'],
    [
      'with a header that is longer',
      asked('GET / HTTP/1.1', 'Host: a', `x: ${'x'.repeat(20_000)}`),
      431,
      'HEADERS_TOO_LARGE',
    ],
    ['that is none', 'x\r\n\r\n', 400, 'INVALID_REQUEST'],
    ['of a method that there is not', asked('EAT / HTTP/1.1'), 400, 'INVALID_REQUEST'],
    ['with a header that is none', asked('GET / HTTP/1.1', 'Host: a', 'x y'), 400, 'INVALID_REQUEST'],
    ['to another authority than a host', asked('GET //[ HTTP/1.1', 'Host: ['), 400, 'INVALID_REQUEST'],
    ['to no path', asked('OPTIONS * HTTP/1.1'), 400, 'INVALID_REQUEST'],
    ['to a backslash', asked('GET /a\\b HTTP/1.1'), 400, 'INVALID_REQUEST'],
    ['to an address that is none', asked('GET http://[ HTTP/1.1'), 400, 'INVALID_REQUEST'],
    ['to a port that is none', asked('GET / HTTP/1.1', 'Host: a:b'), 400, 'INVALID_REQUEST'],
    ['without a host', asked('GET /healthz HTTP/1.1', 'x: y'), 400, 'INVALID_REQUEST'],
    ['to brackets', asked('GET //[ HTTP/1.1'), 404, 'NO_SUCH_ROUTE'],
    ['to a percent sign', asked('GET /api/v1/% HTTP/1.1'), 404, 'NO_SUCH_ROUTE'],
    ['to a whole address', asked('GET http://localhost/api/v1/info?x=1 HTTP/1.1'), 400, 'INVALID_REQUEST'],
  ])('%s is refused like any other one', async (_what, bytes, status, code) => {
    const { headers, problem } = await refused(bytes);
    expect(problem).toEqual({
      type: `urn:tintype:problem:${code}`,
      title: expect.any(String),
      status,
      code,
      detail: expect.any(String),
      instance: headers.get('x-request-id'),
      ...(problem.problems && { problems: problem.problems }),
      ...(problem.remedy !== undefined && { remedy: expect.any(String) }),
    });
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'application/problem+json',
      'x-request-id': expect.stringMatching(/^[\w-]{36}$/),
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
  });

  test('that is none, behind one that is being answered, does not spoil the answer', async () => {
    const slow = defineJob('slow').external('wait').seal();
    const { server, call } = await testServer({ definitions: [slow] });
    onTestFinished(() => server.close({ graceMs: 0 }));
    await call('POST', '/jobs', { body: { definition: 'slow', jobId: 'a' } });
    const { port } = new URL((await server.listen({ port: 0 })).url);
    const stream = 'GET /api/v1/jobs/a/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n';
    const text = await new Promise<string>((resolve) => {
      let heard = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(stream));
      socket.on('data', (chunk) => {
        heard += chunk;
        if (heard.includes('job.transition')) socket.write('x\r\n\r\n');
      });
      socket.on('error', () => {}).on('close', () => resolve(heard));
    });
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(text).not.toContain('urn:tintype:problem');
  });
});

test('every answer has an id, forbids pages to run, embed or keep it, and says nothing of the server', async () => {
  const { server, call } = await testServer();
  const { secret: token } = await server.tokens.create({ name: 'a', roles: ['viewer'] });
  const answers = [
    await call('GET', '/info', { token }),
    await call('GET', '/info'),
    await call('GET', '/tokens', { token }),
    await call('GET', '/nothing'),
    await call('PUT', '/tokens'),
    await call('POST', '/tokens', { token, body: '{' }),
    await call('GET', '!/healthz'),
    await call('GET', '!/openapi.json'),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 401, 403, 404, 405, 403, 200, 200]);
  for (const { headers } of answers) {
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-request-id': expect.stringMatching(/^[\w-]{36}$/),
      'tintype-api': 'v1',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': expect.stringMatching(/^no-(store|cache)$/),
    });
    expect([headers.get('server'), headers.get('x-powered-by'), headers.get('set-cookie')]).toEqual([null, null, null]);
  }
  expect(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size).toBe(answers.length);
});

describe('a parameter of a query', () => {
  test('that no route has is refused on all of them, with the names that there are', async () => {
    const { call } = await testServer();
    expect((await call('GET', '/jobs?limt=5&stat=failed&limt=6')).body).toMatchObject({
      status: 400,
      code: 'INVALID_REQUEST',
      detail: expect.stringMatching(
        /^query\.limt: There is no such parameter\. Did you mean "limit"\? Known are limit, cursor, topic, .* \(and 1 more\)$/,
      ),
      problems: [
        { path: 'query.limt', code: 'UNRECOGNIZED_KEYS' },
        { path: 'query.stat', code: 'UNRECOGNIZED_KEYS', message: expect.stringContaining('Did you mean "state"?') },
      ],
    });
    expect((await call('POST', '/tokens?dryRun=true', { body })).body).toMatchObject({
      status: 400,
      detail: 'query.dryRun: There is no such parameter. Known are none.',
    });
    expect((await call('GET', '/tokens')).body).toEqual({ items: [] });
    for (const path of ['/info?', '!/healthz', '/jobs?&&']) expect((await call('GET', path)).status, path).toBe(200);
    for (const path of ['/info?__proto__=1', '!/healthz?x', '/jobs?&=&', '/units?constructor=', '/events?toString=1'])
      expect(await call('GET', path), path).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
  });

  test('is told of to who is known alone', async () => {
    const { server, call } = await testServer();
    const { secret: token } = await server.tokens.create({ name: 'a', roles: ['viewer'] });
    const statusOf = async (given: object) => (await call('GET', '/jobs?limt=5', given)).status;
    expect([await statusOf({}), await statusOf({ token })]).toEqual([401, 400]);
  });

  test('that is given twice is refused, unless several are meant', async () => {
    const { call } = await testServer();
    for (const path of [
      '/jobs?limit=1&limit=2',
      '/jobs?q=a&q=a',
      '/jobs?order=newest&order=oldest',
      '/jobs?since=1&since=1',
    ])
      expect(await call('GET', path), path).toMatchObject({
        status: 400,
        body: {
          code: 'INVALID_REQUEST',
          problems: [
            {
              path: `query.${/\?(\w+)/.exec(path)?.[1]}`,
              code: 'REPEATED',
              message: 'It is given 2 times: give it once.',
            },
          ],
        },
      });
    expect((await call('GET', '/jobs?state=failed&state=running&label=a:b&label=c:d')).status).toBe(200);
    expect((await call('GET', '/jobs?state=failed&state=x')).body).toMatchObject({
      detail: expect.stringMatching(/^query\.state\[1\]: /),
    });
    expect((await call('GET', `/jobs?${'label=a:b&'.repeat(51)}`)).body).toMatchObject({
      problems: [{ code: 'TOO_BIG' }],
    });
  });
});

test('connections that can not be taken are logged, and the server goes on', async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const { server } = await testServer({ logger: { debug: log, info: log, warn: log, error: log } });
  onTestFinished(() => server.close());
  const listen = vi.spyOn(SocketServer.prototype, 'listen');
  onTestFinished(() => listen.mockRestore());
  const { url } = await server.listen({ port: 0 });
  const [listening] = listen.mock.contexts as SocketServer[];
  for (let at = 0; at < 2; at++) listening?.emit('error', new Error('accept ENFILE'));
  expect(lines).toEqual(Array(2).fill('A connection could not be taken: accept ENFILE'));
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('a server that listens sends the headers that it gives to an app around it', async () => {
  const { server } = await testServer({ definitions: [defineJob('quick').external('wait').seal()] });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const { url } = await server.listen({ port: 0 });
  const env = comingFrom('127.0.0.1');
  const ofConnection = ['connection', 'keep-alive', 'date', 'content-length', 'transfer-encoding'];
  const shown = async (answer: Response) => {
    await answer.body?.cancel();
    const headers = [...answer.headers].filter(([name]) => !ofConnection.includes(name));
    const id = answer.headers.get('x-request-id');
    return {
      status: answer.status,
      id,
      headers: headers.map(([name, value]) => `${name}: ${value}`.replace(`${id}`, '')),
    };
  };
  const paths = ['/healthz', '/docs', '/docs/redoc.js', '/openapi.json', '/nothing', '/api/v1/definitions/quick'];
  const stream = { accept: 'text/event-stream' };
  const asked = [...paths.map((path) => [path, {}] as const), ['/api/v1/events', stream] as const];
  const known = (await fetch(`${url}/openapi.json`)).headers.get('etag') as string;
  for (const [path, headers] of [...asked, ['/openapi.json', { 'if-none-match': known }] as const]) {
    const sent = await shown(await fetch(`${url}${path}`, { headers }));
    const given = await shown(await server.fetch(new Request(`${url}${path}`, { headers }), env));
    expect([sent.id, given.id]).toEqual([expect.stringMatching(/^[\w-]{36}$/), expect.stringMatching(/^[\w-]{36}$/)]);
    expect([path, sent.status, sent.headers]).toEqual([path, given.status, given.headers]);
  }
});

test('a version that may be kept is asked for again: its cache control says so, also where the client has it', async () => {
  const { server, call } = await testServer();
  onTestFinished(() => server.close());
  const { headers } = await call('GET', '!/openapi.json');
  const again = await call('GET', '!/openapi.json', { headers: { 'if-none-match': headers.get('etag') as string } });
  expect([again.status, headers.get('cache-control'), again.headers.get('cache-control')]).toEqual([
    304,
    'no-cache',
    'no-cache',
  ]);
});
