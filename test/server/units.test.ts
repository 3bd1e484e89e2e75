import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { JournalError } from '../../src/engine/errors/errors.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { tokensIn } from '../../src/server/access/tokens.ts';
import type { Server } from '../../src/server/create-server.ts';
import type { ServerOptions } from '../../src/server/service/server-options.ts';
import { storeOf } from '../../src/server/store/store-of.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { type Call, testServer } from '../support/server.ts';
import { slow } from '../support/slow-journal.ts';
import { newFile, opened } from '../support/sqlite-files.ts';
import { turns } from '../support/turns.ts';
import { unitClient } from '../support/unit-client.ts';

const approval = defineJob('approval')
  .external('approve')
  .external('sign', { owner: 'boss', dependsOn: ['approve'] })
  .seal();
const contract = defineJob('contract')
  .external('check', {
    owner: 'clerk',
    description: 'Is it signed?',
    data: { pages: 3 },
    priority: 5,
    onMissedHeartbeat: 'release',
  })
  .external('file', { owner: 'clerk' })
  .seal();

const servers: Server[] = [];
const started = async (options: Partial<ServerOptions> = {}): Promise<{ call: Call; server: Server }> => {
  const made = await testServer({ definitions: [approval, contract], ...options });
  servers.push(made.server);
  await turns();
  const call: Call = async (method, path, given) => {
    const answer = await made.call(method, path, given);
    // A start answers once the job is kept; its nested jobs begin after that.
    if (/^\/jobs/.test(path)) await turns();
    return answer;
  };
  return { ...made, call };
};
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

const unit = (name: string, owner: string, more: object = {}) => ({ name, owner, ...more });

/** 13 units of a barker, cooks and a waiter; `dish` is used by several. */
const dinner = {
  name: 'dinner',
  definitions: { dish: { owner: 'cook', data: { clean: true }, output: { type: 'object', properties: { done: {} } } } },
  tasks: [
    { name: 'order', units: [unit('greet', 'waiter'), unit('seat', 'waiter', { dependsOn: ['greet'] })] },
    { name: 'call', dependsOn: ['order'], units: [unit('shout', 'barker', { data: { loud: true } })] },
    {
      name: 'cook',
      dependsOn: ['call'],
      units: [
        ...['soup', 'fish', 'rice', 'cake'].map((name) => ({ name, use: 'dish' })),
        unit('sauce', 'cook', { priority: 10 }),
        unit('plate', 'cook', { dependsOn: ['fish', 'rice', 'sauce'] }),
      ],
    },
    {
      name: 'serve',
      dependsOn: ['cook'],
      units: [unit('bell', 'barker'), ...['bring', 'pour', 'bill'].map((name) => unit(name, 'waiter'))],
    },
  ],
};

const document = (units: readonly object[], name = 'work') => ({ name, tasks: [{ name: 'all', units }] });

describe('the kitchen', () => {
  test('completes: each client claims what is for it, with what was put out before', async () => {
    const { call } = await started();
    await call('POST', '/jobs', { body: { document: dinner, jobId: 'd' } });
    const client = unitClient(call);
    const done: string[] = [];
    const deps: Record<string, unknown> = {};
    for (let round = 0; round < 50 && done.length < 13; round++) {
      await turns();
      for (const owner of ['barker', 'cook', 'waiter']) {
        for (const { id, name, token, deps: given } of await client.claim(owner, { max: 10 })) {
          done.push(name);
          deps[name] = given;
          const answer = await client.send(id, [
            { type: 'progress', fraction: 0.5, token },
            { type: 'log', level: 'info', message: 'nearly', token },
            { type: 'success', output: { done: name }, token },
          ]);
          expect(answer).toMatchObject({ status: 200, body: { unit: { state: 'completed', output: { done: name } } } });
        }
      }
    }
    expect(done).toHaveLength(13);
    expect(new Set(done).size).toBe(13);
    expect(done.indexOf('sauce')).toBeLessThan(done.indexOf('soup'));
    expect(deps.plate).toEqual({
      fish: { done: 'fish' },
      rice: { done: 'rice' },
      sauce: { done: 'sauce' },
      call: { shout: { done: 'shout' } },
    });
    expect(await call('GET', '/jobs/d/result?waitMs=5000')).toMatchObject({ body: { state: 'completed' } });
    expect(await client.names('job=d&state=completed')).toHaveLength(13);
  });

  test('shows the inbox in groups, page by page', async () => {
    const { call } = await started();
    await call('POST', '/topics', { body: { name: 'evening', title: 'Evening' } });
    await call('POST', '/jobs', { body: { document: dinner, jobId: 'd1', topic: 'evening' } });
    await call('POST', '/jobs', { body: { document: dinner, jobId: 'd2' } });
    expect((await call('GET', '/units?group=true')).body).toEqual({
      topics: [
        {
          topic: 'evening',
          jobs: [
            {
              id: 'd1',
              name: 'dinner',
              tasks: [{ task: 'order', units: [expect.objectContaining({ name: 'greet' })] }],
            },
          ],
        },
        { jobs: [{ id: 'd2', name: 'dinner', tasks: [{ task: 'order', units: [expect.anything()] }] }] },
      ],
      nextCursor: null,
    });
    const first = (await call('GET', '/units?limit=1')).body as { items: { jobId: string }[]; nextCursor: string };
    expect(first.items).toMatchObject([{ jobId: 'd1', jobName: 'dinner' }]);
    expect((await call('GET', `/units?limit=1&cursor=${first.nextCursor}`)).body).toMatchObject({
      items: [{ jobId: 'd2' }],
      nextCursor: null,
    });
    expect((await call('GET', `/units?owner=cook&cursor=${first.nextCursor}`)).body).toMatchObject({
      code: 'INVALID_CURSOR',
    });
    expect(await unitClient(call).names('topic=evening')).toEqual(['greet']);
    const waiting = (await call('GET', '/units?state=waiting&limit=12')).body as {
      items: { name: string }[];
      nextCursor: string;
    };
    const rest = (await call('GET', `/units?state=waiting&limit=12&cursor=${waiting.nextCursor}`)).body;
    expect(waiting.items.map(({ name }) => name).slice(0, 2)).toEqual(['shout', 'cake']);
    expect(rest).toMatchObject({ items: { length: 12 }, nextCursor: null });
  });
});

describe('a claim', () => {
  test('of a topic takes the units of a job that was put into it, and no more those that were taken out', async () => {
    const { call } = await started();
    const client = unitClient(call);
    for (const name of ['law', 'tax']) await call('POST', '/topics', { body: { name, title: name } });
    await call('POST', '/jobs', { body: { definition: 'contract', jobId: 'c', topic: 'law' } });
    expect(await call('PATCH', '/jobs/c', { body: { topic: 'tax' } })).toMatchObject({ status: 200 });
    expect(await client.claim('clerk', { topics: ['law'] })).toEqual([]);
    expect(await client.list('owner=clerk&topic=tax')).toMatchObject([{ topic: 'tax' }, { topic: 'tax' }]);
    expect(await client.claim('clerk', { topics: ['tax'] })).toMatchObject([{ jobId: 'c', topic: 'tax' }]);
  });

  test('gets no units of another owner, whatever spaces owner and topic have', async () => {
    const job = defineJob('spaced').external('open', { owner: 'till' }).seal();
    const { call, server } = await started();
    server.engine.start(job, {}, { labels: { topic: 'shop late' } });
    await turns();
    const client = unitClient(call);
    expect(await client.claim('late till', { topics: ['shop'] })).toEqual([]);
    expect(await client.claim('till')).toMatchObject([{ name: 'open', topic: 'shop late' }]);
  });

  test('takes by priority, then by the time of being ready; of topics, if it names some', async () => {
    const clock = virtualClock(1000);
    const { call, server } = await started({ clock });
    const client = unitClient(call);
    await call('POST', '/topics', { body: { name: 'law', title: 'Law' } });
    for (const [jobId, topic] of [
      ['c', undefined],
      ['b', 'law'],
      ['a', undefined],
    ]) {
      server.engine.start(contract, {}, { jobId: jobId as string, labels: topic ? { topic } : {} });
      await clock.advance(10);
    }
    expect((await client.list('owner=clerk')).map(({ id }) => id.split('.')[0])).toEqual([
      'c',
      'b',
      'a',
      'c',
      'b',
      'a',
    ]);
    const [one] = await client.claim('clerk', { topics: ['law', 'none'], leaseMs: 5000 });
    expect(one).toMatchObject({
      jobId: 'b',
      name: 'check',
      state: 'claimed',
      worker: 'a clerk',
      attempt: 1,
      description: 'Is it signed?',
      data: { pages: 3 },
      priority: 5,
      leaseEndsAt: clock.now() + 5000,
    });
    expect((await client.claim('clerk', { max: 3 })).map(({ id }) => id.split('.')[0])).toEqual(['c', 'a', 'c']);
    expect(await call('GET', '/units/stats')).toMatchObject({
      body: {
        ready: 2,
        claimed: 4,
        oldestReadyMs: 20,
        items: expect.arrayContaining([{ owner: 'clerk', ready: 2, claimed: 4, oldestReadyMs: 20 }]),
      },
    });
    expect(await client.claim('nobody')).toEqual([]);
  });

  test('gets no unit of a paused job, nor one that was paused, removed or cancelled', async () => {
    const { call, server } = await started();
    const client = unitClient(call);
    const units = [unit('a', 'cook'), unit('b', 'cook')];
    for (const jobId of ['j', 'k', 'l']) await call('POST', '/jobs', { body: { document: document(units), jobId } });
    await call('POST', '/jobs/j/pause');
    await call('POST', '/jobs/k/pause', { body: { task: 'all' } });
    await call('POST', '/jobs/l/pause', { body: { task: 'all/a' } });
    expect((await client.claim('cook', { max: 10 })).map(({ id }) => id.split('.')[0])).toEqual(['l']);
    expect(await client.list('owner=cook&state=paused')).toHaveLength(5);
    await call('POST', '/jobs/j/resume');
    await call('POST', '/jobs/k/resume', { body: { task: 'all' } });
    expect(await client.claim('cook', { max: 10 })).toHaveLength(4);
    await call('POST', '/jobs/l/resume', { body: { task: 'all/a' } });
    const next = unit('c', 'cook');
    await call('POST', '/jobs/l/tasks', { body: { tasks: [{ name: 'more', dependsOn: [], units: [next] }] } });
    expect(await client.names('owner=cook')).toEqual(['a', 'c']);
    await call('POST', '/jobs/l/cancel');
    await server.engine.job('l')?.result();
    expect(await client.claim('cook', { max: 10 })).toEqual([]);
    expect(await client.names('job=l&state=cancelled')).toEqual(['a', 'b', 'c']);
  });

  test('takes units of nested jobs, and none whose nested job has timed out', async () => {
    const clock = virtualClock();
    const { call, server } = await started({ clock });
    const desk = defineJob('desk').external('read', { owner: 'clerk' }).external('file', { owner: 'clerk' }).seal();
    const floor = defineJob('floor')
      .job('desk', { input: () => ({}) }, desk)
      .seal();
    const office = defineJob('office')
      .job('floor', { input: () => ({}), timeout: 5000, continueOnFailure: true }, floor)
      .external('lock', { owner: 'guard', trigger: 'allDone', dependsOn: ['floor'] })
      .seal();
    server.engine.start(office, {}, { jobId: 'o' });
    await clock.advance(0);
    expect(await unitClient(call).claim('clerk', { leaseMs: 60_000 })).toMatchObject([
      { id: `o.${Buffer.from('floor/desk/file').toString('base64url')}`, task: 'floor/desk', name: 'file' },
    ]);
    await clock.advance(5000);
    expect([await unitClient(call).names(), await unitClient(call).names('state=claimed')]).toEqual([['lock'], []]);
    expect(await unitClient(call).claim('clerk')).toEqual([]);
  });

  test('that is repeated with its Idempotency-Key gets the same units, as long as their lease', async () => {
    const clock = virtualClock();
    const { call } = await started({ clock });
    await call('POST', '/jobs', { body: { document: document(['a', 'b', 'c'].map((name) => unit(name, 'cook'))) } });
    const headers = { 'idempotency-key': 'k' };
    const claim = (more: object = {}) =>
      call('POST', '/units/claim', {
        body: { owners: ['cook'], worker: 'w', max: 2, leaseMs: 5000, ...more },
        headers,
      });
    const first = await claim();
    const again = await claim();
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await claim({ max: 3 })).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    await clock.advance(5000);
    const later = (await claim()).body as { units: { token: string }[] };
    expect(later.units).toHaveLength(2);
    expect((first.body as typeof later).units.map(({ token }) => token)).not.toContain(later.units[0]?.token);
  });

  test('of one unit is for a person who has picked it', async () => {
    const { call } = await started();
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'j' } });
    const [approve] = await unitClient(call).list();
    const claim = () => call('POST', `/units/${approve?.id}/claim`, { body: { worker: 'ann' } });
    expect(await claim()).toMatchObject({ status: 200, body: { worker: 'ann', token: expect.any(String) } });
    expect(await claim()).toMatchObject({ status: 409, body: { code: 'ALREADY_CLAIMED' } });
    const [sign] = await unitClient(call).list('state=waiting');
    expect(await call('POST', `/units/${sign?.id}/claim`, { body: { worker: 'ann' } })).toMatchObject({
      status: 409,
      body: { code: 'INVALID_STATE' },
    });
    for (const id of ['j.bm9uZQ', 'none.YXBwcm92ZQ', 'x'])
      expect(await call('POST', `/units/${id}/claim`, { body: { worker: 'ann' } })).toMatchObject({
        status: 404,
        body: { code: 'UNIT_NOT_FOUND' },
      });
  });
});

describe('commands', () => {
  const claimed = async (options: Partial<ServerOptions> = {}, more: object = {}) => {
    const { call, server } = await started(options);
    await call('POST', '/jobs', { body: { document: document([unit('a', 'cook', more)]), jobId: 'j' } });
    const client = unitClient(call);
    const [taken] = await client.claim('cook', { leaseMs: 10_000 });
    if (!taken) throw new Error('nothing to claim');
    const send = (command: object) => client.send(taken.id, { token: taken.token, ...command });
    return { call, server, client, send, ...taken };
  };

  test('a lost lease gives the unit to the next; the token of the first is stale then', async () => {
    const clock = virtualClock();
    const { client, send, token } = await claimed({ clock });
    await clock.advance(9000);
    expect(await send({ type: 'heartbeat' })).toMatchObject({ status: 200, body: { leaseEndsAt: 19_000 } });
    await clock.advance(9999);
    expect(await client.claim('cook')).toEqual([]);
    await clock.advance(1);
    const [again] = await client.claim('cook', { worker: 'second' });
    expect(again).toMatchObject({ attempt: 2, worker: 'second' });
    expect(again?.token).not.toBe(token);
    expect(await send({ type: 'success' })).toMatchObject({ status: 409, body: { code: 'STALE_TOKEN' } });
    expect(await send({ type: 'heartbeat' })).toMatchObject({ status: 409, body: { code: 'STALE_TOKEN' } });
  });

  test('a released unit is ready for the next', async () => {
    const { client, send } = await claimed();
    expect(await send({ type: 'release', reason: 'shift over' })).toMatchObject({ body: { unit: { state: 'ready' } } });
    expect(await send({ type: 'release', reason: 'shift over' })).toMatchObject({ status: 200 });
    expect(await client.claim('cook')).toHaveLength(1);
    expect(await send({ type: 'release', reason: 'shift over' })).toMatchObject({ body: { code: 'STALE_TOKEN' } });
  });

  test('a unit has a worker while it is claimed, also while that is paused, and none otherwise', async () => {
    const { call, client, id, token } = await claimed({}, { maxRetries: 1 });
    const shown = async (command: object): Promise<unknown> => {
      const { body } = await client.send(id, command);
      const { unit } = body as { readonly unit: object };
      expect((await call('GET', `/units/${id}`)).body).toEqual(unit);
      return (unit as { readonly worker?: string }).worker;
    };
    expect(await shown({ type: 'pause', token })).toBe('a cook');
    expect(await shown({ type: 'resume', token })).toBe('a cook');
    expect(await shown({ type: 'release', token })).toBeUndefined();
    const [second] = await client.claim('cook', { worker: 'ben' });
    expect(second).toMatchObject({ worker: 'ben' });
    expect(await shown({ type: 'error', message: 'burnt', token: second?.token })).toBeUndefined();
    const [third] = await client.claim('cook', { worker: 'cy' });
    expect(await shown({ type: 'success', token: third?.token })).toBeUndefined();
    const { items } = (await call('GET', `/units/${id}/commands`)).body as {
      items: { type: string; worker?: string }[];
    };
    expect(items.flatMap(({ worker = [] }) => worker)).toEqual(['a cook', 'ben', 'cy']);
  });

  test('a repeated success is answered as before, also when its job is over, and after a restart', async () => {
    const journal = memoryJournal();
    const { call, server, client, send, id, token } = await claimed({ journal });
    const success = { type: 'success', output: { fish: 1 }, token };
    expect(await send(success)).toMatchObject({ status: 200, body: { unit: { state: 'completed' } } });
    expect(await call('GET', '/jobs/j/result?waitMs=5000')).toMatchObject({
      body: { outputs: { all: { a: { fish: 1 } } } },
    });
    expect(await client.send(id, success)).toMatchObject({ status: 200, body: { unit: { output: { fish: 1 } } } });
    expect(await send({ type: 'success', output: { fish: 2 } })).toMatchObject({ body: { code: 'STALE_TOKEN' } });
    expect(await send({ type: 'error', message: 'no' })).toMatchObject({ status: 409, body: { code: 'STALE_TOKEN' } });
    expect(await client.send(id, { ...success, token: 'x' })).toMatchObject({ body: { code: 'STALE_TOKEN' } });
    await server.close();
    const { call: later } = await started({ journal });
    expect(await unitClient(later).send(id, success)).toMatchObject({ status: 200 });
  });

  test('of a unit whose job had to be left, as on a full disk, are refused for a while; the claim stays good', async () => {
    const clock = virtualClock();
    const { journal, fail } = slow(memoryJournal(), { turns: 0 });
    const { send } = await claimed({ clock, journal }, { heartbeatTimeoutMs: 3_600_000 });
    const makeRoom = fail('append', new JournalError('JOURNAL_FULL', 'no room'));
    const success = { type: 'success', output: { fish: 1 } };
    expect(await send(success)).toMatchObject({ status: 507, body: { code: 'JOURNAL_FULL' } });
    await turns();
    const again = await send(success);
    expect(again).toMatchObject({ status: 503, body: { code: 'JOB_INTERRUPTED' } });
    expect(again.headers.get('retry-after')).toBe('30');
    expect(await send({ ...success, token: 'x' })).toMatchObject({ status: 409, body: { code: 'INVALID_STATE' } });
    makeRoom();
    await clock.advance(1_000);
    expect(await send(success)).toMatchObject({ status: 200, body: { unit: { state: 'completed' } } });
  });

  test('pause and resume hold the lease; error is tried again as the unit may be, and not if it can not help', async () => {
    const clock = virtualClock();
    const { client, send, call, id } = await claimed({ clock }, { maxRetries: 2 });
    expect(await send({ type: 'pause' })).toMatchObject({ body: { unit: { state: 'paused' } } });
    await clock.advance(60_000);
    expect(await send({ type: 'resume', token: 'x' })).toMatchObject({ status: 409, body: { code: 'STALE_TOKEN' } });
    expect(await send({ type: 'resume' })).toMatchObject({ body: { unit: { state: 'claimed' } } });
    expect(await send({ type: 'error', message: 'burnt', code: 'BURNT' })).toMatchObject({
      body: { unit: { state: 'ready', error: { message: expect.stringContaining('burnt') } } },
    });
    const [again] = await client.claim('cook');
    const error = { type: 'error', message: 'no oven', retryable: false, token: again?.token };
    expect(await client.send(id, error)).toMatchObject({ body: { unit: { state: 'failed', attempt: 2 } } });
    await call('GET', '/jobs/j/result?waitMs=0');
    expect(
      ((await call('GET', `/units/${id}/commands`)).body as { items: { type: string }[] }).items.map(
        ({ type }) => type,
      ),
    ).toEqual(['ready', 'claim', 'pause', 'resume', 'error', 'ready', 'claim', 'error']);
  });

  test('notReady ends the unit so', async () => {
    const { send } = await claimed();
    expect(await send({ type: 'notReady', reason: 'no fish' })).toMatchObject({
      body: { unit: { state: 'notReady' } },
    });
  });

  test('several are done in order, up to the first that is refused, which the answer names', async () => {
    const { client, id, token, call } = await claimed(
      {},
      { output: { type: 'object', properties: { done: {} }, required: ['done'] } },
    );
    const answer = await client.send(id, [
      { type: 'log', level: 'warn', message: 'hot', data: { c: 200 }, token },
      { type: 'success', output: {}, token },
      { type: 'release', token },
    ]);
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'INVALID_OUTPUT', problems: [{ path: expect.stringMatching(/^body\[1\]/) }] },
    });
    expect(await call('GET', `/units/${id}`)).toMatchObject({ body: { state: 'claimed' } });
    expect((await call('GET', `/units/${id}/commands?limit=1`)).body).toMatchObject({ items: [{ type: 'ready' }] });
    expect((await call('GET', `/units/${id}/commands`)).body).toMatchObject({
      items: [
        { type: 'ready' },
        { type: 'claim', worker: 'a cook' },
        { type: 'log', message: 'hot', data: { c: 200 } },
      ],
      nextCursor: null,
    });
    for (const body of [[], { type: 'fly' }, { type: 'progress', fraction: 2 }, [{ type: 'log', message: 'x' }]])
      expect(await client.send(id, body)).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    expect(await client.send(id, Array(101).fill({ type: 'heartbeat' }))).toMatchObject({ status: 400 });
  });

  test.each([
    [{ type: 'error', token: 'x' }, 'body.message: Invalid input: expected string, received undefined'],
    [{ type: 'fly' }, "body.type: Invalid discriminator value. Expected 'progress' | 'log' | "],
    [[{ type: 'pause' }, { type: 'log', level: 'info' }], 'body[1].message: Invalid input: expected string'],
    [Array(101).fill({ type: 'pause' }), 'body: Too big: expected array to have <=100 items'],
  ])('that are none say what is wrong with them: %#', async (body, detail) => {
    const { client, id } = await claimed();
    expect(await client.send(id, body)).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST', detail: expect.stringContaining(detail) },
    });
  });
});

test('a retry of a job gives its failed unit out again; a job that is lost takes its units along', async () => {
  const journal = memoryJournal();
  const { call } = await started({ journal });
  const client = unitClient(call);
  await call('POST', '/jobs', {
    body: {
      document: document([unit('a', 'cook'), unit('b', 'cook'), unit('c', 'cook', { dependsOn: ['b'] })]),
      jobId: 'j',
    },
  });
  for (const outcome of [{ type: 'error', message: 'burnt' }, { type: 'success' }, { type: 'success' }]) {
    const [{ id, token } = { id: '', token: '' }] = await client.claim('cook');
    await client.send(id, { ...outcome, token });
    await turns();
  }
  await call('GET', '/jobs/j/result?waitMs=5000');
  expect(await client.list('owner=cook')).toEqual([]);
  await call('POST', '/jobs/j/retry');
  await call('POST', '/jobs/j/tasks', { body: { tasks: [{ name: 'more', units: [unit('d', 'cook')] }] } });
  const [again] = await client.claim('cook');
  expect(again).toMatchObject({ name: 'a', state: 'claimed' });
  await journal.remove('j');
  expect(await client.send(again?.id ?? '', { type: 'pause' })).toMatchObject({
    status: 409,
    body: { code: 'JOB_LEASED' },
  });
  expect(await call('GET', '/units/stats')).toMatchObject({ body: { ready: 0, claimed: 0 } });
  expect(await client.list('state=paused')).toEqual([]);
});

test('a unit of an interrupted job is nobody’s to work on until the job is resumed; then its claim still holds', async () => {
  const journal = memoryJournal();
  const { call, server } = await started({ journal });
  await call('POST', '/jobs', { body: { definition: 'contract', jobId: 'j' } });
  const [claimed] = await unitClient(call).claim('clerk');
  await server.close();
  const { call: later } = await started({ journal, definitions: [] });
  const success = { type: 'success', output: {}, token: claimed?.token };
  expect(await unitClient(later).send(claimed?.id ?? '', success)).toMatchObject({
    status: 503,
    body: { code: 'JOB_INTERRUPTED' },
  });
});

describe('a claim that waits', () => {
  const start = (call: Call, names: readonly string[], jobId?: string) =>
    call('POST', '/jobs', { body: { document: document(names.map((name) => unit(name, 'cook'))), jobId } });

  test('gets the unit that becomes ready, the first one first; without one, nothing when its time is over', async () => {
    const clock = virtualClock();
    const { call } = await started({ clock });
    const client = unitClient(call);
    const got: string[] = [];
    const wait = async (worker: string, more: object = {}) => {
      const units = await client.claim('cook', { waitMs: 1000, worker, ...more });
      got.push(`${worker}: ${units.map(({ name }) => name).join(' ')}`);
    };
    const all = [wait('ann', { max: 2 }), wait('bob'), wait('cyd', { topics: ['none'] }), wait('dan')];
    await clock.advance(999);
    await start(call, ['a', 'b', 'c']);
    await clock.settle(turns());
    expect(got).toEqual(['ann: a b', 'bob: c']);
    await clock.advance(1);
    await Promise.all(all);
    expect(got.slice(2).sort()).toEqual(['cyd: ', 'dan: ']);
  });

  test('is skipped when its client has gone: ten dead polls, then a living one, which gets the unit', async () => {
    const { call } = await started();
    const client = unitClient(call);
    const dead = new AbortController();
    const polls = Array.from({ length: 10 }, () => client.claim('cook', { waitMs: 60_000 }, dead.signal));
    await turns();
    const living = client.claim('cook', { waitMs: 60_000 });
    await turns();
    dead.abort();
    await start(call, ['a']);
    expect(await living).toMatchObject([{ name: 'a', attempt: 1 }]);
    expect((await Promise.all(polls)).flat()).toEqual([]);
  });

  test.each([
    'expires',
    'is revoked',
  ])('gets nothing once its token %s: the unit is there for the next', async (ends) => {
    const clock = virtualClock();
    const { call, server } = await started({ clock });
    const ended = { name: 'ended', roles: ['worker'], owners: ['cook'] } as const;
    const { token, secret } = await server.tokens.create({
      ...ended,
      ...(ends === 'expires' && { expiresAt: clock.now() + 500 }),
    });
    const { secret: boss } = await server.tokens.create({ name: 'boss', roles: ['admin'] });
    const body = { owners: ['cook'], worker: 'ann', waitMs: 60_000 };
    const waiting = call('POST', '/units/claim', { body, token: secret });
    await clock.advance(500);
    if (ends === 'is revoked') await server.tokens.revoke(token.id);
    await call('POST', '/jobs', { body: { document: document([unit('a', 'cook')]) }, token: boss });
    expect(await waiting).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    expect(await unitClient(call, boss).claim('cook')).toMatchObject([{ name: 'a' }]);
  });

  test('without a token ends as soon as the server makes the first one', async () => {
    const { call, server } = await started();
    const body = { owners: ['cook'], worker: 'ann', waitMs: 60_000 };
    const waiting = call('POST', '/units/claim', { body });
    await turns();
    await server.tokens.create({ name: 'boss', roles: ['admin'] });
    expect(await waiting).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
  });

  test('without a token gets nothing once another process has made the first one', async () => {
    const journal = memoryJournal();
    const { call, server } = await started({ journal });
    const body = { owners: ['clerk'], worker: 'ann', waitMs: 60_000 };
    const waiting = call('POST', '/units/claim', { body });
    await turns();
    const { secret } = await tokensIn(storeOf(journal), Date.now).create({ name: 'boss', roles: ['admin'] });
    server.engine.start(contract, {}, { jobId: 'a' });
    expect(await waiting).toMatchObject({ status: 401 });
    expect(await unitClient(call, secret).claim('clerk')).toMatchObject([{ jobId: 'a', name: 'check' }]);
  });

  test('without a token waits on where none is ever needed', async () => {
    const { call, server } = await started({ tokens: false });
    const waiting = call('POST', '/units/claim', { body: { owners: ['cook'], worker: 'ann', waitMs: 60_000 } });
    await turns();
    await server.tokens.create({ name: 'boss', roles: ['admin'] });
    await start(call, ['a']);
    expect(await waiting).toMatchObject({ status: 200, body: { units: [{ name: 'a' }] } });
  });

  test('is skipped when its connection has closed', async () => {
    const { call, server } = await started();
    const { url } = await server.listen({ port: 0 });
    /** Lets the server take in what its connections have brought. */
    const takenIn = async () => {
      await (await fetch(`${url}/api/v1/info`)).text();
      await turns(50);
    };
    const body = JSON.stringify({ owners: ['cook'], worker: 'dead', waitMs: 60_000 });
    const dead = Array.from({ length: 10 }, () => {
      const headers = { 'content-type': 'application/json' };
      const sent = request(`${url}/api/v1/units/claim`, { method: 'POST', headers, agent: false });
      sent.on('error', () => {});
      return sent.end(body);
    });
    await takenIn();
    for (const sent of dead) sent.destroy();
    await takenIn();
    const living = unitClient(call).claim('cook', { waitMs: 500 });
    await turns();
    await start(call, ['a']);
    expect(await living).toMatchObject([{ name: 'a', attempt: 1 }]);
  });

  test('is answered when the server closes', async () => {
    const { call, server } = await started();
    const waiting = unitClient(call).claim('cook', { waitMs: 60_000 });
    await turns();
    await server.close();
    expect(await waiting).toEqual([]);
  });

  test('is one of 1,000 in all', async () => {
    const { call, server } = await started();
    const secrets: string[] = [];
    for (let number = 0; number <= 50; number++) {
      const { secret } = await server.tokens.create({ name: `w${number}`, roles: ['worker'] });
      secrets.push(secret);
    }
    const claim = (token: string | undefined) =>
      call('POST', '/units/claim', { body: { owners: ['cook'], worker: 'w', waitMs: 60_000 }, token });
    const refused = { status: 429, body: { code: 'TOO_MANY_WAITING' } };
    const polls = secrets.slice(0, 50).map((token) => Array.from({ length: 20 }, () => claim(token)));
    const last = await claim(secrets[50]);
    expect(last).toMatchObject(refused);
    expect(last.headers.get('retry-after')).toBe('1');
    await server.close();
    expect((await Promise.all(polls.flat())).every(({ status }) => status === 200)).toBe(true);
  });

  test('is one of 20 of a token; without tokens, clients share no such limit', async () => {
    const body = { owners: ['cook'], worker: 'w', waitMs: 60_000 };
    const { call, server } = await started();
    const { secret: token } = await server.tokens.create({ name: 'cook', roles: ['worker'] });
    const some = Array.from({ length: 20 }, () => call('POST', '/units/claim', { body, token }));
    expect(await call('POST', '/units/claim', { body, token })).toMatchObject({
      status: 429,
      body: { code: 'TOO_MANY_WAITING', detail: expect.stringMatching(/^20 claims of this token/) },
    });
    await server.close();
    await Promise.all(some);

    const { call: other, server: second } = await started({ tokens: false });
    const many = Array.from({ length: 30 }, () => other('POST', '/units/claim', { body }));
    await turns();
    await second.close();
    for (const { status } of await Promise.all(many)) expect(status).toBe(200);
  });
});

describe('owners', () => {
  test('a worker sees and does the units of its owners alone, with its token', async () => {
    const { call, server } = await started();
    await call('POST', '/jobs', { body: { document: document([unit('a', 'cook'), unit('b', 'waiter')]), jobId: 'j' } });
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'k' } });
    const tokenOf = async (...roles: ('viewer' | 'worker' | 'operator' | 'admin')[]) =>
      (
        await server.tokens.create({
          name: roles.join(),
          roles,
          ...(roles.includes('worker') && { owners: ['cook'] }),
        })
      ).secret;
    const worker = unitClient(call, await tokenOf('worker'));
    const viewer = unitClient(call, await tokenOf('viewer'));
    const operator = unitClient(call, await tokenOf('operator'));
    const token = await tokenOf('worker');
    expect(await worker.names()).toEqual(['a']);
    expect([...(await viewer.names())].sort()).toEqual(['a', 'approve', 'b']);
    const [b, approve] = (await operator.list())
      .filter(({ name }) => name !== 'a')
      .sort((x, y) => (x.name < y.name ? 1 : -1));
    expect(await call('GET', '/units?owner=waiter', { token })).toMatchObject({
      status: 404,
      body: { code: 'UNIT_NOT_FOUND' },
    });
    for (const one of [b, approve]) {
      expect(await call('GET', `/units/${one?.id}`, { token })).toMatchObject({ status: 404 });
      expect(await call('GET', `/units/${one?.id}/commands`, { token })).toMatchObject({ status: 404 });
      expect(await worker.send(one?.id ?? '', { type: 'heartbeat', token: 'x' })).toMatchObject({
        status: 403,
        body: { code: 'NOT_YOUR_OWNER' },
      });
      expect(await call('POST', `/units/${one?.id}/claim`, { body: { worker: 'w' }, token })).toMatchObject({
        status: 403,
        body: { code: 'NOT_YOUR_OWNER' },
      });
    }
    expect(
      await call('POST', '/units/claim', { body: { owners: ['cook', 'waiter'], worker: 'w' }, token }),
    ).toMatchObject({
      status: 403,
      body: { code: 'NOT_YOUR_OWNER' },
    });
    expect((await call('GET', '/units/stats', { token })).body).toMatchObject({ items: [{ owner: 'cook', ready: 1 }] });
    const [a] = await worker.claim('cook');
    expect(await worker.send(a?.id ?? '', { type: 'success' })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    expect(await viewer.send(a?.id ?? '', { type: 'success' })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    expect(await operator.send(a?.id ?? '', { type: 'success' })).toMatchObject({ status: 200 });
    expect(await operator.send(approve?.id ?? '', { type: 'success', output: {} })).toMatchObject({ status: 200 });
  });
});

test('after a restart, the inbox is as before', async () => {
  const clock = virtualClock(5000);
  const journal = memoryJournal();
  const { call, server } = await started({ clock, journal });
  const units = [unit('b', 'cook'), unit('a', 'cook', { priority: 2 }), unit('c', 'waiter', { dependsOn: ['b'] })];
  for (const jobId of ['z', 'y', 'x']) {
    await call('POST', '/jobs', { body: { document: document(units), jobId } });
    await clock.advance(10);
  }
  server.engine.start(contract, {}, { jobId: 'w' });
  await clock.advance(0);
  const [first] = await unitClient(call).claim('cook', { leaseMs: 60_000 });
  await unitClient(call).send((await unitClient(call).list('owner=clerk'))[0]?.id ?? '', { type: 'pause' });
  const inbox = async (from: Call) => [
    await unitClient(from).list(),
    await unitClient(from).list('state=claimed'),
    await unitClient(from).list('state=paused'),
    await unitClient(from).list('state=waiting'),
  ];
  const before = await inbox(call);
  expect(before.map((list) => list.length)).toEqual([6, 1, 1, 3]);
  const closed = server.close();
  await clock.advance(0);
  await closed;
  const { call: later } = await started({ clock, journal });
  expect(await inbox(later)).toEqual(before);
  expect(await unitClient(later).send(first?.id ?? '', { type: 'success', token: first?.token })).toMatchObject({
    status: 200,
  });
});

test('units of a job that another process runs are shown and not handed out; outcomes go there by message', async () => {
  const file = newFile();
  const engine = createEngine({ journal: opened(file) });
  const job = engine.start(contract, {}, { jobId: 'there' });
  await job.saved();
  await turns();
  await job.saved();
  const { call, server } = await started({ journal: opened(file) });
  const client = unitClient(call);
  server.engine.start(contract, {}, { jobId: 'here' });
  await turns();
  expect(await client.list()).toMatchObject([
    { jobId: 'there', name: 'check', owner: 'clerk', data: { pages: 3 }, elsewhere: true },
    { jobId: 'here', name: 'check' },
    { jobId: 'there', name: 'file', elsewhere: true },
    { jobId: 'here', name: 'file' },
  ]);
  expect(await call('GET', '/units/stats')).toMatchObject({ body: { ready: 2, elsewhere: 2 } });
  expect(await call('GET', '/units/stats?owner=nobody')).toMatchObject({ body: { ready: 0, elsewhere: 0 } });
  const [check, , filing] = await client.list();
  expect((await client.claim('clerk', { max: 10 })).map(({ id }) => id.split('.')[0])).toEqual(['here', 'here']);
  const leased = { status: 409, body: { code: 'JOB_LEASED' } };
  expect(await call('POST', `/units/${check?.id}/claim`, { body: { worker: 'w' } })).toMatchObject(leased);
  for (const type of ['pause', 'release', 'heartbeat'])
    expect(await client.send(check?.id ?? '', { type })).toMatchObject(leased);
  expect(await client.send(check?.id ?? '', { type: 'success', output: { fine: true } })).toMatchObject({
    status: 202,
    body: { unit: { elsewhere: true } },
  });
  expect(await client.send(filing?.id ?? '', { type: 'error', message: 'no drawer' })).toMatchObject({ status: 202 });
  expect(await job).toMatchObject({
    state: 'failed',
    tasks: { check: { state: 'completed' }, file: { state: 'failed' } },
  });
  await job.saved();
  expect((await client.list('state=ready')).length).toBe(0);
  expect(await call('GET', `/units/${check?.id}`)).toMatchObject({
    body: { state: 'completed', output: { fine: true } },
  });
  await engine.close();
});
