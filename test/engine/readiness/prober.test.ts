import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { OptionError, TintypeError } from '../../../src/engine/errors/errors.ts';
import { createProber, type ProberOptions } from '../../../src/engine/readiness/prober.ts';
import { ReadinessError, type ReadinessFunction } from '../../../src/engine/readiness/readiness.ts';
import { virtualClock } from '../../../src/testing/virtual-clock.ts';

/** An answer that is given by hand, to a prober with a clock that is turned by hand. */
const begin = (options: ProberOptions = {}) => {
  const clock = virtualClock();
  const prober = createProber({ clock, ...options });
  const answer = deferred<boolean>();
  const signals: AbortSignal[] = [];
  const fn: ReadinessFunction = ({ signal }) => {
    signals.push(signal);
    return answer.promise;
  };
  return { clock, prober, answer, signals, fn };
};
const deferred = <Value>() => {
  let resolve!: (value: Value) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

afterEach(() => vi.restoreAllMocks());

describe('the answer', () => {
  test.each([
    ['true', () => true, 'ready'],
    ['false', () => false, 'inProgress'],
    ['a promise of true', async () => true, 'ready'],
    ['a promise of false', async () => false, 'inProgress'],
    ['a thenable of true', () => ({ then: (yes: (ready: boolean) => void) => yes(true) }) as never, 'ready'],
  ] satisfies [string, ReadinessFunction, string][])('%s', async (_name, fn, state) => {
    expect(await createProber().check('dns', fn)).toEqual({ state, id: 'dns' });
  });

  test.each([
    [
      'throws',
      () => {
        throw new RangeError('no route');
      },
    ],
    [
      'rejects',
      async () => {
        throw new RangeError('no route');
      },
    ],
  ])('a check that %s is an error with what it threw as its cause', async (_name, fn) => {
    const result = await createProber().check('dns', fn);
    expect(result).toMatchObject({
      state: 'error',
      id: 'dns',
      error: {
        name: 'ReadinessError',
        code: 'READINESS_ERROR',
        message: 'readiness check error for dns',
        id: 'dns',
        cause: new RangeError('no route'),
      },
    });
    expect(result.error).toBeInstanceOf(ReadinessError);
    expect(result.error).toBeInstanceOf(TintypeError);
  });

  test.each([[undefined], [null], ['out of order'], [0]])('a thrown %j is the cause itself', async (thrown) => {
    const { error } = await createProber().check('dns', () => Promise.reject(thrown));
    expect(error?.message).toBe('readiness check error for dns');
    expect(Object.hasOwn(error as Error, 'cause')).toBe(true);
    expect(error?.cause).toBe(thrown);
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['yes', '"yes"'],
    [1, '1'],
    [{ ready: true }, '{"ready":true}'],
    [Symbol('yes'), 'Symbol(yes)'],
    ['y'.repeat(500), `"${'y'.repeat(59)}…`],
  ])('%s is neither true nor false, and is an error that says so', async (answer, shown) => {
    for (const fn of [() => answer, async () => answer] as never[]) {
      expect(await createProber().check('dns', fn)).toMatchObject({
        state: 'error',
        error: {
          code: 'READINESS_ERROR',
          message: `readiness check error for dns: expected true (ready) or false (in progress), got ${shown}`,
        },
      });
    }
  });

  test.each([
    ['dns', 'dns'],
    ['cloud.dns', 'cloud.dns'],
    [{ name: 'dns' }, 'dns'],
    [{ namespace: '', name: 'dns' }, 'dns'],
    [{ namespace: undefined, name: 'dns' }, 'dns'],
    [{ namespace: 'cloud', name: 'dns' }, 'cloud.dns'],
  ])('the id %j is printed %s', async (id, text) => {
    const prober = createProber();
    expect((await prober.check(id, () => true)).id).toBe(text);
    const failed = await prober.check(id, () => Promise.reject(new Error('no')));
    expect([failed.id, failed.error?.id, failed.error?.message]).toEqual([
      text,
      text,
      `readiness check error for ${text}`,
    ]);
  });
});

describe('the timeout', () => {
  test('is an error, and aborts the signal that the check was given', async () => {
    const { clock, prober, signals, fn } = begin({ timeout: 100 });
    const check = prober.check('dns', fn);
    await clock.advance(99);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    const result = await check;
    expect(result).toMatchObject({
      state: 'error',
      id: 'dns',
      error: { code: 'READINESS_TIMEOUT', message: 'readiness check canceled for dns after 100 ms' },
    });
    expect(signals[0]?.reason).toBe(result.error);
  });

  test('does not wait for a check that is deaf to its signal, and ignores its late answer', async () => {
    const { clock, prober, answer, fn } = begin({ timeout: 100 });
    const check = prober.check('dns', fn);
    await clock.advance(100);
    answer.resolve(true);
    await clock.advance(1_000);
    expect((await check).state).toBe('error');
  });

  test('makes nothing of a late rejection', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { clock, prober, answer, fn } = begin({ timeout: 100 });
    const check = prober.check('dns', fn);
    await clock.advance(100);
    answer.reject(new Error('too late'));
    await clock.advance(1);
    process.off('unhandledRejection', unhandled);
    expect((await check).error?.code).toBe('READINESS_TIMEOUT');
    expect(unhandled).not.toHaveBeenCalled();
  });

  test.each([
    ['ready', true],
    ['in progress', false],
  ])('leaves no timer behind when the answer, %s, comes in time, and the signal is left alone', async (_name, ready) => {
    const { clock, prober, answer, signals, fn } = begin({ timeout: 100 });
    const check = prober.check('dns', fn);
    expect(clock.pending()).toBe(1);
    answer.resolve(ready);
    await check;
    expect(clock.pending()).toBe(0);
    await clock.advance(100);
    expect(signals[0]?.aborted).toBe(false);
  });

  test('leaves no timer behind when the check throws', async () => {
    const { clock, prober } = begin({ timeout: 100 });
    await prober.check('dns', () => Promise.reject(new Error('no')));
    expect(clock.pending()).toBe(0);
  });

  test.each([
    [{}],
    [{ timeout: undefined }],
    [{ timeout: Number.POSITIVE_INFINITY }],
  ])('with %j there is none, and no timer', async (options) => {
    const { clock, prober, answer, fn } = begin(options);
    const check = prober.check('dns', fn);
    await clock.advance(365 * 24 * 60 * 60 * 1_000);
    expect(clock.pending()).toBe(0);
    answer.resolve(true);
    expect((await check).state).toBe('ready');
  });

  test('is that of each check by itself', async () => {
    const { clock, prober, answer, fn } = begin({ timeout: 100 });
    const first = prober.check('first', () => new Promise(() => {}));
    await clock.advance(60);
    const second = prober.check('second', fn);
    await clock.advance(60);
    answer.resolve(true);
    expect([(await first).state, (await second).state]).toEqual(['error', 'ready']);
  });

  test('is kept by the clock of the machine when no other is given', async () => {
    vi.useFakeTimers();
    try {
      const check = createProber({ timeout: 100 }).check('dns', () => new Promise(() => {}));
      await vi.advanceTimersByTimeAsync(100);
      expect((await check).error?.code).toBe('READINESS_TIMEOUT');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the outer signal', () => {
  test('ends the check with an error whose cause is its reason, and aborts the signal that the check was given', async () => {
    const { clock, prober, signals, fn } = begin({ timeout: 100 });
    const controller = new AbortController();
    const check = prober.check('dns', fn, { signal: controller.signal });
    const reason = new Error('closing time');
    controller.abort(reason);
    const result = await check;
    expect(result).toMatchObject({
      state: 'error',
      id: 'dns',
      error: { code: 'READINESS_CANCELLED', message: 'readiness check canceled for dns by its signal' },
    });
    expect(result.error?.cause).toBe(reason);
    expect(signals[0]?.reason).toBe(result.error);
    expect([clock.pending(), listeners(controller.signal)]).toEqual([0, 0]);
  });

  test('makes a late answer and a late rejection count for nothing', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    for (const settle of ['resolve', 'reject'] as const) {
      const { clock, prober, answer, fn } = begin();
      const controller = new AbortController();
      const check = prober.check('dns', fn, { signal: controller.signal });
      controller.abort();
      answer[settle](true as never);
      await clock.advance(1);
      expect((await check).error?.code).toBe('READINESS_CANCELLED');
    }
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('that has aborted before: nothing is called, no timer is set', async () => {
    const clock = virtualClock();
    const fn = vi.fn(() => true);
    const signal = AbortSignal.abort('closed');
    const result = await createProber({ timeout: 100, clock }).check('dns', fn, { signal });
    expect(result).toMatchObject({ state: 'error', error: { code: 'READINESS_CANCELLED', cause: 'closed' } });
    expect(fn).not.toHaveBeenCalled();
    expect([clock.pending(), listeners(signal)]).toEqual([0, 0]);
  });

  test('that the check itself aborts', async () => {
    const controller = new AbortController();
    const fn = ({ signal }: { signal: AbortSignal }) => {
      controller.abort('enough');
      return signal.aborted;
    };
    const result = await createProber().check('dns', fn, { signal: controller.signal });
    expect(result).toMatchObject({ state: 'error', error: { code: 'READINESS_CANCELLED', cause: 'enough' } });
  });

  test('is left without a listener, whatever the end', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const { clock, prober } = begin({ timeout: 100 });
    await prober.check('dns', () => true, { signal });
    await prober.check('dns', () => false, { signal });
    await prober.check('dns', () => Promise.reject(new Error('no')), { signal });
    const slow = prober.check('dns', () => new Promise(() => {}), { signal });
    expect(listeners(signal)).toBe(1);
    await clock.advance(100);
    await slow;
    expect(listeners(signal)).toBe(0);
  });

  test('is watched for one check however late another answers', async () => {
    const { signal } = new AbortController();
    const { clock, prober, answer, fn } = begin({ timeout: 100 });
    const late = prober.check('late', fn, { signal });
    await clock.advance(100);
    const next = prober.check('next', () => new Promise(() => {}), { signal });
    answer.resolve(true);
    await late;
    await clock.advance(1);
    const last = prober.check('last', () => new Promise(() => {}), { signal });
    expect(listeners(signal)).toBe(1);
    await clock.advance(100);
    await Promise.all([next, last]);
    expect(listeners(signal)).toBe(0);
  });

  test('may serve any number of checks, without a warning of a leak', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    const controller = new AbortController();
    const { prober, fn, clock } = begin();
    const options = { signal: controller.signal };
    const quick = prober.check('quick', () => true, options);
    const checks = Array.from({ length: 50 }, (_, at) => prober.check(`dns${at}`, fn, options));
    expect((await quick).state).toBe('ready');
    await clock.advance(0);
    controller.abort('closed');
    const results = await Promise.all(checks);
    process.off('warning', warned);
    expect(new Set(results.map(({ error }) => error?.cause))).toEqual(new Set(['closed']));
    expect(listeners(controller.signal)).toBe(0);
    expect(warned).not.toHaveBeenCalled();
  });
});

describe('what makes no sense is refused', () => {
  test.each([[0], [-1], [Number.NaN], ['5'], [null], [Number.NEGATIVE_INFINITY]])('a timeout of %j', (timeout) => {
    const make = () => createProber({ timeout: timeout as never });
    expect(make).toThrow(OptionError);
    expect(make).toThrow('createProber has a problem: The prober has timeout =');
    expect(make).toThrow('expected a number of milliseconds above 0, or Infinity for no limit.');
  });

  test('a clock that is none, an option that does not exist, options that are none; all problems at once', () => {
    for (const clock of [null, 5, 'noon', Date]) expect(() => createProber({ clock } as never)).toThrow(OptionError);
    expect(() => createProber({ clock: {} as never })).toThrow(
      'expected a clock with the methods now, setTimer and, if at all, monotonicNow',
    );
    expect(() => createProber({ timeOut: 5 } as never)).toThrow(
      'has no option "timeOut". Did you mean "timeout"? Known are timeout, clock.',
    );
    expect(() => createProber({ xyz: 5 } as never)).toThrow('has no option "xyz". Known are timeout, clock.');
    expect(() => createProber(100 as never)).toThrow('The prober was given 100 for its options: expected an object.');
    expect(() => createProber({ timeout: -1, clock: 5 } as never)).toThrow('createProber has 2 problems');
    expect(() => createProber({ timeout: -1, clock: 5 } as never)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        problems: [expect.objectContaining({ option: 'timeout' }), expect.objectContaining({ option: 'clock' })],
      }),
    );
  });

  test.each([
    ['no id', [undefined, () => true], 'has no id: expected a string that is not empty'],
    ['an empty id', ['', () => true], 'id = "": expected a string that is not empty'],
    ['an id without a name', [{ namespace: 'cloud' }, () => true], 'id = {"namespace":"cloud"}'],
    ['a namespace that is no text', [{ namespace: 5, name: 'dns' }, () => true], 'id = {"namespace":5'],
    ['no function', ['dns'], 'has no fn: expected a function.'],
    ['an answer instead of a function', ['dns', true], 'fn = true: expected a function.'],
    ['a signal that is none', ['dns', () => true, { signal: {} }], 'signal = {}: expected an AbortSignal.'],
    ['a signal for options', ['dns', () => true, new AbortController().signal], 'expected an object.'],
    ['an unknown option', ['dns', () => true, { sginal: 5 }], 'Did you mean "signal"?'],
  ] as [string, unknown[], string][])('a check with %s', async (_name, args, message) => {
    const check = createProber().check(...(args as Parameters<ReturnType<typeof createProber>['check']>));
    await expect(check).rejects.toThrow(OptionError);
    await expect(check).rejects.toThrow(message);
  });
});
