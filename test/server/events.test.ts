import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import type { Journal } from '../../src/engine/durable/journal.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import type { Server } from '../../src/server/create-server.ts';
import { MAX_QUEUED_BYTES } from '../../src/server/feed/client-stream.ts';
import { eventPages } from '../../src/server/feed/event-pages.ts';
import { PING_MS } from '../../src/server/feed/listeners.ts';
import { MAX_STREAMS, MAX_STREAMS_OF_TOKEN } from '../../src/server/feed/stream-slots.ts';
import type { ServerOptions } from '../../src/server/service/server-options.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { type EventSource, type Frame, listen as listenTo } from '../support/event-stream.ts';
import { type Call, comingFrom, testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';
import { turns } from '../support/turns.ts';

const long = 'x'.repeat(100);

const PING = 'event: ping\ndata: {}\n\n';

const add = defineJob<{ a?: number }>('add')
  .task('sum', ({ ctx }) => ({ sum: (ctx.a ?? 0) + 1 }))
  .seal();
const approval = defineJob('approval')
  .external('approve')
  .task('pay', { dependsOn: ['approve'] }, () => {})
  .seal();
const broken = defineJob('broken')
  .task('fails', () => {
    throw new Error('no');
  })
  .seal();
const inner = defineJob('inner')
  .task('read', () => ({ rows: [long, new Date(0)] }))
  .seal();
const collecting = defineJob('collecting')
  .job('nested', {}, inner)
  .map('each', { over: () => [1, 2] }, ({ item }) => ({ item, text: long }))
  .task('big', () => ({ total: 12n, when: new Date(0) }))
  .seal();
const large = defineJob('large')
  .task('writes', () => ({ text: 'z'.repeat(200_000) }))
  .seal();
const bulky = defineJob('bulky')
  .map('each', { over: () => range(1, 20) }, () => ({ text: 'b'.repeat(250_000) }))
  .seal();
const talking = defineJob('talking')
  .task('says', async ({ log }) => {
    log.info('one', { n: 1 });
    log.debug('two');
    log.error('three');
  })
  .seal();

const servers: Server[] = [];
const started = async (
  options: Partial<ServerOptions> = {},
): Promise<{ call: Call; server: Server; listen: (path: string, options?: object) => Promise<EventSource> }> => {
  const made = await testServer({ definitions: [add, approval, broken, collecting, large, talking], ...options });
  servers.push(made.server);
  return { ...made, listen: (path, given) => listenTo(made.server, path, given) };
};
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

const idsOf = (frames: readonly Frame[]): readonly unknown[] => frames.map(({ id }) => id);
const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Completes the external task of the job `j`. */
const complete = (server: Server): void => {
  const task = server.engine.job('j')?.task('approve');
  task?.complete({});
};

/** Runs a job to its end, and returns its last `seq`. */
const run = async (call: Call, definition: string, jobId: string, more: object = {}): Promise<number> => {
  await call('POST', '/jobs', { body: { definition, jobId, ...more } });
  await call('GET', `/jobs/${jobId}/result?waitMs=5000`);
  return ((await call('GET', `/jobs/${jobId}`)).body as { lastSeq: number }).lastSeq;
};

const itemsOf = async (call: Call, path: string) =>
  (await call('GET', path)).body as { items: Record<string, unknown>[]; nextCursor: string | null };

describe('the stream of all jobs', () => {
  test('has what happens from now on, with the position as id and the type as event', async () => {
    const { call, listen } = await started();
    const before = await run(call, 'add', 'before');
    const stream = await listen('/events');
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    const last = await run(call, 'add', 'now');
    const frames = await stream.take(last + 1);
    // The first id is for clients whose connection breaks before the first event.
    expect(stream.text()).toMatch(new RegExp(`^id: ${before + 1}\nretry: 2000\n\nid: ${before + 2}\n`));
    expect(idsOf(frames)).toEqual(range(before + 2, before + 2 + last));
    const { items } = await itemsOf(call, `/events?after=${before + 1}`);
    expect(frames.map(({ data, id }) => ({ ...(data as object), position: id }))).toEqual(items);
    expect(frames.map(({ type }) => type)).toEqual(items.map(({ type }) => type));
    expect(frames[0]?.data).toMatchObject({ jobId: 'now', jobName: 'add', seq: 0 });
  });

  test('begins with an id and a retry, by which a parser of event streams dispatches nothing', async () => {
    const { call, listen } = await started();
    const before = await run(call, 'add', 'before');
    const stream = await listen('/events');
    const last = await run(call, 'add', 'now');
    await stream.take(last + 1);
    const messages: EventSourceMessage[] = [];
    const retries: number[] = [];
    const parser = createParser({
      onEvent: (message) => messages.push(message),
      onRetry: (ms) => retries.push(ms),
    });
    parser.feed(stream.text());
    // The blank line after `id:` without data sets the last event id, and dispatches nothing.
    expect(retries).toEqual([2000]);
    expect(messages.map(({ id }) => Number(id))).toEqual(range(before + 2, before + 2 + last));
    expect(messages.every(({ data }) => data !== '')).toBe(true);
  });

  test('and that of a job catch up with large events a few at a time', async () => {
    const journal = memoryJournal();
    const { call, server, listen } = await started({ journal, definitions: [bulky] });
    const last = await run(call, 'bulky', 'j');
    const { feed } = journal;
    const pages = eventPages(journal, undefined);
    const bytesBeforeLast = (events: readonly { readonly json: string }[]): number =>
      events.slice(0, -1).reduce((total, { json }) => total + json.length, 0);
    const sizes: number[] = [];
    const positions: unknown[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const { events, reached } = await pages.ofAll(feed, after, 500);
      sizes.push(bytesBeforeLast(events));
      positions.push(...events.map(({ position }) => position));
      after = reached;
    }
    expect(positions).toEqual(range(1, last + 1));
    expect(Math.max(...sizes)).toBeLessThan(2 ** 20);
    expect(sizes.length).toBeGreaterThan(3);
    const seqs: number[] = [];
    for (let isLast = false; !isLast; ) {
      const page = await pages.ofJob('j', seqs.at(-1) ?? -1, 500);
      seqs.push(...page.events.map(({ event }) => event.seq));
      expect(bytesBeforeLast(page.events)).toBeLessThan(2 ** 20);
      isLast = page.isLast;
    }
    expect(seqs).toEqual(range(0, last));
    expect(idsOf(await (await listen('/jobs/j/events')).rest())).toEqual(range(0, last));
    expect(idsOf(await (await listen('/events?after=0')).take(last + 1))).toEqual(range(1, last + 1));
    const first = await itemsOf(call, '/jobs/j/events?limit=100');
    expect(first.items.length).toBeLessThan(last);
    expect(first.nextCursor).not.toBeNull();
    await server.close();
  });

  test('resumes after the last id, by header or query, and joins what happens then', async () => {
    const { call, listen } = await started();
    const last = await run(call, 'add', 'a');
    for (const stream of [await listen('/events', { id: 2 }), await listen('/events?after=2')]) {
      expect(idsOf(await stream.take(last - 1))).toEqual(range(3, last + 1));
      await stream.close();
    }
    const both = await listen('/events?after=0', { id: 2 });
    await run(call, 'add', 'b');
    expect(idsOf(await both.take(2 * last))).toEqual(range(3, 2 * last + 2));
  });

  test('can be that of a topic, of jobs of a name, and of some types', async () => {
    const { call, listen } = await started();
    await call('POST', '/topics', { body: { name: 'kitchen' } });
    const streams = await Promise.all(
      ['topic=kitchen', 'name=broken', 'type=job.transition&type=task.log'].map((query) => listen(`/events?${query}`)),
    );
    const last = await run(call, 'add', 'a', { topic: 'kitchen' });
    await run(call, 'broken', 'b');
    const [ofTopic, ofName, ofType] = await Promise.all(
      streams.map((stream, at) => stream.take([last + 1, 2, 4][at] as number)),
    );
    expect(new Set(ofTopic?.map(({ data }) => (data as { jobId: string }).jobId))).toEqual(new Set(['a']));
    expect(ofName?.map(({ data }) => (data as { jobName: string }).jobName)).toEqual(['broken', 'broken']);
    expect(ofType?.map(({ data }) => (data as { to: string }).to)).toEqual([
      'running',
      'completed',
      'running',
      'failed',
    ]);
    for (const [at, query] of ['topic=kitchen', 'name=broken&limit=2', 'type=job.transition&type=task.log'].entries()) {
      const { items } = await itemsOf(call, `/events?${query}`);
      expect(items.map(({ position }) => position)).toEqual(idsOf([ofTopic, ofName, ofType][at] ?? []));
    }
    expect(await call('GET', '/events?type=nothing')).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
  });

  test('says once that events before the oldest are gone, and goes on from there', async () => {
    const { call, listen } = await started();
    const last = await run(call, 'add', 'old');
    await run(call, 'add', 'new');
    await call('DELETE', '/jobs/old');
    const stream = await listen('/events', { id: 1 });
    const [reset, ...frames] = await stream.take(last + 2);
    expect(stream.text()).toMatch(/^retry: 2000\n\nevent: reset\n/);
    expect(reset).toEqual({ id: undefined, type: 'reset', data: { oldest: last + 2 } });
    expect(idsOf(frames)).toEqual(range(last + 2, 2 * last + 2));
    const [first] = await (await listen('/events', { id: last + 1 })).take(1);
    expect(first?.type).not.toBe('reset');
    const ahead = await listen('/events', { id: 10_000 });
    expect((await ahead.take(2)).map(({ type, id }) => [type, id])).toEqual([
      ['reset', undefined],
      ['job.transition', last + 2],
    ]);
    await call('DELETE', '/jobs/new');
    const [none] = await (await listen('/events', { id: 1 })).take(1);
    expect(none?.data).toEqual({ oldest: 2 * last + 3 });
  });

  test('has outputs as JSON, with what they refer to, live as well as later', async () => {
    const { call, listen } = await started();
    const live = await listen('/events');
    const last = await run(call, 'collecting', 'c');
    const frames = await live.take(last + 1);
    const outputs = Object.fromEntries(
      frames.flatMap(({ data }) => {
        const { task, output } = data as { task: string; output?: unknown };
        return output === undefined ? [] : [[task, output]];
      }),
    );
    const date = '1970-01-01T00:00:00.000Z';
    expect(outputs).toMatchObject({
      'nested/read': { rows: [long, date] },
      nested: { nested: { rows: [long, date] } },
      each: {
        each: [
          { item: 1, text: long },
          { item: 2, text: long },
        ],
      },
      big: { total: '12', when: date },
    });
    expect((await (await listen('/events?after=0')).take(last + 1)).map(({ data }) => data)).toEqual(
      frames.map(({ data }) => data),
    );
    const { items } = await itemsOf(call, '/jobs/c/events?limit=500');
    expect(items).toEqual(frames.map(({ data }) => data));
  });

  test('sends a ping every 15 s', async () => {
    const clock = virtualClock();
    const { listen } = await started({ clock });
    const before = clock.pending();
    const stream = await listen('/events');
    void stream.next();
    await clock.advance(2 * PING_MS);
    expect(stream.text()).toBe(`id: 0\nretry: 2000\n\n${PING.repeat(2)}`);
    expect(clock.pending()).toBe(before + 1);
    await stream.close();
    expect(clock.pending()).toBe(before);
  });

  test('is asked for by Accept: every other answer is a page', async () => {
    const { call, server } = await started();
    await run(call, 'add', 'a');
    const typeFor = async (accept: string, method = 'GET') => {
      const request = new Request('http://localhost/api/v1/events', { method, headers: { accept } });
      const answer = await server.fetch(request, comingFrom('127.0.0.1'));
      const type = answer.headers.get('content-type');
      await answer.body?.cancel();
      return [answer.status, type];
    };
    expect(await typeFor('*/*')).toEqual([200, 'application/json']);
    expect(await typeFor('application/json, text/event-stream;q=0.5')).toEqual([200, 'application/json']);
    expect(await typeFor('text/event-stream')).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(await typeFor('text/event-stream', 'HEAD')).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(await typeFor('text/html')).toEqual([406, 'application/problem+json']);
    // That of HEAD was never open: the server has no stream left.
    const { secret } = await server.tokens.create({ name: 'v', roles: ['viewer'] });
    const streams = await Promise.all(
      range(1, MAX_STREAMS_OF_TOKEN).map(() => listenTo(server, '/events', { token: secret })),
    );
    expect(streams.every(({ status }) => status === 200)).toBe(true);
  });
});

describe('the pages of all events', () => {
  test('go on after a cursor, also as more is kept', async () => {
    const { call } = await started();
    const last = await run(call, 'add', 'a');
    const first = await itemsOf(call, '/events?limit=3');
    expect(first.items.map(({ position }) => position)).toEqual([1, 2, 3]);
    await run(call, 'add', 'b');
    const rest = await itemsOf(call, `/events?limit=500&cursor=${first.nextCursor}`);
    expect(rest.items.map(({ position }) => position)).toEqual(range(4, 2 * last + 2));
    expect(rest.nextCursor).toBeNull();
    expect(await call('GET', `/events?name=add&cursor=${first.nextCursor}`)).toMatchObject({
      status: 400,
      body: { code: 'INVALID_CURSOR' },
    });
    expect(await call('GET', '/events', { headers: { 'last-event-id': 'abc' } })).toMatchObject({ status: 400 });
  });
});

describe('the stream of a job', () => {
  test('has its events from the first on, live, and ends with the last one', async () => {
    const { call, server, listen } = await started();
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'j' } });
    await run(call, 'add', 'other');
    const stream = await listen('/jobs/j/events');
    await stream.take(2);
    complete(server);
    const frames = await stream.rest();
    expect(idsOf(frames)).toEqual(range(2, frames.length + 1));
    expect(frames.at(-1)?.data).toMatchObject({ type: 'job.transition', to: 'completed', jobId: 'j' });
  });

  test('and every other answer have no stacks in the output of a tolerant fan-out', async () => {
    const tolerant = defineJob('tolerant')
      .map('each', { over: () => [1, 2], continueOnFailure: true }, ({ item }) => {
        if (item === 2) throw new Error('no', { cause: new Error('burnt') });
        return { item };
      })
      .external('check', { dependsOn: ['each'] })
      .seal();
    const { call, server, listen } = await started({ definitions: [tolerant] });
    await call('POST', '/jobs', { body: { definition: 'tolerant', jobId: 't' } });
    await turns();
    const text = async (path: string) => JSON.stringify((await call('GET', path)).body);
    const texts = [await text('/units')];
    server.engine.job('t')?.task('check').complete({});
    await server.engine.job('t');
    const stream = await listen('/jobs/t/events');
    await stream.rest();
    texts.push(stream.text());
    for (const path of ['/events', '/jobs/t/events', '/jobs/t/tasks?outputs=true', '/jobs/t/result'])
      texts.push(await text(path));
    for (const shown of texts) {
      expect(shown).toContain('"status":"rejected"');
      expect(shown).toContain('"message":"burnt"');
      expect(shown).not.toContain('"stack"');
    }
  });

  test('asked for again after its end is 204; it goes on if the job is retried', async () => {
    const { call, listen } = await started();
    const last = await run(call, 'broken', 'b');
    const whole = await listen('/jobs/b/events?snapshot=false');
    expect(idsOf(await whole.rest())).toEqual(range(0, last));
    const snapshot = await listen('/jobs/b/events?snapshot=true');
    await snapshot.rest();
    for (const stream of [whole, snapshot]) {
      expect(stream.text()).toContain('"message":"no"');
      expect(stream.text()).not.toContain('"stack"');
    }
    expect(idsOf(await (await listen('/jobs/b/events', { id: last - 1 })).rest())).toEqual([last]);
    expect((await listen('/jobs/b/events', { id: last })).status).toBe(204);
    await call('POST', '/jobs/b/retry');
    await call('GET', '/jobs/b/result?waitMs=5000');
    const again = await (await listen('/jobs/b/events', { id: last })).rest();
    expect(again[0]).toMatchObject({ id: last + 1, data: { from: 'failed', to: 'running' } });
    expect(idsOf(await (await listen('/jobs/b/events')).rest())).toEqual(range(0, again.at(-1)?.id ?? 0));
    const [reset, first] = await (await listen('/jobs/b/events', { id: 1000 })).take(2);
    expect([reset?.type, reset?.data, first?.id]).toEqual(['reset', { oldest: 0 }, 0]);
  });

  test('of an unknown job is 404; it ends when the job is removed', async () => {
    const clock = virtualClock();
    const journal = memoryJournal();
    const { call, listen } = await started({ clock, journal });
    expect(await call('GET', '/jobs/none/events')).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
    expect((await listen('/jobs/none/events')).status).toBe(404);
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'j' } });
    const stream = await listen('/jobs/j/events');
    const rest = stream.rest();
    await turns();
    journal.remove('j');
    await clock.advance(PING_MS);
    expect(idsOf(await rest)).toEqual([0, 1]);
  });

  test('can begin with the job as it is, and then has what follows, without a gap', async () => {
    const { call, server, listen } = await started();
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'j' } });
    const stream = await listen('/jobs/j/events?snapshot=true');
    const [snapshot] = await stream.take(1);
    expect(snapshot).toMatchObject({
      id: undefined,
      type: 'snapshot',
      data: { id: 'j', state: 'running', lastSeq: 1 },
    });
    expect((snapshot?.data as { tasks: object[] }).tasks).toMatchObject([{ path: 'approve', state: 'ready' }, {}]);
    complete(server);
    const frames = await stream.rest();
    expect(idsOf(frames)).toEqual(range(2, frames.length + 1));
    // One who resumes has the events since.
    const resumed = await listen('/jobs/j/events?snapshot=true', { id: 3 });
    expect(idsOf(await resumed.rest())).toEqual(range(4, frames.length + 1));
    // Of a job that is over, the last event follows, so that a client has the id that is answered with 204.
    const over = await (await listen('/jobs/j/events?snapshot=true')).rest();
    expect(over.map(({ type, id }) => [type, id])).toEqual([
      ['snapshot', undefined],
      ['job.transition', frames.length + 1],
    ]);
    expect(over[0]?.data).toMatchObject({ state: 'completed', lastSeq: frames.length + 1 });
  });

  test('a snapshot has only what is kept', async () => {
    const journal = memoryJournal();
    let isStuck = false;
    const free: (() => void)[] = [];
    const slow: Required<Journal> = {
      ...journal,
      append: async (batches) => {
        if (isStuck) await new Promise<void>((resolve) => free.push(resolve));
        return journal.append(batches);
      },
    };
    const { call, server, listen } = await started({ journal: slow });
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'j' } });
    isStuck = true;
    server.engine.job('j')?.task('approve').claim('me');
    await turns();
    let isAnswered = false;
    const opening = listen('/jobs/j/events?snapshot=true').finally(() => {
      isAnswered = true;
    });
    await turns();
    expect(isAnswered).toBe(false);
    isStuck = false;
    for (const go of free) go();
    const [snapshot] = await (await opening).take(1);
    expect(snapshot?.data).toMatchObject({ tasks: [{ path: 'approve', state: 'running' }, {}] });
    expect((snapshot?.data as { lastSeq: number }).lastSeq).toBe(journal.job('j') && 2);
  });
});

describe('clients', () => {
  test('that do not read are cut at 1 MiB and resume; others get all', async () => {
    const { call, listen } = await started();
    const fast = await listen('/events');
    const slow = await listen('/events');
    let got = 0;
    const reading = (async () => {
      while (await fast.next()) got++;
    })();
    for (let count = 0; count < 8; count++) await run(call, 'large', `large-${count}`);
    await turns();
    await expect(slow.rest()).rejects.toThrow('too slowly');
    expect(got).toBe((await itemsOf(call, '/events?limit=500')).items.length);
    expect(MAX_QUEUED_BYTES).toBe(1024 * 1024);
    const again = await listen('/events', { id: 1 });
    expect(idsOf(await again.take(got - 1))).toEqual(range(2, got));
    await fast.close();
    await reading;
  });

  test('of which more than 100 listen are sent events every 25 ms at most', async () => {
    const clock = virtualClock();
    const { call, listen } = await started({ clock });
    const streams = await Promise.all(range(0, 100).map(() => listen('/events')));
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'a' } });
    await turns();
    await clock.advance(25);
    await Promise.all(streams.map((stream) => stream.take(2)));
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'b' } });
    await turns();
    const before = streams[0]?.text() ?? '';
    expect(before).not.toContain('"jobId":"b"');
    // Those who come meanwhile read it at once, and do not get it again.
    const late = [await listen('/events', { id: 2 }), await listen('/jobs/b/events')];
    expect(await Promise.all(late.map((stream) => stream.take(2).then(idsOf)))).toEqual([
      [3, 4],
      [0, 1],
    ]);
    const seen = streams.map((stream) => stream.take(2));
    await clock.advance(25);
    expect(idsOf((await Promise.all(seen))[100] ?? [])).toEqual([3, 4]);
    await call('POST', '/jobs/b/cancel');
    const last = late.map((stream) => stream.take(1).then(idsOf));
    await clock.advance(25);
    expect(await Promise.all(last)).toEqual([[5], [2]]);
    await Promise.all([...streams, ...late].map((stream) => stream.close()));
  });

  test('leave nothing behind: 1,000 that connect and go', async () => {
    const clock = virtualClock();
    const { feed, ...journal } = memoryJournal();
    let listeners = 0;
    const onChange: typeof feed.onChange = (listener) => {
      const stop = feed.onChange(listener);
      listeners++;
      return () => {
        stop();
        listeners--;
      };
    };
    const { call, server, listen } = await started({ clock, journal: { ...journal, feed: { ...feed, onChange } } });
    await run(call, 'add', 'a');
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'j' } });
    const { secret } = await server.tokens.create({ name: 'v', roles: ['viewer'] });
    const before = clock.pending();
    const paths = ['/events', '/events?after=0', '/events?topic=x', '/jobs/j/events', '/jobs/j/events?snapshot=true'];
    for (let count = 0; count < 1_000; count++) {
      const stream = await listen(paths[count % paths.length] as string, { token: secret });
      expect(stream.status).toBe(200);
      if (count % 3 === 0) await turns(2);
      expect(listeners).toBe(1);
      await stream.close();
    }
    expect([listeners, clock.pending()]).toEqual([0, before]);
  });

  test('that break their connection leave nothing behind either', async () => {
    const { call, server } = await started();
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'j' } });
    const { secret } = await server.tokens.create({ name: 'v', roles: ['viewer'] });
    const { url } = await server.listen({ port: 0 });
    const connect = (path: string, signal: AbortSignal): Promise<Response> =>
      fetch(`${url}/api/v1${path}`, {
        signal,
        headers: { accept: 'text/event-stream', authorization: `Bearer ${secret}` },
      });
    for (let round = 0; round < 5; round++) {
      const broken = new AbortController();
      const paths = range(1, MAX_STREAMS_OF_TOKEN).map((at) => (at % 2 === 0 ? '/events' : '/jobs/j/events'));
      // The server hears of the broken connections some turns later.
      const statuses = await Promise.all(
        paths.map(async (path) => {
          for (;;) {
            const { status, body } = await connect(path, broken.signal);
            if (status !== 429 || round === 0) return status;
            await body?.cancel();
          }
        }),
      );
      expect(statuses.every((status) => status === 200)).toBe(true);
      expect((await connect('/events', broken.signal)).status).toBe(429);
      broken.abort();
    }
  });

  test('are 20 a token and 2,000 altogether', async () => {
    const { server, listen } = await started();
    const tokens: string[] = [];
    for (let count = 0; count <= MAX_STREAMS / MAX_STREAMS_OF_TOKEN; count++)
      tokens.push((await server.tokens.create({ name: 'v', roles: ['viewer'] })).secret);
    const open: EventSource[] = [];
    const [first = '', ...others] = tokens;
    for (let count = 0; count < MAX_STREAMS_OF_TOKEN; count++) open.push(await listen('/events', { token: first }));
    const refused = await listen('/events', { token: first });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.next()).toBeUndefined();
    for (const token of others.slice(0, -1))
      for (let count = 0; count < MAX_STREAMS_OF_TOKEN; count++) open.push(await listen('/events', { token }));
    expect(open.every(({ status }) => status === 200)).toBe(true);
    expect(open).toHaveLength(MAX_STREAMS);
    const last = others.at(-1) as string;
    expect((await listen('/events', { token: last })).status).toBe(429);
    await open[0]?.close();
    expect((await listen('/events', { token: last })).status).toBe(200);
  });

  test('see events as viewers; a worker does not', async () => {
    const { call, server, listen } = await started();
    await run(call, 'add', 'a');
    const { secret } = await server.tokens.create({ name: 'v', roles: ['viewer'] });
    const { secret: worker } = await server.tokens.create({ name: 'w', roles: ['worker'], owners: ['cook'] });
    for (const path of ['/events', '/jobs/a/events', '/jobs/a/logs']) {
      expect((await call('GET', path, { token: secret })).status).toBe(200);
      expect(await call('GET', path, { token: worker })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
      expect((await call('GET', path)).status).toBe(401);
    }
    expect((await listen('/events', { token: worker })).status).toBe(403);
  });

  test('are sent nothing more once their token is revoked or has expired', async () => {
    const clock = virtualClock();
    const { server, listen } = await started({ clock });
    const viewer = { name: 'v', roles: ['viewer'] as const };
    const { token, secret } = await server.tokens.create(viewer);
    const { secret: expiring } = await server.tokens.create({ ...viewer, expiresAt: PING_MS + 1 });
    const { secret: lasting } = await server.tokens.create(viewer);
    const [revoked, expired, kept] = await Promise.all(
      [secret, expiring, lasting].map((one) => listen('/events', { token: one })),
    );
    const next = kept?.next();
    const ends = [revoked, expired].map((stream) => stream?.rest());
    await server.tokens.revoke(token.id);
    await clock.advance(2 * PING_MS);
    expect(await Promise.all(ends)).toEqual([[], []]);
    expect([revoked, expired, kept].map((stream) => stream?.text().split(PING).length)).toEqual([2, 3, 3]);
    await kept?.close();
    await next;
  });

  test('of those who had none are sent nothing more once there is a token, unless none is ever needed', async () => {
    const clock = virtualClock();
    for (const [tokens, streams] of [
      [undefined, 0],
      [false, 1],
    ] as const) {
      const { server, listen } = await started({ clock, tokens });
      const stream = await listen('/events');
      let isOpen = 1;
      const rest = stream.rest().then(() => isOpen--);
      await server.tokens.create({ name: 'v', roles: ['viewer'] });
      await clock.advance(PING_MS);
      await turns();
      expect([tokens, isOpen]).toEqual([tokens, streams]);
      await server.close();
      await rest;
    }
  });

  test('are told the end when the server closes', async () => {
    const { call, server, listen } = await started();
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'j' } });
    const streams = [await listen('/events?after=0'), await listen('/jobs/j/events')];
    const rest = Promise.all(streams.map((stream) => stream.rest()));
    await turns();
    await server.close({ graceMs: 0 });
    expect((await rest).map(idsOf)).toEqual([
      [1, 2],
      [0, 1],
    ]);
    expect((await listen('/events')).status).toBe(503);
  });
});

describe('journals', () => {
  test('without a feed have events of jobs as pages, and no streams', async () => {
    const { feed: _, ...journal } = memoryJournal();
    const { call, listen } = await started({ journal });
    const last = await run(call, 'add', 'a');
    expect((await itemsOf(call, '/jobs/a/events')).items).toHaveLength(last + 1);
    expect(await call('GET', '/events')).toMatchObject({ status: 409, body: { code: 'NO_FEED' } });
    for (const path of ['/events', '/jobs/a/events']) expect((await listen(path)).status).toBe(409);
  });

  test('in one file: what another process runs is streamed within 250 ms', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const file = newFile();
    const { listen } = await started({ journal: opened(file) });
    const all = await listen('/events');
    await turns();
    const engine = createEngine({ journal: opened(file) });
    const job = engine.start(add, { a: 1 }, { jobId: 'other' });
    await job;
    await job.saved();
    vi.advanceTimersByTime(250);
    const ofJob = await (await listen('/jobs/other/events')).rest();
    expect(idsOf(await all.take(ofJob.length))).toEqual(range(1, ofJob.length));
    vi.useRealTimers();
    await all.close();
    await engine.close();
  });
});

describe('the log of a job', () => {
  test('has the lines of its tasks, by task and level, page by page', async () => {
    const { call } = await started();
    await run(call, 'talking', 't');
    const { items } = await itemsOf(call, '/jobs/t/logs');
    expect(items).toMatchObject([
      { task: 'says', attempt: 1, level: 'info', message: 'one', data: { n: 1 } },
      { level: 'debug', message: 'two' },
      { level: 'error', message: 'three' },
    ]);
    expect((await itemsOf(call, '/jobs/t/logs?level=info')).items.map(({ message }) => message)).toEqual([
      'one',
      'three',
    ]);
    expect((await itemsOf(call, '/jobs/t/logs?task=other')).items).toEqual([]);
    const first = await itemsOf(call, '/jobs/t/logs?limit=1');
    const rest = await itemsOf(call, `/jobs/t/logs?cursor=${first.nextCursor}`);
    expect((await itemsOf(call, `/jobs/t/logs?after=${first.items[0]?.seq}`)).items).toEqual(items.slice(1));
    expect([...first.items, ...rest.items]).toEqual(items);
    expect(rest.nextCursor).toBeNull();
    expect(await call('GET', '/jobs/none/logs')).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
  });

  test('has the last lines of an attempt that has not ended', async () => {
    const clock = virtualClock();
    const chatty = defineJob('chatty')
      .task('talks', async ({ log, signal }) => {
        for (const n of range(1, 5)) log[n === 4 ? 'error' : 'info'](`line ${n}`);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      })
      .seal();
    const { call, server } = await started({ clock, definitions: [chatty] });
    const job = server.engine.start(chatty, {}, { jobId: 'c', logs: { first: 1, last: 2 } });
    await clock.advance(6_000);
    const page = (await call('GET', '/jobs/c/logs')).body as { items: object[]; unfinished: object[] };
    expect(page.items).toMatchObject([{ message: 'line 1' }]);
    expect(page.unfinished).toMatchObject([
      { task: 'talks', omitted: 2, last: [{ message: 'line 4' }, { message: 'line 5' }] },
    ]);
    expect((await call('GET', '/jobs/c/logs?level=error')).body).toMatchObject({
      items: [],
      unfinished: [{ last: [{ level: 'error', message: 'line 4' }] }],
    });
    job.cancel('enough');
    await clock.advance(1);
    expect((await call('GET', '/jobs/c/logs')).body).toMatchObject({
      items: [{ message: 'line 1' }, { omitted: 2, last: [{ message: 'line 4' }, { message: 'line 5' }] }],
      unfinished: [],
    });
  });
});
