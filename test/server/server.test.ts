import { once } from 'node:events';
import { jobFrom } from 'tintype';
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

test('the limits say how many slots are taken and free, and who waits', async () => {
  const job = jobFrom('write', [
    { name: 'a', pool: 'db', run: ({ signal }) => once(signal, 'abort').then(() => {}) },
    { name: 'b', pool: 'db', slots: 2, run: () => {} },
    { name: 'c', pool: 'db', run: () => {} },
  ]);
  const { call, server } = await testServer({ definitions: [job], maxConcurrency: 5, pools: { db: 2 } });
  await call('POST', '/jobs', { body: { definition: 'write', jobId: 'w1' } });
  await turns(5);
  expect((await call('GET', '/limits')).body).toEqual({
    items: [
      { name: 'the engine', taken: 1, free: 4, size: 5, waiting: 0, next: [] },
      {
        name: 'pool "db" of the engine',
        taken: 1,
        free: 1,
        size: 2,
        waiting: 2,
        next: [
          { jobId: 'w1', task: 'b' },
          { jobId: 'w1', task: 'c' },
        ],
      },
    ],
  });
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
