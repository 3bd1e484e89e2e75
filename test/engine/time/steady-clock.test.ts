import { type Clock, createEngine, createPoller, defineJob, type Metrics, metrics } from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { steady } from '../../../src/engine/time/steady-clock.ts';
import { begun, resumed } from '../../support/resumed-job.ts';

const HOUR = 3_600_000;
const START = 1_750_000_000_000;

/** A clock of a program's own, of before there was `monotonicNow`. */
const withoutMonotonic = ({ now, setTimer }: VirtualClock): Clock => ({ now, setTimer });

describe('a steady clock', () => {
  test('begins with the wall time, and does not heed that this is set', async () => {
    const clock = virtualClock(START);
    const { now } = steady(clock);
    await clock.advance(5);
    clock.setWall(START - 2 * HOUR);
    expect(now()).toBe(START + 5);
    await clock.advance(5);
    clock.setWall(START + 2 * HOUR);
    expect(now()).toBe(START + 10);
  });

  test('of a clock without monotonic time does not go back, and goes on from there', async () => {
    const clock = virtualClock(START);
    const { now } = steady(withoutMonotonic(clock));
    await clock.advance(5);
    expect(now()).toBe(START + 5);
    clock.setWall(START - 2 * HOUR);
    expect(now()).toBe(START + 5);
    await clock.advance(5);
    expect(now()).toBe(START + 10);
  });

  test('calls the methods of a clock that is an instance of a class', async () => {
    class Own implements Clock {
      readonly #clock = virtualClock(START);
      now(): number {
        return this.#clock.now();
      }
      monotonicNow(): number {
        return this.#clock.monotonicNow?.() ?? 0;
      }
      setTimer(callback: () => void, delayMs: number): () => void {
        setImmediate(callback);
        return this.#clock.setTimer(() => {}, delayMs);
      }
    }
    const retry = { backoff: 'fixed', delayMs: HOUR, jitter: 'none' } as const;
    const { state } = await defineJob('job')
      .task('a', { maxRetries: 1, retry }, ({ attempt }) => {
        if (attempt === 1) throw new Error('busy');
      })
      .seal()
      .start({}, { clock: new Own() });
    expect(state).toBe('completed');
  });
});

/** Each way in which a clock is set, and those that a clock without monotonic time can find out. */
const settings = [
  { how: 'back two hours', by: -2 * HOUR, of: (clock: VirtualClock): Clock => clock },
  { how: 'forward two hours', by: 2 * HOUR, of: (clock: VirtualClock): Clock => clock },
  { how: 'back two hours, without monotonic time', by: -2 * HOUR, of: withoutMonotonic },
];

describe.each(settings)('with a clock that is set $how', ({ by, of }) => {
  const turned = () => {
    const virtual = virtualClock(START);
    const set = (): void => virtual.setWall(virtual.now() + by);
    return { virtual, clock: of(virtual), set };
  };

  test('the rate limit of a job and of an engine let each start when its time has come', async () => {
    for (const isEngine of [false, true]) {
      const { virtual, clock, set } = turned();
      const rateLimit = { limit: 1, periodMs: 200 };
      const definition = defineJob('job')
        .map('m', { over: [1, 2, 3] }, () => {})
        .seal();
      const engine = createEngine({ clock, ...(isEngine && { rateLimit }) });
      const jobs = [engine.start(definition, {}, isEngine ? {} : { rateLimit })];
      await virtual.advance(100);
      set();
      // A job that begins now has other wall times; the engine's limit is the same.
      if (isEngine) jobs.push(engine.start(definition));
      await virtual.advance(isEngine ? 1_000 : 300);
      expect(jobs.map(({ state }) => state)).toEqual(jobs.map(() => 'completed'));
    }
  });

  test('explain says when the next start may be, by the times of the job', async () => {
    const { virtual, clock, set } = turned();
    const definition = defineJob('job')
      .map('m', { over: [1, 2] }, () => {})
      .seal();
    const engine = createEngine({ clock, rateLimit: { limit: 1, periodMs: 200 } });
    await virtual.advance(1);
    set();
    const wall = virtual.now();
    const job = engine.start(definition);
    await virtual.advance(50);
    const [waiting] = job.explain().flatMap(({ reasons }) => reasons.filter(({ kind }) => kind === 'rateLimit'));
    // A clock without monotonic time shows that it was set once it is read.
    const late = clock.monotonicNow ? 0 : by;
    expect((waiting as { until: number }).until - wall).toBeGreaterThanOrEqual(200 + Math.min(0, late));
    expect((waiting as { until: number }).until - wall).toBeLessThanOrEqual(200);
    await virtual.advance(200);
    expect(job.state).toBe('completed');
  });

  test('retries, sensors, deadlines and time limits wait as long as they should', async () => {
    const { virtual, clock, set } = turned();
    const at: string[] = [];
    const began = virtual.monotonicNow?.() ?? 0;
    const note = (what: string): void => void at.push(`${what} ${(virtual.monotonicNow?.() ?? 0) - began}`);
    const job = defineJob('job', { onFailure: 'continue' })
      .task('retried', { maxRetries: 1, retry: { backoff: 'fixed', delayMs: 400, jitter: 'none' } }, ({ attempt }) => {
        note('retried');
        if (attempt === 1) throw new Error('busy');
      })
      .sensor('polled', { interval: 300 }, () => {
        note('polled');
        return at.filter((text) => text.startsWith('polled')).length > 1;
      })
      .task('late', { timeout: 500, continueOnFailure: true }, () => new Promise(() => {}))
      .task('overdue', { deadline: 450, continueOnFailure: true }, () => new Promise(() => {}))
      .seal()
      .start({}, { clock });
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'failed') note(`${event.task} failed`);
    });
    await virtual.advance(100);
    set();
    await virtual.advance(1);
    job.pause();
    await virtual.advance(99);
    set();
    job.resume();
    await virtual.runAll();
    expect((await job).state).toBe('completed');
    // The limit of an attempt counts pauses. A clock without monotonic time loses what passed before it was set.
    const overdueAt = clock.monotonicNow || by > 0 ? 549 : 650;
    const expected = ['retried 0', 'polled 0', 'polled 300', 'retried 400', 'late failed 500'];
    expect(at).toEqual([...expected, `overdue failed ${overdueAt}`]);
  });

  test('durations are those of the time that passed, in results, metrics and events', async () => {
    const { virtual, clock, set } = turned();
    const sleep = (ms: number) => new Promise<void>((resolve) => void virtual.setTimer(resolve, ms));
    const job = defineJob('job')
      .task('a', async () => {
        await sleep(100);
        set();
        await sleep(100);
      })
      .task('b', { dependsOn: ['a'] }, () => sleep(50))
      .seal()
      .start({}, { clock });
    const times: number[] = [];
    let measured: Metrics | undefined;
    job.events$.subscribe((event) => void times.push(event.at));
    job.events$.pipe(metrics()).subscribe((latest) => {
      measured = latest;
    });
    await virtual.runAll();
    const result = await job;
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    // A clock without monotonic time loses what passed before it was set: no duration is negative or too long.
    const durations = [result.durationMs, result.tasks.a.durationMs, result.tasks.b.durationMs, measured?.runMs];
    expect(durations).toEqual(clock.monotonicNow ? [250, 200, 50, 250] : [50, 0, 50, 50]);
  });

  test('a poller keeps its interval', async () => {
    const { virtual, clock, set } = turned();
    let checks = 0;
    const result = createPoller({ interval: 100, clock }).check('db', async () => ++checks > 3);
    await virtual.advance(50);
    set();
    await virtual.advance(250);
    expect(await result).toMatchObject({ state: 'ready' });
  });

  test('in a later process no wait is longer than the whole, and no duration is negative', async () => {
    const virtual = virtualClock(START);
    const definition = defineJob('job')
      .task('a', { maxRetries: 1, retry: { backoff: 'fixed', delayMs: 1_000, jitter: 'none' } }, ({ attempt }) => {
        if (attempt === 1) throw new Error('busy');
      })
      .seal();
    const { store, job, die } = begun(definition, { clock: of(virtual) });
    await virtual.advance(400);
    await job.saved();
    die();
    const later = virtualClock(START + 400 + by);
    const { job: again } = await resumed(store, definition, { clock: later });
    await later.advance(1_000);
    expect((await again).state).toBe('completed');
    expect((await again).durationMs).toBeGreaterThanOrEqual(0);
  });
});
