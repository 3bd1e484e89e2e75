import fc from 'fast-check';
import {
  type AnyTaskSpec,
  type Job,
  type JobEvent,
  jobFrom,
  notReady,
  type StartOptions,
  type TaskState,
} from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

/** `FC_SEED=… npx vitest run test/engine/run/not-ready.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const begin = (tasks: readonly AnyTaskSpec[], options: StartOptions = {}) => {
  const clock = options.clock ?? virtualClock();
  const job = jobFrom('job', tasks).start({}, { clock, ...options }) as unknown as Job;
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return { clock: clock as VirtualClock, job, events };
};

const statesOf = async (job: Job): Promise<Readonly<Record<string, TaskState>>> => {
  const { tasks } = await job;
  return Object.fromEntries(
    Object.entries(tasks as Record<string, { state: TaskState }>).map(([k, v]) => [k, v.state]),
  );
};
const skips = (events: readonly JobEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type === 'task.transition' && event.to === 'skipped' ? [event.task] : []));

const nothing = (): void => {};
const waits = () => notReady('waiting for DNS');
const raise = (message: string): never => {
  throw new Error(message);
};
const task = (job: Job, name: string) => job.task(name as never);

describe.each([1, 2, Infinity])('with %d tasks at once', (maxConcurrency) => {
  test('six roots that are not ready all run; all else is skipped, once, and the job ends', async () => {
    const roots = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6'];
    const ran: string[] = [];
    const { job, events } = begin(
      [
        ...roots.map((name) => ({
          name,
          run: () => {
            ran.push(name);
            return waits();
          },
        })),
        { name: 'pair', dependsOn: ['r1', 'r2'], run: () => void ran.push('pair') },
        { name: 'all', dependsOn: roots, run: () => void ran.push('all') },
        { name: 'deep', dependsOn: ['pair', 'all', 'r6'], run: () => void ran.push('deep') },
        { name: 'deeper', dependsOn: ['deep'], run: () => void ran.push('deeper') },
      ],
      { maxConcurrency },
    );
    const result = await job;
    expect(ran.sort()).toEqual(roots);
    expect(roots.map((name) => result.tasks[name]?.state)).toEqual(roots.map(() => 'notReady'));
    expect([...skips(events)].sort()).toEqual(['all', 'deep', 'deeper', 'pair']);
    expect(result.state).toBe('notReady');
    expect(events.at(-1)).toMatchObject({ type: 'job.transition', to: 'notReady' });
  });

  test('other branches go on to their end', async () => {
    const { job } = begin(
      [
        { name: 'dns', run: waits },
        { name: 'site', dependsOn: ['dns'], run: nothing },
        { name: 'stock', run: nothing },
        { name: 'invoice', dependsOn: ['stock'], run: nothing },
        { name: 'mail', dependsOn: ['invoice', 'site'], run: nothing },
      ],
      { maxConcurrency },
    );
    expect(await statesOf(job)).toEqual({
      dns: 'notReady',
      site: 'skipped',
      stock: 'completed',
      invoice: 'completed',
      mail: 'skipped',
    });
  });
});

test('what waits on it is skipped at once, while other upstreams still run', async () => {
  const { clock, job, events } = begin([
    { name: 'dns', run: waits },
    { name: 'slow', run: () => new Promise<void>((resolve) => clock.setTimer(resolve, 50)) },
    { name: 'site', dependsOn: ['slow', 'dns'], run: nothing },
  ]);
  await clock.advance(1);
  expect([task(job, 'site').state, task(job, 'slow').state]).toEqual(['skipped', 'running']);
  await clock.runAll();
  expect(job.state).toBe('notReady');
  expect(skips(events)).toEqual(['site']);
});

test('the reason is kept, and shown; the skipped name theirs', async () => {
  const { job, events } = begin([
    { name: 'dns', maxRetries: 5, run: waits },
    { name: 'site', dependsOn: ['dns'], run: nothing },
    { name: 'shop', dependsOn: ['site'], run: nothing },
  ]);
  const result = await job;
  expect(result.tasks.dns).toMatchObject({
    state: 'notReady',
    reason: 'waiting for DNS',
    attempts: 1,
    error: undefined,
  });
  expect(task(job, 'dns').reason).toBe('waiting for DNS');
  expect(events).toContainEqual(expect.objectContaining({ task: 'dns', to: 'notReady', reason: 'waiting for DNS' }));
  expect([result.tasks.site?.reason, result.tasks.shop?.reason]).toEqual(['upstreamNotReady', 'upstreamNotReady']);
});

test('the result says so without an error; whoever wants more is told why there is none', async () => {
  const { job } = begin([
    { name: 'mail', run: () => notReady('no relay') },
    { name: 'dns', run: waits },
    { name: 'site', dependsOn: ['dns'], run: nothing },
    { name: 'ok', run: () => ({ ok: 1 }) },
  ]);
  const result = await job;
  expect([result.isReady(), result.isNotReady(), result.isFailed()]).toEqual([false, true, false]);
  expect([result.error, result.errors, result.firstError()]).toEqual([undefined, [], undefined]);
  expect(result.firstInProgress()).toBe('dns');
  expect(result.ctx).toEqual({ ok: 1 });
  expect(result.frontier().map(({ task, state, subtree }) => [task, state, subtree])).toEqual([
    ['dns', 'notReady', ['dns', 'site']],
    ['mail', 'notReady', ['mail']],
  ]);
  await expect(job.orThrow()).rejects.toMatchObject({ code: 'JOB_NOT_READY' });
  await expect(job.orThrow()).rejects.toThrow('"mail": no relay; "dns": waiting for DNS');
  await expect(job.output('dns' as never)).rejects.toMatchObject({ code: 'TASK_NOT_READY' });
  await expect(job.output('site' as never)).rejects.toMatchObject({ code: 'TASK_SKIPPED' });
});

test('started again, the definition begins anew', async () => {
  let ready = false;
  const site = jobFrom('site', [
    { name: 'dns', run: () => (ready ? { ip: '::1' } : waits()) },
    { name: 'site', dependsOn: ['dns'], run: nothing },
  ]);
  expect((await site.start()).state).toBe('notReady');
  ready = true;
  const result = await site.start();
  expect([result.state, result.tasks.site?.state]).toEqual(['completed', 'completed']);
});

describe('beside a failure', () => {
  const tasks = (clock: VirtualClock): AnyTaskSpec[] => [
    { name: 'dns', run: waits },
    { name: 'site', dependsOn: ['dns'], run: nothing },
    { name: 'bad', run: () => new Promise((_, reject) => clock.setTimer(() => reject(new Error('bad')), 10)) },
    { name: 'next', dependsOn: ['bad'], run: nothing },
    { name: 'both', dependsOn: ['bad', 'dns'], run: nothing },
  ];

  test.each([
    ['abort', 'unscheduled'],
    ['drain', 'unscheduled'],
    ['continue', 'skipped'],
  ] as const)('the job has failed (%s)', async (onFailure, next) => {
    const clock = virtualClock();
    const { job } = begin(tasks(clock), { clock, onFailure });
    await clock.runAll();
    expect(await statesOf(job)).toEqual({ dns: 'notReady', site: 'skipped', bad: 'failed', next, both: 'skipped' });
    const result = await job;
    expect([result.state, result.isNotReady(), result.firstInProgress()]).toEqual(['failed', false, 'dns']);
    expect(result.tasks.both?.reason).toBe('upstreamNotReady');
  });

  test('that is tolerated, the job is not ready', async () => {
    const { job } = begin([
      { name: 'dns', run: waits },
      { name: 'bad', continueOnFailure: true, run: () => raise('bad') },
    ]);
    expect((await job).state).toBe('notReady');
  });

  test('an error thrown after "not ready" was made counts; so does the tolerance of failures for nothing', async () => {
    const { job } = begin([
      {
        name: 'thrower',
        run: () => {
          notReady('not returned');
          raise('thrown');
        },
      },
    ]);
    expect((await job).state).toBe('failed');
    const tolerant = begin([
      { name: 'dns', continueOnFailure: true, run: waits },
      { name: 'site', dependsOn: ['dns'], run: nothing },
    ]);
    expect(await statesOf(tolerant.job)).toEqual({ dns: 'notReady', site: 'skipped' });
  });
});

test('an answer that comes after the attempt has timed out is dropped', async () => {
  const { clock, job, events } = begin(
    [
      { name: 'dns', timeout: 10, run: () => new Promise((resolve) => clock.setTimer(() => resolve(waits()), 20)) },
      { name: 'open', run: () => new Promise<void>((resolve) => clock.setTimer(resolve, 50)) },
    ],
    { onFailure: 'continue' },
  );
  await clock.runAll();
  expect(await statesOf(job)).toEqual({ dns: 'failed', open: 'completed' });
  expect(events).toContainEqual(expect.objectContaining({ type: 'task.lateResult', task: 'dns' }));
});

test('in a job that drains it counts, and the job ends as it was going to', async () => {
  const { clock, job } = begin([
    { name: 'dns', run: () => new Promise((resolve) => clock.setTimer(() => resolve(waits()), 20)) },
    { name: 'site', dependsOn: ['dns'], run: nothing },
  ]);
  await clock.advance(10);
  job.cancel('enough', { mode: 'drain' });
  await clock.runAll();
  expect([await statesOf(job), job.state]).toEqual([{ dns: 'notReady', site: 'unscheduled' }, 'cancelled']);
});

test('a nested job that is not ready, and a fan-out with an item that is not, are not ready', async () => {
  const inner = jobFrom('inner', [
    { name: 'dns', run: waits },
    { name: 'site', dependsOn: ['dns'], run: nothing },
  ]);
  const { job } = begin([
    { name: 'nested', kind: 'job', definition: inner },
    {
      name: 'each',
      kind: 'map',
      over: [1, 2],
      each: ({ item }: { item: number }) => (item === 2 ? waits() : undefined),
    },
    { name: 'next', dependsOn: ['nested'], run: nothing },
    { name: 'last', dependsOn: ['each'], run: nothing },
  ]);
  const result = await job;
  expect(await statesOf(job)).toEqual({ nested: 'notReady', each: 'notReady', next: 'skipped', last: 'skipped' });
  expect(result.tasks.nested?.reason).toContain('nested/dns: waiting for DNS');
  expect(result.tasks.each?.reason).toContain('each[1]: waiting for DNS');
});

test.each([
  [undefined],
  [null],
  [42],
  [{ toString: () => raise('no text') }],
  [Symbol('why')],
  ['x'.repeat(100_000)],
])('a reason of any kind does no harm: %o', async (reason) => {
  const { job, events } = begin([{ name: 'a', run: () => notReady(reason as string) }]);
  expect((await job).state).toBe('notReady');
  expect(() => JSON.stringify(events)).not.toThrow();
});

test('a chain of 10,000 behind it is skipped, each once', async () => {
  const names = Array.from({ length: 10_000 }, (_, at) => `t${at}`);
  const { job, events } = begin([
    { name: 'dns', run: waits },
    { name: 'mail', run: waits },
    ...names.map((name, at) => ({
      name,
      dependsOn: at === 0 ? ['dns', 'mail'] : [names[at - 1] as string, 'mail'],
      run: nothing,
    })),
  ]);
  expect((await job).state).toBe('notReady');
  expect(new Set(skips(events)).size).toBe(10_000);
  expect(skips(events)).toHaveLength(10_000);
});

test('in random graphs, what is downstream of a task that is not ready is skipped, once, and nothing else', {
  timeout: 60_000,
}, async () => {
  const graph = fc.array(
    fc.record({ needs: fc.array(fc.nat(1_000), { maxLength: 3 }), ready: fc.boolean(), ms: fc.nat(20) }),
    { minLength: 1, maxLength: 15 },
  );
  await fc.assert(
    fc.asyncProperty(graph, fc.constantFrom(1, 2, Infinity), async (specs, maxConcurrency) => {
      const clock = virtualClock();
      const needs = specs.map((spec, at) => (at === 0 ? [] : [...new Set(spec.needs.map((need) => need % at))]));
      const { job, events } = begin(
        specs.map(({ ready, ms }, at) => ({
          name: `t${at}`,
          dependsOn: needs[at]?.map((need) => `t${need}`) ?? [],
          run: () => new Promise((resolve) => clock.setTimer(() => resolve(ready ? undefined : waits()), ms)),
        })),
        { clock, maxConcurrency },
      );
      await clock.runAll();
      const expected: TaskState[] = [];
      for (const [at, { ready }] of specs.entries()) {
        const free = needs[at]?.every((need) => expected[need] === 'completed');
        expected.push(free ? (ready ? 'completed' : 'notReady') : 'skipped');
      }
      expect(Object.values(await statesOf(job))).toEqual(expected);
      expect(skips(events)).toHaveLength(expected.filter((state) => state === 'skipped').length);
      expect(job.state).toBe(expected.includes('notReady') ? 'notReady' : 'completed');
    }),
    { numRuns: 200, ...seeded },
  );
});
