import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as realTime } from 'node:timers/promises';
import { createEngine, defineJob, type Journal, jobFrom, memoryJournal, type StandardSchema } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { seededRandom, virtualClock } from 'tintype/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { heard } from '../support/heard.ts';
import { inWords } from '../support/resumed-job.ts';
import { slow } from '../support/slow-journal.ts';

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

  test('refuses to run with a sensor that never ends, soon enough for a test to report it', async () => {
    const clock = virtualClock();
    const watch = defineJob('watch').sensor('file', { interval: 1_000 }, () => false);
    const job = watch.start({}, { clock });
    await expect(clock.runAll()).rejects.toThrow(/^1 timer is still waiting after 100000 timers and 100000000 ms/);
    expect(clock.now()).toBe(100_000_000);
    job.cancel();
  });

  test('does not run on for a recovery that keeps looking, which looks while something else waits', async () => {
    const clock = virtualClock();
    let looks = 0;
    const store = memoryJournal();
    const journal: Journal = {
      ...store,
      jobs: (filter) => {
        looks++;
        return store.jobs(filter);
      },
    };
    const engine = createEngine({ clock, journal });
    await engine.recover({ everyMs: 1_000 });
    const nap = defineJob('nap').task('sleep', () => new Promise<void>((wake) => clock.setTimer(wake, 5_500)));
    const job = engine.start(nap.seal());
    await clock.runAll();
    expect([(await job).state, clock.now(), looks, clock.pending()]).toEqual(['completed', 5_500, 6, 1]);
    await clock.runAll();
    expect(clock.now()).toBe(5_500);
    await engine.close();
    expect(clock.pending()).toBe(0);
    clock.setTimer(() => {}, 10);
    await clock.runAll();
    expect(clock.now()).toBe(5_510);
  });

  test.each([
    [-1],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    ['5' as never],
  ])('refuses to be turned by %j ms', async (ms) => {
    await expect(virtualClock().advance(ms)).rejects.toThrow(RangeError);
    if (ms !== Number.POSITIVE_INFINITY) await expect(virtualClock().runAll(ms)).rejects.toThrow(RangeError);
    expect(() => virtualClock().setWall(ms === -1 ? Number.NaN : ms)).toThrow(RangeError);
    expect(() => virtualClock(ms === -1 ? Number.NaN : ms)).toThrow(RangeError);
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

describe('a virtual clock and a journal', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-'));
  const open: Journal[] = [];
  let files = 0;
  const sqlite = (): Journal => {
    const journal = sqliteJournal(join(folder, `${files++}.db`), { synchronous: 'normal' });
    open.push(journal);
    return journal;
  };
  afterAll(async () => {
    for (const journal of open) await journal.close();
    rmSync(folder, { recursive: true });
  });

  const journals: [string, () => Journal][] = [
    ['in memory', () => memoryJournal()],
    ['in SQLite', sqlite],
    ['that answers later', () => slow(memoryJournal(), { turns: 7 }).journal],
  ];

  const stubborn = (ran: string[] = []) =>
    defineJob('etl')
      .task('extract', { maxRetries: 2, retry: { backoff: 'fixed', delayMs: 400 } }, ({ attempt }) => {
        ran.push(`extract ${attempt}`);
        if (attempt < 3) throw new Error('not yet');
        return { rows: 1 };
      })
      .task('load', { dependsOn: ['extract'] }, () => {
        ran.push('load');
        return { loaded: true };
      })
      .seal();

  test.each(journals)('%s: a job is over before its timeout, since writing takes no time', async (_, journal) => {
    const clock = virtualClock();
    const job = createEngine({ clock, journal: journal() }).start(stubborn(), {}, { timeout: 1_000 });
    await clock.runAll();
    expect([job.state, clock.now(), clock.pending()]).toEqual(['completed', 800, 0]);
  });

  test.each(journals)('%s: everything that follows from a timer has happened after it', async (_, journal) => {
    const clock = virtualClock();
    const ran: string[] = [];
    createEngine({ clock, journal: journal() }).start(stubborn(ran), {});
    await clock.advance(0);
    expect(ran).toEqual(['extract 1']);
    await clock.advance(400);
    expect(ran).toEqual(['extract 1', 'extract 2']);
    await clock.advance(400);
    expect(ran).toEqual(['extract 1', 'extract 2', 'extract 3', 'load']);
  });

  test('events come in the same order and at the same times with any journal, and without one', async () => {
    const told = await Promise.all(
      [undefined, ...journals.map(([, journal]) => journal())].map(async (journal) => {
        const clock = virtualClock();
        const events = heard(createEngine({ clock, journal }).start(stubborn(), {}) as never);
        await clock.runAll();
        return [inWords(events), events.map(({ at }) => at)];
      }),
    );
    for (const one of told) expect(one).toEqual(told[0]);
  });

  test.each(
    journals,
  )('%s: a job that is resumed, found, retried or handed off goes on in the same turn', async (_, make) => {
    const clock = virtualClock();
    const journal = make();
    const ran: string[] = [];
    const definition = defineJob('etl')
      .task('first', () => new Promise((resolve) => clock.setTimer(() => resolve({ first: true }), 500)))
      .task('second', { dependsOn: ['first'] }, ({ attempt }) => {
        ran.push(`second ${attempt}`);
        if (ran.length === 1) throw new Error('not yet');
        return { second: true };
      })
      .seal();
    const begun = createEngine({ clock, journal });
    begun.start(definition, {}, { jobKey: 'monday', timeout: 1_000 });
    await clock.advance(400);
    void begun.close();
    await clock.advance(100);
    expect(begun.jobs).toEqual([]);
    const next = createEngine({ clock, journal });
    const found = next.start(definition, {}, { jobKey: 'monday' });
    await clock.advance(0);
    expect([ran, found.state]).toEqual([['second 1'], 'failed']);
    const again = found.retry();
    await clock.advance(0);
    expect([ran, again.state]).toEqual([['second 1', 'second 2'], 'completed']);
  });

  test('an asynchronous schema is waited for, also by a job with a time limit', async () => {
    const clock = virtualClock();
    const output: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) => {
          // Several turns of the event loop, as a look at a file takes.
          for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
          return { value };
        },
      },
    };
    const job = jobFrom('checked', [{ name: 'read', output, run: () => ({ rows: 3 }) }]).start(
      {},
      { clock, timeout: 1_000 },
    );
    await clock.runAll();
    expect(await job).toMatchObject({ state: 'completed', ctx: { rows: 3 } });
  });

  test('an engine whose journal never answers holds the clock up for a moment, not for ever', async () => {
    const { journal, hold } = slow(memoryJournal());
    const letGo = hold('append');
    const clock = virtualClock();
    const job = createEngine({ clock, journal }).start(stubborn(), {}, { timeout: 1_000 });
    await clock.advance(1_000);
    expect(job.state).toBe('timedOut');
    letGo();
    await job;
  });
});

describe('real I/O and a virtual clock', () => {
  test('a task that waits for something real does not hold the clock up', async () => {
    const clock = virtualClock();
    let answer = (_: object): void => {};
    const ask = () =>
      new Promise<object>((resolve) => {
        answer = resolve;
      });
    const job = jobFrom('etl', [{ name: 'ask', timeout: 1_000, run: ask }]).start({}, { clock });
    await clock.runAll();
    expect((await job).tasks.ask?.error).toMatchObject({ code: 'TASK_TIMEOUT' });
    answer({});
  });

  test('time stands still until what settle was given has settled, and what follows has happened', async () => {
    const clock = virtualClock();
    const job = createEngine({ clock, journal: memoryJournal() }).start(
      jobFrom('etl', [
        { name: 'ask', timeout: 1_000, run: () => clock.settle(realTime(20, { answer: 42 })) },
        { name: 'tell', dependsOn: ['ask'], run: () => ({ toldAt: clock.now() }) },
      ]) as never,
    );
    await clock.advance(5_000);
    expect([job.state, job.ctx, clock.now()]).toEqual(['completed', { answer: 42, toldAt: 0 }, 5_000]);
  });

  test('settle rejects as its promise does, and time goes on', async () => {
    const clock = virtualClock();
    const settled = clock.settle(Promise.reject(new Error('no route')));
    await expect(settled).rejects.toThrow('no route');
    await clock.advance(10);
    expect(clock.now()).toBe(10);
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
