import { setImmediate } from 'node:timers/promises';
import {
  type AnyTaskSpec,
  defineJob,
  type Job,
  type JobEvent,
  jobFrom,
  notReady,
  type StartOptions,
  skip,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

/** Transitions of tasks and jobs as lines: `10 dns running>polling #1 not yet`. */
const linesOf = (job: Pick<Job, 'events$'>, task?: string): string[] => {
  const lines: string[] = [];
  job.events$.subscribe((event) => {
    if (event.type === 'job.transition' && task === undefined) lines.push(`${event.at} JOB ${event.from}>${event.to}`);
    if (event.type !== 'task.transition' || (task !== undefined && event.task !== task)) return;
    const why = event.reason === undefined ? '' : ` ${event.reason}`;
    lines.push(`${event.at} ${event.task} ${event.from}>${event.to} #${event.attempt}${why}`);
  });
  return lines;
};

type Pace = Omit<Extract<AnyTaskSpec, { kind: 'sensor' }>, 'name' | 'kind' | 'check'>;
type Check = Extract<AnyTaskSpec, { kind: 'sensor' }>['check'];

/** A job of one sensor, `s`, and perhaps more tasks, on a clock of its own. */
const watch = (pace: Pace, check: Check, options: StartOptions = {}, more: readonly AnyTaskSpec[] = []) => {
  const clock = virtualClock();
  const checks: number[] = [];
  const looking: Check = (scope) => {
    checks.push(clock.now());
    return check(scope);
  };
  const definition = jobFrom('watch', [{ kind: 'sensor', name: 's', check: looking, ...pace }, ...more]);
  const job = definition.start({}, { clock, ...options });
  const sleep = <Value>(ms: number, value?: Value): Promise<Value | undefined> =>
    new Promise((resolve) => void clock.setTimer(() => resolve(value), ms));
  return { clock, job, checks, sleep, sensor: job.task('s') };
};

/** A check that is ready from the n-th look on. */
const readyAtLook = (n: number, answer: unknown = true): Check => {
  let looks = 0;
  return () => (++looks >= n ? answer : false);
};

describe('a sensor', () => {
  test('looks at once, and where it is ready then there is no wait', async () => {
    const { clock, job, checks } = watch({ interval: 1_000 }, () => true);
    const lines = linesOf(job);
    await clock.runAll();
    expect(checks).toEqual([0]);
    expect(lines).toEqual([
      '0 JOB idle>running',
      '0 s unscheduled>ready #0',
      '0 s ready>running #1',
      '0 s running>completed #1',
      '0 JOB running>completed',
    ]);
  });

  test('waits its interval between looks, and goes polling -> ready -> running for each', async () => {
    const { clock, job, checks } = watch({ interval: 10 }, readyAtLook(3));
    const lines = linesOf(job, 's');
    await clock.runAll();
    expect(checks).toEqual([0, 10, 20]);
    expect(lines).toEqual([
      '0 s unscheduled>ready #0',
      '0 s ready>running #1',
      '0 s running>polling #1 not yet',
      '10 s polling>ready #0',
      '10 s ready>running #1',
      '10 s running>polling #1 not yet',
      '20 s polling>ready #0',
      '20 s ready>running #1',
      '20 s running>completed #1',
    ]);
    expect((await job).state).toBe('completed');
  });

  test('says in its event when it looks again', async () => {
    const { clock, job } = watch({ interval: 10, backoff: 'linear' }, readyAtLook(4));
    const due: (readonly [number, number | undefined])[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'polling') due.push([event.at, event.dueAt]);
    });
    await clock.runAll();
    expect(due).toEqual([
      [0, 10],
      [10, 30],
      [30, 60],
    ]);
  });

  test('counts the interval from the end of a look', async () => {
    const { clock, checks } = watch({ interval: 10 }, async () => {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 4));
      return clock.now() > 30;
    });
    await clock.runAll();
    expect(checks).toEqual([0, 14, 28]);
  });

  test('holds no slot between looks: others run meanwhile, one at a time', async () => {
    const clock = virtualClock();
    const ran: string[] = [];
    const nap = (name: string, ms: number): AnyTaskSpec => ({
      name,
      run: () => new Promise<void>((resolve) => void clock.setTimer(resolve, ms)).then(() => void ran.push(name)),
    });
    const looks: number[] = [];
    const check = (): boolean => {
      looks.push(clock.now());
      return clock.now() >= 20;
    };
    const specs: AnyTaskSpec[] = [{ kind: 'sensor', name: 's', interval: 5, check }, nap('a', 10), nap('b', 10)];
    const job = jobFrom('one', specs).start({}, { clock, maxConcurrency: 1 });
    await clock.runAll();
    const { tasks } = await job;
    expect(ran).toEqual(['a', 'b']);
    expect([tasks.a?.startedAt, tasks.b?.startedAt]).toEqual([0, 10]);
    expect(looks).toEqual([0, 10, 20]);
  });

  test('gives the slots of its pool back between looks', async () => {
    const { clock, job } = watch({ interval: 10, pool: 'db', slots: 2 }, readyAtLook(3), { pools: { db: 2 } }, [
      { name: 'query', pool: 'db', slots: 2, run: () => {} },
    ]);
    await clock.advance(0);
    expect([job.task('s').state, job.task('query').state]).toEqual(['polling', 'completed']);
    await clock.runAll();
    expect((await job).state).toBe('completed');
  });

  test('goes first by its priority at every look', async () => {
    const clock = virtualClock();
    const order: string[] = [];
    const nap = (name: string): AnyTaskSpec => ({
      name,
      run: () => {
        order.push(name);
        return new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
      },
    });
    const check = readyAtLook(2);
    const job = jobFrom('one', [
      ...['a', 'b', 'c'].map(nap),
      {
        kind: 'sensor',
        name: 's',
        interval: 5,
        priority: 1,
        check: (scope) => {
          order.push('s');
          return check(scope);
        },
      },
    ]).start({}, { clock, maxConcurrency: 1 });
    await clock.runAll();
    await job;
    expect(order).toEqual(['s', 'a', 's', 'b', 'c']);
  });

  test('puts its output into the context of its downstream, typed', async () => {
    const soon = (fire: () => void) => {
      queueMicrotask(fire);
      return () => {};
    };
    let looks = 0;
    const { state, ctx } = await defineJob('dns')
      .sensor('lookup', { interval: 0 }, () => (++looks < 2 ? notReady('no record yet') : { address: '10.0.0.1' }))
      .task('connect', { dependsOn: ['lookup'] }, ({ ctx: { address } }) => ({ url: `https://${address.trim()}` }))
      .start({}, { clock: { now: () => 0, setTimer: soon } });
    expect([state, ctx]).toEqual(['completed', { address: '10.0.0.1', url: 'https://10.0.0.1' }]);
  });

  test('has its output checked by its schema, and "not yet" left alone', async () => {
    const clock = virtualClock();
    const start = (address: unknown) =>
      jobFrom('dns', [
        {
          kind: 'sensor',
          name: 's',
          interval: 5,
          maxRetries: 3,
          output: z.object({ address: z.string().trim() }),
          check: readyAtLook(2, { address }),
        },
      ]).start({}, { clock });
    const [good, bad] = [start(' ::1 '), start(1)];
    await clock.runAll();
    expect((await good).ctx).toEqual({ address: '::1' });
    const { errors, tasks } = await bad;
    expect([errors[0]?.code, tasks.s?.attempts, tasks.s?.reason]).toEqual(['INVALID_OUTPUT', 1, 'invalidOutput']);
  });
});

describe('the answers of a check', () => {
  test.each<[what: string, answer: unknown, state: string, reason: string | undefined]>([
    ['true', true, 'completed', undefined],
    ['an output', { x: 1 }, 'completed', undefined],
    ['an empty output', {}, 'completed', undefined],
    ['a promise of true', Promise.resolve(true), 'completed', undefined],
    ['a promise of an output', Promise.resolve({ x: 1 }), 'completed', undefined],
    ['a thenable of true', { then: (resolve: (value: unknown) => void) => resolve(true) }, 'completed', undefined],
    ['false', false, 'polling', 'not yet'],
    ['notReady', notReady('no record'), 'polling', 'no record'],
    ['a promise of false', Promise.resolve(false), 'polling', 'not yet'],
    ['a promise of notReady', Promise.resolve(notReady('no record')), 'polling', 'no record'],
    ['nothing', undefined, 'failed', 'error'],
    ['a promise of nothing', Promise.resolve(), 'failed', 'error'],
    ['null', null, 'failed', 'invalidOutput'],
    ['a number', 0, 'failed', 'invalidOutput'],
    ['a text', 'ready', 'failed', 'invalidOutput'],
    ['an array', [true], 'failed', 'invalidOutput'],
    ['an instance', new Map(), 'failed', 'invalidOutput'],
  ])('%s', async (_, answer, state, reason) => {
    const { clock, sensor } = watch({ interval: 10 }, () => answer);
    await clock.advance(0);
    expect([sensor.state, sensor.reason]).toEqual([state, reason]);
  });

  test('nothing at all is an error that says what is expected, and may be tried again', async () => {
    const { clock, job, checks } = watch({ maxRetries: 1 }, () => undefined);
    await clock.runAll();
    const { errors } = await job;
    expect(checks).toHaveLength(2);
    expect(errors[0]?.message).toMatch(/answered nothing: expected true, false, notReady\(reason\) or an output/);
  });

  test.each([
    ['a getter', new Proxy({}, { get: () => fail('trap') })],
    ['a revoked proxy', revoked()],
  ])('what throws when it is looked at (%s) fails the task, and the job ends', async (_, answer) => {
    const { clock, job } = watch({}, () => answer);
    await clock.runAll();
    expect((await job).state).toBe('failed');
  });
});

function fail(message: string): never {
  throw new Error(message);
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe('the interval', () => {
  test.each<[pace: string, options: Pace, looks: number[]]>([
    ['a second by default', {}, [0, 1_000, 2_000, 3_000]],
    ['fixed', { interval: 10, backoff: 'fixed' }, [0, 10, 20, 30]],
    ['linear', { interval: 10, backoff: 'linear' }, [0, 10, 30, 60]],
    ['exponential, by 2', { interval: 10, backoff: 'exponential' }, [0, 10, 30, 70]],
    ['exponential, by a factor', { interval: 10, backoff: 'exponential', factor: 3 }, [0, 10, 40, 130]],
    ['exponential, shrinking', { interval: 8, backoff: 'exponential', factor: 0.5 }, [0, 8, 12, 14]],
    ['never above maxInterval', { interval: 10, backoff: 'exponential', maxInterval: 15 }, [0, 10, 25, 40]],
    ['maxInterval below the first', { interval: 10, maxInterval: 4 }, [0, 4, 8, 12]],
    ['never above 100 intervals', { interval: 1, backoff: 'exponential', factor: 1e9 }, [0, 1, 101, 201]],
    ['a function of the look, from 1', { backoff: (look) => look * 7 }, [0, 7, 21, 42]],
  ])('%s', async (_, options, looks) => {
    const { clock, job, checks } = watch(options, readyAtLook(4));
    await clock.runAll();
    expect(checks).toEqual(looks);
    expect((await job).tasks.s).toMatchObject({ state: 'completed', attempts: 1, polls: 3 });
  });

  test.each<[what: string, backoff: (look: number) => number, message: RegExp]>([
    ['throws', () => fail('no idea'), /no idea/],
    ['gives NaN', () => Number.NaN, /an interval of NaN: expected a finite number of milliseconds, 0 or more/],
    ['gives a negative number', () => -1, /an interval of -1/],
    ['gives Infinity', () => Number.POSITIVE_INFINITY, /an interval of Infinity/],
  ])('a function that %s fails the task for good', async (_, backoff, message) => {
    const { clock, job, checks, sensor } = watch({ backoff, maxRetries: 3 }, () => false);
    await clock.runAll();
    const { errors, tasks } = await job;
    expect(checks).toEqual([0]);
    expect(tasks.s).toMatchObject({ state: 'failed', attempts: 1 });
    expect(sensor.polls).toBe(0);
    expect(errors[0]).toMatchObject({ code: 'TASK_FAILED', message: expect.stringMatching(message) });
  });

  test('of 0 is a timer too: the clock has its turn between looks, and whatever else waits', async () => {
    const { clock, job, checks } = watch({ interval: 0 }, () => (checks.length > 500 ? fail('it spins') : false));
    await setImmediate();
    expect(checks).toHaveLength(1);
    expect(clock.pending()).toBe(1);
    void job.cancel();
  });

  test('of 0 that grows stays 0, however many the looks', async () => {
    const { clock, job } = watch({ interval: 0, backoff: 'exponential' }, readyAtLook(1_100));
    await clock.runAll();
    expect((await job).state).toBe('completed');
  });

  test.each<[Pace, RegExp]>([
    [{ interval: -1 }, /interval = -1/],
    [{ interval: Number.POSITIVE_INFINITY }, /interval = Infinity/],
    [{ factor: 0 }, /factor = 0/],
    [{ maxInterval: Number.NaN }, /maxInterval = NaN/],
    [{ backoff: 'none' as 'fixed' }, /backoff = "none"/],
  ])('%j is refused before anything runs', (pace, message) => {
    expect(() => watch(pace, () => true)).toThrow(message);
  });
});

describe('"not yet" and errors', () => {
  test('"not yet" uses up no retry, an error does; polls are counted apart from attempts', async () => {
    const attempts: number[] = [];
    const { clock, job, checks, sensor } = watch(
      { interval: 10, maxRetries: 1, retry: { delayMs: 3 } },
      ({ attempt }) => {
        attempts.push(attempt);
        if (attempts.length === 3) throw new Error('refused');
        return attempts.length > 4;
      },
    );
    const lines = linesOf(job, 's');
    await clock.runAll();
    expect(attempts).toEqual([1, 1, 1, 2, 2]);
    expect(checks).toEqual([0, 10, 20, 23, 33]);
    expect([sensor.state, sensor.attempts, sensor.polls]).toEqual(['completed', 2, 3]);
    expect(lines.slice(-7)).toEqual([
      '20 s running>retrying #1 error',
      '23 s retrying>ready #1',
      '23 s ready>running #2',
      '23 s running>polling #2 not yet',
      '33 s polling>ready #1',
      '33 s ready>running #2',
      '33 s running>completed #2',
    ]);
  });

  test('an error fails the job when no retry is left, however many looks went well', async () => {
    const { clock, job } = watch({ interval: 10 }, () => (clock.now() === 50 ? fail('gone') : false));
    await clock.runAll();
    const { state, tasks, errors } = await job;
    expect([state, tasks.s?.attempts, tasks.s?.polls]).toEqual(['failed', 1, 5]);
    expect(errors[0]).toMatchObject({ code: 'TASK_FAILED', attempt: 1 });
  });

  test('a look that takes longer than its timeout is a failed attempt', async () => {
    const { clock, job, checks } = watch({ interval: 10, timeout: 5, maxRetries: 1 }, ({ attempt }) =>
      attempt === 1 ? new Promise(() => {}) : clock.now() > 10,
    );
    const lines = linesOf(job, 's');
    await clock.runAll();
    expect(checks).toEqual([0, 5, 15]);
    expect(lines[2]).toBe('5 s running>retrying #1 timeout');
    expect((await job).state).toBe('completed');
  });

  test('with softFail is skipped when the last look it may take times out; an error fails it all the same', async () => {
    const hanging = watch({ timeout: 5, maxRetries: 1, softFail: true }, () => new Promise(() => {}));
    const lines = linesOf(hanging.job, 's');
    await hanging.clock.runAll();
    expect((await hanging.job).state).toBe('completed');
    expect(lines.map((line) => line.replace(/^\d+ /, '')).slice(-2)).toEqual([
      's ready>running #2',
      's running>skipped #2 timeout',
    ]);
    const broken = watch({ softFail: true }, () => {
      throw new Error('no route');
    });
    expect((await broken.job).state).toBe('failed');
  });

  test('answers skip(reason) when there is nothing to wait for', async () => {
    const { clock, job } = watch({ interval: 10 }, readyAtLook(3, skip('no file on Sundays')));
    await clock.runAll();
    const { state, tasks } = await job;
    expect([state, tasks.s?.state, tasks.s?.reason]).toEqual(['completed', 'skipped', 'no file on Sundays']);
  });

  test('a timeout holds for each look, not for the time between them', async () => {
    const { clock, job } = watch({ interval: 100, timeout: 5 }, readyAtLook(5));
    await clock.runAll();
    expect((await job).state).toBe('completed');
  });

  test('the look that a timeout has ended is told by its signal, and what it answers later is dropped', async () => {
    const signals: unknown[] = [];
    const { clock, job, sensor } = watch(
      { timeout: 5, continueOnFailure: true },
      ({ signal }) => {
        signal.addEventListener('abort', () => signals.push((signal.reason as { code?: string }).code));
        return new Promise((resolve) => void clock.setTimer(() => resolve(true), 10));
      },
      {},
      [{ name: 'rest', run: () => new Promise<void>((resolve) => void clock.setTimer(resolve, 50)) }],
    );
    await clock.runAll();
    expect(signals).toEqual(['TASK_TIMEOUT']);
    expect([sensor.state, sensor.lateResults, (await job).state]).toEqual(['failed', 1, 'completed']);
  });
});

describe('the deadline of a sensor', () => {
  test('ends it between looks: failed, with the reason deadline', async () => {
    const { clock, job } = watch({ interval: 10, deadline: 25, maxRetries: 5 }, () => notReady('no dns'));
    const lines = linesOf(job);
    await clock.runAll();
    const { errors, tasks } = await job;
    expect(lines.slice(-2)).toEqual(['25 s polling>failed #0 deadline', '25 JOB running>failed']);
    expect(errors[0]).toMatchObject({ code: 'TASK_DEADLINE' });
    expect(tasks.s).toMatchObject({ reason: 'deadline', polls: 3 });
  });

  test('ends it during a look, and tells that look', async () => {
    let code: unknown;
    const { clock, job } = watch({ deadline: 25 }, ({ signal }) => {
      signal.addEventListener('abort', () => {
        code = signal.reason.code;
      });
      return new Promise(() => {});
    });
    await clock.runAll();
    expect([code, (await job).tasks.s?.reason]).toEqual(['TASK_DEADLINE', 'deadline']);
  });

  test('counts the wait for a slot', async () => {
    const { clock, job, checks } = watch({ deadline: 25 }, () => true, { maxConcurrency: 1 }, [
      { name: 'long', priority: 1, run: () => new Promise<void>((resolve) => void clock.setTimer(resolve, 100)) },
    ]);
    await clock.advance(30);
    expect([checks, job.state]).toEqual([[], 'failed']);
  });

  test.each([
    ['between looks', () => notReady('no dns'), 'polling'],
    ['during a look', () => new Promise(() => {}), 'running'],
  ] as const)('skips a sensor with softFail %s: no error, and its downstream sees a skip', async (_when, look, from) => {
    const { clock, job } = watch({ interval: 10, deadline: 25, softFail: true }, look, {}, [
      { name: 'load', dependsOn: ['s'], run: () => ({ loaded: true }) },
      { name: 'report', dependsOn: ['load'], trigger: 'allDone', run: () => ({ told: true }) },
    ]);
    const lines = linesOf(job, 's');
    await clock.runAll();
    const { state, tasks, ctx, errors } = await job;
    expect(lines.at(-1)).toMatch(new RegExp(`^25 s ${from}>skipped #\\d deadline$`));
    expect([state, ctx, errors]).toEqual(['completed', { told: true }, []]);
    expect(tasks.s).toMatchObject({ state: 'skipped', reason: 'deadline', error: undefined });
    expect(tasks.load).toMatchObject({ state: 'skipped', reason: 'upstreamSkipped' });
  });

  test('skips a sensor with softFail that waits for a slot', async () => {
    const { clock, job } = watch({ deadline: 25, softFail: true }, () => true, { maxConcurrency: 1 }, [
      { name: 'long', priority: 1, run: () => new Promise<void>((resolve) => void clock.setTimer(resolve, 100)) },
    ]);
    const lines = linesOf(job, 's');
    await clock.runAll();
    expect([lines.at(-1), (await job).state]).toEqual(['25 s ready>skipped #0 deadline', 'completed']);
  });

  test('of a tolerated sensor lets the job complete', async () => {
    const { clock, job } = watch({ deadline: 25, continueOnFailure: true }, () => false, {}, [
      { name: 'after', dependsOn: ['s'], run: () => ({ ran: true }) },
    ]);
    await clock.runAll();
    const { state, ctx } = await job;
    expect([state, ctx]).toEqual(['completed', { ran: true }]);
  });

  test('of Infinity is none', async () => {
    const { clock, job } = watch({ interval: 10, deadline: Number.POSITIVE_INFINITY }, readyAtLook(50));
    await clock.runAll();
    expect((await job).state).toBe('completed');
  });
});

describe('ending and pausing while a sensor waits', () => {
  test.each([
    'abort',
    'drain',
  ] as const)('a cancel (%s) between looks ends it at once and leaves no timer', async (mode) => {
    const { clock, job } = watch({ interval: 10, deadline: 1_000 }, () => false);
    const lines = linesOf(job);
    await clock.advance(15);
    void job.cancel('enough', { mode });
    await job;
    expect(lines.slice(-2)).toEqual(['15 s polling>cancelled #0 jobCancelled', '15 JOB running>cancelled']);
    expect(clock.pending()).toBe(0);
  });

  test('a drain during a look takes its answer if it is ready, and looks no more if it is not', async () => {
    for (const [answer, state] of [
      [true, 'completed'],
      [false, 'cancelled'],
    ] as const) {
      const { clock, job, checks } = watch(
        { interval: 5 },
        () => new Promise((resolve) => void clock.setTimer(() => resolve(answer), 10)),
      );
      await clock.advance(5);
      void job.cancel('enough', { mode: 'drain' });
      await clock.runAll();
      expect([checks, (await job).tasks.s?.state]).toEqual([[0], state]);
    }
  });

  test('the failure of another task ends it', async () => {
    const { clock, job } = watch({ interval: 10 }, () => false, {}, [
      { name: 'bad', run: () => new Promise((_, reject) => void clock.setTimer(() => reject(new Error('x')), 15)) },
    ]);
    await clock.runAll();
    const { state, tasks } = await job;
    expect([state, tasks.s?.state, tasks.s?.reason]).toEqual(['failed', 'cancelled', 'jobFailed']);
  });

  test('a paused job looks no more; resumed, it looks at once if a look is due, and its deadline has stood still', async () => {
    const { clock, job, checks } = watch({ interval: 10, deadline: 40 }, () => false);
    const lines = linesOf(job, 's');
    await clock.advance(15);
    job.pause();
    await clock.advance(85);
    expect(checks).toEqual([0, 10]);
    job.resume();
    await clock.runAll();
    expect(checks).toEqual([0, 10, 100, 110, 120]);
    expect(lines.at(-1)).toBe('125 s polling>failed #0 deadline');
  });

  test('a sensor that is paused while it waits is held at its next look', async () => {
    const { clock, checks, sensor } = watch({ interval: 10 }, readyAtLook(4));
    await clock.advance(5);
    sensor.pause('ann');
    expect(sensor.state).toBe('polling');
    await clock.advance(15);
    expect([sensor.state, checks]).toEqual(['paused', [0]]);
    sensor.resume();
    await clock.runAll();
    expect([sensor.state, checks]).toEqual(['completed', [0, 20, 30, 40]]);
  });

  test('a look that runs can not be paused', async () => {
    const { clock, sensor } = watch({}, () => new Promise(() => {}));
    await clock.advance(0);
    expect(() => sensor.pause()).toThrow(expect.objectContaining({ code: 'NOT_PAUSABLE' }));
  });

  test('retry looks at once instead of waiting', async () => {
    const { clock, job, checks } = watch({ interval: 1_000 }, readyAtLook(3));
    await clock.advance(5);
    job.retry('s');
    await clock.advance(0);
    expect(checks).toEqual([0, 5]);
    await clock.runAll();
    expect(checks).toEqual([0, 5, 1_005]);
    expect(clock.pending()).toBe(0);
  });

  test('a clean-up that is a sensor goes on looking after a cancel', async () => {
    const { clock, job } = watch({ interval: 10, trigger: 'always' }, readyAtLook(3));
    await clock.advance(5);
    void job.cancel('enough');
    await clock.runAll();
    const { state, tasks } = await job;
    expect([state, tasks.s?.state, tasks.s?.polls]).toEqual(['cancelled', 'completed', 2]);
  });
});

describe('the events of a sensor', () => {
  test('survive JSON, its answers being what they may', async () => {
    const answers: unknown[] = [false, notReady('dns'), notReady({ a: 1n } as unknown as string), true];
    const { clock, job } = watch({ interval: 1 }, () => answers.shift());
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => void events.push(event));
    await clock.runAll();
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    expect(events.at(-1)).toMatchObject({ to: 'completed' });
  });

  test('number attempts as the check sees them, from running to its end', async () => {
    const { clock, job } = watch({ interval: 5, maxRetries: 2 }, ({ attempt }) => (attempt < 3 ? fail('x') : true));
    const seen: (readonly [string, number])[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && (event.to === 'running' || event.from === 'running'))
        seen.push([event.to, event.attempt]);
    });
    await clock.runAll();
    expect(seen).toEqual([
      ['running', 1],
      ['retrying', 1],
      ['running', 2],
      ['retrying', 2],
      ['running', 3],
      ['completed', 3],
    ]);
  });
});
