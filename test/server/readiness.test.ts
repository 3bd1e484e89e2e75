import { rmSync, writeFileSync } from 'node:fs';
import { defineJob, type Journal, JournalError, memoryJournal } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { sqliteDriver } from '../../src/journal/sqlite-driver.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { createServer } from '../../src/server/create-server.ts';
import { storeOf } from '../../src/server/store/store-of.ts';
import { type Call, testServer } from '../support/server.ts';
import { slow } from '../support/slow-journal.ts';
import { driverWith, newFile, opened, rawDatabase } from '../support/sqlite-files.ts';
import { turns } from '../support/turns.ts';

const refusal = async (call: Call, method: string, path: string, body?: unknown) => {
  const { status, headers, body: problem } = await call(method, path, body === undefined ? {} : { body });
  return [status, (problem as { code?: string }).code, headers.get('retry-after')];
};

const waiting = defineJob('waiting')
  .external('sign')
  .task('done', { dependsOn: ['sign'] }, () => ({ done: true }))
  .seal();

const viewer = { name: 'a', roles: ['viewer'] };

test('while interrupted jobs are taken up, the server says that it starts', async () => {
  const { journal, hold } = slow(memoryJournal(), { turns: 0 });
  const letGo = hold('jobs');
  const server = createServer({ journal });
  const ask = async (path: string) => (await server.fetch(new Request(`http://localhost${path}`))).status;
  await turns(20);
  expect([await ask('/healthz'), await ask('/readyz'), await ask('/api/v1/info')]).toEqual([200, 503, 503]);
  letGo();
  expect(await server.ready).toEqual({ resumed: [], refused: [] });
  expect([await ask('/healthz'), await ask('/readyz')]).toEqual([200, 200]);
  await server.close();
});

describe.each([
  ['JOURNAL_FULL', 507, '30'],
  ['JOURNAL_READ_ONLY', 503, '30'],
  ['JOURNAL_LOCKED', 503, '1'],
] as const)('a database that fails with %s', (code, status, retryAfter) => {
  test('is told to who writes and to who asks whether the server is ready; then it goes on', async () => {
    const clock = virtualClock();
    const journal = memoryJournal();
    const { server, call } = await testServer({ clock, journal });
    const failing = vi.spyOn(storeOf(journal), 'put').mockImplementation(() => {
      throw new JournalError(code, 'no room at /secret/place');
    });
    expect(await refusal(call, 'POST', '/tokens', viewer)).toEqual([status, code, retryAfter]);
    // Readiness is asked without a token by anybody: it does not write, but knows how the lease was renewed.
    await clock.advance(10_000);
    expect(await refusal(call, 'GET', '!/readyz')).toEqual([status, code, retryAfter]);
    expect((await call('GET', '!/healthz')).status).toBe(200);
    expect((await call('GET', '/info')).status).toBe(200);
    failing.mockRestore();
    await clock.advance(10_000);
    expect((await call('GET', '!/readyz')).status).toBe(200);
    expect((await call('POST', '/tokens', { body: viewer })).status).toBe(201);
    await server.close();
  });

  test('leaves jobs interrupted, and takes them up again when it works', async () => {
    const clock = virtualClock();
    const { journal, fail } = slow(memoryJournal(), { turns: 0 });
    const { server } = await testServer({ clock, journal, definitions: [waiting] });
    const job = server.engine.start(waiting, {}, { jobId: 'one' });
    await job.saved();
    const mend = fail('append', new JournalError(code, 'no'));
    const lost = Promise.resolve(job.task('sign').complete({})).catch(() => {});
    await clock.advance(1_000);
    await lost;
    mend();
    await clock.advance(1_000);
    const again = server.engine.job('one');
    expect(again).toBeDefined();
    await again?.task('sign').complete({});
    expect(await again).toMatchObject({ state: 'completed', ctx: { done: true } });
    await server.close();
  });
});

test('jobs that a full disk interrupted go on as soon as there is room, not at the next minute', async () => {
  const clock = virtualClock();
  const warned: string[] = [];
  const logger = { debug: () => {}, info: () => {}, warn: (text: string) => void warned.push(text), error: () => {} };
  const { journal, fail, asked } = slow(memoryJournal(), { turns: 0 });
  const { server, call } = await testServer({ clock, journal, logger, definitions: [waiting] });
  const ids = ['one', 'two', 'three'];
  for (const jobId of ids) await call('POST', '/jobs', { body: { definition: 'waiting', jobId } });
  const full = new JournalError('JOURNAL_FULL', 'no room');
  const mend = [fail('append', full), fail('acquire', full)];
  await Promise.all(ids.map((id) => call('POST', `/jobs/${id}/cancel`)));
  await clock.advance(150_000);
  expect((await call('GET', '/jobs')).body).toMatchObject({ items: ids.map(() => ({ interrupted: true })) });
  // Each second the journal is asked for one job: what it refuses of one it refuses of all.
  expect(asked('acquire')).toBeGreaterThan(140);
  expect(asked('acquire')).toBeLessThan(160);
  expect(warned).toEqual(['The job "one" of "waiting" is interrupted, and can\'t go on: no room']);
  for (const again of mend) again();
  await clock.advance(1_000);
  expect((await call('GET', '/jobs')).body).toMatchObject({
    items: ids.map(() => ({ interrupted: false, state: 'running' })),
  });
  await server.close();
});

test('a file that is full is 507, and what was kept stays', async () => {
  const file = newFile();
  opened(file);
  const { page_count: pages } = rawDatabase(file).prepare('PRAGMA page_count').get() as { page_count: number };
  const journal = openSqliteJournal(file, {}, driverWith(`PRAGMA max_page_count = ${pages + 3}`));
  const { server, call } = await testServer({ journal, tokens: false });
  let made = 0;
  let answer = await call('POST', '/tokens', { body: { ...viewer, name: 'x'.repeat(100) } });
  for (; answer.status === 201 && made < 1000; made++)
    answer = await call('POST', '/tokens', { body: { ...viewer, name: 'x'.repeat(100) } });
  expect(answer).toMatchObject({ status: 507, body: { code: 'JOURNAL_FULL' } });
  expect(answer.headers.get('retry-after')).toBe('30');
  expect(await server.tokens.list()).toHaveLength(made);
  await server.close();
  expect(journal.check().ok).toBe(true);
  await journal.close();
});

test('a file that another program locks is 503 within busyTimeoutMs, then the server goes on', async () => {
  const file = newFile();
  const journal = opened(file, { busyTimeoutMs: 20 });
  const { server, call } = await testServer({ journal });
  const other = rawDatabase(file);
  other.exec('BEGIN IMMEDIATE');
  expect(await refusal(call, 'GET', '!/readyz')).toEqual([503, 'JOURNAL_LOCKED', '1']);
  expect(await refusal(call, 'POST', '/tokens', viewer)).toEqual([503, 'JOURNAL_LOCKED', '1']);
  other.exec('ROLLBACK');
  expect((await call('GET', '!/readyz')).status).toBe(200);
  await server.close();
});

test('a file that may not be written any more is 503', async () => {
  const file = newFile();
  const { DatabaseSync } = sqliteDriver();
  const connections: InstanceType<typeof DatabaseSync>[] = [];
  class Kept extends DatabaseSync {
    constructor(path: string) {
      super(path);
      connections.push(this);
    }
  }
  const journal = openSqliteJournal(file, {}, { DatabaseSync: Kept });
  onTestFinished(() => void journal.close());
  const { server, call } = await testServer({ journal });
  for (const connection of connections) connection.exec('PRAGMA query_only = ON');
  expect(await refusal(call, 'GET', '!/readyz')).toEqual([503, 'JOURNAL_READ_ONLY', '30']);
  expect(await refusal(call, 'POST', '/tokens', viewer)).toEqual([503, 'JOURNAL_READ_ONLY', '30']);
  for (const connection of connections) connection.exec('PRAGMA query_only = OFF');
  expect((await call('GET', '!/readyz')).status).toBe(200);
  await server.close();
});

test('jobs that ended longer ago than pruneAfterMs are removed once an hour', async () => {
  const clock = virtualClock();
  const journal: Journal = memoryJournal();
  const quick = defineJob('quick')
    .task('a', () => ({}))
    .seal();
  const { server } = await testServer({ journal, clock, definitions: [quick], pruneAfterMs: 10_000 });
  await server.engine.start(quick, {}, { jobId: 'old' });
  await clock.advance(60 * 60 * 1000 - 5_000);
  await server.engine.start(quick, {}, { jobId: 'new' });
  const ids = async () => (await journal.jobs()).map(({ id }) => id);
  expect(await ids()).toEqual(['new', 'old']);
  await clock.advance(5_000);
  expect(await ids()).toEqual(['new']);
  await server.close();
});

describe('a file that is no longer there', () => {
  const gone = ['', '-wal', '-shm'];

  test.each([
    ['removed', (file: string) => gone.map((end) => rmSync(`${file}${end}`, { force: true }))],
    ['replaced by another one', (file: string) => [rmSync(file), writeFileSync(file, '')]],
  ])('since it was %s, is 503, with its cause once in the log', async (_how, spoil) => {
    const file = newFile();
    const clock = virtualClock();
    const logged: string[] = [];
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: (text: string) => void logged.push(text) };
    const { server, call } = await testServer({ journal: opened(file), clock, logger, definitions: [waiting] });
    await call('POST', '/jobs', { body: { definition: 'waiting', jobId: 'one' } });
    spoil(file);
    const failed = [503, 'JOURNAL_FAILED', '30'];
    expect(await refusal(call, 'GET', '!/readyz')).toEqual(failed);
    expect(await refusal(call, 'POST', '/tokens', viewer)).toEqual(failed);
    expect(await refusal(call, 'POST', '/jobs', { definition: 'waiting' })).toEqual(failed);
    expect(await refusal(call, 'POST', '/jobs/one/cancel')).toEqual(failed);
    await clock.advance(10_000);
    expect(await refusal(call, 'GET', '!/readyz')).toEqual(failed);
    expect((await call('GET', '!/healthz')).status).toBe(200);
    expect(logged).toEqual([
      expect.stringMatching(/^The request [\w-]{36} failed: JournalError: The file .*jobs\.db.* was removed, replaced/),
    ]);
    expect(JSON.stringify(await call('GET', '!/readyz'))).not.toContain(file);
    await server.close();
  });

  test('and is there again is used again; the next failure is logged, too', async () => {
    const clock = virtualClock();
    const journal = memoryJournal();
    const logged: string[] = [];
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: (text: string) => void logged.push(text) };
    const { server, call } = await testServer({ clock, journal, logger });
    for (const times of [1, 2]) {
      const failing = vi.spyOn(storeOf(journal), 'put').mockImplementation(() => {
        throw new JournalError('JOURNAL_FAILED', 'no disk', { cause: new Error('disk I/O error') });
      });
      for (let asked = 0; asked < 3; asked++)
        expect(await refusal(call, 'POST', '/tokens', viewer)).toEqual([503, 'JOURNAL_FAILED', '30']);
      await clock.advance(10_000);
      expect(await refusal(call, 'GET', '!/readyz')).toEqual([503, 'JOURNAL_FAILED', '30']);
      expect(logged).toHaveLength(times);
      expect(logged.at(-1)).toMatch(/no disk.*\n(.*\n)*Caused by: Error: disk I\/O error/);
      failing.mockRestore();
      await clock.advance(1_000);
      expect((await call('GET', '!/readyz')).status).toBe(200);
    }
    await server.close();
  });
});
