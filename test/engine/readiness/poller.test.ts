import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { OptionError } from '../../../src/engine/errors/errors.ts';
import { createPoller, type PollerOptions } from '../../../src/engine/readiness/poller.ts';
import { createProber } from '../../../src/engine/readiness/prober.ts';
import type { ReadinessChecker, ReadinessFunction, ReadinessResult } from '../../../src/engine/readiness/readiness.ts';
import { type VirtualClock, virtualClock } from '../../../src/testing/virtual-clock.ts';

/** A poller on a clock that is turned by hand, and a check that takes so many ms each time and then answers. */
const begin = (options: Partial<PollerOptions> = {}) => {
  const clock = virtualClock(1_000);
  const poller = createPoller({ interval: 10, clock, ...options });
  const times: number[] = [];
  const checkThat =
    (answers: (boolean | Error)[], tookMs: number[] = []): ReadinessFunction =>
    async () => {
      const at = times.push(clock.now() - 1_000) - 1;
      await passed(clock, tookMs[at] ?? 0);
      const answer = answers[at] ?? false;
      if (answer instanceof Error) throw answer;
      return answer;
    };
  return { clock, poller, times, checkThat };
};
const passed = (clock: VirtualClock, ms: number): Promise<void> | undefined =>
  ms === 0 ? undefined : new Promise((resolve) => void clock.setTimer(resolve, ms));
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('a poller', () => {
  test('checks at once, then at every interval, until the answer is ready', async () => {
    const { clock, poller, times, checkThat } = begin();
    const check = poller.check({ namespace: 'cloud', name: 'dns' }, checkThat([false, false, false, true]));
    expect(times).toEqual([0]);
    await clock.advance(9);
    expect(times).toEqual([0]);
    await clock.runAll();
    expect(await check).toEqual({ state: 'ready', id: 'cloud.dns' });
    expect(times).toEqual([0, 10, 20, 30]);
  });

  test('whose first answer is ready waits for nothing', async () => {
    const { clock, poller, times, checkThat } = begin();
    expect(await poller.check('dns', checkThat([true]))).toEqual({ state: 'ready', id: 'dns' });
    expect([times, clock.pending(), clock.now()]).toEqual([[0], 0, 1_000]);
  });

  test('returns an error at once', async () => {
    const { clock, poller, times, checkThat } = begin();
    const check = poller.check('dns', checkThat([false, new Error('no route'), true]));
    await clock.runAll();
    expect(await check).toMatchObject({
      state: 'error',
      id: 'dns',
      error: { code: 'READINESS_ERROR', message: 'readiness check error for dns', cause: new Error('no route') },
    });
    expect(times).toEqual([0, 10]);
  });

  test('counts the timeout of a single check as such an error', async () => {
    const { clock, times, checkThat } = begin();
    const poller = createPoller({ interval: 10, clock, prober: createProber({ timeout: 5, clock }) });
    const check = poller.check('dns', checkThat([false, false, true], [0, 6]));
    await clock.advance(15);
    expect(await check).toMatchObject({ state: 'error', error: { code: 'READINESS_TIMEOUT' } });
    await clock.runAll();
    expect(times).toEqual([0, 10]);
  });

  test('never checks twice at once; ticks that pass during a slow check are dropped, and the grid stays', async () => {
    const { clock, poller, times, checkThat } = begin();
    const check = poller.check('dns', checkThat([false, false, false, false, true], [3, 25, 0, 10]));
    await clock.runAll();
    expect((await check).state).toBe('ready');
    expect(times).toEqual([0, 10, 40, 50, 70]);
  });

  test('has no limit of its own', async () => {
    const { clock, poller, times, checkThat } = begin({ interval: 1_000 });
    const controller = new AbortController();
    let over = false;
    const check = poller.check('dns', checkThat([]), { signal: controller.signal }).finally(() => {
      over = true;
    });
    await clock.advance(1_000_000);
    expect([times.length, over, clock.pending()]).toEqual([1_001, false, 1]);
    controller.abort();
    await check;
  });

  test('gives a tick to no second check when a timer fires early, and goes on when the clock is set back', async () => {
    let now = 1_000;
    const timers: { callback: () => void; delayMs: number }[] = [];
    const clock = {
      now: () => now,
      setTimer: (callback: () => void, delayMs: number) => {
        timers.push({ callback, delayMs });
        return () => {};
      },
    };
    const fire = async (at: number) => {
      now = at;
      timers.at(-1)?.callback();
      await new Promise(setImmediate);
    };
    const controller = new AbortController();
    const check = createPoller({ interval: 10, clock }).check('dns', () => false, { signal: controller.signal });
    await new Promise(setImmediate);
    await fire(1_009);
    expect(now + (timers.at(-1)?.delayMs ?? 0)).toBeGreaterThanOrEqual(1_019);
    await fire(400);
    expect(timers.at(-1)?.delayMs).toBe(10);
    expect(timers).toHaveLength(3);
    controller.abort();
    await check;
  });

  test('polls several at a time, each on its own grid', async () => {
    const { clock, poller } = begin();
    const startedAt = clock.now();
    const readyAt = (at: number) => () => clock.now() - startedAt >= at;
    const ends: string[] = [];
    const note = async (name: string, at: number) => {
      const { id } = await poller.check(name, readyAt(at));
      ends.push(`${id} ${clock.now() - startedAt}`);
    };
    const first = note('first', 20);
    await clock.advance(5);
    const second = note('second', 8);
    await clock.runAll();
    await Promise.all([first, second]);
    expect(ends).toEqual(['second 15', 'first 20']);
  });

  test('keeps the time of the machine when no clock is given', async () => {
    vi.useFakeTimers();
    try {
      const fn = vi.fn(() => fn.mock.calls.length > 2);
      const check = createPoller({ interval: 10 }).check('dns', fn);
      await vi.advanceTimersByTimeAsync(20);
      expect((await check).state).toBe('ready');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the outer signal of a poller', () => {
  test('ends it between two checks; no timer and no listener is left', async () => {
    const { clock, poller, times, checkThat } = begin();
    const controller = new AbortController();
    const check = poller.check('dns', checkThat([]), { signal: controller.signal });
    await clock.advance(15);
    expect([clock.pending(), listeners(controller.signal)]).toEqual([1, 1]);
    const reason = new Error('closing time');
    controller.abort(reason);
    expect([clock.pending(), listeners(controller.signal)]).toEqual([0, 0]);
    const result = await check;
    expect(result).toMatchObject({
      state: 'error',
      id: 'dns',
      error: { name: 'ReadinessError', code: 'READINESS_CANCELLED', message: 'poller context done for dns', id: 'dns' },
    });
    expect(result.error?.cause).toBe(reason);
    await clock.advance(100);
    expect(times).toEqual([0, 10]);
  });

  test('ends it during a check, whose own signal aborts; a late answer starts nothing', async () => {
    const { clock } = begin();
    const poller = createPoller({ interval: 10, clock, prober: createProber({ timeout: 1_000, clock }) });
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    let answer: (ready: boolean) => void = () => {};
    const fn: ReadinessFunction = ({ signal }) => {
      signals.push(signal);
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    const check = poller.check('dns', fn, { signal: controller.signal });
    await clock.advance(5);
    controller.abort('closed');
    expect((await check).error).toMatchObject({ message: 'poller context done for dns', cause: 'closed' });
    expect([signals[0]?.aborted, clock.pending(), listeners(controller.signal)]).toEqual([true, 0, 0]);
    answer(false);
    await clock.advance(100);
    expect([signals.length, clock.pending()]).toEqual([1, 0]);
  });

  test('does not wait for a prober that is deaf to it, and ignores what that one answers late', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    for (const settle of ['resolve', 'reject'] as const) {
      const { clock } = begin();
      let late: () => void = () => {};
      const prober: ReadinessChecker = {
        check: (id) =>
          new Promise((resolve, reject) => {
            late = () =>
              settle === 'resolve' ? resolve({ state: 'inProgress', id: String(id) }) : reject(new Error());
          }),
      };
      const controller = new AbortController();
      const check = createPoller({ interval: 10, clock, prober }).check('dns', () => true, {
        signal: controller.signal,
      });
      controller.abort();
      expect((await check).error?.message).toBe('poller context done for dns');
      late();
      await clock.advance(1);
      expect(clock.pending()).toBe(0);
    }
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('that has aborted before: nothing is checked', async () => {
    const { clock, poller, times, checkThat } = begin();
    const signal = AbortSignal.abort('closed');
    const result = await poller.check('dns', checkThat([true]), { signal });
    expect(result.error).toMatchObject({ message: 'poller context done for dns', cause: 'closed' });
    expect([times, clock.pending(), listeners(signal)]).toEqual([[], 0, 0]);
  });

  test.each([
    ['ready', true],
    ['an error', new Error('no')],
  ])('is left without a listener after %s', async (_name, answer) => {
    const { clock, poller, checkThat } = begin();
    const { signal } = new AbortController();
    const check = poller.check('dns', checkThat([false, answer]), { signal });
    await clock.advance(10);
    await check;
    expect([clock.pending(), listeners(signal)]).toEqual([0, 0]);
  });
});

describe('the prober of a poller', () => {
  test('may be anything with check, which gets the id, the function and the signal', async () => {
    const { clock } = begin();
    const asked: unknown[][] = [];
    const prober: ReadinessChecker = {
      check: async (...args) => {
        asked.push(args);
        return { state: asked.length < 3 ? 'inProgress' : 'ready', id: 'dns' };
      },
    };
    const { signal } = new AbortController();
    const fn = () => true;
    const check = createPoller({ interval: 10, clock, prober }).check('dns', fn, { signal });
    await clock.runAll();
    expect((await check).state).toBe('ready');
    expect(asked).toEqual(Array.from({ length: 3 }, () => ['dns', fn, { signal }]));
  });

  test('may be a poller', async () => {
    const { clock, poller, times, checkThat } = begin();
    const outer = createPoller({ interval: 1_000, clock, prober: poller });
    const check = outer.check('dns', checkThat([false, false, true]));
    await clock.runAll();
    expect(await check).toEqual({ state: 'ready', id: 'dns' });
    expect(times).toEqual([0, 10, 20]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('broken');
      },
    ],
    [
      'has an answer that throws',
      async () =>
        Object.defineProperty({}, 'state', {
          get: () => {
            throw new Error('broken');
          },
        }),
    ],
  ] as [string, () => Promise<ReadinessResult>][])('that %s makes an error', async (_name, check) => {
    const { clock } = begin();
    const result = await createPoller({ interval: 10, clock, prober: { check } }).check('dns', () => true);
    expect(result).toMatchObject({
      state: 'error',
      error: { code: 'READINESS_ERROR', message: 'readiness check error for dns', cause: new Error('broken') },
    });
    expect(clock.pending()).toBe(0);
  });

  test.each([
    [true, 'true'],
    [undefined, 'undefined'],
    [{ state: 'done' }, '{"state":"done"}'],
  ])('that answers %j makes an error that says what was expected', async (answer, shown) => {
    const prober = { check: async () => answer as never };
    const result = await createPoller({ interval: 10, clock: virtualClock(), prober }).check('dns', () => true);
    expect(result.error?.message).toBe(
      `readiness check error for dns: expected a state of ready, inProgress or error, got ${shown}`,
    );
  });
});

describe('what makes no sense is refused', () => {
  test.each([[0], [-1], [Number.NaN], [Number.POSITIVE_INFINITY], ['5'], [null]])('an interval of %j', (interval) => {
    const make = () => createPoller({ interval: interval as never });
    expect(make).toThrow(OptionError);
    expect(make).toThrow('createPoller has a problem: The poller has interval =');
    expect(make).toThrow('expected a finite number of milliseconds above 0.');
  });

  test.each([[undefined], [{}], [{ interval: undefined }]])('no interval: %j', (options) => {
    const make = () => createPoller(options as never);
    expect(make).toThrow(OptionError);
    expect(make).toThrow('has no interval: expected a finite number of milliseconds above 0.');
  });

  test('a prober without check, a clock that is none, an option that does not exist', () => {
    expect(() => createPoller({ interval: 10, prober: {} as never })).toThrow('anything else with the method check');
    expect(() => createPoller({ interval: 10, clock: Date as never })).toThrow('expected a clock');
    expect(() => createPoller({ intervall: 10 } as never)).toThrow('Did you mean "interval"?');
  });

  test('a check of nothing', async () => {
    const { clock, poller } = begin();
    await expect(poller.check('', () => true)).rejects.toThrow(OptionError);
    await expect(poller.check('dns', undefined as never)).rejects.toThrow('has no fn');
    await expect(poller.check('dns', () => true, { signal: 'no' as never })).rejects.toThrow('signal = "no"');
    expect(clock.pending()).toBe(0);
  });
});
