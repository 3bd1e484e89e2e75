import fc from 'fast-check';
import {
  type AnyTaskSpec,
  createEngine,
  defineJob,
  type Explanation,
  type Job,
  type JobEvent,
  jobFrom,
  notReady,
  type StartOptions,
} from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { play, restlessJob, statesOf } from '../../support/restless-job.ts';

/** `FC_SEED=… npx vitest run test/engine/views/explain.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const napper =
  (clock: VirtualClock) =>
  <Value>(ms: number, value?: Value) =>
  (): Promise<Value | undefined> =>
    new Promise((resolve) => void clock.setTimer(() => resolve(value), ms));

/** A job of these tasks, begun at 0 and advanced by `ms`. */
const begin = async (
  tasks: (nap: ReturnType<typeof napper>) => readonly AnyTaskSpec[],
  options: StartOptions = {},
  ms = 0,
) => {
  const clock = virtualClock();
  const job = jobFrom('work', tasks(napper(clock))).start({}, { clock, ...options });
  await clock.advance(ms);
  return { clock, job };
};

type Explained = Pick<Job, 'explain'>;

const reasonsOf = (job: Explained, path: string): Explanation['reasons'] =>
  job.explain(path as never).flatMap(({ reasons }) => reasons);

const textsOf = (job: Explained, path: string): string[] => reasonsOf(job, path).map(({ text }) => text);

const throws = (): never => {
  throw new Error('refused');
};

describe('a task that waits for upstreams', () => {
  const diamond = (nap: ReturnType<typeof napper>): readonly AnyTaskSpec[] => [
    { name: 'a', run: nap(10) },
    { name: 'b', run: nap(20) },
    { name: 'c', dependsOn: ['a'], run: nap(30) },
    { name: 'd', dependsOn: ['b', 'c'], run: () => {} },
  ];

  test('names those that are missing, with the state of each', async () => {
    const { job } = await begin(diamond, {}, 5);
    expect(reasonsOf(job, 'd')).toEqual([
      { kind: 'upstream', text: 'waits for b (running), c (unscheduled)', tasks: ['b', 'c'] },
    ]);
  });

  test('forgets those that have ended', async () => {
    const { clock, job } = await begin(diamond, {}, 5);
    await clock.advance(20);
    expect(reasonsOf(job, 'd')).toEqual([{ kind: 'upstream', text: 'waits for c (running)', tasks: ['c'] }]);
  });

  test('says by which rule, where it is not the usual one', async () => {
    const { job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], trigger: 'oneFailed', run: () => {} },
    ]);
    expect(textsOf(job, 'b')).toEqual(['waits for a (running), by its rule oneFailed']);
  });

  test('names five of many, and how many more there are', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `t${at}`);
    const { job } = await begin((nap) => [
      ...names.map((name) => ({ name, run: nap(10) })),
      { name: 'last', dependsOn: names, run: () => {} },
    ]);
    const [reason] = reasonsOf(job, 'last');
    expect(reason?.text).toBe(
      'waits for t0 (running), t1 (running), t2 (running), t3 (running), t4 (running) and 7 more',
    );
    expect(reason).toMatchObject({ kind: 'upstream', tasks: names });
  });

  test('shows upstreams that wait themselves: retrying, polling, paused', async () => {
    const { job } = await begin((nap) => [
      { name: 'a', maxRetries: 1, retry: { delayMs: 10 }, run: throws },
      { name: 'b', kind: 'sensor', check: () => false },
      { name: 'c', onExhausted: 'pause', run: throws },
      { name: 'd', dependsOn: ['a', 'b', 'c'], run: nap(1) },
    ]);
    expect(textsOf(job, 'd')).toEqual(['waits for a (retrying), b (polling), c (paused)']);
  });
});

describe('a task that waits for a slot', () => {
  test('names the pool, how full it is and who holds it', async () => {
    const { job } = await begin(
      (nap) => [
        { name: 'a', pool: 'db', slots: 3, run: nap(10) },
        { name: 'b', pool: 'db', run: nap(10) },
        { name: 'c', pool: 'db', slots: 2, run: nap(10) },
      ],
      { pools: { db: 4 } },
    );
    expect(reasonsOf(job, 'c')).toEqual([
      {
        kind: 'pool',
        text: 'pool "db" of the job "work" is full: 4/4 held by a, b, and it wants 2',
        limit: 'pool "db" of the job "work"',
        size: 4,
        taken: 4,
        wanted: 2,
        holders: ['a', 'b'],
        before: [],
        ahead: 0,
      },
    ]);
  });

  test('names who comes first', async () => {
    const { job } = await begin(
      (nap) => [
        { name: 'a', pool: 'db', run: nap(10) },
        { name: 'b', pool: 'db', run: nap(10) },
        { name: 'c', pool: 'db', run: nap(10) },
      ],
      { pools: { db: 1 } },
    );
    expect(reasonsOf(job, 'b')).toMatchObject([{ kind: 'pool', before: [] }]);
    expect(reasonsOf(job, 'c')).toMatchObject([{ kind: 'pool', holders: ['a'], before: ['b'] }]);
    expect(textsOf(job, 'c')).toEqual(['pool "db" of the job "work" is full: 1/1 held by a; b comes first']);
  });

  test('names who comes first once, though that was paused and let go', async () => {
    const { job } = await begin(
      (nap) => [
        { name: 'a', pool: 'db', run: nap(10) },
        { name: 'b', pool: 'db', run: nap(10) },
        { name: 'c', pool: 'db', run: nap(10) },
      ],
      { pools: { db: 1 } },
    );
    for (let round = 0; round < 3; round++) {
      job.task('b').pause();
      job.task('b').resume();
    }
    expect(reasonsOf(job, 'c')).toMatchObject([{ before: ['b'] }]);
  });

  test('names the limit that keeps the one before it, where its own room is there', async () => {
    const { job } = await begin(
      (nap) => [
        { name: 'a', pool: 'db', slots: 2, run: nap(10) },
        { name: 'b', pool: 'db', slots: 3, run: nap(10) },
        { name: 'c', pool: 'db', run: nap(10) },
      ],
      { maxConcurrency: 10, pools: { db: 4 } },
    );
    const [reason] = reasonsOf(job, 'c');
    expect(reason).toMatchObject({ kind: 'pool', size: 4, taken: 2, wanted: 1, holders: ['a'], before: ['b'] });
    expect(reason?.text).not.toContain('is full');
    expect(reason?.text).toContain('b comes first');
  });

  test('names the concurrency of its job', async () => {
    const { job } = await begin(
      (nap) => [
        { name: 'a', run: nap(10) },
        { name: 'b', run: nap(10) },
      ],
      { maxConcurrency: 1 },
    );
    expect(reasonsOf(job, 'b')).toEqual([
      {
        kind: 'concurrency',
        text: 'the concurrency of the job "work" is full: 1/1 held by a',
        limit: 'the job "work"',
        size: 1,
        taken: 1,
        wanted: 1,
        holders: ['a'],
        before: [],
        ahead: 0,
      },
    ]);
  });

  test('names each limit that is full', async () => {
    const { job } = await begin(
      (nap) => [
        { name: 'a', pool: 'db', run: nap(10) },
        { name: 'b', pool: 'db', run: nap(10) },
      ],
      { maxConcurrency: 1, pools: { db: 1 } },
    );
    expect(reasonsOf(job, 'b').map(({ kind }) => kind)).toEqual(['concurrency', 'pool']);
  });

  test('names holders of other jobs of its engine, with their job', async () => {
    const clock = virtualClock();
    const engine = createEngine({ clock, pools: { db: 1 } });
    const definition = jobFrom('work', [{ name: 'a', pool: 'db', run: napper(clock)(10) }]);
    engine.start(definition, {}, { jobId: 'first' });
    const second = engine.start(definition, {}, { jobId: 'second' });
    await clock.advance(0);
    expect(reasonsOf(second as unknown as Job, 'a')).toMatchObject([
      { kind: 'pool', holders: ['a (job first)'], limit: expect.stringContaining('pool "db"') },
    ]);
    await clock.runAll();
    await engine.close();
  });

  test('names the rate, and until when', async () => {
    const { job } = await begin(
      () => [
        { name: 'a', run: () => {} },
        { name: 'b', run: () => {} },
      ],
      { rateLimit: { limit: 1, periodMs: 60_000 } },
      1_000,
    );
    expect(reasonsOf(job, 'b')).toEqual([
      {
        kind: 'rateLimit',
        text: 'the rate of the job "work" is used up, 1 start in 60000 ms: the next may start at 1970-01-01T00:01:00.000Z',
        limit: 'the job "work"',
        until: 60_000,
      },
    ]);
  });
});

describe('a task that waits for time', () => {
  test('says when it is tried again, as which attempt and why', async () => {
    const { job } = await begin(() => [{ name: 'a', maxRetries: 3, retry: { delayMs: 90_000 }, run: throws }], {}, 5);
    expect(reasonsOf(job, 'a')).toEqual([
      {
        kind: 'retry',
        text: 'tries again at 1970-01-01T00:01:30.000Z, as attempt 2, because Task "a" failed in attempt 1: refused',
        attempt: 2,
        at: 90_000,
      },
    ]);
  });

  test('says when a sensor looks again, for the how-manieth time, and what it is missing', async () => {
    const { job } = await begin(
      () => [{ kind: 'sensor', name: 'a', interval: 10, check: () => notReady('no dns') }],
      {},
      25,
    );
    expect(reasonsOf(job, 'a')).toEqual([
      {
        kind: 'poll',
        text: expect.stringMatching(/^looks again at 1970-01-01T00:00:00\.030Z, .*4.*: no dns$/),
        polls: 3,
        at: 30,
      },
    ]);
  });
});

describe('a paused task', () => {
  test('says who paused it', async () => {
    const { job } = await begin(() => [{ kind: 'external', name: 'a' }]);
    job.task('a').pause('ann');
    expect(reasonsOf(job, 'a')).toEqual([{ kind: 'paused', text: 'was paused by ann', by: 'ann', what: 'task' }]);
    expect(job.explain()).toHaveLength(1);
  });

  test('that was running says so too', async () => {
    const { job } = await begin(() => [{ kind: 'external', name: 'a' }]);
    job.task('a').claim('bob');
    expect(job.explain()).toEqual([]);
    job.task('a').pause('ann');
    expect(reasonsOf(job, 'a')).toMatchObject([{ kind: 'paused', by: 'ann', what: 'task' }]);
  });

  test('that has not started says that it is held, beside what it waits for', async () => {
    const { job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    job.task('b').pause('ann');
    expect(reasonsOf(job, 'b')).toEqual([
      { kind: 'paused', text: 'is held by ann', by: 'ann', what: 'task' },
      { kind: 'upstream', text: 'waits for a (running)', tasks: ['a'] },
    ]);
  });

  test('whose retries are used up waits for a person, and says what failed', async () => {
    const { job } = await begin(() => [{ name: 'a', maxRetries: 1, onExhausted: 'pause', run: throws }]);
    expect(reasonsOf(job, 'a')).toMatchObject([{ kind: 'paused', what: 'task' }]);
    expect(textsOf(job, 'a')[0]).toMatch(
      /waits for a person to retry it: its retries are used up after attempt 2, because .*refused/,
    );
  });

  test('of a paused job names who paused the job, beside what else it waits for', async () => {
    const { job } = await begin(
      (nap) => [
        { name: 'a', run: nap(10) },
        { name: 'b', dependsOn: ['a'], run: () => {} },
        { kind: 'external', name: 'c' },
      ],
      {},
      5,
    );
    job.pause('ann');
    const paused = { kind: 'paused', text: 'its job was paused by ann', by: 'ann', what: 'job' };
    expect(reasonsOf(job, 'b')).toEqual([paused, expect.objectContaining({ kind: 'upstream' })]);
    expect(reasonsOf(job, 'c')).toEqual([paused, expect.objectContaining({ kind: 'external' })]);
    expect(job.explain().map(({ task }) => task)).toEqual(['b', 'c']);
  });
});

describe('nested tasks', () => {
  const nested = async (options: StartOptions = {}) => {
    const clock = virtualClock();
    const nap = napper(clock);
    const inner = defineJob('inner')
      .task('a', nap(10))
      .task('b', { dependsOn: ['a'] }, nap(10))
      .seal();
    const middle = defineJob('middle').job('in', {}, inner).seal();
    const job = defineJob('outer')
      .job('mid', {}, middle)
      .map('each', { over: [1, 2], concurrency: 1 }, nap(50))
      .task('after', { dependsOn: ['mid'] }, () => {})
      .start({}, { clock, ...options });
    return { clock, job };
  };

  test('are explained by their paths, among all others', async () => {
    const { clock, job } = await nested();
    await clock.advance(5);
    expect(job.explain().map(withoutPath)).toEqual([
      {
        task: 'mid/in/b',
        state: 'unscheduled',
        reasons: [{ kind: 'upstream', text: 'waits for mid/in/a (running)', tasks: ['mid/in/a'] }],
      },
      {
        task: 'each[1]',
        state: 'ready',
        reasons: [expect.objectContaining({ kind: 'concurrency', holders: ['each[0]'], size: 1 })],
      },
      {
        task: 'after',
        state: 'unscheduled',
        reasons: [{ kind: 'upstream', text: 'waits for mid (running)', tasks: ['mid'] }],
      },
    ]);
  });

  test('name the task around them that is paused, and the job', async () => {
    const { clock, job } = await nested();
    await clock.advance(5);
    job.task('mid').pause('ann');
    job.pause('bob');
    expect(textsOf(job as unknown as Job, 'mid/in/b')).toEqual(
      [
        'waits for mid/in/a (running)',
        expect.stringContaining('was paused by ann'),
        expect.stringContaining('its job was paused by bob'),
      ].sort((x, y) => Number(String(x).startsWith('waits')) - Number(String(y).startsWith('waits'))),
    );
    expect(
      reasonsOf(job as unknown as Job, 'mid/in/b').map((reason) => ('by' in reason ? reason.by : reason.kind)),
    ).toEqual(['ann', 'bob', 'upstream']);
  });

  test('before the task around them begins say so', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner')
      .task('a', () => {})
      .seal();
    const job = defineJob('outer')
      .external('gate')
      .job('in', { dependsOn: ['gate'] }, inner)
      .start({}, { clock });
    await clock.advance(0);
    expect(job.explain('in/a')).toEqual([
      { task: 'in/a', state: 'unscheduled', reasons: [{ kind: 'job', text: 'the task around it has not begun' }] },
    ]);
  });
});

describe('other reasons', () => {
  test('an external task waits for somebody outside', async () => {
    const { job } = await begin(() => [{ kind: 'external', name: 'a' }]);
    expect(job.explain().map(withoutPath)).toEqual([
      {
        task: 'a',
        state: 'ready',
        reasons: [{ kind: 'external', text: 'waits to be claimed or completed from outside' }],
      },
    ]);
  });

  test('before the job has begun it says so', () => {
    const clock = virtualClock();
    const job = jobFrom('work', [
      { name: 'a', run: () => {} },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]).start({}, { clock });
    expect(job.explain().map(withoutPath)).toEqual([
      { task: 'a', state: 'unscheduled', reasons: [{ kind: 'job', text: expect.stringContaining('has not begun') }] },
      { task: 'b', state: 'unscheduled', reasons: [expect.objectContaining({ kind: 'upstream', tasks: ['a'] })] },
    ]);
  });

  test('in a job that is ending nothing starts any more', async () => {
    const { clock, job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
      { name: 'sweep', dependsOn: ['a'], trigger: 'always', run: () => {} },
    ]);
    void job.cancel('enough', { mode: 'drain' });
    expect(reasonsOf(job, 'b')).toEqual([{ kind: 'job', text: expect.stringContaining('is ending') }]);
    expect(textsOf(job, 'sweep')).toEqual(['waits for a (running), by its rule always']);
    await clock.runAll();
  });

  test('its clean-up is not held by a pause that came before', async () => {
    const { clock, job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'sweep', dependsOn: ['a'], trigger: 'always', run: () => {} },
    ]);
    job.pause('ann');
    void job.cancel('enough', { mode: 'drain' });
    expect(textsOf(job, 'sweep')).toEqual(['waits for a (running), by its rule always']);
    await clock.runAll();
    expect(job.state).toBe('cancelled');
  });

  test('a task that runs has none, and is left out of job.explain()', async () => {
    const { job } = await begin((nap) => [{ name: 'a', run: nap(10) }]);
    expect(job.explain('a').map(withoutPath)).toEqual([{ task: 'a', state: 'running', reasons: [] }]);
    expect(job.explain()).toEqual([]);
  });

  test.each<[name: string, text: string | RegExp, reason: string | undefined]>([
    ['done', 'has completed, after 1 attempt', undefined],
    ['twice', 'has completed, after 2 attempts', undefined],
    ['bad', 'is failed: Task "bad" failed in attempt 1: refused', 'error'],
    ['after', 'is skipped: Task "after" was skipped, because "bad" upstream of it failed.', 'upstreamFailed'],
    ['waits', 'is notReady: no dns', 'no dns'],
    ['never', 'is skipped: when', 'when'],
  ])('a task that has ended says how: %s', async (name, text, reason) => {
    const { job } = await begin(
      () => [
        { name: 'done', run: () => {} },
        { name: 'twice', maxRetries: 1, run: ({ attempt }) => (attempt === 1 ? throws() : undefined) },
        { name: 'bad', run: throws },
        { name: 'after', dependsOn: ['bad'], run: () => {} },
        { name: 'waits', run: () => notReady('no dns') },
        { name: 'never', when: () => false, run: () => {} },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    expect(reasonsOf(job, name)).toEqual([{ kind: 'ended', text, ...(reason !== undefined && { reason }) }]);
  });

  test('once the job is over every task has ended, and one that never was scheduled says that', async () => {
    const { clock, job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    void job.cancel('enough');
    await clock.runAll();
    expect(reasonsOf(job, 'a')).toEqual([
      { kind: 'ended', text: 'is cancelled: jobCancelled', reason: 'jobCancelled' },
    ]);
    expect(reasonsOf(job, 'b')).toEqual([{ kind: 'ended', text: 'was never scheduled: the job is cancelled' }]);
  });

  test('within the event of an upstream’s end it does not say that the job has not begun', async () => {
    const { clock, job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    const texts: string[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'completed' && event.task === 'a')
        texts.push(...textsOf(job, 'b'));
    });
    await clock.runAll();
    expect(texts).toHaveLength(1);
    expect(texts[0]).not.toContain('has not begun');
  });

  test.each(['nobody', 'a/b', 'a[0]', 'a[0]/b', '', 'constructor'])('an unknown task is an error: %j', async (path) => {
    const { job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { kind: 'external', name: 'b' },
    ]);
    expect(() => job.explain(path)).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
    expect(() => job.task(path)).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
  });

  test('it survives JSON', async () => {
    const { job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { kind: 'sensor', name: 's', check: () => notReady('x') },
      { name: 'b', dependsOn: ['a', 's'], run: () => {} },
    ]);
    expect(JSON.parse(JSON.stringify(job.explain()))).toEqual(job.explain());
  });

  test('a job of 5,000 tasks is explained in a moment', async () => {
    const { job } = await begin((nap) => Array.from({ length: 5_000 }, (_, at) => ({ name: `t${at}`, run: nap(10) })), {
      maxConcurrency: 1,
    });
    const start = performance.now();
    expect(job.explain()).toHaveLength(4_999);
    expect(performance.now() - start).toBeLessThan(2_000);
    void job.cancel();
  });
});

const SETTLED = new Set(['completed', 'failed', 'notReady', 'skipped', 'cancelled']);

const explainsAll = (job: Job, events: readonly JobEvent[], count: number): void => {
  const explained = new Map(job.explain().map((one) => [one.task, one]));
  for (const { task, state, reasons } of explained.values()) {
    if (reasons.length === 0) throw new Error(`"${task}" is ${state}, and has no reason`);
    if (SETTLED.has(state) || state === 'running') throw new Error(`"${task}" is explained, though it is ${state}`);
    for (const { text, kind } of reasons) {
      if (/unknown|undefined|NaN|\[object|null/i.test(text)) throw new Error(`"${task}" says: ${text}`);
      if (kind === 'ended' && ['running', 'paused'].includes(job.state))
        throw new Error(`"${task}" is ${state} and says that it has ended`);
    }
    if (job.explain(task as never)[0]?.reasons.length !== reasons.length) throw new Error(`"${task}" says two things`);
  }
  if (!['running', 'paused'].includes(job.state)) return;
  const paths = new Set([...statesOf(events).keys(), ...Array.from({ length: count }, (_, at) => `t${at}`)]);
  for (const path of paths) {
    const { state } = job.task(path as never);
    const wanted = !SETTLED.has(state) && state !== 'running';
    const outer = /^(.*?)[/[]/.exec(path)?.[1];
    if (outer !== undefined && SETTLED.has(job.task(outer as never).state)) continue;
    const reason = job.explain(path as never)[0]?.reasons[0];
    // The task around it has begun another attempt, and that has nothing inside yet.
    if (reason?.text === 'the task around it has not begun') continue;
    if (wanted && !explained.has(path) && reason?.kind !== 'ended')
      throw new Error(`"${path}" is ${state}, and is not explained`);
  }
};

test('at any moment of a random job each task that neither runs nor has ended has a reason, and none is unknown', {
  timeout: 60_000,
}, async () => {
  const kinds = new Set<string>();
  await fc.assert(
    fc.asyncProperty(restlessJob(), async (spec) => {
      await play(spec, (job, events) => {
        explainsAll(job, events, spec.tasks.length);
        if (!['running', 'paused'].includes(job.state)) return;
        for (const { reasons } of job.explain()) for (const { kind } of reasons) kinds.add(kind);
      });
    }),
    { numRuns: 200, ...seeded },
  );
  expect([...kinds].sort()).toEqual(['concurrency', 'external', 'job', 'paused', 'poll', 'pool', 'retry', 'upstream']);
});

describe('the critical path', () => {
  const pathOf = (job: Job, tasks: readonly string[]) =>
    tasks.map((task) => {
      const { critical, slackMs } = job.explain(task)[0] as Explanation;
      return [critical, slackMs];
    });
  const all = ['extract', 'rates', 'join', 'report'];
  const begun = (estimates: readonly (number | undefined)[]) =>
    begin((nap) => [
      { name: 'extract', estimate: estimates[0], run: nap(60) },
      { name: 'rates', estimate: estimates[1], run: nap(10) },
      { name: 'join', dependsOn: ['extract', 'rates'], estimate: estimates[2], run: nap(20) },
      { name: 'report', dependsOn: ['rates'], estimate: estimates[3], run: nap(5) },
    ]);

  test('is the longest by time: what is over as measured, what runs as it has run if that is longer, estimates of the rest', async () => {
    const { clock, job } = await begun([50, 40, 20, 10]);
    expect(pathOf(job, all)).toEqual([
      [true, 0],
      [false, 10],
      [true, 0],
      [false, 20],
    ]);
    await clock.advance(15);
    // rates took 10, not 40.
    expect(pathOf(job, all)).toEqual([
      [true, 0],
      [false, 40],
      [true, 0],
      [false, 55],
    ]);
    await clock.advance(40);
    // extract has run for 55, not 50.
    expect(pathOf(job, all)).toEqual([
      [true, 0],
      [false, 45],
      [true, 0],
      [false, 60],
    ]);
    await clock.runAll();
    expect(pathOf(job, all)).toEqual([
      [true, 0],
      [false, 50],
      [true, 0],
      [false, 65],
    ]);
  });

  test('is the longest by the number of tasks where nothing is known', async () => {
    const { job } = await begun([undefined, undefined, undefined, undefined]);
    expect(pathOf(job, all).map(([critical]) => critical)).toEqual([true, false, true, false]);
    expect(pathOf(job, all).map(([, slackMs]) => slackMs)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

/** An explanation without the critical path. */
const withoutPath = ({ task, state, reasons }: Explanation) => ({ task, state, reasons });
