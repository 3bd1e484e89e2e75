import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import type { Server } from '../../src/server/create-server.ts';
import { type Call, testServer } from '../support/server.ts';

const approval = defineJob('approval').external('approve', { owner: 'boss' }).seal();

const servers: Server[] = [];
const started = async (): Promise<{ readonly call: Call; readonly server: Server }> => {
  const made = await testServer({ definitions: [approval], upload: 'external' });
  servers.push(made.server);
  return made;
};
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('a body', () => {
  test.each([
    ['of a million brackets', '['.repeat(1_000_000)],
    ['that is nested more deeply than the engine keeps', `{"definition":"approval","metadata":{"a":${nested(600)}}}`],
    ['with a key __proto__', '{"definition":"approval","metadata":{"__proto__":{"admin":true}}}'],
    ['with an escaped key __proto__ in an array', '{"definition":"approval","input":{"a":[{"__proto\\u005f_":1}]}}'],
    [
      'with 10,000 labels',
      { definition: 'approval', labels: Object.fromEntries(range(10_000).map((at) => [`l${at}`, ''])) },
    ],
  ])('%s is refused, and starts nothing', async (_what, body) => {
    const { call } = await started();
    expect(await call('POST', '/jobs', { body })).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    expect((await call('GET', '/jobs')).body).toMatchObject({ items: [] });
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test('may have the text __proto__, keys such as constructor, brackets in texts, and 500 levels', async () => {
    const { call } = await started();
    const body = `{"definition":"approval","metadata":{"constructor":"__proto__","b":"${'['.repeat(2_000)}","d":${nested(500)}}}`;
    expect(await call('POST', '/jobs', { body })).toMatchObject({
      status: 201,
      body: { metadata: { constructor: '__proto__' } },
    });
  });

  test('of a workflow file is limited to 128 KiB, since to read it takes time', async () => {
    const { call } = await started();
    const headers = { 'content-type': 'application/yaml' };
    const body = 'name: x\n'.padEnd(130 * 1024, '#');
    const answers = [
      await call('POST', '/definitions/validate', { headers, body }),
      await call('PUT', '/definitions/x', { headers, body }),
    ];
    expect(answers).toMatchObject([{ status: 413 }, { status: 413, body: { code: 'PAYLOAD_TOO_LARGE' } }]);
  });
});

describe('a document', () => {
  const units = (count: number, unit: object) => range(count).map((at) => ({ name: `u${at}`, ...unit }));

  test.each([
    [
      'whose many units use one large definition',
      { definitions: { big: { owner: 'o', data: 'x'.repeat(100_000) } } },
      units(200, { use: 'big' }),
      'more than 8 MiB',
    ],
    [
      'with an endless schema',
      {},
      units(1, { owner: 'o', output: { anyOf: [{ $ref: '#' }, { $ref: '#' }] } }),
      'refers to "#"',
    ],
    ['with a schema that doubles 27 times', {}, units(1, { owner: 'o', output: doubling(27) }), 'more than 1000 parts'],
    [
      'with a regular expression in a property called properties',
      {},
      units(1, { owner: 'o', output: { properties: { properties: { pattern: '(a+)+$' } } } }),
      'no "pattern"',
    ],
  ])('%s is refused', async (_what, parts, given, detail) => {
    const { call } = await started();
    const document = { name: 'x', tasks: [{ name: 't', units: given }], ...parts };
    expect(await call('POST', '/jobs', { body: { document } })).toMatchObject({
      status: 422,
      body: { code: 'INVALID_DEFINITION', detail: expect.stringContaining(detail) },
    });
  });

  test('may have an output with properties called pattern and $ref, and parts that are used twice', async () => {
    const { call } = await started();
    const output = {
      $defs: { text: { type: 'string' } },
      properties: { pattern: { $ref: '#/$defs/text' }, $ref: { $ref: '#/$defs/text' } },
    };
    const document = { name: 'x', tasks: [{ name: 't', units: units(1, { owner: 'o', output }) }] };
    expect(await call('POST', '/jobs', { body: { document } })).toMatchObject({ status: 201 });
  });
});

describe('a header', () => {
  test('of an answer is not what a request wants it to be', async () => {
    const hostile = 'set-cookie:b>;rel="first&x=é';
    const { server, call } = await testServer({ definitions: [defineJob(hostile).external('approve').seal()] });
    servers.push(server);
    for (const jobId of ['a', 'b']) await call('POST', '/jobs', { body: { definition: hostile, jobId } });
    const { headers } = await call('GET', `/jobs?limit=1&name=${encodeURIComponent(hostile)}`, {
      headers: { 'x-request-id': 'mine' },
    });
    expect(headers.get('link')).toMatch(/^<[^<>"\s]+>; rel="next"$/);
    expect([headers.get('set-cookie'), headers.get('x-request-id') === 'mine']).toEqual([null, false]);
  });

  test('comes 5,000 times, or with 20 kB: refused before any route', async () => {
    const { server } = await started();
    const { port } = new URL((await server.listen({ port: 0 })).url);
    const many = range(5_000).map((at) => `x-${at}: 1\r\n`);
    for (const lines of [many.join(''), `x: ${'y'.repeat(20_000)}\r\n`])
      expect(await raw(Number(port), `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`)).toMatch(
        /^HTTP\/1.1 431 /,
      );
  });
});

test('there is no way out of /docs to a file', async () => {
  const { server, call } = await started();
  const { port } = new URL((await server.listen({ port: 0 })).url);
  for (const path of ['/docs/../../package.json', '/docs/..%2f..%2fpackage.json', '/docs/%2e%2e/%2e%2e/package.json'])
    expect(await raw(Number(port), `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 404 /,
    );
  expect(await call('GET', '!/docs/redoc.js/../../package.json')).toMatchObject({ status: 404 });
});

test('the name of a topic is one of ASCII, so that no two look the same', async () => {
  const { call } = await started();
  for (const name of ['caf\u00e9', 'cafe\u0301', 'c\u0430fe', 'cafe\n', 'cafe\u200b'])
    expect(await call('POST', '/topics', { body: { name } })).toMatchObject({ status: 400 });
});

test('a cursor that was changed is refused, whatever it says', async () => {
  const { call } = await started();
  for (const jobId of ['a', 'b']) await call('POST', '/jobs', { body: { definition: 'approval', jobId } });
  const { nextCursor } = (await call('GET', '/jobs?limit=1')).body as { nextCursor: string };
  const [hash] = JSON.parse(Buffer.from(nextCursor, 'base64url').toString());
  for (const place of ['x', '', "' OR 1=1", null, 5, ['x'], { a: 1 }, '1e999|1', '9'.repeat(400)]) {
    const cursor = Buffer.from(JSON.stringify([hash, place])).toString('base64url');
    expect(await call('GET', `/jobs?limit=1&cursor=${cursor}`)).toMatchObject({ status: 400 });
  }
});

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at);
}

/** A schema that grows twofold with each level, and stays small when written. */
function doubling(levels: number): object {
  const $defs = Object.fromEntries(
    range(levels).map((at) => {
      const inner = at === 0 ? { type: 'string' } : { $ref: `#/$defs/d${at - 1}` };
      return [`d${at}`, { anyOf: [inner, inner] }];
    }),
  );
  return { $ref: `#/$defs/d${levels - 1}`, $defs };
}

/** Sends bytes, and returns what comes back until the connection ends. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket
      .on('data', (chunk) => {
        answer += chunk;
      })
      .on('close', () => resolve(answer))
      .on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
  });
}
