import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { comingFrom, testServer } from '../support/server.ts';

/** Asks a server without tokens, from an address, with these headers. */
const asked = async ({
  url = 'http://localhost:8080',
  from = '127.0.0.1' as string | null,
  ...headers
}: Record<string, string | null>) => {
  const { server } = await testServer();
  const request = new Request(`${url}/api/v1/tokens`, { headers: headers as Record<string, string> });
  const { status } = await server.fetch(request, comingFrom(from));
  await server.close();
  return status;
};

describe('a server without tokens', () => {
  test.each([
    [{}],
    [{ host: 'localhost:8080' }],
    [{ host: 'LOCALHOST:8080' }],
    [{ host: '127.0.0.1:8080', url: 'http://127.0.0.1:8080' }],
    [{ host: '127.4.5.6', url: 'http://127.4.5.6' }],
    [{ host: '[::1]:8080', url: 'http://[::1]:8080', from: '::1' }],
    [{ host: 'tintype.localhost:8080' }],
    [{ from: '::ffff:127.0.0.1' }],
    [{ host: 'localhost:8080', origin: 'http://localhost:8080' }],
    [{ host: '[::1]:8080', url: 'http://[::1]:8080', origin: 'http://[::1]:8080' }],
  ])('answers this machine: %j', async (given) => {
    expect(await asked(given)).toBe(200);
  });

  test.each([
    ['another host name, as after DNS rebinding', { host: 'evil.example:8080' }],
    ['a host name that begins so', { host: 'localhost.evil.example' }],
    ['a host that hides another', { host: 'localhost:8080.evil.example' }],
    ['an address that looks so', { host: '127.0.0.1.evil.example' }],
    ['an address of the network', { host: '192.168.0.7:8080' }],
    ['another address of IPv6', { host: '[::2]:8080' }],
    ['an IPv6 address without brackets', { host: '::1:8080' }],
    ['no host name', { host: '' }],
    ['another host name in the request line', { url: 'http://evil.example', host: 'localhost' }],
    ['a page of another site', { host: 'localhost:8080', origin: 'https://evil.example' }],
    ['a page of another port', { host: 'localhost:8080', origin: 'http://localhost:3000' }],
    ['a page of IPv6 to IPv4', { host: 'localhost:8080', origin: 'http://[::1]:8080' }],
    ['a page in a sandbox, or of a file', { host: 'localhost:8080', origin: 'null' }],
    ['another machine that says it were this one', { host: 'localhost:8080', from: '10.0.0.7' }],
    ['another machine by IPv6', { host: 'localhost:8080', from: 'fe80::1' }],
    ['nobody knows which machine', { host: 'localhost:8080', from: null }],
    ['a proxy on this machine', { host: 'localhost:8080', 'x-forwarded-for': '10.0.0.7' }],
    ['a proxy on this machine by the standard', { host: 'localhost:8080', forwarded: 'for=10.0.0.7' }],
  ])('refuses %s', async (_name, given) => {
    expect(await asked(given)).toBe(403);
  });
});

test('a token counts from anywhere, as does no token where none is needed', async () => {
  const { server, call } = await testServer();
  const { secret } = await server.tokens.create({ name: 'a', roles: ['viewer'] });
  const headers = { host: 'tintype.example', origin: 'https://page.example', 'x-forwarded-for': '10.0.0.7' };
  expect((await call('GET', '/whoami', { headers, token: secret, from: '10.0.0.1' })).status).toBe(200);
  expect((await call('GET', '/whoami', { headers, from: '127.0.0.1' })).status).toBe(401);
  const open = await testServer({ tokens: false });
  expect((await open.call('GET', '/whoami', { headers, from: null })).status).toBe(200);
});

test('with tokens: true no one gets in without one, not even from this machine', async () => {
  const { call } = await testServer({ tokens: true });
  expect((await call('GET', '/whoami')).status).toBe(401);
  expect((await call('GET', '!/healthz')).status).toBe(200);
});

test('pages of other origins get no permission to read answers', async () => {
  const { call } = await testServer({ tokens: false });
  for (const [method, path] of [
    ['GET', '/whoami'],
    ['OPTIONS', '/whoami'],
    ['GET', '!/openapi.json'],
  ] as const) {
    const { headers } = await call(method, path, { headers: { origin: 'https://page.example' } });
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
  }
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

test.runIf(hasIpv6)('a server on ::1 answers there without a token', async () => {
  const { server } = await testServer();
  const { url } = await server.listen({ host: '::1', port: 0 });
  expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect((await fetch(`${url}/api/v1/whoami`)).status).toBe(200);
  expect((await fetch(`${url}/api/v1/whoami`, { headers: { origin: 'http://localhost' } })).status).toBe(403);
  await server.close();
});
