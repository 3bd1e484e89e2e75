import { z } from '@hono/zod-openapi';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { expect, test } from 'vitest';
import { sessionsIn } from '../../src/server/access/sessions.ts';
import { tokensIn } from '../../src/server/access/tokens.ts';
import { createApp } from '../../src/server/http/app.ts';
import { authentication } from '../../src/server/http/authenticate.ts';
import { ANSWER_KEPT_MS } from '../../src/server/http/once.ts';
import { HttpProblem } from '../../src/server/http/problem.ts';
import { route } from '../../src/server/http/route.ts';
import { memoryStore } from '../../src/server/store/memory-store.ts';

const orderRoute = (operationId: string, path: string) =>
  route(
    {
      method: 'post',
      path,
      operationId,
      summary: 'Orders',
      tags: ['Orders'],
      request: {
        body: { required: true, content: { 'application/json': { schema: z.strictObject({ dish: z.string() }) } } },
      },
      responses: {
        201: { description: 'Ordered', content: { 'application/json': { schema: z.object({ number: z.int() }) } } },
      },
    },
    { allowed: ['operator'], refusals: [409], once: true },
  );

/** An app that counts orders; those of `soup` are refused, those of `stew` wait for `serve`. */
const orders = async (clock: VirtualClock = virtualClock()) => {
  const store = memoryStore();
  const tokens = tokensIn(store, clock.now);
  const app = createApp({
    authentication: authentication({ tokens, sessions: sessionsIn(store, tokens, clock.now), needed: true }),
    once: { store, now: clock.now },
    maxBodyBytes: 1000,
    newId: () => 'id',
    requireReady: () => {},
    onFault: (error) => {
      throw error;
    },
  });
  let number = 0;
  const keys: (string | undefined)[] = [];
  let serve = (): void => {};
  const cooked = new Promise<void>((resolve) => {
    serve = resolve;
  });
  for (const [id, path] of [
    ['order', '/orders'],
    ['reorder', '/reorders'],
  ] as const)
    app.add(orderRoute(id, path), async (context) => {
      keys.push(context.get('onceKey'));
      const { dish } = context.req.valid('json');
      if (dish === 'soup') throw new HttpProblem(409, 'NO_SOUP', 'There is none.');
      if (dish === 'stew') await cooked;
      number++;
      return context.json({ number }, 201, { location: `/orders/${number}` });
    });
  const secrets = await Promise.all(
    ['ann', 'bob'].map(async (name) => (await tokens.create({ name, roles: ['operator'] })).secret),
  );
  const order = async (dish: string, key?: string, { path = '/orders', by = 0 } = {}) => {
    const request = new Request(`http://localhost${path}`, {
      method: 'POST',
      body: JSON.stringify({ dish }),
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${secrets[by]}`,
        ...(key !== undefined && { 'idempotency-key': key }),
      },
    });
    const answer = await app.fetch(request);
    const { number: given, code } = (await answer.json()) as { number?: number; code?: string };
    const replayed = answer.headers.get('idempotency-replayed') === 'true';
    return { status: answer.status, says: given ?? code, replayed, headers: answer.headers };
  };
  return { order, serve, keys, store };
};

const made = (says: number, replayed = false) => ({ status: 201, says, replayed });

test('a repeated request gets the first answer, with its headers, and is done once', async () => {
  const { order, keys } = await orders();
  expect(await order('eggs', 'k')).toMatchObject(made(1));
  const again = await order('eggs', 'k');
  expect(again).toMatchObject(made(1, true));
  expect([again.headers.get('location'), again.headers.get('content-type')]).toEqual([
    '/orders/1',
    expect.stringContaining('application/json'),
  ]);
  expect(await order('eggs', 'l')).toMatchObject(made(2));
  expect([await order('eggs'), await order('eggs')]).toMatchObject([made(3), made(4)]);
  expect(new Set(keys.slice(0, 2)).size).toBe(2);
  expect(keys.slice(2)).toEqual([undefined, undefined]);
});

test('the same key with another body is refused, and what was ordered stays', async () => {
  const { order } = await orders();
  await order('eggs', 'k');
  expect(await order('fish', 'k')).toMatchObject({ status: 422, says: 'IDEMPOTENCY_KEY_REUSED' });
  expect(await order('eggs', 'k')).toMatchObject(made(1, true));
});

test('while the first request is under way, a repetition is told to ask again', async () => {
  const { order, serve } = await orders();
  const first = order('stew', 'k');
  const second = await order('stew', 'k');
  expect(second).toMatchObject({ status: 409, says: 'IDEMPOTENCY_IN_PROGRESS' });
  expect(second.headers.get('retry-after')).toBe('1');
  serve();
  expect(await first).toMatchObject(made(1));
  expect(await order('stew', 'k')).toMatchObject(made(1, true));
});

test('the key counts for one token and one route', async () => {
  const { order } = await orders();
  expect(await order('eggs', 'k')).toMatchObject(made(1));
  expect(await order('eggs', 'k', { by: 1 })).toMatchObject(made(2));
  expect(await order('eggs', 'k', { path: '/reorders' })).toMatchObject(made(3));
});

test('an answer is kept for a day', async () => {
  const clock = virtualClock();
  const { order } = await orders(clock);
  await order('eggs', 'k');
  await clock.advance(ANSWER_KEPT_MS - 1);
  expect(await order('eggs', 'k')).toMatchObject(made(1, true));
  await clock.advance(1);
  expect(await order('eggs', 'k')).toMatchObject(made(2));
});

test('refusals are not kept, so that the request may be tried again', async () => {
  const { order, store } = await orders();
  expect(await order('soup', 'k')).toMatchObject({ status: 409, says: 'NO_SOUP' });
  expect(await order('eggs', 'k')).toMatchObject(made(1));
  expect(await store.list('request')).toHaveLength(1);
});

test('a key is 1 to 255 characters', async () => {
  const { order } = await orders();
  expect(await order('eggs', '')).toMatchObject({ status: 400, says: 'INVALID_REQUEST' });
  expect(await order('eggs', 'x'.repeat(256))).toMatchObject({ status: 400 });
  expect(await order('eggs', 'x'.repeat(255))).toMatchObject(made(1));
});
