import { describe, expect, onTestFinished, test } from 'vitest';
import type { Journal } from '../../src/engine/durable/journal.ts';
import type { Role } from '../../src/server/access/principal.ts';
import { PING_MS } from '../../src/server/feed/listeners.ts';
import type { ServerOptions } from '../../src/server/service/server-options.ts';
import { storeOf } from '../../src/server/store/store-of.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { listen } from '../support/event-stream.ts';
import { testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';
import { turns } from '../support/turns.ts';

const HOUR = 60 * 60 * 1000;
const MINUTE = 60 * 1000;
const CSRF = { 'x-tintype-csrf': '1' };

/** A server with a token, and a browser that keeps its cookie, as it was given. */
const given = async (
  options: Partial<ServerOptions> = {},
  roles: readonly Role[] = ['operator'],
  expiresAt?: number,
) => {
  const clock = virtualClock(Date.UTC(2027, 0, 1));
  const { server, call } = await testServer({ clock, ...options });
  onTestFinished(() => server.close());
  const { token, secret } = await server.tokens.create({ name: 'Ada', roles, ...(expiresAt && { expiresAt }) });
  const signIn = async (headers: Record<string, string> = {}) =>
    call('POST', '/session', { body: { token: secret }, headers });
  const cookieOf = async (): Promise<{ cookie: string }> => ({ cookie: cookieIn((await signIn()).headers) });
  return { clock, server, call, token, secret, signIn, cookieOf };
};

const cookieIn = (headers: Headers): string => headers.get('set-cookie')?.split(';')[0] ?? '';

describe('a browser that signs in with a token', () => {
  test('gets a cookie that no script reads and no other site sends, and is then known by it', async () => {
    const { call, signIn, token, clock } = await given();
    const { status, headers, body } = await signIn();
    expect(status).toBe(201);
    expect(headers.get('set-cookie')).toMatch(
      /^tintype_session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    const session = { endsAt: clock.now() + 12 * HOUR };
    expect(body).toEqual({ id: token.id, name: 'Ada', roles: ['operator'], session });
    expect(await call('GET', '/whoami', { headers: { cookie: `a=b; ${cookieIn(headers)}` } })).toMatchObject({
      status: 200,
      body: { id: token.id, session },
    });
  });

  test.each([
    ['http://localhost', {}, 'tintype_session', '/', false],
    ['http://localhost:9000', {}, 'tintype_session_9000', '/', false],
    ['https://tintype.example', {}, 'tintype_session', '/', true],
    ['http://localhost:9000', { 'x-forwarded-proto': 'https' }, 'tintype_session_9000', '/', true],
    ['http://localhost', { 'x-forwarded-proto': 'http' }, 'tintype_session', '/tin', false],
  ])('at %s with %j, the cookie is %s for %s, Secure: %s', async (origin, headers, name, path, isSecure) => {
    const { server, secret } = await given({ basePath: path });
    const answer = await server.fetch(
      new Request(`${origin}/api/v1/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(headers as Record<string, string>) },
        body: JSON.stringify({ token: secret }),
      }),
    );
    const [pair = '', ...attributes] = (answer.headers.get('set-cookie') ?? '').split('; ');
    expect(pair.split('=')[0]).toBe(name);
    expect(attributes).toEqual([`Path=${path}`, 'HttpOnly', 'SameSite=Strict', ...(isSecure ? ['Secure'] : [])]);
  });

  test('is refused with a token that is none, and soon not even asked any more', async () => {
    const { call } = await given();
    const body = { token: `tt_abcdefgh_${'x'.repeat(43)}` };
    expect(await call('POST', '/session', { body })).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    for (let n = 0; n < 60; n++) await call('POST', '/session', { body });
    expect(await call('POST', '/session', { body })).toMatchObject({ status: 429 });
  });

  test('may do what its token allows, and no more', async () => {
    const { call, cookieOf } = await given({}, ['viewer']);
    const headers = { ...(await cookieOf()), ...CSRF };
    expect((await call('GET', '/jobs', { headers })).status).toBe(200);
    expect(await call('POST', '/topics', { headers, body: { name: 'kitchen' } })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
  });

  test('needs a header for whatever changes something, so that no form of another page can do it', async () => {
    const { call, cookieOf } = await given();
    const cookie = await cookieOf();
    const create = (headers: Record<string, string>, name: string) =>
      call('POST', '/topics', { headers: { ...cookie, ...headers }, body: { name } });
    expect(await create({}, 'one')).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', detail: expect.stringContaining('x-tintype-csrf: 1') },
    });
    expect((await create({ 'x-tintype-csrf': 'yes' }, 'one')).status).toBe(403);
    expect((await create(CSRF, 'one')).status).toBe(201);
    expect((await call('DELETE', '/topics/one', { headers: cookie })).status).toBe(403);
    expect((await call('DELETE', '/session', { headers: cookie })).status).toBe(403);
    expect((await call('GET', '/topics', { headers: cookie })).body).toMatchObject({ items: [{ name: 'one' }] });
  });

  test.each([
    ['same-origin', 200],
    ['none', 200],
    ['same-site', 403],
    ['cross-site', 403],
  ])('a request that the browser calls %s is answered with %i', async (site, status) => {
    const { call, cookieOf } = await given();
    const headers = { ...(await cookieOf()), 'sec-fetch-site': site };
    expect((await call('GET', '/jobs', { headers })).status).toBe(status);
  });

  test('reads streams by the cookie alone, as EventSource sends no headers', async () => {
    const { server, cookieOf } = await given();
    const headers = { ...(await cookieOf()), accept: 'text/event-stream' };
    const answer = await server.fetch(new Request('http://localhost/api/v1/events', { headers }));
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    await answer.body?.cancel();
  });

  test('signs out: the cookie is taken away, and counts no more, in no tab', async () => {
    const { call, cookieOf } = await given();
    const [first, second] = [await cookieOf(), await cookieOf()];
    const { status, headers } = await call('DELETE', '/session', { headers: { ...first, ...CSRF } });
    expect([status, headers.get('set-cookie')]).toEqual([
      204,
      'tintype_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0',
    ]);
    expect(await call('GET', '/whoami', { headers: first })).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHENTICATED', detail: expect.stringContaining('Sign in again') },
    });
    expect((await call('GET', '/whoami', { headers: second })).status).toBe(200);
  });

  test('signs out: the streams of this session end at once, others stay; one that has expired has none soon after', async () => {
    const { server, call, clock, cookieOf } = await given();
    const [first, second] = [await cookieOf(), await cookieOf()];
    const streams = ['/events', '/jobs', '/events'];
    const open = await Promise.all(
      [first, first, second].map((cookie, at) => listen(server, streams[at] as string, cookie)),
    );
    let ended = 0;
    const rest = open.map((stream) => stream.rest().then(() => ended++));
    await call('DELETE', '/session', { headers: { ...first, ...CSRF } });
    await turns();
    expect(ended).toBe(2);
    await clock.advance(12 * HOUR + PING_MS);
    await Promise.all(rest);
  });

  test.each(['', 'x', 'a'.repeat(43), '%00', '__proto__', '"'])('the cookie %j is no session', async (id) => {
    const { call } = await given();
    expect((await call('GET', '/whoami', { headers: { cookie: `tintype_session=${id}` } })).status).toBe(401);
  });

  test('a token in the request goes before the cookie', async () => {
    const { call, cookieOf, server } = await given();
    const other = await server.tokens.create({ name: 'Bob', roles: ['viewer'] });
    const whoAmI = await call('GET', '/whoami', { token: other.secret, headers: await cookieOf() });
    expect(whoAmI.body).toMatchObject({ name: 'Bob' });
    expect(whoAmI.body).not.toHaveProperty('session');
  });
});

describe('a session', () => {
  test('lasts 12 h after its last use', async () => {
    const { call, clock, cookieOf } = await given();
    const headers = await cookieOf();
    const status = async () => (await call('GET', '/whoami', { headers })).status;
    for (let n = 0; n < 4; n++) {
      await clock.advance(11 * HOUR);
      expect(await status()).toBe(200);
    }
    await clock.advance(12 * HOUR);
    expect(await status()).toBe(401);
  });

  test('ends with its token: when that is revoked, and when that expires', async () => {
    const expiresAt = Date.UTC(2027, 0, 1) + HOUR;
    const { call, clock, cookieOf, server, token } = await given({}, ['viewer'], expiresAt);
    const headers = await cookieOf();
    expect((await call('GET', '/whoami', { headers })).body).toMatchObject({ session: { endsAt: expiresAt } });
    await clock.advance(HOUR);
    expect((await call('GET', '/whoami', { headers })).status).toBe(401);

    const other = await server.tokens.create({ name: 'b', roles: ['viewer'] });
    const begun = await call('POST', '/session', { body: { token: other.secret } });
    const again = { cookie: cookieIn(begun.headers) };
    expect((await call('GET', '/whoami', { headers: again })).status).toBe(200);
    await server.tokens.revoke(other.token.id);
    expect((await call('GET', '/whoami', { headers: again })).status).toBe(401);
    expect(await server.tokens.revoke(token.id)).toBe(true);
  });

  test('goes on in the next server of the database, which has no id of it', async () => {
    const file = newFile();
    const first = await given({ journal: opened(file) });
    const headers = await first.cookieOf();
    await first.server.close();
    const journal: Journal = opened(file);
    const { server, call } = await testServer({ journal, clock: first.clock });
    onTestFinished(() => server.close());
    expect((await call('GET', '/whoami', { headers })).body).toMatchObject({ name: 'Ada' });
    const kept = await storeOf(journal).list('session');
    expect(kept).toHaveLength(1);
    expect(JSON.stringify(kept)).not.toContain(headers.cookie.split('=')[1]);
  });

  test('is not needed by a server that is open; a cookie of another time does no harm', async () => {
    const { server, call } = await testServer();
    onTestFinished(() => server.close());
    const headers = { cookie: `tintype_session=${'a'.repeat(43)}` };
    expect((await call('GET', '/whoami', { headers })).body).toMatchObject({ id: 'open' });
  });
});

describe('a link to sign in', () => {
  const follow = async (
    server: { fetch: (request: Request) => Response | Promise<Response> },
    path: string,
    method = 'GET',
  ) => server.fetch(new Request(`http://localhost${path}`, { method }));

  test('signs a browser in as an admin, once', async () => {
    const { server, call } = await given();
    const path = await server.signInPath();
    expect(path).toMatch(/^\/signin\?code=[\w-]{43}$/);
    expect((await follow(server, path, 'HEAD')).status).toBe(401);
    const answer = await follow(server, path);
    expect([answer.status, answer.headers.get('location'), answer.headers.get('cache-control')]).toEqual([
      303,
      '/',
      'no-store',
    ]);
    const headers = { cookie: cookieIn(answer.headers) };
    expect((await call('GET', '/whoami', { headers })).body).toMatchObject({ name: 'sign-in link', roles: ['admin'] });
    const again = await follow(server, path);
    expect([again.status, again.headers.get('set-cookie')]).toEqual([401, null]);
    expect(await again.text()).toContain('works once');
  });

  test('works for a minute', async () => {
    const { server, clock } = await given();
    const [early, late] = [await server.signInPath(), await server.signInPath()];
    await clock.advance(MINUTE - 1);
    expect((await follow(server, early)).status).toBe(303);
    await clock.advance(1);
    expect((await follow(server, late)).status).toBe(401);
    for (const path of ['/signin', '/signin?code=', '/signin?code=x'])
      expect((await follow(server, path)).status).toBe(401);
  });

  test('leads below the path of the server, and its token can be seen and revoked', async () => {
    const { server, call, clock } = await given({ basePath: '/tin' });
    const path = await server.signInPath();
    const answer = await follow(server, path);
    expect([path.slice(0, 12), answer.headers.get('location')]).toEqual(['/tin/signin?', '/tin/']);
    const headers = { cookie: cookieIn(answer.headers) };
    const [link] = (await server.tokens.list()).filter(({ name }) => name === 'sign-in link');
    expect(link).toMatchObject({ roles: ['admin'], expiresAt: clock.now() + 12 * HOUR });
    await server.tokens.revoke(link?.id ?? '');
    expect((await call('GET', '/whoami', { headers })).status).toBe(401);
  });

  test('leaves no token behind that has expired, once there is another', async () => {
    const { server, clock } = await given();
    await server.signInPath();
    await clock.advance(12 * HOUR);
    await server.signInPath();
    expect((await server.tokens.list()).map(({ name }) => name).sort()).toEqual(['Ada', 'sign-in link']);
  });
});
