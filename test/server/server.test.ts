import { once } from 'node:events';
import { jobFrom } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { testServer } from '../support/server.ts';
import { turns } from '../support/turns.ts';

test('a server answers what it is, and that it is ready', async () => {
  const { server, call } = await testServer();
  expect(await call('GET', '!/healthz')).toMatchObject({ status: 200, body: { state: 'ok' } });
  expect(await call('GET', '!/readyz')).toMatchObject({ status: 200, body: { state: 'ready' } });
  expect(await call('GET', '/info')).toMatchObject({
    status: 200,
    body: { version: manifest.version, upload: 'none' },
  });
  await server.close();
  expect(await call('GET', '/info')).toMatchObject({ status: 503, body: { code: 'SHUTTING_DOWN' } });
});

test('the limits say how many slots are taken and free, which tasks hold them, and who waits, each since when', async () => {
  const until = ({ signal }: { readonly signal: AbortSignal }) => once(signal, 'abort').then(() => {});
  const job = jobFrom('write', [
    { name: 'a', kind: 'job', definition: jobFrom('inner', [{ name: 'deep', pool: 'db', run: until }]) },
    { name: 'b', pool: 'db', slots: 2, dependsOn: ['first'], run: () => {} },
    { name: 'c', pool: 'db', dependsOn: ['first'], run: () => {} },
    { name: 'first', kind: 'external' },
    { name: 'each', kind: 'map', over: [1, 2], dependsOn: ['first'], each: until },
  ]);
  const clock = virtualClock(1_000);
  const { call, server } = await testServer({ definitions: [job], maxConcurrency: 5, pools: { db: 2 }, clock });
  const now = clock.now();
  expect((await call('GET', '/limits')).body).toMatchObject({ items: [{ holders: [] }, { holders: [] }], now });
  await call('POST', '/jobs', { body: { definition: 'write', jobId: 'w1' } });
  await turns(5);
  await clock.advance(500);
  void server.engine.job('w1')?.task('first').complete({});
  await turns(5);
  await clock.advance(20);
  const later = now + 500;
  expect((await call('GET', '/limits')).body).toEqual({
    now: later + 20,
    items: [
      {
        name: 'the engine',
        taken: 3,
        free: 2,
        size: 5,
        busyMs: 560,
        waiting: 0,
        holders: [
          { jobId: 'w1', task: 'a/deep', since: now },
          { jobId: 'w1', task: 'each[0]', since: later },
          { jobId: 'w1', task: 'each[1]', since: later },
        ],
        next: [],
      },
      {
        name: 'pool "db" of the engine',
        taken: 1,
        free: 1,
        size: 2,
        busyMs: 520,
        waiting: 2,
        holders: [{ jobId: 'w1', task: 'a/deep', since: now }],
        next: [
          { jobId: 'w1', task: 'b', since: later },
          { jobId: 'w1', task: 'c', since: later },
        ],
      },
    ],
  });
  const closed = server.close({ graceMs: 0 });
  await clock.advance(1_000);
  await closed;
});

test('PATCH /limits changes them at once, and refuses what the engine refuses', async () => {
  const run = ({ signal }: { readonly signal: AbortSignal }) => once(signal, 'abort').then(() => {});
  const { call, server } = await testServer({
    definitions: [
      jobFrom('wide', [{ name: 'each', kind: 'map', over: [1, 2, 3, 4], pool: 'db', slots: 2, each: run }]),
    ],
    pools: { db: 2 },
  });
  await call('POST', '/jobs', { body: { definition: 'wide', jobId: 'w1' } });
  await turns(5);
  expect((await call('PATCH', '/limits', { body: { pools: { db: 6 }, maxConcurrency: 9 } })).body).toMatchObject({
    items: [
      { name: 'the engine', taken: 3, size: 9 },
      { name: 'pool "db" of the engine', taken: 6, size: 6, waiting: 1 },
    ],
  });
  expect((await call('PATCH', '/limits', { body: { maxConcurrency: null } })).body).toMatchObject({
    items: [{ name: 'pool "db" of the engine', size: 6 }],
  });
  for (const [body, problem] of [
    [{ pools: { dbs: 3 } }, 'pools.dbs'],
    [{ pools: { db: 1 } }, 'slots'],
  ] as const) {
    const refused = await call('PATCH', '/limits', { body });
    expect([refused.status, JSON.stringify(refused.body)]).toEqual([400, expect.stringContaining(problem)]);
  }
  expect((await call('PATCH', '/limits', { body: { maxConcurrency: 0 } })).status).toBe(400);
  await server.close({ graceMs: 0 });
});

test('of a limit with many holders, 20 are shown', async () => {
  const each = ({ signal }: { readonly signal: AbortSignal }) => once(signal, 'abort').then(() => {});
  const over = Array.from({ length: 30 }, (_, at) => at);
  const { call, server } = await testServer({
    definitions: [jobFrom('wide', [{ name: 'each', kind: 'map', over, each }])],
    maxConcurrency: 25,
  });
  await call('POST', '/jobs', { body: { definition: 'wide', jobId: 'w1' } });
  await turns(5);
  const [limit] = ((await call('GET', '/limits')).body as { items: { holders: object[]; next: object[] }[] }).items;
  expect(limit).toMatchObject({ taken: 25, waiting: 5 });
  expect(limit?.holders).toHaveLength(20);
  expect(limit?.next).toHaveLength(5);
  await server.close({ graceMs: 0 });
});

test('what there is not, and what is not possible, is a problem with its code', async () => {
  const { call } = await testServer();
  expect(await call('GET', '/nothing')).toMatchObject({ status: 404, body: { code: 'NO_SUCH_ROUTE' } });
  const { status, headers, body } = await call('PATCH', '/tokens');
  expect([status, headers.get('allow')]).toEqual([405, 'GET, POST']);
  expect(body).toMatchObject({ code: 'METHOD_NOT_ALLOWED', instance: headers.get('x-request-id') });
  expect(await call('POST', '/tokens', { body: '{' })).toMatchObject({ status: 400, body: { code: 'INVALID_JSON' } });
  expect(await call('POST', '/tokens', { body: { name: 1, x: 3 } })).toMatchObject({
    status: 400,
    body: { problems: [{ path: 'body.name' }, { path: 'body.roles' }, { path: 'body' }] },
  });
  expect(await call('GET', '/info', { headers: { accept: 'text/html' } })).toMatchObject({ status: 406 });
  const asText = { body: '{}', headers: { 'content-type': 'text/plain' } };
  expect(await call('POST', '/tokens', asText)).toMatchObject({ status: 415 });
});

test('as soon as there is a token, a token is needed, with a role', async () => {
  const { server, call } = await testServer();
  expect(await call('GET', '/whoami')).toMatchObject({ body: { roles: ['admin'] } });
  const { secret } = await server.tokens.create({ name: 'screen', roles: ['viewer'] });
  const refused = await call('GET', '/whoami');
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  expect(await call('GET', '/whoami', { token: secret })).toMatchObject({
    body: { name: 'screen', roles: ['viewer'] },
  });
  expect(await call('GET', '/tokens', { token: secret })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
});
