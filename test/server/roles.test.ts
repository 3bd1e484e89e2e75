import { afterAll, expect, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import type { Role } from '../../src/server/access/principal.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { apiDocument, type Operation, operationsOf } from '../support/contract/api-document.ts';
import { testServer } from '../support/server.ts';

/**
 * Who may call what: V viewer, W worker, O operator, A admin; `known` whoever has a token, `open` everybody. An operator may
 * what a viewer may, an admin all.
 */
const TABLE = `
open   GET    !/healthz
open   GET    !/readyz
V      GET    !/metrics
known  GET    /whoami
open   POST   /session
known  DELETE /session
known  GET    /info
V      GET    /limits
O      PATCH  /limits
V      GET    /topics
O      POST   /topics
V      GET    /topics/{topic}
O      PATCH  /topics/{topic}
O      DELETE /topics/{topic}
V      GET    /definitions
V      GET    /definitions/{name}
V      GET    /definitions/{name}/runs
V      GET    /definitions/{name}/metrics
A      PUT    /definitions/{name}
A      DELETE /definitions/{name}
O      POST   /definitions/validate
V      GET    /jobs
O      POST   /jobs
O      POST   /jobs/bulk
V      GET    /jobs/{jobId}
O      PATCH  /jobs/{jobId}
A      DELETE /jobs/{jobId}
V      GET    /jobs/{jobId}/tasks
O      POST   /jobs/{jobId}/tasks
O      DELETE /jobs/{jobId}/tasks
V      GET    /jobs/{jobId}/result
V      GET    /jobs/{jobId}/explain
V      GET    /jobs/{jobId}/logs
V      GET    /jobs/{jobId}/graph
V      GET    /jobs/{jobId}/trace
V      GET    /jobs/{jobId}/events
V      GET    /jobs/{jobId}/view
V      GET    /jobs/{jobId}/patches
V      GET    /jobs/{jobId}/attempts
O      POST   /jobs/{jobId}/start
O      POST   /jobs/{jobId}/cancel
O      POST   /jobs/{jobId}/pause
O      POST   /jobs/{jobId}/resume
O      POST   /jobs/{jobId}/retry
O      POST   /jobs/{jobId}/rerun
V W    GET    /units
V W    GET    /units/stats
W O    POST   /units/claim
V W    GET    /units/{unitId}
W O    POST   /units/{unitId}/claim
V W    GET    /units/{unitId}/commands
W O    POST   /units/{unitId}/commands
V      GET    /schedules
O      POST   /schedules
V      GET    /schedules/{name}
O      PUT    /schedules/{name}
O      DELETE /schedules/{name}
O      POST   /schedules/{name}/trigger
O      POST   /schedules/{name}/pause
O      POST   /schedules/{name}/resume
O      POST   /schedules/{name}/backfill
V      GET    /schedules/{name}/next
V      GET    /events
A      GET    /tokens
A      POST   /tokens
A      DELETE /tokens/{tokenId}
`;

const NAMES: Readonly<Record<string, string>> = {
  V: 'viewer',
  W: 'worker',
  O: 'operator',
  A: 'admin',
  open: 'everybody',
};

const table = new Map(
  TABLE.trim()
    .split('\n')
    .map((line) => {
      const [, roles = '', route = ''] = /^(.{6}) (.*)$/.exec(line) ?? [];
      return [
        route.replace(/ +/, ' '),
        roles
          .trim()
          .split(' ')
          .map((role) => NAMES[role] ?? role),
      ] as const;
    }),
);

/** Who asks, and as which roles that counts. `undefined`: the token is none. */
const ASKING: Readonly<Record<string, readonly Role[] | undefined>> = {
  viewer: ['viewer'],
  worker: ['worker'],
  'worker and viewer': ['worker', 'viewer'],
  operator: ['operator', 'viewer'],
  admin: ['admin', 'operator', 'worker', 'viewer'],
  expired: undefined,
  revoked: undefined,
  invented: undefined,
  nobody: undefined,
};

const clock = virtualClock(Date.UTC(2027, 0, 1));
const approval = defineJob('approval').external('approve', { owner: 'boss' }).seal();
const { server, call } = await testServer({
  journal: memoryJournal(),
  clock,
  tokens: true,
  upload: 'external',
  definitions: [approval],
});
afterAll(() => server.close({ graceMs: 0 }));

const secretOf = async (roles: readonly Role[], expiresAt?: number): Promise<string> =>
  (
    await server.tokens.create({
      name: roles.join(),
      roles,
      ...(roles.includes('worker') && { owners: ['cook'] }),
      ...(expiresAt && { expiresAt }),
    })
  ).secret;

const secrets: Record<string, string | undefined> = { nobody: undefined, invented: `tt_abcdefgh_${'x'.repeat(43)}` };
for (const [name, roles] of Object.entries(ASKING))
  if (roles) secrets[name] = await secretOf(name.split(' and ') as Role[]);
secrets.expired = await secretOf(['admin'], clock.now() + 1000);
const revoked = await server.tokens.create({ name: 'revoked', roles: ['admin'] });
secrets.revoked = revoked.secret;
await server.tokens.revoke(revoked.token.id);
await clock.advance(1000);

const document = await apiDocument(call);
const operations = operationsOf(document);
const nameOf = ({ method, path }: Operation): string =>
  `${method} ${path.startsWith('/api/v1') ? path.slice('/api/v1'.length) : `!${path}`}`;

test('the document names for each route the roles that the table has', () => {
  const documented = operations.map((operation) => [nameOf(operation), [...operation['x-roles']].sort()]);
  expect(documented).toEqual(
    documented.map(([name]) => [name, [...(table.get(name as string) ?? ['not in the table'])].sort()]),
  );
});

test.each(Object.keys(ASKING))('%s is answered or refused on each route as the document says', async (name) => {
  const roles = ASKING[name];
  const answers: string[] = [];
  const wanted: string[] = [];
  for (const operation of operations) {
    const allowed = operation['x-roles'];
    const isAllowed = roles !== undefined && (allowed[0] === 'known' || roles.some((role) => allowed.includes(role)));
    const refusal = roles === undefined ? '401 UNAUTHENTICATED' : '403 FORBIDDEN';
    wanted.push(`${nameOf(operation)}: ${allowed[0] === 'everybody' || isAllowed ? 'answered' : refusal}`);
    answers.push(`${nameOf(operation)}: ${await refusalOf(operation, secrets[name])}`);
  }
  expect(answers).toEqual(wanted);
});

let addresses = 0;

/** What a request that would change nothing, even if it is allowed, is refused with. */
const refusalOf = async ({ method, path, requestBody }: Operation, secret: string | undefined): Promise<string> => {
  const [type] = Object.keys(requestBody?.content ?? {});
  const answer = await server.fetch(
    new Request(`http://localhost${path.replaceAll(/\{[^}]+\}/g, 'none')}`, {
      method,
      headers: {
        ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
        ...(type !== undefined && { 'content-type': type }),
      },
      ...(type !== undefined && { body: '{"unknown":1}' }),
    }),
    // Who tries many wrong tokens is refused for a while: each comes from an address of its own.
    { incoming: { socket: { remoteAddress: `192.0.2.${addresses++}` } } },
  );
  const { status } = answer;
  if (status !== 401 && status !== 403) {
    await answer.body?.cancel();
    return 'answered';
  }
  return `${status} ${((await answer.json()) as { code: string }).code}`;
};

test('to remove many jobs takes an admin, as to remove one', async () => {
  const body = { action: 'remove', filter: {} };
  expect(await call('POST', '/jobs/bulk', { body, token: secrets.operator as string })).toMatchObject({
    status: 403,
    body: { code: 'FORBIDDEN' },
  });
  expect(await call('POST', '/jobs/bulk', { body, token: secrets.admin as string })).toMatchObject({ status: 200 });
});
