import { hostname } from 'node:os';
import { defineJob, memoryJournal } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { expect, test } from 'vitest';
import { createServer } from '../../src/server/create-server.ts';
import { storeOf } from '../../src/server/store/store-of.ts';
import { works } from '../support/clean-up.ts';
import { testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';

test('a server that ends refuses requests, lets tasks finish, and leaves jobs to the next', async () => {
  const clock = virtualClock();
  const journal = memoryJournal();
  const steps = defineJob('steps')
    .task('first', works(clock, 3_000, { first: 1 }))
    .task('second', { dependsOn: ['first'] }, () => ({ second: 2 }))
    .seal();
  const { server, call } = await testServer({ clock, journal, definitions: [steps] });
  await server.engine.start(steps, {}, { jobId: 'one' }).saved();
  await clock.advance(0);
  const closed = server.close({ graceMs: 10_000 });
  for (const path of ['/info', '/tokens', '!/readyz'])
    expect(await call('GET', path)).toMatchObject({ status: 503, body: { code: 'SHUTTING_DOWN' } });
  expect((await call('GET', '/info')).headers.get('retry-after')).toBe('1');
  expect((await call('GET', '!/healthz')).status).toBe(200);
  await clock.advance(3_000);
  await clock.settle(closed);
  expect(await journal.job('one')).toMatchObject({ state: 'running' });

  const next = await testServer({ clock, journal, definitions: [steps] });
  const { resumed } = await next.server.ready;
  expect(resumed.map(({ id }) => id)).toEqual(['one']);
  expect(await resumed[0]).toMatchObject({ state: 'completed', ctx: { first: 1, second: 2 } });
  await next.server.close();
});

test('tasks that go on for longer than graceMs are aborted, and run again on the next server', async () => {
  const clock = virtualClock();
  const journal = memoryJournal();
  let begun = 0;
  const long = defineJob('long')
    .task('work', ({ signal }) => (begun++ === 0 ? works(clock, 60_000)({ signal }) : { done: true }))
    .seal();
  const { server } = await testServer({ clock, journal, definitions: [long] });
  await server.engine.start(long, {}, { jobId: 'one' }).saved();
  await clock.advance(0);
  let isClosed = false;
  const closed = server.close({ graceMs: 10_000 }).then(() => {
    isClosed = true;
  });
  await clock.advance(9_999);
  expect(isClosed).toBe(false);
  await clock.advance(1);
  await closed;
  const next = await testServer({ clock, journal, definitions: [long] });
  const { resumed } = await next.server.ready;
  expect(await resumed[0]).toMatchObject({ state: 'completed', ctx: { done: true } });
  await next.server.close();
});

test('a unit that a client has claimed keeps nobody waiting, and the client may still complete it later', async () => {
  const clock = virtualClock();
  const journal = memoryJournal();
  const sign = defineJob('sign').external('sign').seal();
  const { server } = await testServer({ clock, journal, definitions: [sign] });
  const job = server.engine.start(sign, {}, { jobId: 'one' });
  await job.saved();
  const token = await job.task('sign').claim('ann');
  await server.close({ graceMs: 60_000 });
  const next = await testServer({ clock, journal, definitions: [sign] });
  const { resumed } = await next.server.ready;
  await resumed[0]?.task('sign').complete({ by: 'ann' }, token);
  expect(await resumed[0]).toMatchObject({ state: 'completed', ctx: { by: 'ann' } });
  await next.server.close();
});

test('close may be called again, and ends what listens', async () => {
  const { server } = await testServer();
  const { url } = await server.listen({ port: 0 });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  await Promise.all([server.close(), server.close({ graceMs: 5 })]);
  await server.close();
  await server[Symbol.asyncDispose]();
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
});

test('whoever asks while tasks finish is answered on a connection of before and on a new one', async () => {
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const slow = defineJob('slow')
    .task('work', () => finished)
    .seal();
  const { server } = await testServer({ definitions: [slow] });
  const { url } = await server.listen({ port: 0 });
  const began = new Promise<void>((resolve) =>
    server.engine.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'running') setImmediate(resolve);
    }),
  );
  server.engine.start(slow);
  await began;
  await fetch(`${url}/healthz`);
  const closed = server.close();
  for (const connection of ['keep-alive', 'close'])
    expect((await fetch(`${url}/readyz`, { headers: { connection } })).status).toBe(503);
  finish();
  await closed;
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
});

test('one server a database: another one is refused, with host and process, until the first has ended', async () => {
  const file = newFile();
  const { server } = await testServer({ journal: opened(file) });
  const second = createServer({ journal: opened(file) });
  const refused = {
    code: 'JOURNAL_LOCKED',
    message: expect.stringContaining(`process ${process.pid} on ${hostname()}`),
  };
  await expect(second.ready).rejects.toMatchObject(refused);
  await expect(second.listen({ port: 0 })).rejects.toMatchObject(refused);
  await second.close();
  await server.close();
  const third = createServer({ journal: opened(file) });
  await third.ready;
  await third.close();
});

test('a server whose lease another one has taken ends by itself', async () => {
  const clock = virtualClock();
  const journal = memoryJournal();
  const { server, call } = await testServer({ clock, journal });
  const store = storeOf(journal);
  const { value } = (await store.get('server', 'server')) as { value: string };
  const other = { ...JSON.parse(value), owner: 'other', host: 'elsewhere', at: clock.now() + 10_000 };
  await store.put({ kind: 'server', key: 'server', value: JSON.stringify(other), at: 1 });
  await clock.advance(10_000);
  expect(await call('GET', '!/readyz')).toMatchObject({ status: 503, body: { code: 'SHUTTING_DOWN' } });
  expect(server.engine.closed).toBe(true);
  await server.close();
  expect(await store.get('server', 'server')).toMatchObject({ value: JSON.stringify(other) });
});

test('a server that is closed while it starts takes up no jobs', async () => {
  const journal = memoryJournal();
  const sign = defineJob('sign').external('sign').seal();
  const { server: first } = await testServer({ journal, definitions: [sign] });
  await first.engine.start(sign, {}, { jobId: 'one' }).saved();
  await first.close();
  const server = createServer({ journal, definitions: [sign] });
  await server.close();
  expect(await server.ready).toEqual({ resumed: [], refused: [] });
  expect(await storeOf(journal).get('server', 'server')).toBeUndefined();
  expect(await journal.job('one')).toMatchObject({ state: 'running' });
});

test('on an address that others reach, a token is needed first', async () => {
  const { server } = await testServer();
  await expect(server.listen({ host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('tintype token create'),
  });
  await server.tokens.create({ name: 'a', roles: ['viewer'] });
  const { url } = await server.listen({ host: '0.0.0.0', port: 0 });
  expect((await fetch(`${url.replace('0.0.0.0', '127.0.0.1')}/healthz`)).status).toBe(200);
  await server.close();
});
