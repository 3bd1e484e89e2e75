import {
  type CloseOptions,
  CommandError,
  createEngine,
  type Engine,
  type EngineOptions,
  type JobDefinition,
  type JobEvent,
  jobFrom,
  type Logger,
  OptionError,
  type StartOptions,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

const open = (options: EngineOptions = {}) => {
  const clock = virtualClock();
  const engine = createEngine({ clock, ...options });
  const events: JobEvent[] = [];
  let completed = 0;
  engine.events$.subscribe({ next: (event) => events.push(event), complete: () => completed++ });
  const work = (ms: number) => (): Promise<void> => new Promise((resolve) => void clock.setTimer(() => resolve(), ms));
  return {
    clock,
    engine,
    events,
    work,
    completed: () => completed,
    /** A chain of as many tasks, each of which takes 10 ms. */
    chain: (name: string, length = 1) =>
      jobFrom(
        name,
        Array.from({ length }, (_, at) => ({
          name: `t${at}`,
          dependsOn: at === 0 ? [] : [`t${at - 1}`],
          run: work(10),
        })),
      ),
    ran: () =>
      events.flatMap((event) =>
        event.type === 'task.transition' && event.to === 'running' ? [`${event.jobName} ${event.task}`] : [],
      ),
  };
};

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof OptionError || error instanceof CommandError) return error.code;
    throw error;
  }
};

describe('an engine', () => {
  test('starts jobs, knows them while they run, and lets them go when they are over', async () => {
    const { clock, engine, chain } = open();
    const one = engine.start(chain('one', 2));
    const two = engine.start(chain('two'), {}, { jobId: 'second' });
    expect(engine.jobs).toEqual([one, two]);
    expect(engine.job('second')).toBe(two);
    expect(engine.job(one.id)).toBe(one);
    expect(engine.job('third')).toBeUndefined();
    await clock.advance(10);
    expect(engine.jobs).toEqual([one]);
    expect(engine.job('second')).toBeUndefined();
    await clock.runAll();
    expect(engine.jobs).toEqual([]);
    expect([(await one).state, (await two).state]).toEqual(['completed', 'completed']);
  });

  test('hands the input and the options of a start to the job', async () => {
    const { clock, engine } = open();
    const definition = jobFrom('job', [{ name: 'a', run: ({ ctx }) => ({ doubled: 2 * Number(ctx.n) }) }]);
    const job = engine.start(definition, { n: 21 }, { jobId: 'mine', timeout: 50 });
    await clock.runAll();
    expect([job.id, (await job).ctx]).toEqual(['mine', { n: 21, doubled: 42 }]);
  });

  test('tells of all events of all its jobs, from the first on', async () => {
    const { clock, engine, events, chain } = open();
    const jobs = [engine.start(chain('one', 2)), engine.start(chain('two', 3))];
    const own = jobs.map((job) => {
      const seen: JobEvent[] = [];
      job.events$.subscribe((event) => seen.push(event));
      return seen;
    });
    await clock.runAll();
    for (const [at, job] of jobs.entries()) expect(events.filter(({ jobId }) => jobId === job.id)).toEqual(own[at]);
    expect(events).toHaveLength((own[0] ?? []).length + (own[1] ?? []).length);
    expect(own[0]?.[0]).toMatchObject({ type: 'job.transition', from: 'idle', to: 'running', seq: 0 });
  });

  test('refuses an id that one of its jobs has, until that job is over', async () => {
    const { clock, engine, chain } = open();
    const first = engine.start(chain('one'), {}, { jobId: 'x' });
    expect(() => engine.start(chain('two'), {}, { jobId: 'x' })).toThrow(/A job with the id "x" is running already/);
    expect(engine.jobs).toEqual([first]);
    await clock.runAll();
    expect(engine.start(chain('two'), {}, { jobId: 'x' }).id).toBe('x');
  });

  test('refuses another clock than its own', () => {
    const { clock, engine, chain } = open();
    expect(() => engine.start(chain('one'), {}, { clock: virtualClock() })).toThrow(/runs by the engine's clock/);
    expect(engine.start(chain('one'), {}, { clock }).state).toBe('idle');
  });

  test.for<[string, EngineOptions]>([
    ['an unknown option', { maxConcurency: 3 } as EngineOptions],
    ['a logger that is none', { logger: {} as Logger }],
    ['a clock that is none', { clock: {} as never }],
    ['a random that is none', { random: 4 as never }],
  ])('refuses %s', ([, options]) => {
    expect(codeOf(() => createEngine(options))).toBe('INVALID_OPTION');
  });

  test('refuses what is no sealed definition, and options that are none', () => {
    const { engine, chain } = open();
    expect(() => engine.start({ name: 'x' } as unknown as JobDefinition)).toThrow(/definition/);
    expect(codeOf(() => engine.start(chain('one'), {}, 'fast' as unknown as StartOptions))).toBe('INVALID_OPTION');
    expect(codeOf(() => engine.start(chain('one'), [] as never))).toBe('INVALID_OPTION');
    expect(engine.jobs).toEqual([]);
  });

  test('gives its logger to the jobs that bring none', async () => {
    const lines: string[] = [];
    const logger = (name: string): Logger => {
      const log = (...args: unknown[]): void =>
        void lines.push(`${name} ${args.map((arg) => JSON.stringify(arg)).join(' ')}`);
      return { debug: log, info: log, warn: log, error: log };
    };
    const { clock, engine, chain } = open({ logger: logger('engine') });
    engine.start(chain('one'));
    engine.start(chain('two'), {}, { logger: logger('own') });
    await clock.runAll();
    const of = (name: string): string => lines.filter((line) => line.startsWith(name)).join('\n');
    expect(of('engine')).toContain('one');
    expect(of('engine')).not.toContain('two');
    expect(of('own')).toContain('two');
  });

  test('draws the chance of its jobs from its own', async () => {
    let drawn = 0;
    const random = (): number => {
      drawn++;
      return 0.5;
    };
    const { clock, engine } = open({ random });
    const fails = jobFrom('fails', [
      {
        name: 'a',
        maxRetries: 1,
        retry: { delayMs: 100, jitter: 'full' },
        run: ({ attempt }) => (attempt === 1 ? Promise.reject(new Error('no')) : {}),
      },
    ]);
    engine.start(fails);
    await clock.runAll();
    expect([drawn, clock.now()]).toEqual([1, 50]);
  });

  test('is not harmed by a subscriber or a logger that throws', async () => {
    const { clock, engine, chain } = open({
      logger: {
        debug: () => {
          throw new Error('full disk');
        },
        info: () => {
          throw new Error('full disk');
        },
        warn: () => {},
        error: () => {},
      },
    });
    const job = engine.start(chain('one', 2));
    await clock.runAll();
    expect((await job).state).toBe('completed');
    expect(engine.jobs).toEqual([]);
  });

  test('lets a subscriber start the next job', async () => {
    const { clock, engine, chain, ran } = open({ maxConcurrency: 1 });
    let left = 3;
    engine.events$.subscribe((event) => {
      if (event.type === 'job.transition' && event.to === 'completed' && --left > 0) engine.start(chain(`next${left}`));
    });
    engine.start(chain('first'));
    await clock.runAll();
    expect(ran()).toEqual(['first t0', 'next2 t0', 'next1 t0']);
    expect(engine.jobs).toEqual([]);
  });
});

describe('between jobs', () => {
  test('the higher priority comes first, then the longer chain, then the job that was started first', async () => {
    const { clock, engine, work, ran, chain } = open({ maxConcurrency: 1 });
    const one = (name: string, priority: number) => jobFrom(name, [{ name: 't0', priority, run: work(10) }]);
    engine.start(one('holds', 9));
    await clock.advance(1);
    for (const definition of [one('b', 0), one('a', 0), chain('long', 2), one('low', -1), one('high', 1)])
      engine.start(definition);
    await clock.runAll();
    expect(ran()).toEqual(['holds t0', 'high t0', 'long t0', 'b t0', 'a t0', 'long t1', 'low t0']);
  });

  test("what is nested in a job takes that job's place", async () => {
    const { clock, engine, work, ran } = open({ maxConcurrency: 1 });
    engine.start(jobFrom('first', [{ kind: 'map', name: 'each', over: [1, 2, 3], each: work(10) }]));
    engine.start(
      jobFrom(
        'second',
        ['a', 'b'].map((name) => ({ name, run: work(10) })),
      ),
    );
    await clock.runAll();
    expect(ran()).toEqual([
      ...['first each', 'first each[0]', 'first each[1]', 'first each[2]'],
      ...['second a', 'second b'],
    ]);
  });

  test('a job that is paused steps aside, and takes its place again', async () => {
    const { clock, engine, chain, ran } = open({ maxConcurrency: 1 });
    const first = engine.start(chain('first', 3));
    engine.start(chain('second', 3));
    await clock.advance(5);
    first.pause();
    await clock.advance(20);
    first.resume();
    await clock.runAll();
    expect(ran()).toEqual(['first t0', 'second t0', 'second t1', 'first t1', 'first t2', 'second t2']);
  });

  test('a job that is cancelled hands its slots to the others at once', async () => {
    const { clock, engine, chain, ran } = open({ maxConcurrency: 1 });
    const first = engine.start(chain('first', 3));
    engine.start(chain('second'));
    await clock.advance(5);
    void first.cancel();
    await clock.advance(1);
    expect(ran()).toEqual(['first t0', 'second t0']);
    await clock.runAll();
    expect(engine.jobs).toEqual([]);
  });

  test('clean-up takes slots like any other task, and comes to its end', async () => {
    const { clock, engine, work, ran, chain } = open({ maxConcurrency: 1 });
    const cleans = jobFrom('cleans', [
      { name: 'work', run: work(50) },
      { name: 'clean', dependsOn: ['work'], trigger: 'always', run: work(10) },
    ]);
    const job = engine.start(cleans);
    engine.start(chain('other', 2));
    await clock.advance(5);
    void job.cancel();
    await clock.runAll();
    expect(ran()).toEqual(['cleans work', 'other t0', 'cleans clean', 'other t1']);
    expect((await job).tasks.clean?.state).toBe('completed');
  });
});

test('2,000 jobs of three tasks under a concurrency of 10 all complete, and never do more than 10 run', async () => {
  const engine = createEngine({ maxConcurrency: 10 });
  let running = 0;
  let most = 0;
  const run = async (): Promise<void> => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
  };
  const definition = jobFrom('three', [
    { name: 'a', run },
    { name: 'b', dependsOn: ['a'], run },
    { name: 'c', dependsOn: ['a'], run },
  ]);
  const jobs = Array.from({ length: 2_000 }, () => engine.start(definition));
  expect(engine.jobs).toHaveLength(2_000);
  const states = await Promise.all(jobs.map(async (job) => (await job).state));
  expect(new Set(states)).toEqual(new Set(['completed']));
  expect([most, running]).toEqual([10, 0]);
  expect(engine.jobs).toEqual([]);
  expect(engine.usage).toEqual([
    { name: 'the engine', taken: 0, size: 10, busyMs: expect.any(Number), waiting: 0, next: [] },
  ]);
});

describe('close', () => {
  const watch = (promise: Promise<unknown>) => {
    const seen = { settled: false };
    void promise.then(() => {
      seen.settled = true;
    });
    return seen;
  };

  test('drains: what runs finishes, nothing else starts, and events$ completes with the last event', async () => {
    const { clock, engine, chain, events, completed, ran } = open({ maxConcurrency: 2 });
    const jobs = ['one', 'two', 'three'].map((name) => engine.start(chain(name, 2)));
    await clock.advance(5);
    const closing = watch(engine.close());
    expect([engine.closed, closing.settled, completed()]).toEqual([true, false, 0]);
    await clock.advance(5);
    expect([closing.settled, completed(), engine.jobs.length]).toEqual([true, 1, 0]);
    expect(ran()).toEqual(['one t0', 'two t0']);
    const results = await Promise.all(jobs);
    expect(results.map(({ state, tasks }) => `${state} ${tasks.t0?.state}`)).toEqual([
      'cancelled completed',
      'cancelled completed',
      'cancelled cancelled',
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'job.transition', to: 'cancelled', reason: 'the engine is closing' });
    expect(clock.pending()).toBe(0);
  });

  test('lets a job whose last task runs complete', async () => {
    const { clock, engine, chain } = open();
    const job = engine.start(chain('one'));
    await clock.advance(5);
    void engine.close();
    await clock.runAll();
    expect((await job).tasks.t0?.state).toBe('completed');
  });

  test('aborts when asked: signals are told, and nothing is waited for but the grace of a job', async () => {
    const { clock, engine, work } = open();
    const reasons: unknown[] = [];
    const listens = jobFrom('listens', [
      {
        name: 'a',
        run: ({ signal }) => {
          signal.addEventListener('abort', () => reasons.push(signal.reason.code));
          return work(1_000)();
        },
      },
    ]);
    engine.start(listens);
    engine.start(listens, {}, { graceMs: 30 });
    await clock.advance(5);
    const closing = watch(engine.close({ mode: 'abort' }));
    expect(reasons).toEqual(['JOB_CANCELLED', 'JOB_CANCELLED']);
    await clock.advance(29);
    expect([closing.settled, engine.jobs.length]).toEqual([false, 1]);
    await clock.advance(1);
    expect(closing.settled).toBe(true);
  });

  test('aborts what a drain has not ended within graceMs', async () => {
    const { clock, engine, work } = open();
    const slow = jobFrom('slow', [{ name: 'a', run: work(1_000) }]);
    const jobs = [engine.start(slow), engine.start(slow, {}, { graceMs: 30 })];
    await clock.advance(5);
    const closing = watch(engine.close({ graceMs: 100 }));
    const states = () => jobs.map(({ state }) => state);
    await clock.advance(99);
    expect(states()).toEqual(['running', 'running']);
    await clock.advance(1);
    expect([...states(), closing.settled]).toEqual(['cancelled', 'running', false]);
    await clock.advance(30);
    expect([...states(), closing.settled]).toEqual(['cancelled', 'cancelled', true]);
  });

  test.each<[string, CloseOptions[], number]>([
    ['by abort, after graceMs', [{ mode: 'abort', graceMs: 100 }], 100],
    ['by abort, after ten seconds', [{ mode: 'abort' }], 10_000],
    ['by drain, after graceMs for the drain and for clean-up', [{ graceMs: 100 }], 200],
    ['by abort again, after the shorter time', [{ mode: 'abort' }, { mode: 'abort', graceMs: 0 }], 0],
  ])('ends clean-up that never settles: %s', async (_how, calls, afterMs) => {
    const { clock, engine } = open();
    engine.start(jobFrom('endless', [{ name: 'clean', trigger: 'always', run: () => new Promise(() => {}) }]));
    await clock.advance(5);
    const closing = watch(Promise.all(calls.map((options) => engine.close(options))));
    if (afterMs > 0) await clock.advance(afterMs - 1);
    expect(closing.settled).toBe(false);
    await clock.advance(1);
    expect([closing.settled, clock.pending()]).toEqual([true, 0]);
  });

  test('leaves no timer behind when the drain is quicker than graceMs', async () => {
    const { clock, engine, chain } = open();
    engine.start(chain('one'));
    await clock.advance(1);
    const closed = engine.close({ graceMs: 60_000 });
    await clock.advance(9);
    await closed;
    expect(clock.pending()).toBe(0);
  });

  test('can be called again: it hastens, never slows, and all calls end together', async () => {
    const { clock, engine, work, completed } = open();
    const job = engine.start(jobFrom('slow', [{ name: 'a', run: work(1_000) }]));
    await clock.advance(5);
    const calls = [engine.close(), engine.close({ graceMs: 500 }), engine.close({ graceMs: 20 }), engine.close()];
    await clock.advance(20);
    await Promise.all(calls);
    expect(job.state).toBe('cancelled');
    await engine.close();
    await engine.close({ mode: 'abort' });
    expect(completed()).toBe(1);
  });

  test('drain may be followed by abort', async () => {
    const { clock, engine, work } = open();
    const job = engine.start(jobFrom('slow', [{ name: 'a', run: work(1_000) }]));
    await clock.advance(5);
    void engine.close();
    void engine.close({ mode: 'abort' });
    expect(job.state).toBe('cancelled');
  });

  test('of an engine without jobs is over at once', async () => {
    const { engine, completed } = open();
    await engine.close();
    expect([engine.closed, completed()]).toEqual([true, 1]);
    let late = 0;
    engine.events$.subscribe({ complete: () => late++ });
    expect(late).toBe(1);
  });

  test('refuses jobs from then on', async () => {
    const { engine, chain } = open();
    const closed = engine.close();
    expect(codeOf(() => engine.start(chain('late')))).toBe('ENGINE_CLOSED');
    await closed;
    expect(codeOf(() => engine.start(chain('later')))).toBe('ENGINE_CLOSED');
    expect(() => engine.start(chain('later'))).toThrow(/"later".*the engine has been closed/);
  });

  test.for([
    'drain',
    'abort',
  ] as const)('(%s) refuses the job that a subscriber or a signal starts because of it', async (mode) => {
    const { clock, engine, chain, work, completed } = open();
    const codes: (string | undefined)[] = [];
    const again = (): void => void codes.push(codeOf(() => engine.start(chain('again'))));
    engine.events$.subscribe((event) => {
      if (event.type === 'job.transition' && event.to === 'cancelled') again();
    });
    const listens = jobFrom('listens', [
      {
        name: 'a',
        run: ({ signal }) => {
          signal.addEventListener('abort', again);
          return work(10)();
        },
      },
    ]);
    engine.start(listens);
    await clock.advance(5);
    engine.start(chain('not begun'));
    const closed = engine.close({ mode });
    await clock.runAll();
    await closed;
    expect(codes).toEqual(Array.from({ length: mode === 'drain' ? 2 : 3 }, () => 'ENGINE_CLOSED'));
    expect([engine.jobs, completed()]).toEqual([[], 1]);
  });

  test('ends a paused job, and one that waits for somebody outside', async () => {
    const { clock, engine, chain } = open();
    const paused = engine.start(chain('paused', 2));
    const waits = engine.start(jobFrom('waits', [{ kind: 'external', name: 'approval' }]));
    await clock.advance(5);
    paused.pause();
    await clock.advance(10);
    await engine.close();
    expect([paused.state, waits.state]).toEqual(['cancelled', 'cancelled']);
  });

  test('waits in a drain for whoever has claimed an external task', async () => {
    const { clock, engine } = open();
    const job = engine.start(jobFrom('waits', [{ kind: 'external', name: 'approval' }]));
    await clock.advance(1);
    const token = job.task('approval').claim('ann');
    const closing = watch(engine.close());
    await clock.advance(1_000);
    expect(closing.settled).toBe(false);
    await job.task('approval').complete({}, token);
    await clock.advance(1);
    expect([closing.settled, job.task('approval').state]).toEqual([true, 'completed']);
  });

  test('calls off backoffs, polls and rates, and runs the clean-up', async () => {
    const { clock, engine, work } = open({ pools: { api: { limit: 1, periodMs: 60_000 } } });
    const waits = jobFrom('waits', [
      { name: 'retries', maxRetries: 5, retry: { delayMs: 60_000 }, run: () => Promise.reject(new Error('no')) },
      { kind: 'sensor', name: 'polls', interval: 60_000, check: () => false },
      { name: 'first', pool: 'api', priority: 1, run: () => {} },
      { name: 'rated', pool: 'api', run: () => {} },
      { name: 'clean', dependsOn: ['rated'], trigger: 'always', run: work(10) },
    ]);
    const job = engine.start(waits);
    await clock.advance(5);
    expect(clock.pending()).toBe(3);
    const closed = engine.close();
    expect(clock.pending()).toBe(1);
    await clock.advance(10);
    await closed;
    const { tasks } = await job;
    expect(Object.values(tasks).map(({ state }) => state)).toEqual([
      ...['cancelled', 'cancelled', 'completed', 'cancelled'],
      'completed',
    ]);
  });

  test('a task may ask for it, as long as it does not wait for it', async () => {
    const { clock, engine } = open();
    const job = engine.start(jobFrom('last', [{ name: 'a', run: () => void engine.close() }]));
    await clock.advance(1);
    expect([job.state, engine.closed, engine.jobs]).toEqual(['cancelled', true, []]);
    expect((await job).tasks.a?.state).toBe('completed');
  });

  test.for<[string, object]>([
    ['mode', { mode: 'fast' }],
    ['graceMs', { graceMs: -1 }],
    ['graceMs', { graceMs: Number.POSITIVE_INFINITY }],
    ['garceMs', { garceMs: 5 }],
  ])('refuses a wrong %s, %o, and the engine stays open', async ([option, options]) => {
    const { engine } = open();
    let problem: string | undefined;
    try {
      await engine.close(options);
    } catch (error) {
      problem = error instanceof OptionError ? error.problems[0]?.option : undefined;
    }
    expect([problem, engine.closed]).toEqual([option, false]);
  });

  test('is what `await using` does, with abort', async () => {
    const { clock, work, ...more } = open();
    let outer: Engine | undefined;
    {
      await using engine = more.engine;
      outer = engine;
      engine.start(jobFrom('slow', [{ name: 'a', run: work(1_000) }]));
      await clock.advance(5);
    }
    expect([outer.closed, outer.jobs, more.completed()]).toEqual([true, [], 1]);
    expect(clock.now()).toBe(5);
  });
});
