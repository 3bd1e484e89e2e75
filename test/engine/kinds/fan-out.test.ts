import {
  type AnyTaskSpec,
  branch,
  type Clock,
  defineJob,
  expand,
  type ItemScope,
  type JobEvent,
  jobFrom,
  type MapSpec,
  NonRetryableError,
  notReady,
  type StartOptions,
  type TaskScope,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';

const boom = new Error('boom');
const fails = (): never => {
  throw boom;
};
const never = (): Promise<undefined> => new Promise(() => {});

type Scope = TaskScope & ItemScope;

/** A job of one fan-out, `each`, over `over`. */
const fanOut = (over: unknown, each: (scope: Scope) => unknown, options: object = {}) =>
  jobFrom('job', [
    { kind: 'map', name: 'each', over, each, ...options } as MapSpec,
    { name: 'after', dependsOn: ['each'], run: ({ ctx }) => ({ after: (ctx.each as unknown[]).length }) },
  ]);

const start = (over: unknown, each: (scope: Scope) => unknown, options?: object, startOptions?: StartOptions) => {
  const job = fanOut(over, each, options).start({}, startOptions);
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return { job, events };
};

/** What came of the fan-out, or why nothing did. */
const outcome = async (over: unknown, each: (scope: Scope) => unknown = ({ item }) => item, options?: object) => {
  const { ctx, error } = await start(over, each, options).job;
  return error ? error.message : ctx.each;
};

/** Ends after `ms(item)`, with what `make` makes of the item. */
const takes =
  (clock: Clock, ms: (item: number) => number, make: (item: number) => unknown = (item) => item) =>
  ({ item }: Scope) =>
    new Promise((resolve) => clock.setTimer(() => resolve(make(item as number)), ms(item as number)));

const transitions = (events: readonly JobEvent[], to: string): string[] =>
  events.flatMap((event) => (event.type === 'task.transition' && event.to === to ? [event.task] : []));

const statesOf = (tasks: Readonly<Record<string, { readonly state: string }>> | undefined) =>
  Object.fromEntries(Object.entries(tasks ?? {}).map(([name, { state }]) => [name, state]));

describe('what a fan-out goes over', () => {
  test.each([
    ['an array', ['a', 'b'], ['a', 'b']],
    ['an array with holes', new Array(2), [undefined, undefined]],
    ['an empty array', [], []],
    ['a set', new Set(['a', 'b']), ['a', 'b']],
    ['a map', new Map([['k', 'v']]), [['k', 'v']]],
    ['bytes', new Uint8Array([1, 2]), [1, 2]],
    ['a text put into an object', Object('ab'), ['a', 'b']],
    ['a function that gives an array', () => ['a'], ['a']],
    ['a function that resolves to a set', async () => new Set(['a']), ['a']],
    [
      'a generator function',
      function* () {
        yield* ['a', 'b'];
      },
      ['a', 'b'],
    ],
    [
      'a function that gives a thenable',
      () => ({ then: (resolve: (items: string[]) => void) => resolve(['a']) }),
      ['a'],
    ],
    [
      'a function of the context',
      ({ ctx, deps, taskName, attempt }: TaskScope) => [ctx, deps, taskName, attempt],
      [{}, {}, 'each', 1],
    ],
  ])('%s', async (_, over, items) => {
    expect(await outcome(over)).toEqual(items);
  });

  test.each([
    ['a text', () => 'abc', '"abc"'],
    ['null', () => null, 'null'],
    ['nothing', () => undefined, 'undefined'],
    ['a number', async () => 5, '5'],
    ['a plain object', () => ({ length: 2 }), 'length'],
    [
      'an async generator',
      async function* () {
        yield 1;
      },
      'over',
    ],
    [
      'an iterator without end',
      function* () {
        for (;;) yield 1;
      },
      'more than 1000000 items',
    ],
    ['a list of more items than there may be', () => new Array(1_000_001), 'more than 1000000 items'],
  ])('is not %s: the task fails, and is not tried again', async (_, over, told) => {
    const { job } = start(over, () => {}, { maxRetries: 3 });
    const { error, tasks } = await job;
    expect(error?.message).toMatch(new RegExp(`"each".*"over".*${told}`));
    expect(error?.message).not.toMatch(/\ba (object|undefined)/);
    expect(tasks.each?.attempts).toBe(1);
  });

  test.each(['abc', null, 5, {}, undefined])('is not %j, which the definition refuses', (over) => {
    expect(() => fanOut(over, () => {})).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ code: 'INVALID_OPTION', option: 'over' })] }),
    );
  });

  test.each([
    ['throws', fails],
    ['rejects', async () => fails()],
    [
      'throws in the middle of its items',
      function* () {
        yield 1;
        fails();
      },
    ],
  ])('that %s fails the attempt, which is tried again', async (_, over) => {
    const each = vi.fn();
    const { job } = start(over, each, { maxRetries: 2 });
    const { error, tasks } = await job;
    expect([error?.rootCause(), tasks.each?.attempts, each.mock.calls.length]).toEqual([boom, 3, 0]);
  });

  test('that takes longer than the timeout fails the attempt, which is tried again', async () => {
    const clock = virtualClock();
    let asked = 0;
    const over = () => (++asked === 1 ? never() : [1, 2]);
    const { job } = start(over, ({ item }) => item, { timeout: 10, maxRetries: 1 }, { clock });
    await clock.runAll();
    expect([job.state, clock.now(), job.task('each').attempts]).toEqual(['completed', 10, 2]);
  });

  test('is asked anew at each attempt', async () => {
    let asked = 0;
    const over = () => (++asked < 3 ? fails() : [asked]);
    expect(await outcome(over, ({ item }) => item, { maxRetries: 2 })).toEqual([3]);
  });

  test('is cut short by a cancellation or a timeout while it is made', async () => {
    const clock = virtualClock();
    const each = vi.fn();
    const slow = ({ signal }: TaskScope) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve([1, 2])));
    const cancelled = start(slow, each, {}, { clock, graceMs: 100 }).job;
    const late = start(slow, each, { deadline: 10 }, { clock, graceMs: 100 }).job;
    await clock.advance(10);
    cancelled.cancel();
    await clock.advance(0);
    expect([cancelled.state, late.state, clock.pending()]).toEqual(['cancelled', 'failed', 0]);
    expect(late.task('each').error?.code).toBe('TASK_DEADLINE');
    expect(each).not.toHaveBeenCalled();
  });

  test('and its items are left as they were', async () => {
    const items = [{ deep: { n: 1 } }];
    expect(await outcome(items, ({ item }) => (item as { deep: { n: number } }).deep.n)).toEqual([1]);
    expect([Object.isFrozen(items), Object.isFrozen(items[0]), Object.isFrozen(items[0]?.deep)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('20,000 items', async () => {
    const items = Array.from({ length: 20_000 }, (_, at) => at);
    const { job, events } = start(items, async ({ item }) => item, { concurrency: 50 });
    const { ctx } = await job;
    expect(ctx.each).toEqual(items);
    expect(events.every(({ seq }, at) => seq === at)).toBe(true);
    expect(job.task('each[19999]').state).toBe('completed');
  });
});

describe('what a fan-out puts out', () => {
  test('is in the order of the items, whichever ends first', async () => {
    const clock = virtualClock();
    const { job, events } = start(
      [30, 10, 20],
      takes(
        clock,
        (ms) => ms,
        (ms) => `took ${ms}`,
      ),
      {},
      { clock },
    );
    await clock.runAll();
    expect((await job).ctx.each).toEqual(['took 30', 'took 10', 'took 20']);
    expect(transitions(events, 'completed').slice(0, 3)).toEqual(['each[1]', 'each[2]', 'each[0]']);
  });

  test('is any value, object or not', async () => {
    const odd = new Date(0);
    const items = [
      0,
      '',
      false,
      null,
      undefined,
      Number.NaN,
      10n,
      Symbol.iterator,
      fails,
      [1],
      { a: { b: 1 } },
      odd,
      new Map(),
    ];
    const each = (await outcome(items)) as unknown[];
    expect(each).toEqual(items);
    expect(each[11]).toBe(odd);
  });

  test('is frozen, list and items, unless freeze is off', async () => {
    const frozen = async (options: StartOptions) => {
      const { ctx } = await start([1], () => ({ a: { b: 1 } }), {}, options).job;
      const each = ctx.each as { a: object }[];
      return [Object.isFrozen(each), Object.isFrozen(each[0]), Object.isFrozen(each[0]?.a)];
    };
    expect(await frozen({})).toEqual([true, true, true]);
    expect(await frozen({ freeze: false })).toEqual([false, false, false]);
  });

  test('is read by what comes after, by deps and ctx', async () => {
    const job = defineJob('job')
      .map('each', { over: [1, 2, 3] }, ({ item }) => item * 2)
      .task('sum', { dependsOn: ['each'] }, ({ deps, ctx }) => ({
        sum: deps.each.reduce((a, b) => a + b, 0),
        same: ctx.each === deps.each,
      }))
      .start();
    expect(await job.orThrow()).toEqual({ each: [2, 4, 6], sum: 12, same: true });
    expect(await job.output('each')).toEqual([2, 4, 6]);
  });

  test('is an empty list where there are no items, and what comes after runs', async () => {
    const { job, events } = start([], never);
    expect((await job).ctx).toEqual({ each: [], after: 0 });
    expect(events.filter((event) => event.type === 'task.transition' && event.task === 'each')).toHaveLength(3);
    expect((await job).tasks.each).toMatchObject({ state: 'completed', attempts: 1, tasks: {} });
  });

  test('of an item is what its schema makes of it', async () => {
    expect(await outcome(['1', '2'], ({ item }) => item, { output: z.coerce.number() })).toEqual([1, 2]);
  });

  test('that its schema refuses fails the item alone, without a retry', async () => {
    const { job } = start(
      [1, 'two'],
      ({ item }) => item,
      { output: z.number(), maxRetries: 3 },
      { onFailure: 'continue' },
    );
    const { tasks, error } = await job;
    expect(tasks.each?.tasks).toMatchObject({
      '[0]': { state: 'completed' },
      '[1]': { state: 'failed', reason: 'invalidOutput', attempts: 1 },
    });
    expect(error?.rootCause()).toMatchObject({ code: 'INVALID_OUTPUT', violations: [{ path: '' }] });
  });

  test('that can not even be looked at is INVALID_OUTPUT of its item, not a hang', async () => {
    const shy = new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error('go away');
        },
        has: () => {
          throw new Error('go away');
        },
      },
    );
    expect(await outcome([1], () => shy)).toMatch(/each\[0\].*go away/);
  });
});

describe('an instance of a fan-out', () => {
  test('has the context and the dependencies of the fan-out, its item and index, and a name of its own', async () => {
    const job = defineJob<{ url: string }>('job')
      .task('up', () => ({ rows: ['a', 'b'] }))
      .task('beside', () => ({ beside: true }))
      .map(
        'each',
        { dependsOn: ['up'], over: ({ ctx }) => ctx.rows },
        ({ ctx, deps, item, index, taskName, attempt, jobId }) => ({
          ctx: [ctx.url, ctx.rows.length],
          deps,
          item,
          index,
          taskName,
          attempt,
          jobId,
        }),
      )
      .start({ url: 'u' }, { jobId: 'id' });
    const { each } = await job.orThrow();
    const same = { ctx: ['u', 2], deps: { up: { rows: ['a', 'b'] } }, attempt: 1, jobId: 'id' };
    expect(each).toEqual([
      { ...same, item: 'a', index: 0, taskName: 'each[0]' },
      { ...same, item: 'b', index: 1, taskName: 'each[1]' },
    ]);
  });

  test('sees the context as it was when the fan-out began, however late it starts', async () => {
    const clock = virtualClock();
    const job = jobFrom('job', [
      {
        kind: 'map',
        name: 'each',
        over: [1, 2],
        concurrency: 1,
        each: ({ ctx }) => new Promise((resolve) => clock.setTimer(() => resolve(Object.keys(ctx as object)), 10)),
      },
      {
        name: 'quick',
        run: takes(
          clock,
          () => 5,
          () => ({ quick: 1 }),
        ) as never,
      },
    ]).start({ given: 1 }, { clock });
    await clock.runAll();
    expect((await job).ctx.each).toEqual([['given'], ['given']]);
  });

  test.each([
    [{ extra: 1 }],
    [Object.freeze({ extra: 1, item: 'mine', index: 'mine' })],
  ])('has what enrich adds, but its item and index stay its own: %j', async (added) => {
    expect(
      await outcome(['a'], ({ item, index, ...scope }) => [item, index, (scope as { extra?: number }).extra], {
        enrich: () => added,
      }),
    ).toEqual([['a', 0, 1]]);
  });

  test('tells its logs, its progress and every state under its path', async () => {
    const { job, events } = start([1], ({ log, progress }) => {
      log.info('hello');
      progress(1);
      return 1;
    });
    await job;
    const own = events.filter((event) => 'task' in event && event.task === 'each[0]');
    expect(own.map((event) => (event.type === 'task.transition' ? event.to : event.type))).toEqual([
      'ready',
      'running',
      'task.log',
      'task.progress',
      'completed',
    ]);
    const states = events.flatMap((event) => (event.type === 'task.transition' ? [`${event.task} ${event.to}`] : []));
    expect(states.slice(0, 6)).toEqual([
      'each ready',
      'each running',
      'each[0] ready',
      'each[0] running',
      'each[0] completed',
      'each completed',
    ]);
  });

  test('is found by its path while it runs and after, and the result holds it', async () => {
    const clock = virtualClock();
    const { job } = start(
      [10, 20],
      takes(clock, (ms) => ms),
      {},
      { clock },
    );
    const second = job.task('each[1]');
    expect(second.state).toBe('unscheduled');
    await clock.advance(10);
    expect([job.task('each[0]').state, second.state]).toEqual(['completed', 'running']);
    await clock.runAll();
    expect([second.state, second.durationMs, second.name]).toEqual(['completed', 20, 'each[1]']);
    expect((await job).tasks.each?.tasks).toMatchObject({ '[0]': { state: 'completed' }, '[1]': { durationMs: 20 } });
  });

  test.each([
    'each[2]',
    'each[-1]',
    'each[01]',
    'each[1.0]',
    'each[]',
    'each[x]',
    'each/[0]',
    'each/0',
    'each[0]/x',
    'each[0][0]',
    '[0]',
    'after[0]',
  ])('is not found under %j: UNKNOWN_TASK', async (path) => {
    const { job } = start([1, 2], () => 1);
    await job;
    expect(() => job.task(path)).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
  });

  test.each([
    'each[01]',
    'each[-1]',
    'each/[0]',
    'each[0]/x',
    'after[0]',
  ])('is not found under %j before the fan-out has begun either', (path) => {
    const { job } = start([1, 2], () => 1);
    expect(() => job.task(path)).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
  });
});

describe('limits', () => {
  const most = async (options: object, startOptions: StartOptions = {}, items = 8) => {
    const clock = virtualClock();
    let [now, peak] = [0, 0];
    const each = async () => {
      peak = Math.max(peak, ++now);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 10));
      now--;
    };
    const { job } = start(Array(items).fill(0), each, options, { clock, ...startOptions });
    await clock.runAll();
    expect((await job).state).toBe('completed');
    return { peak, tookMs: clock.now() };
  };

  test.each([
    ['none', {}, {}, 8, 10],
    ['its concurrency', { concurrency: 3 }, {}, 3, 30],
    ['a concurrency of Infinity', { concurrency: Number.POSITIVE_INFINITY }, {}, 8, 10],
    ['the concurrency of the job', {}, { maxConcurrency: 4 }, 4, 20],
    ['the smaller of both', { concurrency: 5 }, { maxConcurrency: 2 }, 2, 40],
    ['a pool', { pool: 'db' }, { pools: { db: 4 } }, 4, 20],
    ['a pool, of which each takes two slots', { pool: 'db', slots: 2 }, { pools: { db: 4 } }, 2, 40],
    ['one at a time', {}, { sequential: true }, 1, 80],
    ['its rate', { rateLimit: { limit: 2, periodMs: 100 } }, {}, 2, 310],
  ] as const)('of how many run at once: %s', async (_, options, startOptions, peak, tookMs) => {
    expect(await most(options, startOptions)).toEqual({ peak, tookMs });
  });

  test.each([
    ['concurrency', 0],
    ['concurrency', 1.5],
    ['concurrency', -1],
    ['concurrency', Number.NaN],
    ['rateLimit', { limit: 0, periodMs: 1 }],
    ['rateLimit', { limit: 1 }],
    ['rateLimit', 5],
    ['definition', {}],
    ['interval', 5],
  ])('%s: %j is refused', (option, value) => {
    expect(() => fanOut([1], () => {}, { [option]: value })).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ code: 'INVALID_OPTION', option: expect.stringContaining(option) })],
      }),
    );
  });

  test('a fan-out of a pool that is full waits, and explain says for whom', async () => {
    const clock = virtualClock();
    const { job } = start(
      [5, 5],
      takes(clock, (ms) => ms),
      { pool: 'db' },
      { clock, pools: { db: 1 } },
    );
    await clock.advance(1);
    expect(job.explain('each[1]')).toMatchObject([
      { task: 'each[1]', state: 'ready', reasons: [{ kind: 'pool', holders: ['each[0]'] }] },
    ]);
    await clock.runAll();
    expect((await job).ctx.after).toBe(2);
  });
});

describe('an item that fails', () => {
  test('is tried again on its own: its attempts, its backoff', async () => {
    const clock = virtualClock();
    const calls: string[] = [];
    const each = ({ item, attempt }: Scope) => {
      calls.push(`${item}.${attempt}`);
      return item === 'b' && attempt < 3 ? fails() : item;
    };
    const { job } = start(['a', 'b'], each, { maxRetries: 2, retry: { delayMs: 50 } }, { clock });
    await clock.runAll();
    const { ctx, tasks } = await job;
    expect(ctx.each).toEqual(['a', 'b']);
    expect(calls).toEqual(['a.1', 'b.1', 'b.2', 'b.3']);
    expect(clock.now()).toBe(100);
    expect([tasks.each?.attempts, tasks.each?.tasks?.['[1]']?.attempts]).toEqual([1, 3]);
  });

  test.each([
    ['its own maxRetries', { maxRetries: 2 }, {}, fails, 3],
    ["the job's maxRetries", {}, { maxRetries: 2 }, fails, 3],
    ['none of the job where it says so', { maxRetries: 0 }, { maxRetries: 2 }, fails, 1],
    [
      'none after a NonRetryableError',
      { maxRetries: 2 },
      {},
      () => {
        throw new NonRetryableError('no');
      },
      1,
    ],
  ] as const)('is tried as often as %s says: the fan-out is not tried again on top', async (_, options, startOptions, each, calls) => {
    const run = vi.fn(each);
    const { job } = start([1], run, options, startOptions);
    expect((await job).state).toBe('failed');
    expect(run).toHaveBeenCalledTimes(calls);
    expect(job.task('each').attempts).toBe(1);
  });

  test('by its timeout: the limit is of each attempt of each item, not of the fan-out', async () => {
    const clock = virtualClock();
    const { job } = start(
      [8, 8, 8],
      takes(clock, (ms) => ms),
      { concurrency: 1, timeout: 10 },
      { clock },
    );
    await clock.runAll();
    expect([(await job).ctx.each, clock.now()]).toEqual([[8, 8, 8], 24]);
    const slow = start(
      [8, 12],
      takes(clock, (ms) => ms),
      { timeout: 10 },
      { clock },
    ).job;
    await clock.runAll();
    const { tasks, error } = await slow;
    expect(statesOf(tasks.each?.tasks)).toEqual({ '[0]': 'completed', '[1]': 'failed' });
    expect(error?.rootCause()).toMatchObject({ code: 'TASK_TIMEOUT', taskName: 'each[1]' });
  });

  test('a deadline is of the whole fan-out', async () => {
    const clock = virtualClock();
    const { job } = start(
      [8, 8],
      takes(clock, (ms) => ms),
      { concurrency: 1, deadline: 10 },
      { clock },
    );
    await clock.runAll();
    const { tasks } = await job;
    expect([tasks.each?.reason, statesOf(tasks.each?.tasks), tasks.each?.durationMs]).toEqual([
      'deadline',
      { '[0]': 'completed', '[1]': 'cancelled' },
      10,
    ]);
  });

  test('for good fails the fan-out: the chain of errors leads to what was thrown', async () => {
    const { job } = start([1, 2], ({ item }) => (item === 2 ? fails() : item));
    const { error, errors, tasks } = await job;
    expect(error?.rootCause()).toBe(boom);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({
      taskName: 'each',
      code: 'TASK_FAILED',
      cause: { taskName: 'each[1]', code: 'TASK_FAILED', cause: boom },
    });
    expect(tasks.after?.state).toBe('unscheduled');
  });

  test.each([
    ['abort', { '[0]': 'cancelled', '[1]': 'failed', '[2]': 'cancelled', '[3]': 'cancelled' }, 5],
    ['drain', { '[0]': 'completed', '[1]': 'failed', '[2]': 'completed', '[3]': 'cancelled' }, 20],
    ['continue', { '[0]': 'completed', '[1]': 'failed', '[2]': 'completed', '[3]': 'completed' }, 45],
  ] as const)("with onFailure: '%s' leaves the others: %j", async (onFailure, states, tookMs) => {
    const clock = virtualClock();
    const each = takes(
      clock,
      (ms) => ms,
      (ms) => (ms === 5 ? Promise.reject(boom) : ms),
    );
    const { job } = start([10, 5, 20, 40], each, { concurrency: 3 }, { clock, onFailure });
    await clock.runAll();
    const { tasks, state } = await job;
    expect(statesOf(tasks.each?.tasks)).toEqual(states);
    expect([state, tasks.each?.state, tasks.each?.durationMs]).toEqual(['failed', 'failed', tookMs]);
  });

  test('tells the others why: the reason of their signals is JOB_FAILED, with its error as the cause', async () => {
    const reasons: unknown[] = [];
    const each = ({ item, signal }: Scope) =>
      item === 1
        ? Promise.reject(boom)
        : new Promise((_, reject) =>
            signal.addEventListener('abort', () => {
              reasons.push(signal.reason);
              reject(signal.reason);
            }),
          );
    await start([0, 1], each).job;
    expect(reasons).toMatchObject([{ code: 'JOB_FAILED', cause: { taskName: 'each[1]' } }]);
  });

  test('with continueOnFailure is told as Promise.allSettled does, and what comes after runs', async () => {
    const { job } = start([1, 2, 3], ({ item }) => (item === 2 ? fails() : item), { continueOnFailure: true });
    const { ctx, state, tasks, error } = await job;
    expect(ctx).toEqual({
      each: [
        { status: 'fulfilled', value: 1 },
        {
          status: 'rejected',
          reason: expect.objectContaining({ code: 'TASK_FAILED', taskName: 'each[1]', tolerated: true, cause: boom }),
        },
        { status: 'fulfilled', value: 3 },
      ],
      after: 3,
    });
    expect([state, tasks.each?.state, error]).toEqual(['completed', 'completed', undefined]);
  });

  test('with continueOnFailure is tried again first, and never stops the others, whatever onFailure says', async () => {
    const run = vi.fn(({ item }: Scope) => (item === 1 ? fails() : Promise.resolve(item)));
    const { job } = start(
      [1, 2],
      run,
      { continueOnFailure: true, maxRetries: 2, concurrency: 1 },
      { onFailure: 'abort' },
    );
    expect((await job).ctx.each).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled', value: 2 }]);
    expect(run).toHaveBeenCalledTimes(4);
  });

  test('waits for a person with onExhausted: pause, while the others go on', async () => {
    const { job } = start([1, 2], ({ item, attempt }) => (item === 1 && attempt === 1 ? fails() : item), {
      onExhausted: 'pause',
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([job.task('each[0]').state, job.task('each[1]').state, job.state]).toEqual([
      'paused',
      'completed',
      'running',
    ]);
    job.retry('each[0]');
    expect((await job).ctx.each).toEqual([1, 2]);
  });

  test('can be retried by its path while others run', async () => {
    const clock = virtualClock();
    const each = ({ item, attempt }: Scope) =>
      new Promise((resolve, reject) =>
        clock.setTimer(() => (item === 1 && attempt === 1 ? reject(boom) : resolve(item)), (item as number) * 10),
      );
    const { job } = start([1, 5], each, {}, { clock, onFailure: 'continue' });
    await clock.advance(20);
    expect(job.task('each[0]').state).toBe('failed');
    job.retry('each[0]');
    await clock.runAll();
    expect([(await job).state, (await job).ctx.each]).toEqual(['completed', [1, 5]]);
  });
});

describe('what an item answers instead of an output', () => {
  test('notReady: the others end, the fan-out is not ready, and its reason names the item', async () => {
    const { job } = start([1, 2], ({ item }) => (item === 1 ? notReady('no dice') : Promise.resolve(item)));
    const { state, tasks, ctx } = await job;
    expect([state, tasks.each?.state, tasks.each?.reason, ctx]).toEqual([
      'notReady',
      'notReady',
      'each[0]: no dice',
      {},
    ]);
    expect(statesOf(tasks.each?.tasks)).toEqual({ '[0]': 'notReady', '[1]': 'completed' });
    expect(tasks.after?.state).toBe('skipped');
  });

  test.each([
    ['branch', branch('after')],
    ['expand', expand([{ name: 'more', run: () => {} }])],
  ])('%s is INVALID_OUTPUT, and nothing is added', async (name, answer) => {
    const { job } = start([1], () => answer, { maxRetries: 2 });
    const { error, tasks } = await job;
    expect(error?.message).toContain(`${name}(…)`);
    expect(error?.cause).toMatchObject({ cause: { code: 'INVALID_OUTPUT', attempt: 1 } });
    expect(Object.keys(tasks)).toEqual(['each', 'after']);
  });
});

describe('the end of a fan-out', () => {
  test.each([
    0, 20,
  ])('by a cancellation aborts what runs, starts nothing more, and leaves no timer (%d ms of grace)', async (graceMs) => {
    const clock = virtualClock();
    const codes: unknown[] = [];
    const each = ({ signal }: Scope) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          codes.push(signal.reason.code);
          reject(signal.reason);
        }),
      );
    const { job, events } = start(
      [1, 2, 3],
      each,
      { concurrency: 2, rateLimit: { limit: 2, periodMs: 1_000 }, retry: { delayMs: 5 }, maxRetries: 3 },
      { clock, graceMs },
    );
    await clock.advance(5);
    job.cancel('enough');
    await clock.advance(0);
    const { state, tasks } = await job;
    expect([state, codes, clock.pending()]).toEqual(['cancelled', ['JOB_CANCELLED', 'JOB_CANCELLED'], 0]);
    expect(statesOf(tasks.each?.tasks)).toEqual({ '[0]': 'cancelled', '[1]': 'cancelled', '[2]': 'cancelled' });
    expect(transitions(events, 'cancelled').at(-1)).toBe('each');
  });

  test('by a drain keeps what it puts out if all its items were running already', async () => {
    const clock = virtualClock();
    const { job } = start(
      [1, 2],
      takes(clock, () => 10),
      {},
      { clock },
    );
    await clock.advance(5);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    const { state, ctx, tasks } = await job;
    expect([state, tasks.each?.state, ctx]).toEqual(['cancelled', 'completed', { each: [1, 2] }]);
  });

  test('by a drain is cancelled if some of its items never started', async () => {
    const clock = virtualClock();
    const { job } = start(
      [1, 2],
      takes(clock, () => 10),
      { concurrency: 1 },
      { clock },
    );
    await clock.advance(5);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    const { tasks, ctx } = await job;
    expect([tasks.each?.state, tasks.each?.tasks?.['[0]']?.state, ctx, clock.now()]).toEqual([
      'cancelled',
      'completed',
      {},
      10,
    ]);
  });

  test('as clean-up: it runs to its last item when the job is cancelled', async () => {
    const clock = virtualClock();
    const job = jobFrom('job', [
      { name: 'work', run: never },
      {
        kind: 'map',
        name: 'clean',
        trigger: 'always',
        dependsOn: ['work'],
        over: [10, 10],
        concurrency: 1,
        each: takes(clock, (ms) => ms) as never,
      },
    ] as AnyTaskSpec[]).start({}, { clock });
    clock.setTimer(() => job.cancel(), 5);
    await clock.runAll();
    expect([(await job).state, (await job).ctx, clock.now()]).toEqual(['cancelled', { clean: [10, 10] }, 25]);
  });
});

test('a fan-out that is clean-up keeps to its deadline: what still runs is aborted', async () => {
  const clock = virtualClock();
  const codes: unknown[] = [];
  const job = jobFrom('job', [
    { name: 'work', run: never },
    {
      kind: 'map',
      name: 'clean',
      trigger: 'always',
      dependsOn: ['work'],
      deadline: 10,
      over: [1, 2],
      concurrency: 1,
      each: ({ signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            codes.push(signal.reason.code);
            reject(signal.reason);
          }),
        ),
    },
  ]).start({}, { clock });
  clock.setTimer(() => job.cancel(), 5);
  await clock.runAll();
  const { state, tasks } = await job;
  expect([state, tasks.clean?.reason, codes, clock.now()]).toEqual(['cancelled', 'deadline', ['TASK_DEADLINE'], 15]);
});

describe('a fan-out among other tasks', () => {
  test('is asked for its condition once, not for each item', async () => {
    const when = vi.fn(() => true);
    expect(await outcome([1, 2, 3], ({ item }) => item, { when })).toEqual([1, 2, 3]);
    expect(when).toHaveBeenCalledOnce();
  });

  test('may be conditional and have a rule like any task', async () => {
    const { job } = start([1], never, { when: () => false });
    expect((await job).tasks.each).toMatchObject({ state: 'skipped', reason: 'when' });
    const after = jobFrom('job', [
      { name: 'bad', continueOnFailure: true, run: fails },
      { kind: 'map', name: 'each', dependsOn: ['bad'], trigger: 'allFailed', over: [1], each: ({ item }) => item },
    ]).start();
    expect((await after).ctx).toEqual({ each: [1] });
  });

  test('inside a nested job has the path of both', async () => {
    const inner = defineJob('inner')
      .map('each', { over: ['a'] }, ({ taskName }) => taskName)
      .seal();
    const job = defineJob('job').job('outer', {}, inner).start();
    expect(await job.orThrow()).toEqual({ outer: { each: ['outer/each[0]'] } });
    expect(job.task('outer/each[0]').state).toBe('completed');
    expect(() => job.task('outer/each[1]')).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
  });

  test('two writers of one key are told as ever', async () => {
    const { job, events } = start([1], () => 1, {}, {});
    job.addTasks([{ name: 'rival', run: () => ({ each: 'mine' }) }]);
    expect((await job).ctx.each).toBe('mine');
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'context.conflict', key: 'each', tasks: ['each', 'rival'], kept: 'rival' }),
    );
  });

  test('one definition started twice has two sets of items', async () => {
    const definition = jobFrom('job', [
      { kind: 'map', name: 'each', over: ({ ctx }) => ctx.items as number[], each: ({ item }) => item },
    ]);
    const [one, two] = await Promise.all([definition.start({ items: [1] }), definition.start({ items: [2, 3] })]);
    expect([one.ctx.each, two.ctx.each]).toEqual([[1], [2, 3]]);
  });
});

test('a fan-out whose items come when its job has begun to drain is cancelled, and the job ends', async () => {
  let come: (items: number[]) => void = () => {};
  const items = new Promise<number[]>((resolve) => {
    come = resolve;
  });
  const each = vi.fn();
  const job = defineJob('job', { onFailure: 'drain' })
    .map('fan', { over: () => items }, each)
    .task('fails', () => {
      throw new Error('boom');
    })
    .start();
  job.events$.subscribe((event) => {
    if (event.type === 'task.transition' && event.to === 'failed') come([1, 2]);
  });
  const { state, tasks } = await job;
  expect([state, tasks.fan.state, each.mock.calls.length]).toEqual(['failed', 'cancelled', 0]);
});
