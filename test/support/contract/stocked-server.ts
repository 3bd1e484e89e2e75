import { setImmediate } from 'node:timers/promises';
import { defineJob } from '../../../src/engine/builder.ts';
import type { Journal } from '../../../src/engine/durable/journal.ts';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Server } from '../../../src/server/create-server.ts';
import { virtualClock } from '../../../src/testing/virtual-clock.ts';
import { type Call, testServer } from '../server.ts';
import type { Answered } from './faults-of.ts';
import type { Hints } from './json-of.ts';
import type { Asked } from './requests-of.ts';

const add = defineJob<{ a?: number }>('add')
  .task('sum', ({ ctx }) => ({ sum: (ctx.a ?? 0) + 1 }))
  .seal();
const broken = defineJob('broken')
  .task('fails', () => {
    throw new Error('no');
  })
  .task('after', { dependsOn: ['fails'] }, () => {})
  .seal();
const approval = defineJob('approval')
  .external('approve', { owner: 'boss', data: { sum: 5 } })
  .task('pay', { dependsOn: ['approve'] }, () => {})
  .seal();
const odd = defineJob('odd')
  .task('strange', () => ({ ['__proto__']: 1, text: '\0\ud800\u202e', long: 'x'.repeat(2_000), large: 2 ** 60 }))
  .seal();
/** What the examples of the document start. */
const etl = defineJob('etl')
  .task('load', () => ({ rows: 5 }))
  .seal();
const gone = defineJob('gone').external('never').seal();

const DINNER = {
  name: 'dinner',
  tasks: [
    { name: 'shop', units: [{ name: 'buy', owner: 'waiter', data: { list: ['fish'] } }] },
    {
      name: 'cook',
      dependsOn: ['shop'],
      units: [
        { name: 'fish', owner: 'cook', output: { type: 'object' } },
        { name: 'sauce', use: 'hot' },
      ],
    },
  ],
  definitions: { hot: { owner: 'cook', priority: 2 } },
};

const YAML = `name: uploaded
params:
  who: { type: string, default: you }
tasks:
  - { name: ask, type: external }
`;

/** Jobs of each kind and state, by their ids. */
const JOBS: readonly (readonly [
  id: string,
  body: object,
  ...steps: readonly (readonly [verb: string, body?: object])[],
])[] = [
  ['completed', { definition: 'add', input: { a: 1 }, labels: { team: 'x', __proto: 'y' }, metadata: { by: 'me' } }],
  ['failed', { definition: 'broken' }],
  ['odd', { definition: 'odd' }],
  ['running', { definition: 'approval', topic: 'kitchen' }],
  ['paused', { definition: 'approval' }, ['pause', { reason: 'lunch' }]],
  ['cancelled', { definition: 'approval' }, ['cancel', { reason: 'enough' }]],
  ['timed-out', { definition: 'approval', options: { timeoutMs: 5 } }],
  ['dinner', { document: DINNER, topic: 'kitchen' }],
  ['dinner-2', { document: DINNER }, ['tasks', { tasks: [{ name: 'more', units: [{ name: 'u', owner: 'waiter' }] }] }]],
  ['draft', { document: DINNER, start: false }],
  [
    'bad-draft',
    { document: { name: 'bad', tasks: [{ name: 'a', dependsOn: ['b'], units: [{ name: 'u' }] }] }, start: false },
  ],
];

export type Stocked = {
  readonly server: Server;
  readonly hints: Hints;
  readonly secret: string;
  /** Asks, and lets the time of long polls pass. @throws Error if there is no answer then */
  readonly ask: (asked: Asked) => Promise<Answered>;
};

/** A server that needs a token, with something of everything that it can have. */
export const stockedServer = async (journal: Journal): Promise<Stocked> => {
  const clock = virtualClock(Date.UTC(2027, 0, 1));
  await interruptedIn(journal, clock);
  const { server, call: open } = await testServer({
    journal,
    clock,
    tokens: true,
    definitions: [add, broken, approval, odd, etl],
    upload: 'external',
  });
  const { secret } = await server.tokens.create({ name: 'root', roles: ['admin'] });
  const others = [
    await server.tokens.create({ name: 'screen', roles: ['viewer'] }),
    await server.tokens.create({
      name: 'cook',
      roles: ['worker'],
      owners: ['cook', '\u00e9'],
      expiresAt: clock.now() + 1e9,
    }),
  ];
  const call: Call = (method, path, given) => open(method, path, { ...given, token: secret });
  const must = async (...[method, path, given]: Parameters<Call>): Promise<void> => {
    const { status, body } = await call(method, path, given);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
  };
  for (const name of ['kitchen', 'spare', 'old'])
    await must('POST', '/topics', { body: { name, title: 'T', definitions: { hot: { owner: 'cook' } } } });
  await must('DELETE', '/topics/old');
  for (const [name, definition] of Object.entries({ nightly: 'add', waiting: 'approval' }))
    await must('POST', '/schedules', { body: { name, definition, cron: '0 3 * * *', timezone: 'Europe/Berlin' } });
  await must('PUT', '/definitions/uploaded', { body: YAML, headers: { 'content-type': 'application/yaml' } });
  for (const [jobId, body, ...steps] of JOBS) {
    await must('POST', '/jobs', { body: { jobId, ...body } });
    for (const [verb, given = {}] of steps) await must('POST', `/jobs/${jobId}/${verb}`, { body: given });
  }
  await clock.advance(10);
  await server.engine.job('dinner-2')?.saved();

  const ask = async ({ method, path, headers, body }: Asked): Promise<Answered> => {
    const request = new Request(`http://localhost${path}`, {
      method,
      headers: { authorization: `Bearer ${secret}`, ...headers },
      ...(body !== undefined && { body }),
    });
    let response: Response | undefined;
    const answer = Promise.resolve(server.fetch(request)).then((given) => {
      response = given;
    });
    for (let turn = 0; turn < TURNS && !response; turn++) await setImmediate();
    if (!response) await clock.advance(LONGEST_POLL_MS);
    await Promise.race([answer, overdue(`${method} ${path}`)]);
    const { status, headers: given } = response as unknown as Response;
    const isStream = given.get('content-type')?.startsWith('text/event-stream') === true;
    if (isStream) await response?.body?.cancel();
    return { status, headers: given, text: isStream ? '' : ((await response?.text()) ?? '') };
  };
  return {
    server,
    secret,
    ask,
    hints: await hintsOf(
      call,
      others.map(({ token }) => token.id),
    ),
  };
};

const TURNS = 30;

const LONGEST_POLL_MS = 61_000;

const overdue = (what: string): Promise<never> =>
  new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${what} has no answer.`)), 20_000).unref();
  });

/** A job whose definition the server does not have. */
const interruptedIn = async (journal: Journal, clock: ReturnType<typeof virtualClock>): Promise<void> => {
  const engine = createEngine({ journal, clock, definitions: [gone] });
  const job = engine.start(gone, {}, { jobId: 'interrupted' });
  await job.saved();
  await engine.close({ mode: 'abort', graceMs: 0 });
};

const hintsOf = async (call: Call, tokenIds: readonly string[]): Promise<Hints> => {
  const ids = ['interrupted', ...JOBS.map(([id]) => id)];
  const { nextCursor } = (await call('GET', '/jobs?limit=2')).body as { nextCursor: string };
  const claim = { owners: ['waiter', 'boss'], worker: 'w', max: 2, leaseMs: 24 * 60 * 60 * 1000 };
  const { units } = (await call('POST', '/units/claim', { body: claim })).body as {
    units: { id: string; token: string }[];
  };
  const ready = (await call('GET', '/units')).body as { items: { id: string }[] };
  const tasks = ['approve', 'pay', 'fails', 'after', 'sum', 'shop', 'cook', 'cook/fish', 'shop/buy', 'more', 'none'];
  const names = ['add', 'broken', 'approval', 'odd', 'etl', 'uploaded', 'dinner'];
  return {
    jobId: ids,
    ids,
    forkedFrom: ids,
    q: ['c', 'dinner'],
    topic: ['kitchen', 'spare', 'old', 'none'],
    definition: names,
    name: [...names, 'ask', 'kitchen', 'new', 'nightly', 'waiting'],
    owner: ['cook', 'waiter', 'boss'],
    owners: ['cook', 'waiter', 'boss'],
    use: ['hot', 'none'],
    dependsOn: ['shop', 'cook', 'fish', 'ask'],
    task: tasks,
    tasks,
    from: tasks,
    path: tasks,
    under: tasks,
    cursor: [nextCursor, Buffer.from('["x",1]').toString('base64url'), 'W10'],
    tokenId: tokenIds,
    unitId: [...units, ...units, ...ready.items].map(({ id }) => id).concat('running.cGF5'),
    token: units.map(({ token }) => token).concat('none'),
    schedule: ['nightly'],
    cron: ['0 3 * * *', '@daily', '0 0 31 2 *', 'x'],
    timezone: ['Europe/Berlin', 'UTC', 'Mars'],
    label: ['team:x', 'topic:kitchen', '__proto__:x', ':'],
    yaml: [YAML, YAML.replace('external', 'bash'), 'name: 1\ntasks: 5'],
  };
};
