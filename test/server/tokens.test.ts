import { memoryJournal, OptionError } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { storeOf } from '../../src/server/store/store-of.ts';
import { testServer } from '../support/server.ts';

const DAY = 24 * 60 * 60 * 1000;

afterEach(() => void vi.useRealTimers());

describe('a token', () => {
  test('counts until it expires, by the clock of the server', async () => {
    const clock = virtualClock();
    const { server, call } = await testServer({ clock });
    const { token, secret } = await server.tokens.create({
      name: 'a',
      roles: ['viewer'],
      expiresAt: clock.now() + DAY,
    });
    expect(token.expiresAt).toBe(clock.now() + DAY);
    await clock.advance(DAY - 1);
    expect((await call('GET', '/whoami', { token: secret })).status).toBe(200);
    await clock.advance(1);
    expect(await call('GET', '/whoami', { token: secret })).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHENTICATED' },
    });
    // There is a token still, so that nobody gets in without one.
    expect((await call('GET', '/whoami')).status).toBe(401);
    await server.close();
  });

  test('that is unknown, cut, changed or revoked is refused, whatever the scheme says', async () => {
    const { server, call } = await testServer();
    const { token, secret } = await server.tokens.create({ name: 'a', roles: ['admin'] });
    const last = secret.endsWith('A') ? 'B' : 'A';
    const wrong = [
      'tt_aaaaaaaa_0123456789012345678901234567890123456789012',
      secret.slice(0, -1),
      secret.slice(0, -1) + last,
      `${secret}A`,
      token.id,
      'tt_',
      '__proto__',
    ];
    for (const one of wrong) expect([one, (await call('GET', '/tokens', { token: one })).status]).toEqual([one, 401]);
    for (const authorization of ['', 'Bearer', `Basic ${secret}`, `Bearer ${secret} x`, secret])
      expect((await call('GET', '/tokens', { headers: { authorization } })).status).toBe(401);
    expect((await call('GET', '/tokens', { headers: { authorization: `bearer  ${secret}` } })).status).toBe(200);
    expect((await call('DELETE', `/tokens/${token.id}`, { token: secret })).status).toBe(204);
    await server.tokens.create({ name: 'b', roles: ['viewer'] });
    expect((await call('GET', '/tokens', { token: secret })).status).toBe(401);
  });

  test('notes its last use once a minute', async () => {
    const clock = virtualClock(DAY);
    const journal = memoryJournal();
    const { server, call } = await testServer({ clock, journal });
    const { token, secret } = await server.tokens.create({ name: 'a', roles: ['viewer'] });
    const version = async () => (await storeOf(journal).get('token', token.id))?.version;
    const lastUsed = async () => (await server.tokens.list())[0]?.lastUsedAt;
    expect([await lastUsed(), await version()]).toEqual([undefined, 1]);
    for (const [ms, at, written] of [
      [0, DAY, 2],
      [59_999, DAY, 2],
      [1, DAY + 60_000, 3],
    ] as const) {
      await clock.advance(ms);
      await call('GET', '/whoami', { token: secret });
      expect([await lastUsed(), await version()]).toEqual([at, written]);
    }
    await server.close();
  });

  test('is not kept, listed or logged with its secret', async () => {
    const journal = memoryJournal();
    const logged: string[] = [];
    const log = (message: string): void => void logged.push(message);
    const { call } = await testServer({ journal, logger: { debug: log, info: log, warn: log, error: log } });
    const created = await call('POST', '/tokens', { body: { name: 'a', roles: ['admin'] } });
    expect([created.status, created.headers.get('cache-control')]).toEqual([201, 'no-store']);
    const { secret, id } = created.body as { secret: string; id: string };
    expect(secret).toMatch(/^tt_[a-z2-9]{8}_[\w-]{43}$/);
    const [first] = (secret.match(/[\w-]{43}$/) ?? []) as string[];
    const listed = await call('GET', '/tokens', { token: secret });
    expect(listed.body).toMatchObject({ items: [{ id, name: 'a', roles: ['admin'] }] });
    for (const text of [JSON.stringify(listed.body), JSON.stringify(await storeOf(journal).list('token'))])
      expect(text).not.toContain(first);
    expect(JSON.stringify(listed.body)).not.toContain('hash');
    // A fault whose message quotes the token: as if a route had put it there.
    vi.spyOn(storeOf(journal), 'list').mockImplementation(() => {
      throw new TypeError(`no list for ${secret}`);
    });
    const failed = await call('GET', '/tokens', { token: secret });
    expect(failed).toMatchObject({ status: 500, body: { code: 'INTERNAL_ERROR' } });
    expect(JSON.stringify(failed.body)).not.toMatch(/TypeError|no list/);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain(`TypeError: no list for tt_${id}_…`);
    expect(logged[0]).toContain(failed.headers.get('x-request-id'));
    expect(logged[0]).not.toContain(first);
  });

  test('is checked when it is made', async () => {
    const { server, call } = await testServer();
    const refused = async (options: object) =>
      server.tokens.create(options as never).then(
        () => 'made',
        (error) => (error instanceof OptionError ? error.problems.map(({ option }) => option).join() : error),
      );
    expect(await refused({ name: 'a', roles: ['king'] })).toBe('roles');
    expect(await refused({ name: '', roles: [] })).toBe('name,roles');
    expect(await refused({ name: 'a', roles: ['viewer'], owners: ['cook'] })).toBe('owners');
    expect(await refused({ name: 'a', roles: ['worker'], owners: [] })).toBe('owners');
    expect(await refused({ name: 'a', roles: ['viewer'], expiresAt: 5 })).toBe('expiresAt');
    expect(await server.tokens.list()).toEqual([]);
    const body = { name: 'a', roles: ['viewer'], owners: ['cook'] };
    expect(await call('POST', '/tokens', { body })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST', problems: [{ path: 'owners' }] },
    });
  });
});

describe('limits', () => {
  // The library that counts reads the time of the system.
  test('60 requests a minute of one address may have a wrong token; right ones go on', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const { server, call } = await testServer();
    const { secret } = await server.tokens.create({ name: 'a', roles: ['viewer'] });
    for (let n = 0; n < 60; n++) expect((await call('GET', '/whoami', { token: 'x' })).status).toBe(401);
    const refused = await call('GET', '/whoami', { token: 'x' });
    expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect((await call('GET', '/whoami', { token: 'x', from: '10.0.0.7' })).status).toBe(401);
    expect((await call('GET', '/whoami', { token: secret })).status).toBe(200);
    vi.advanceTimersByTime(60_000);
    expect((await call('GET', '/whoami', { token: 'x' })).status).toBe(401);
    await server.close();
  });

  test('requestsPerSecond holds for each token by itself', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const { server, call } = await testServer({ requestsPerSecond: 2 });
    const [one, other] = await Promise.all(
      ['one', 'other'].map((name) => server.tokens.create({ name, roles: ['viewer'] })),
    );
    const ask = async (token = one?.secret as string) => (await call('GET', '/whoami', { token })).status;
    expect([await ask(), await ask(), await ask(), await ask(other?.secret)]).toEqual([200, 200, 429, 200]);
    expect((await call('GET', '/whoami', { token: one?.secret as string })).headers.get('retry-after')).toBe('1');
    vi.advanceTimersByTime(1000);
    expect(await ask()).toBe(200);
    await server.close();
  });
});
