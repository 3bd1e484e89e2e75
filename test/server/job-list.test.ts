import { describe, expect, onTestFinished, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { type VirtualClock, virtualClock } from '../../src/testing/virtual-clock.ts';
import { testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';

const quick = defineJob('quick')
  .task('a', () => ({}))
  .seal();
const broken = defineJob('broken')
  .task('a', () => {
    throw new Error('no');
  })
  .seal();
const approval = defineJob('approval').external('approve').seal();

type Body = {
  readonly items: readonly { readonly id: string; readonly state: string }[];
  readonly total: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly started: number;
};

const given = async (journal = memoryJournal()) => {
  const clock = virtualClock(Date.UTC(2027, 0, 1));
  const { server, call } = await testServer({
    journal,
    clock,
    definitions: [quick, broken, approval],
    logger: undefined,
  });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const start = async (definition: string, jobId: string, more: object = {}) => {
    expect((await call('POST', '/jobs', { body: { definition, jobId, ...more } })).status).toBe(201);
    await clock.advance(10);
    await server.engine.job(jobId)?.saved();
  };
  const ids = async (query: string): Promise<readonly string[]> =>
    ((await call('GET', `/jobs${query}`)).body as Body).items.map(({ id }) => id);
  return { clock, server, call, start, ids };
};

/** The frames of a stream, as they come. */
const framesOf = async (server: Awaited<ReturnType<typeof given>>['server'], query: string) => {
  const abort = new AbortController();
  const answer = await server.fetch(
    new Request(`http://localhost/api/v1/jobs${query}`, {
      headers: { accept: 'text/event-stream' },
      signal: abort.signal,
    }),
    { incoming: { socket: { remoteAddress: '127.0.0.1' } } },
  );
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  let text = '';
  void (async () => {
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>)
      text += Buffer.from(chunk).toString();
  })().catch(() => {});
  const frames = (): readonly Body[] =>
    [...text.matchAll(/^event: jobs\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data as string));
  return { frames, text: () => text };
};

/** Lets time pass until nothing more is written. */
const settle = async (clock: VirtualClock, ms: number): Promise<void> => {
  await clock.advance(ms);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
};

describe.each([
  ['in memory', () => memoryJournal()],
  ['in SQLite', () => opened(newFile(), { synchronous: 'normal' })],
])('a list of jobs %s', (_where, journal) => {
  test('is read by number, in either order and by any filter, with its counts', async () => {
    const { clock, call, start, ids } = await given(journal() as never);
    for (let n = 0; n < 6; n++)
      await start(n % 3 === 0 ? 'broken' : 'quick', `j${n}`, { labels: { half: `${n % 2}` } });
    await start('approval', 'waits');
    expect(await ids('?from=0&size=3')).toEqual(['waits', 'j5', 'j4']);
    expect(await ids('?from=5')).toEqual(['j1', 'j0']);
    expect(await ids('?size=1')).toEqual(['waits']);
    expect(await ids('?from=2&size=2&order=oldest')).toEqual(['j2', 'j3']);
    expect(await ids('?from=7')).toEqual([]);
    expect(await ids('?from=1&size=2&state=completed&state=failed')).toEqual(['j4', 'j3']);
    expect(await ids('?from=1&label=half:1')).toEqual(['j3', 'j1']);
    expect(await ids('?from=1&name=broken')).toEqual(['j0']);
    expect(await ids('?from=4&q=j')).toEqual(['j1', 'j0']);
    expect(await ids('?from=0&q=WAIT')).toEqual([]);
    expect(await ids('?from=0&q=wait')).toEqual(['waits']);
    expect(await ids('?from=0&q=BRO')).toEqual(['j3', 'j0']);
    expect(await ids('?q=BRO&limit=1')).toEqual(['j3']);
    expect(await ids('?idPrefix=bro')).toEqual([]);
    expect(await ids('?idPrefix=j5&q=quick')).toEqual(['j5']);
    expect((await call('GET', '/jobs?from=0&size=1&q=BRO')).body).toMatchObject({
      now: clock.now(),
      total: 2,
      counts: { failed: 2 },
    });
    expect((await call('GET', '/jobs?from=1&size=2&state=completed&state=failed')).body).toMatchObject({
      from: 1,
      nextCursor: null,
      total: 6,
      counts: { completed: 4, failed: 2, running: 1 },
    });
    expect((await call('GET', '/jobs?from=0&label=half:1&state=failed')).body).toMatchObject({
      total: 1,
      counts: { completed: 2, failed: 1 },
    });
    expect((await call('GET', '/jobs?limit=2')).body).not.toHaveProperty('total');
  });
});

test.each([
  'from=0&cursor=x',
  'size=5&cursor=x',
  'from=-1',
  'from=1.5',
  'from=x',
  'size=0',
  'size=501',
  'from=0&state=draft',
])('a list by %s is refused', async (query) => {
  const { call } = await given();
  expect(await call('GET', `/jobs?${query}`)).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
});

describe('the stream of a list', () => {
  test('begins with its counts, then has what changes: jobs, counts, and how many have begun', async () => {
    const { clock, server, start, call } = await given();
    await start('quick', 'old');
    const { frames } = await framesOf(server, '');
    await settle(clock, 1);
    expect(frames()).toEqual([{ items: [], more: false, started: 0, total: 1, counts: { completed: 1 } }]);
    await settle(clock, 1_000);
    await start('approval', 'waits');
    await settle(clock, 1_000);
    expect(frames().at(-1)).toMatchObject({
      items: [{ id: 'waits', state: 'running' }],
      started: 1,
      total: 2,
      counts: { completed: 1, running: 1 },
    });
    await call('POST', '/jobs/waits/cancel', { body: {} });
    await settle(clock, 2_000);
    expect(frames().at(-1)).toMatchObject({
      items: [{ id: 'waits', state: 'cancelled' }],
      started: 1,
      counts: { completed: 1, cancelled: 1 },
    });
  });

  test('has at most two frames a second, however much happens', async () => {
    const { clock, server, start } = await given();
    const { frames } = await framesOf(server, '');
    for (let n = 0; n < 100; n++) {
      await start('quick', `j${n}`);
      await settle(clock, 40);
    }
    await settle(clock, 1_000);
    // 100 starts take 50 ms each.
    expect(frames().length).toBeLessThanOrEqual(13);
    expect(frames().length).toBeGreaterThan(5);
    expect(new Set(frames().flatMap(({ items }) => items.map(({ id }) => id))).size).toBe(100);
    expect(frames().at(-1)).toMatchObject({ started: 100, total: 100 });
  });

  test.each([
    'name=approval',
    'q=APP',
  ])('by %s has the jobs that this selects, also those that leave it by their state', async (query) => {
    const { clock, server, start, call } = await given();
    const { frames } = await framesOf(server, `?${query}&state=running`);
    await start('quick', 'other');
    await start('approval', 'waits');
    await settle(clock, 1_000);
    await call('POST', '/jobs/waits/cancel', { body: {} });
    await settle(clock, 2_000);
    const seen = frames().flatMap(({ items }) => items.map(({ id, state }) => `${id} ${state}`));
    expect(new Set(seen)).toEqual(new Set(['waits running', 'waits cancelled']));
    expect(frames().at(-1)).toMatchObject({ started: 1, total: 0, counts: { cancelled: 1 } });
  });

  test('says so if more jobs changed than it shows, and counts them all', async () => {
    const { clock, server } = await given();
    const { frames } = await framesOf(server, '');
    await settle(clock, 1);
    for (let n = 0; n < 250; n++) server.engine.start(quick, {}, { jobId: `j${n}` });
    await settle(clock, 2_000);
    expect(frames().at(-1)).toMatchObject({ started: 250 });
    expect(frames().some((frame) => (frame as unknown as { more: boolean }).more)).toBe(true);
    for (const { items } of frames()) expect(items.length).toBeLessThanOrEqual(200);
  });

  test('ends with the server', async () => {
    const { clock, server } = await given();
    const { text } = await framesOf(server, '');
    await settle(clock, 15_000);
    expect(text()).toContain('\nevent: ping\n');
    await server.close({ graceMs: 0 });
    const answer = await server.fetch(
      new Request('http://localhost/api/v1/jobs', { headers: { accept: 'text/event-stream' } }),
    );
    expect(answer.status).toBe(503);
  });
});
