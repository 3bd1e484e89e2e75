import { afterEach, expect, test } from 'vitest';
import { jobFrom } from '../../src/engine/job-from.ts';
import type { AnyTaskSpec } from '../../src/index.ts';
import type { Server } from '../../src/server/create-server.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { testServer } from '../support/server.ts';
import { turns } from '../support/turns.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    await server.engine.job('j')?.cancel();
    await server.close({ graceMs: 0 });
  }
});

/** Ten tasks, each waiting for the one before; the first waits for `first`. */
const chain = (first: string): AnyTaskSpec[] =>
  Array.from({ length: 10 }, (_, at) => ({
    name: `step${at}`,
    dependsOn: [at === 0 ? first : `step${at - 1}`],
    run: () => ({}),
  }));

const explained = async (tasks: readonly AnyTaskSpec[], path: string, act?: (server: Server) => void, options = {}) => {
  const clock = virtualClock();
  const { server, call } = await testServer({ definitions: [jobFrom('work', tasks, options)], clock });
  servers.push(server);
  await call('POST', '/jobs', { body: { definition: 'work', jobId: 'j' } });
  await turns();
  act?.(server);
  await turns();
  const { status, body } = await call('GET', `/jobs/j/explain?task=${encodeURIComponent(path)}`);
  expect(status).toBe(200);
  return (
    body as { items: [{ roots: { task: string; state: string; reasons: { kind: string }[] }[]; moreRoots: number }] }
  ).items[0];
};

const hangs = ({ signal }: { readonly signal: AbortSignal }): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
const fails = (): never => {
  throw new Error('no');
};

test.each<[string, readonly AnyTaskSpec[], (((server: Server) => void) | undefined)?, object?]>([
  ['external', [{ name: 'root', kind: 'external' }]],
  ['retry', [{ name: 'root', maxRetries: 1, retry: { delayMs: 1000 }, run: fails }]],
  ['poll', [{ name: 'root', kind: 'sensor', interval: 1000, check: () => false }]],
  ['paused', [{ name: 'root', maxRetries: 0, onExhausted: 'pause', run: fails }]],
  ['paused', [{ name: 'root', kind: 'external' }], (server) => server.engine.job('j')?.task('root').pause('ann')],
  [
    'concurrency',
    [
      { name: 'a', priority: 9, run: hangs },
      { name: 'root', run: hangs },
    ],
    undefined,
    { maxConcurrency: 1 },
  ],
  [
    'pool',
    [
      { name: 'a', priority: 9, pool: 'db', run: hangs },
      { name: 'root', pool: 'db', run: hangs },
    ],
    undefined,
    { pools: { db: 1 } },
  ],
  [
    'rateLimit',
    [
      { name: 'a', priority: 9, pool: 'db', run: () => ({}) },
      { name: 'root', pool: 'db', run: hangs },
    ],
    undefined,
    { pools: { db: { slots: 5, limit: 1, periodMs: 1000 } } },
  ],
])('what holds up the last of ten tasks is told with its reason: %s', async (kind, tasks, act, options) => {
  const { roots, moreRoots } = await explained([...tasks, ...chain('root')], 'step9', act, options);
  expect(roots.map(({ task }) => task)).toEqual(['root']);
  expect(roots[0]?.reasons.map((reason) => reason.kind)).toContain(kind);
  expect(moreRoots).toBe(0);
});

test('a task that runs holds others up without a reason; several roots are all told, 20 at most', async () => {
  const many = Array.from({ length: 25 }, (_, at): AnyTaskSpec => ({ name: `r${at}`, run: hangs }));
  const gather: AnyTaskSpec = { name: 'gather', dependsOn: many.map(({ name }) => name), run: () => ({}) };
  const { roots, moreRoots } = await explained([...many, gather, ...chain('gather')], 'step9');
  expect(roots).toHaveLength(20);
  expect(roots[0]).toMatchObject({ state: 'running', reasons: [] });
  expect(moreRoots).toBe(5);
});

test('of a nested job that runs, what is inside is told; of one that has not begun, what it waits for', async () => {
  const inner = jobFrom('inner', [{ name: 'sign', kind: 'external' }, ...chain('sign')]);
  const tasks: AnyTaskSpec[] = [
    { name: 'part', kind: 'job', definition: inner },
    { name: 'after', kind: 'job', dependsOn: ['part'], definition: inner },
    { name: 'each', kind: 'map', over: [1, 2], each: ({ index, signal }) => (index === 1 ? hangs({ signal }) : {}) },
    { name: 'end', dependsOn: ['after', 'each'], run: () => ({}) },
  ];
  const rootsOfTask = async (path: string) => (await explained(tasks, path)).roots.map(({ task }) => task);
  expect(await rootsOfTask('end')).toEqual(['each[1]', 'part/sign']);
  expect(await rootsOfTask('after/step9')).toEqual(['part/sign']);
  expect(await rootsOfTask('part')).toEqual(['part/sign']);
  expect(await rootsOfTask('part/sign')).toEqual([]);
});
