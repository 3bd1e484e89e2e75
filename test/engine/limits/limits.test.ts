import {
  type AnyTaskSpec,
  createEngine,
  defineJob,
  expand,
  type Job,
  JobDefinitionError,
  type JobEvent,
  type JobOptions,
  jobFrom,
  type LimitOptions,
  type LimitUsage,
  OptionError,
  type PoolOption,
  type StartOptions,
  type TaskScope,
} from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

type Started = { readonly job: string; readonly task: string; readonly at: number };

/** What runs of these jobs, and when it began, in ms. */
const watch = (clock: VirtualClock, ...jobs: readonly Pick<Job, 'events$'>[]) => {
  const started: Started[] = [];
  const running = new Set<string>();
  let most = 0;
  const see = (event: JobEvent): void => {
    if (event.type !== 'task.transition') return;
    const name = `${event.jobName}:${event.task}`;
    if (event.from === 'running') running.delete(name);
    if (event.to !== 'running') return;
    running.add(name);
    most = Math.max(most, running.size);
    started.push({ job: event.jobName, task: event.task, at: clock.now() });
  };
  for (const job of jobs) job.events$.subscribe(see);
  return {
    order: () => started.map(({ task }) => task),
    at: (task: string) => started.filter((start) => start.task === task).map((start) => start.at),
    times: () => started.map(({ at }) => at),
    running: () => [...running].map((name) => name.split(':')[1]),
    most: () => most,
  };
};

const work = (clock: VirtualClock, ms: number) => (): Promise<void> =>
  new Promise((resolve) => void clock.setTimer(() => resolve(), ms));

/** Starts one job of these tasks; each takes `ms` unless it says what it does. */
type Draft = {
  readonly name: string;
  readonly ms?: number;
  readonly run?: (scope: TaskScope) => unknown;
  readonly [option: string]: unknown;
};
const specsOf = (clock: VirtualClock, drafts: readonly Draft[]): AnyTaskSpec[] =>
  drafts.map(
    ({ ms = 10, ...draft }) => ({ ...(draft.kind === undefined && { run: work(clock, ms) }), ...draft }) as AnyTaskSpec,
  );

const begin = (drafts: (clock: VirtualClock) => readonly Draft[], options: StartOptions = {}) => {
  const clock = virtualClock();
  const job = jobFrom('job', specsOf(clock, drafts(clock))).start({}, { clock, ...options });
  return { clock, job, seen: watch(clock, job) };
};

const many = (count: number, name: string, more: Readonly<Record<string, unknown>> = {}): Draft[] =>
  Array.from({ length: count }, (_, at) => ({ ...more, name: `${name}${at}` }));

const playEngine = (
  limits: LimitOptions,
  ...graphs: readonly (readonly [string, readonly Draft[], StartOptions?])[]
) => {
  const clock = virtualClock();
  const engine = createEngine({ clock, ...limits });
  const jobs = graphs.map(([name, drafts, options]) =>
    engine.start(jobFrom(name, specsOf(clock, drafts)), {}, options),
  );
  return { clock, engine, jobs, seen: watch(clock, ...jobs) };
};

/** The first problem of whatever `act` throws. */
const problemsOf = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    if (error instanceof OptionError || error instanceof JobDefinitionError) return error.problems;
    throw error;
  }
  throw new Error('Nothing was thrown.');
};

describe('a pool', () => {
  test('of a job lets as many tasks run at once as it has slots, and no other waits for it', async () => {
    const { clock, job, seen } = begin(() => [...many(5, 'db', { pool: 'db' }), ...many(3, 'free')], {
      pools: { db: 2 },
    });
    await clock.advance(5);
    expect(seen.running()).toEqual(['db0', 'db1', 'free0', 'free1', 'free2']);
    await clock.runAll();
    expect([0, 1, 2, 3, 4].map((at) => seen.at(`db${at}`))).toEqual([[0], [0], [10], [10], [20]]);
    expect((await job).state).toBe('completed');
  });

  test('of an engine is shared by its jobs', async () => {
    const { clock, engine, seen } = playEngine(
      { pools: { db: 3 } },
      ['one', many(3, 'a', { pool: 'db' })],
      ['two', many(3, 'b', { pool: 'db' })],
    );
    await clock.advance(5);
    expect(seen.running()).toEqual(['a0', 'a1', 'a2']);
    expect(engine.usage).toMatchObject([
      { name: 'pool "db" of the engine', taken: 3, size: 3, busyMs: 15, waiting: 3 },
    ]);
    await clock.runAll();
    expect(seen.most()).toBe(3);
    expect(engine.usage).toEqual([
      { name: 'pool "db" of the engine', taken: 0, size: 3, busyMs: 60, waiting: 0, next: [] } satisfies LimitUsage,
    ]);
  });

  test('says who waits for it, in order: neither tasks of paused jobs nor those that wait for another limit', async () => {
    const { clock, engine, jobs, seen } = playEngine(
      { maxConcurrency: 10, pools: { db: 2 } },
      ['one', many(3, 'a', { pool: 'db' }), { jobId: 'one' }],
      ['two', many(30, 'b', { pool: 'db' }), { jobId: 'two' }],
      ['own', many(5, 'c'), { jobId: 'own', maxConcurrency: 1 }],
      ['urgent', many(2, 'urgent', { pool: 'db', priority: 1 }), { jobId: 'urgent', maxConcurrency: 5 }],
      ['paused', many(4, 'd', { pool: 'db' }), { jobId: 'paused' }],
    );
    void jobs[4]?.pause();
    await clock.advance(5);
    const [all, db] = engine.usage;
    expect([all?.taken, all?.waiting, all?.next]).toEqual([3, 0, []]);
    expect([db?.taken, db?.waiting]).toEqual([2, 33]);
    const names = db?.next.map(({ jobId, task }) => `${jobId} ${task}`) ?? [];
    expect(names).toHaveLength(20);
    await clock.runAll();
    const began = seen.order().filter((task) => /^(?:a|b|urgent)/.test(task));
    expect(names.map((name) => name.split(' ')[1])).toEqual(began.slice(2, 22));
    expect(names.slice(0, 3)).toEqual(['urgent urgent0', 'urgent urgent1', 'one a2']);
  });

  test('of the same name on both levels: a task takes slots of both, and the scarcer one decides', async () => {
    const { clock, seen } = playEngine(
      { pools: { db: 3 } },
      ['narrow', many(3, 'a', { pool: 'db' }), { pools: { db: 1 } }],
      ['wide', many(5, 'b', { pool: 'db' }), { pools: { db: 50 } }],
    );
    await clock.advance(5);
    expect(seen.running()).toEqual(['a0', 'b0', 'b1']);
    await clock.advance(10);
    expect(seen.running()).toEqual(['a1', 'b2', 'b3']);
  });

  test('a start adds to the pools of the definition, and overrules those of the same name', async () => {
    const clock = virtualClock();
    const drafts = [
      ...many(3, 'db', { pool: 'db' }),
      ...many(3, 'api', { pool: 'api' }),
      ...many(3, 'own', { pool: 'own' }),
    ];
    const definition = jobFrom('job', specsOf(clock, drafts), { pools: { db: 1, api: 1 } });
    const job = definition.start({}, { clock, pools: { api: 2, own: 3 } });
    const seen = watch(clock, job);
    await clock.advance(5);
    expect(seen.running().sort()).toEqual(['api0', 'api1', 'db0', 'own0', 'own1', 'own2']);
  });

  test('gives its slots back however an attempt ends', async () => {
    const { clock, job, seen } = begin(
      (clock) =>
        [
          { name: 'fails', priority: 9, run: () => Promise.reject(new Error('no')) },
          {
            name: 'throws',
            priority: 8,
            run: () => {
              throw new Error('no');
            },
          },
          { name: 'timesOut', priority: 7, timeout: 5, ms: 1_000 },
          { name: 'isInvalid', priority: 6, run: () => [] },
          { name: 'expires', priority: 5, deadline: 20, ms: 1_000 },
          { name: 'polls', priority: 4, kind: 'sensor', interval: 100, check: () => clock.now() > 50 },
          { name: 'succeeds', priority: 3 },
        ].map((draft): Draft => ({ ...draft, pool: 'db', slots: 2 })),
      { pools: { db: 3 }, onFailure: 'continue' },
    );
    await clock.runAll();
    const { tasks } = await job;
    expect(Object.values(tasks).map(({ state }) => state)).toEqual([
      ...['failed', 'failed', 'failed', 'failed', 'failed'],
      ...['completed', 'completed'],
    ]);
    expect(seen.order()).toEqual(['fails', 'throws', 'timesOut', 'isInvalid', 'expires', 'polls', 'succeeds', 'polls']);
    expect(seen.times()).toEqual([0, 0, 0, 5, 5, 20, 20, 120]);
  });

  test('gives the slots of a backoff to others', async () => {
    const { clock, seen } = begin(
      () =>
        [
          {
            name: 'retries',
            priority: 9,
            maxRetries: 1,
            retry: { delayMs: 50 },
            run: ({ attempt }: TaskScope) => (attempt === 1 ? Promise.reject(new Error('no')) : {}),
          },
          { name: 'other' },
        ].map((draft): Draft => ({ ...draft, pool: 'db' })),
      { pools: { db: 1 } },
    );
    await clock.runAll();
    expect([seen.order(), seen.times()]).toEqual([
      ['retries', 'other', 'retries'],
      [0, 0, 50],
    ]);
  });

  test('keeps the slots of an aborted attempt until its grace is over', async () => {
    const { clock, engine, jobs, seen } = playEngine(
      { maxConcurrency: 1 },
      ['slow', [{ name: 'cleans', ms: 1_000 }], { graceMs: 100 }],
      ['other', [{ name: 'waits' }]],
    );
    await clock.advance(5);
    void jobs[0]?.cancel();
    await clock.advance(99);
    expect([seen.running(), engine.usage[0]?.taken]).toEqual([['cleans'], 1]);
    await clock.advance(1);
    expect(seen.running()).toEqual(['waits']);
  });
});

describe('slots', () => {
  test('are how much of a pool an attempt takes', async () => {
    const { clock, seen } = begin(
      () => [
        { name: 'three', pool: 'db', slots: 3 },
        { name: 'two', pool: 'db', slots: 2 },
        { name: 'one', pool: 'db' },
      ],
      { pools: { db: 4 } },
    );
    await clock.runAll();
    expect([seen.at('three'), seen.at('two'), seen.at('one')]).toEqual([[0], [10], [10]]);
  });

  test('a task of many is not starved by smaller ones that come after it', async () => {
    const { clock, seen } = begin(
      () => [
        { name: 'first', pool: 'db', priority: 9, ms: 25 },
        { name: 'large', pool: 'db', slots: 2, priority: 5 },
        ...many(20, 'small', { pool: 'db' }),
      ],
      { pools: { db: 2 } },
    );
    await clock.runAll();
    expect(seen.order().slice(0, 3)).toEqual(['first', 'large', 'small0']);
    expect(seen.at('large')).toEqual([25]);
  });

  test('a task of many is not starved by those of other jobs, wherever the limits of its own job are', async () => {
    for (const options of [{}, { maxConcurrency: 3 }, { pools: { db: 2 } }]) {
      const { clock, seen } = playEngine(
        { pools: { db: 2 } },
        ['small', Array.from({ length: 40 }, (_, at) => ({ name: `s${at}`, pool: 'db', ms: 10 + (at % 2) }))],
        ['large', [{ name: 'large', pool: 'db', slots: 2, priority: 9 }], options],
      );
      await clock.runAll();
      expect(seen.at('large'), JSON.stringify(options)).toEqual([11]);
    }
  });

  test('of a pool count there alone: towards maxConcurrency every attempt counts as one', async () => {
    const { clock, seen } = begin(() => many(4, 't', { pool: 'db', slots: 5 }), {
      pools: { db: 15 },
      maxConcurrency: 2,
    });
    await clock.advance(5);
    expect(seen.running()).toEqual(['t0', 't1']);
  });

  test.for<[string, (job: Job) => void]>([
    ['is paused', (job) => job.task('large').pause()],
    ['is removed', (job) => job.removeTask('large')],
    ['expires', () => {}],
  ])('those that wait behind a task that %s run at once', async ([how, act]) => {
    const { clock, job, seen } = begin(
      () => [
        { name: 'first', pool: 'db', slots: 2, priority: 9, ms: 1_000 },
        { name: 'large', pool: 'db', slots: 3, priority: 5, ...(how === 'expires' && { deadline: 7 }) },
        { name: 'small', pool: 'db' },
      ],
      { pools: { db: 4 }, onFailure: 'continue' },
    );
    await clock.advance(7);
    act(job as unknown as Job);
    await clock.advance(1);
    expect(seen.at('small')).toEqual([7]);
  });

  test.for<[string, (job: Job | undefined) => unknown]>([
    ['paused', (job) => job?.pause()],
    ['drained', (job) => job?.cancel('enough', { mode: 'drain' })],
    ['aborted', (job) => job?.cancel('enough')],
  ])('those that wait behind a task whose job is %s run at once', async ([, act]) => {
    const { clock, jobs, seen } = playEngine(
      { pools: { db: 4 } },
      [
        'one',
        [
          { name: 'first', pool: 'db', slots: 2, priority: 9, ms: 1_000 },
          { name: 'large', pool: 'db', slots: 3, priority: 5 },
        ],
      ],
      ['two', [{ name: 'small', pool: 'db' }]],
    );
    await clock.advance(7);
    void act(jobs[0] as unknown as Job);
    await clock.advance(1);
    expect(seen.at('small')).toEqual([7]);
  });
});

describe('who comes first', () => {
  test.for<[string, readonly Draft[], readonly string[]]>([
    [
      'the higher priority',
      [{ name: 'low', priority: -1 }, { name: 'none' }, { name: 'high', priority: 0.5 }],
      ['high', 'none', 'low'],
    ],
    [
      'then the longer chain',
      [{ name: 'short' }, { name: 'long' }, { name: 'end', dependsOn: ['long'] }],
      ['long', 'short', 'end'],
    ],
    ['then who was declared first', [{ name: 'b' }, { name: 'a' }, { name: 'c' }], ['b', 'a', 'c']],
    [
      'the priority, also before the chain',
      [{ name: 'long' }, { name: 'end', dependsOn: ['long'] }, { name: 'urgent', priority: 1 }],
      ['urgent', 'long', 'end'],
    ],
    [
      'the priority, also between a pool and none',
      [{ name: 'none' }, { name: 'db', pool: 'db', priority: 1 }, { name: 'api', pool: 'api', priority: 2 }],
      ['api', 'db', 'none'],
    ],
  ])('%s', async ([, drafts, order]) => {
    const { clock, seen } = begin(() => drafts, { maxConcurrency: 1, pools: { db: 1, api: 1 } });
    await clock.runAll();
    expect(seen.order()).toEqual(order);
  });

  test('a task whose pool is full lets those of other pools pass', async () => {
    const { clock, seen } = begin(
      () => [...many(2, 'db', { pool: 'db', priority: 9 }), { name: 'api', pool: 'api' }, { name: 'none' }],
      { pools: { db: 1, api: 1 } },
    );
    await clock.advance(5);
    expect(seen.running()).toEqual(['db0', 'api', 'none']);
  });

  test('a task that was added takes its place among those that wait', async () => {
    const { clock, job, seen } = begin(() => many(3, 't'), { maxConcurrency: 1 });
    await clock.advance(5);
    job.addTasks(specsOf(clock, [{ name: 'late' }, { name: 'urgent', priority: 1 }]));
    await clock.runAll();
    expect(seen.order()).toEqual(['t0', 'urgent', 't1', 't2', 'late']);
  });

  test('sequential runs one task at a time in topological order, whatever its pools and priorities', async () => {
    const { clock, seen } = begin(
      () => [
        { name: 'c', dependsOn: ['b'], priority: 9 },
        { name: 'a', pool: 'db', slots: 2 },
        { name: 'b', pool: 'db', priority: 5 },
        { name: 'd', priority: 7 },
      ],
      { sequential: true, pools: { db: 2 }, maxConcurrency: 5 },
    );
    await clock.runAll();
    expect([seen.order(), seen.times()]).toEqual([
      ['a', 'b', 'c', 'd'],
      [0, 10, 20, 30],
    ]);
  });
});

test('sequential goes into nested jobs and fan-outs: each is done before the next task begins', async () => {
  const { clock, job, seen } = begin(
    (clock) => [
      {
        name: 'n',
        kind: 'job',
        definition: jobFrom('inner', specsOf(clock, [...many(2, 'i'), { name: 'j', priority: 9 }])),
      },
      { name: 'm', kind: 'map', over: [1, 2], each: work(clock, 10) },
      { name: 'last', priority: 9 },
    ],
    { sequential: true },
  );
  await clock.runAll();
  expect(seen.order()).toEqual(['n', 'n/i0', 'n/i1', 'n/j', 'm', 'm[0]', 'm[1]', 'last']);
  expect(seen.times()).toEqual([0, 0, 10, 20, 30, 30, 40, 50]);
  expect((await job).state).toBe('completed');
});

describe('a rate', () => {
  test('lets so many attempts begin within any period: the window slides', async () => {
    const { clock, seen } = begin(
      () => [{ name: 'early', ms: 90 }, ...many(6, 'late', { dependsOn: ['early'], ms: 0 })],
      { rateLimit: { limit: 3, periodMs: 100 } },
    );
    await clock.runAll();
    // At 100 ms the first is out of the window, the two of 90 ms are not.
    expect(seen.times()).toEqual([0, 90, 90, 100, 190, 190, 200]);
  });

  test('counts retries and polls as starts', async () => {
    let looks = 0;
    const { clock, job, seen } = begin(
      () => [
        { name: 'retries', pool: 'api', priority: 1, maxRetries: 2, run: () => Promise.reject(new Error('no')) },
        { name: 'polls', pool: 'api', kind: 'sensor', interval: 10, check: () => ++looks === 3 },
        { name: 'free', ms: 0 },
      ],
      { pools: { api: { limit: 1, periodMs: 100 } }, onFailure: 'continue' },
    );
    await clock.runAll();
    expect(seen.at('retries')).toEqual([0, 100, 200]);
    expect(seen.at('polls')).toEqual([300, 400, 500]);
    expect(seen.at('free')).toEqual([0]);
    expect((await job).tasks.polls?.polls).toBe(2);
    expect(clock.pending()).toBe(0);
  });

  test('and slots hold together', async () => {
    const { clock, seen } = begin(() => many(6, 't', { pool: 'api', ms: 30 }), {
      pools: { api: { slots: 2, limit: 3, periodMs: 100 } },
    });
    await clock.runAll();
    expect(seen.times()).toEqual([0, 0, 30, 100, 100, 130]);
    expect(seen.most()).toBe(2);
  });

  test('of an engine is shared by its jobs', async () => {
    const { clock, seen } = playEngine(
      { rateLimit: { limit: 2, periodMs: 50 } },
      ['one', many(2, 'a', { ms: 0 })],
      ['two', many(2, 'b', { ms: 0 })],
    );
    await clock.runAll();
    expect(seen.times()).toEqual([0, 0, 50, 50]);
  });

  test('of a fan-out holds for its instances', async () => {
    const { clock, seen } = begin(() => [
      { name: 'each', kind: 'map', over: [1, 2, 3], rateLimit: { limit: 1, periodMs: 40 }, each: () => {} },
    ]);
    await clock.runAll();
    expect(seen.times()).toEqual([0, 0, 40, 80]);
  });

  test.for<[string, (job: Job) => unknown]>([
    ['cancelled', (job) => job.cancel()],
    ['drained', (job) => job.cancel('enough', { mode: 'drain' })],
  ])('leaves no timer behind when the job is %s', async ([, act]) => {
    const { clock, job } = begin(() => many(4, 't', { ms: 0 }), { rateLimit: { limit: 1, periodMs: 60_000 } });
    await clock.advance(1);
    expect(clock.pending()).toBe(1);
    await act(job);
    expect(clock.pending()).toBe(0);
  });

  test('waits on through a pause and goes on after it', async () => {
    const { clock, job, seen } = begin(() => many(3, 't', { ms: 0 }), { rateLimit: { limit: 1, periodMs: 100 } });
    await clock.advance(50);
    job.pause();
    await clock.advance(500);
    expect(seen.times()).toEqual([0]);
    job.resume();
    await clock.runAll();
    expect(seen.times()).toEqual([0, 550, 650]);
  });
});

describe('nested jobs and fan-outs', () => {
  const nest = (depth: number, clock: VirtualClock): Draft => {
    if (depth === 0) return { name: 'leaf' };
    const definition = jobFrom('inner', specsOf(clock, [nest(depth - 1, clock), { name: 'beside' }]));
    return { name: 'n', kind: 'job', definition };
  };

  test('take no slot themselves, their tasks do: one slot is enough for any depth', async () => {
    const { clock, job, seen } = begin(
      (clock) => [nest(4, clock), { name: 'fan', kind: 'map', over: [1, 2, 3], each: work(clock, 10) }],
      { maxConcurrency: 1 },
    );
    const functions = new Set<string | undefined>();
    let most = 0;
    job.events$.subscribe(() => {
      const now = seen.running().filter((name) => /(leaf|beside|\])$/.test(String(name)));
      for (const name of now) functions.add(name);
      most = Math.max(most, now.length);
    });
    await clock.runAll();
    expect((await job).state).toBe('completed');
    expect([most, functions.size]).toEqual([1, 8]);
    expect(clock.now()).toBeGreaterThanOrEqual(80);
  });

  test('of one slot for the engine, the job and the fan-out do not deadlock', async () => {
    const { clock, jobs } = playEngine({ maxConcurrency: 1, pools: { db: 1 } }, [
      'job',
      [
        {
          name: 'fan',
          kind: 'map',
          over: [1, 2],
          concurrency: 1,
          pool: 'db',
          each: () => ({}),
        },
        { name: 't', pool: 'db' },
      ],
      { maxConcurrency: 1, pools: { db: 1 } },
    ]);
    await clock.runAll();
    expect((await jobs[0])?.state).toBe('completed');
  });

  test('have limits of their own below those around them', async () => {
    const clock = virtualClock();
    const inner = jobFrom('inner', specsOf(clock, many(6, 'i', { pool: 'db' })), {
      maxConcurrency: 3,
      pools: { db: 2 },
    });
    const specs = [
      { name: 'n', kind: 'job' as const, definition: inner },
      ...specsOf(clock, many(3, 'o', { pool: 'db' })),
    ];
    const job = jobFrom('job', specs).start({}, { clock, pools: { db: 4 } });
    const seen = watch(clock, job);
    await clock.advance(5);
    expect(seen.running().sort()).toEqual(['n', 'n/i0', 'o0', 'o1', 'o2']);
    await clock.advance(10);
    expect(seen.running().sort()).toEqual(['n', 'n/i1', 'n/i2']);
  });

  test('an instance takes the slots that its fan-out names', async () => {
    const { clock, seen } = begin(
      (clock) => [{ name: 'fan', kind: 'map', over: [1, 2, 3], pool: 'db', slots: 2, each: work(clock, 10) }],
      { pools: { db: 4 } },
    );
    await clock.advance(5);
    expect(seen.running()).toEqual(['fan', 'fan[0]', 'fan[1]']);
  });
});

describe('limits that can not be kept are refused before anything runs', () => {
  const refused = (tasks: readonly Draft[], options: StartOptions = {}, defined: JobOptions = {}) => {
    const clock = virtualClock();
    let ran = 0;
    const specs = specsOf(clock, [{ name: 'first', run: () => void ran++ }, ...tasks]);
    const problems = problemsOf(() => jobFrom('job', specs, defined).start({}, { clock, ...options }));
    expect(ran).toBe(0);
    return problems.map(({ code, option, tasks: culprits, message }) => {
      expect(code).toBe('INVALID_OPTION');
      return `${option} ${culprits.join()}: ${message}`;
    });
  };

  test('an unknown pool, with a suggestion', () => {
    const [problem, ...more] = refused([{ name: 'load', pool: 'databse' }], { pools: { database: 2, api: 1 } });
    expect(more).toEqual([]);
    expect(problem).toMatch(/^pool load: .*"databse".*Did you mean "database"\?/);
  });

  test('an unknown pool, with those that there are', () => {
    expect(refused([{ name: 'load', pool: 'db' }], { pools: { gpu: 2, api: 1 } })[0]).toContain('Known are gpu, api.');
    expect(refused([{ name: 'load', pool: 'db' }])[0]).toContain('There are none.');
    expect(refused([{ name: 'load', pool: 'constructor' }], { pools: { gpu: 1 } })[0]).toContain('Known are gpu.');
  });

  test('more slots than the pool has, on whichever level', () => {
    expect(refused([{ name: 'load', pool: 'db', slots: 3 }], { pools: { db: 2 } })).toEqual([
      'slots load: Task "load" takes 3 slots of pool "db", which has 2: it could never run.',
    ]);
    const engine = createEngine({ pools: { db: 2 } });
    const definition = jobFrom('job', [{ name: 'load', pool: 'db', slots: 3, run: () => {} }]);
    expect(problemsOf(() => engine.start(definition, {}, { pools: { db: 9 } }))[0]).toMatchObject({ option: 'slots' });
    expect(engine.jobs).toEqual([]);
  });

  test('all of them at once, also in jobs that are nested', () => {
    const inner = jobFrom(
      'inner',
      [
        { name: 'a', pool: 'db', slots: 2, run: () => {} },
        { name: 'b', pool: 'own', slots: 4, run: () => {} },
        { name: 'c', pool: 'nowhere', run: () => {} },
      ],
      { pools: { own: 3 } },
    );
    const problems = refused(
      [
        { name: 'n', kind: 'job', definition: jobFrom('outer', [{ name: 'm', kind: 'job', definition: inner }]) },
        { name: 'fan', kind: 'map', over: [], pool: 'bd', each: () => {} },
        { name: 'look', kind: 'sensor', pool: 'db', slots: 2, check: () => true },
      ],
      { pools: { db: 1 } },
    );
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'slots n/m/a',
      'slots n/m/b',
      'pool n/m/c',
      'pool fan',
      'slots look',
    ]);
  });

  test('in tasks that are added to a job, and the job goes on as it was', async () => {
    const { clock, job } = begin(() => [{ name: 'a' }], { pools: { db: 2 } });
    await clock.advance(1);
    const add = (drafts: readonly Draft[]) => problemsOf(() => job.addTasks(specsOf(clock, drafts)));
    expect(add([{ name: 'ok' }, { name: 'b', pool: 'bd' }])[0]).toMatchObject({
      code: 'INVALID_OPTION',
      option: 'pool',
      message: expect.stringContaining('Did you mean "db"?'),
    });
    expect(add([{ name: 'b', pool: 'db', slots: 3 }])[0]).toMatchObject({ option: 'slots', tasks: ['b'] });
    const inner = jobFrom('inner', [{ name: 'i', pool: 'gpu', run: () => {} }]);
    expect(add([{ name: 'n', kind: 'job', definition: inner }])[0]).toMatchObject({ option: 'pool', tasks: ['n/i'] });
    await clock.runAll();
    expect(Object.keys((await job).tasks)).toEqual(['a']);
  });

  test('in tasks that a task expands to: it fails, since no retry mends that', async () => {
    const { clock, job } = begin(() => [
      { name: 'a', maxRetries: 3, run: () => expand([{ name: 'b', pool: 'db', run: () => {} }]) },
    ]);
    await clock.runAll();
    expect((await job).errors[0]).toMatchObject({
      code: 'INVALID_OUTPUT',
      message: expect.stringContaining('pool "db"'),
    });
    expect((await job).tasks.a?.attempts).toBe(1);
  });

  const wrong: readonly (readonly [unknown, string])[] = [
    ...[0, -1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, '2', null, true, []].map(
      (pool) => [pool, 'pools.db'] as const,
    ),
    [{}, 'pools.db'],
    [{ slots: 0 }, 'pools.db.slots'],
    [{ slots: 2, limt: 1 }, 'pools.db.limt'],
    [{ limit: 3 }, 'pools.db'],
    [{ slots: 1, periodMs: 5 }, 'pools.db'],
    [{ limit: 0, periodMs: 5 }, 'pools.db.limit'],
    [{ limit: Number.POSITIVE_INFINITY, periodMs: 5 }, 'pools.db.limit'],
    [{ limit: 2, periodMs: 0 }, 'pools.db.periodMs'],
    [{ limit: 2, periodMs: Number.POSITIVE_INFINITY }, 'pools.db.periodMs'],
  ];

  test.for(wrong)('a pool that is %o', ([pool, option]) => {
    const pools = { db: pool as PoolOption };
    expect(refused([], { pools })[0]).toContain(`${option} :`);
    expect(problemsOf(() => createEngine({ pools }))[0]).toMatchObject({ code: 'INVALID_OPTION', option });
    expect(problemsOf(() => jobFrom('job', [{ name: 'a', run: () => {} }], { pools }))[0]).toMatchObject({ option });
  });

  test.for<[LimitOptions, string]>([
    [{ maxConcurrency: 0 }, 'maxConcurrency'],
    [{ maxConcurrency: 2.5 }, 'maxConcurrency'],
    [{ rateLimit: { limit: 1 } as never }, 'rateLimit.periodMs'],
    [{ rateLimit: { limit: 0, periodMs: 1 } }, 'rateLimit.limit'],
    [{ rateLimit: 5 as never }, 'rateLimit'],
    [{ pools: [3] as never }, 'pools'],
    [{ pools: new Map([['db', 4]]) as never }, 'pools'],
  ])('the limits %o', ([limits, option]) => {
    expect(refused([], limits)[0]).toContain(`${option} :`);
    expect(problemsOf(() => createEngine(limits))[0]).toMatchObject({ option });
  });

  test('slots of no pool, and slots that are none', () => {
    const of = (more: object) => problemsOf(() => jobFrom('job', [{ name: 'a', run: () => {}, ...more }]))[0]?.option;
    expect([of({ slots: 2 }), of({ pool: '' }), of({ pool: 'db', slots: 0 }), of({ pool: 'db', slots: 1.5 })]).toEqual([
      'slots',
      'pool',
      'slots',
      'slots',
    ]);
  });
});

test('limits of Infinity are none', async () => {
  const { clock, job, seen } = begin(() => many(50, 't', { pool: 'db', slots: 7 }), {
    maxConcurrency: Number.POSITIVE_INFINITY,
    pools: { db: { slots: Number.POSITIVE_INFINITY } },
  });
  await clock.advance(1);
  expect(seen.running()).toHaveLength(50);
  await clock.runAll();
  expect((await job).state).toBe('completed');
});

test('explain says who holds the slots, who comes first, and until when the rate is used up', async () => {
  const { clock, job } = begin(
    () => [
      { name: 'holds', pool: 'db', priority: 9, ms: 100 },
      { name: 'next', pool: 'db', priority: 5 },
      { name: 'last', pool: 'db' },
      { name: 'called', pool: 'api', priority: 1, ms: 0 },
      { name: 'calls', pool: 'api' },
    ],
    { pools: { db: 1, api: { limit: 1, periodMs: 100 } } },
  );
  await clock.advance(5);
  for (const _ of [1, 2]) {
    job.task('next').pause();
    job.task('next').resume();
  }
  expect(job.explain('last')[0]?.reasons).toMatchObject([
    { kind: 'pool', size: 1, taken: 1, wanted: 1, holders: ['holds'], before: ['next'] },
  ]);
  expect(job.explain('calls')[0]?.reasons).toMatchObject([{ kind: 'rateLimit', until: 100 }]);
});

test('a definition may hold the pools that its tasks name', async () => {
  const clock = virtualClock();
  const definition = defineJob('job', { pools: { db: 1 } })
    .task('a', { pool: 'db' }, work(clock, 10))
    .task('b', { pool: 'db' }, work(clock, 10))
    .seal();
  const job = definition.start({}, { clock });
  await clock.runAll();
  expect((await job).tasks.b.startedAt).toBe(10);
});
