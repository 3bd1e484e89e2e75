import { jobFrom } from 'tintype';
import { seededRandom, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

describe('a virtual clock', () => {
  test('stands still until it is turned', async () => {
    const clock = virtualClock(1_000);
    let fired = false;
    clock.setTimer(() => {
      fired = true;
    }, 1);
    await new Promise(setImmediate);
    expect([clock.now(), fired, clock.pending()]).toEqual([1_000, false, 1]);
    expect(virtualClock().now()).toBe(0);
  });

  test('fires what is due, each at its own time, and stops at the end of the turn', async () => {
    const clock = virtualClock(1_000);
    const fired: [string, number][] = [];
    for (const [name, ms] of [
      ['late', 31],
      ['third', 30],
      ['first', 10],
      ['second', 20],
    ] as const)
      clock.setTimer(() => fired.push([name, clock.now()]), ms);
    await clock.advance(30);
    expect(fired).toEqual([
      ['first', 1_010],
      ['second', 1_020],
      ['third', 1_030],
    ]);
    expect([clock.now(), clock.pending()]).toEqual([1_030, 1]);
    await clock.advance(0);
    expect(fired).toHaveLength(3);
    await clock.advance(1);
    expect(fired.at(-1)).toEqual(['late', 1_031]);
  });

  test('fires timers that are due together in the order in which they were set', async () => {
    const clock = virtualClock();
    const fired: number[] = [];
    for (let at = 0; at < 20; at++) clock.setTimer(() => fired.push(at), 5);
    await clock.advance(5);
    expect(fired).toEqual(Array.from({ length: 20 }, (_, at) => at));
  });

  test('fires timers that were set on the way, if they are due', async () => {
    const clock = virtualClock();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.now());
      clock.setTimer(again, 10);
    };
    clock.setTimer(again, 10);
    await clock.advance(35);
    expect(fired).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(35);
  });

  test('fires at once what is due at once or was due before, in the turn that follows', async () => {
    const clock = virtualClock(100);
    const fired: number[] = [];
    clock.setTimer(() => fired.push(clock.now()), 0);
    clock.setTimer(() => fired.push(clock.now()), -50);
    expect(fired).toEqual([]);
    await clock.advance(0);
    expect(fired).toEqual([100, 100]);
  });

  test('lets promises settle between one timer and the next', async () => {
    const clock = virtualClock();
    const steps: string[] = [];
    const work = async (): Promise<void> => {
      steps.push('timer 1');
      for (let turn = 0; turn < 20; turn++) await null;
      steps.push('promises of timer 1');
    };
    clock.setTimer(() => void work(), 1);
    clock.setTimer(() => steps.push('timer 2'), 1);
    await clock.advance(1);
    expect(steps).toEqual(['timer 1', 'promises of timer 1', 'timer 2']);
  });

  test('forgets a timer that was called off, also from within another', async () => {
    const clock = virtualClock();
    const fired: string[] = [];
    const cancelOne = clock.setTimer(() => fired.push('one'), 5);
    const cancelTwo = clock.setTimer(() => fired.push('two'), 10);
    clock.setTimer(cancelTwo, 5);
    cancelOne();
    cancelOne();
    expect(clock.pending()).toBe(2);
    await clock.advance(20);
    expect([fired, clock.pending()]).toEqual([[], 0]);
    cancelTwo();
  });

  test('runs until no timer is left, and stands at the last', async () => {
    const clock = virtualClock();
    let left = 100;
    const again = (): void => {
      if (--left > 0) clock.setTimer(again, 60_000);
    };
    clock.setTimer(again, 60_000);
    await clock.runAll();
    expect([left, clock.now(), clock.pending()]).toEqual([0, 6_000_000, 0]);
  });

  test('refuses to run for ever', async () => {
    const clock = virtualClock();
    const again = (): void => void clock.setTimer(again, 1_000);
    again();
    await expect(clock.runAll(10_000)).rejects.toThrow('still waiting after 10000 ms');
  });

  test.each([[-1], [Number.NaN]])('refuses to be turned by %d ms', async (ms) => {
    await expect(virtualClock().advance(ms)).rejects.toThrow(RangeError);
  });

  test('makes a day of backoff pass in no time', async () => {
    const clock = virtualClock();
    const job = jobFrom('patient', [
      {
        name: 'ask',
        maxRetries: 24,
        retry: { backoff: 'fixed', delayMs: 3_600_000 },
        run: ({ attempt }) => (attempt <= 24 ? Promise.reject(new Error('not yet')) : { answer: attempt }),
      },
    ]).start({}, { clock });
    await clock.advance(86_400_000 - 1);
    expect([job.state, job.task('ask').state]).toEqual(['running', 'retrying']);
    await clock.advance(1);
    expect(await job).toMatchObject({ state: 'completed', ctx: { answer: 25 }, durationMs: 86_400_000 });
    expect(clock.pending()).toBe(0);
  });
});

describe('seeded chance', () => {
  test('repeats with its seed and differs with another', () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 5 }, () => random());
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1)).not.toEqual(draw(-1));
  });

  test('is from 0 to below 1, and even', () => {
    const random = seededRandom(42);
    const buckets = new Array<number>(10).fill(0);
    for (let at = 0; at < 10_000; at++) {
      const number = random();
      expect(number >= 0 && number < 1).toBe(true);
      const bucket = Math.floor(number * 10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
