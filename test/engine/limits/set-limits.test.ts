import fc from 'fast-check';
import { createEngine, defineJob, type Job, jobFrom, type OptionError } from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begun, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

const taking =
  (clock: VirtualClock, ms = 10) =>
  (): Promise<void> =>
    new Promise((resolve) => void clock.setTimer(() => resolve(), ms));

/** What runs of a job now, and when which task began, in ms. */
const watch = (clock: VirtualClock, ...jobs: readonly Pick<Job, 'events$'>[]) => {
  const running = new Set<string>();
  const began: (readonly [string, number])[] = [];
  for (const job of jobs)
    job.events$.subscribe((event) => {
      if (event.type !== 'task.transition') return;
      running.delete(event.task);
      if (event.to !== 'running') return;
      running.add(event.task);
      began.push([event.task, clock.now()]);
    });
  return { now: () => [...running], began };
};

const many = (clock: VirtualClock, name: string, count: number, options: object = {}, ms = 10) =>
  Array.from({ length: count }, (_, at) => ({ ...options, name: `${name}${at}`, run: taking(clock, ms) }));

describe('job.setLimits', () => {
  test('upwards starts at once, in their order, what waits', async () => {
    const clock = virtualClock();
    const job = jobFrom('job', many(clock, 't', 5)).start({}, { clock, maxConcurrency: 1 });
    const seen = watch(clock, job);
    await clock.advance(5);
    expect(job.explain('t4')[0]?.reasons[0]).toMatchObject({ size: 1, taken: 1 });
    job.setLimits({ maxConcurrency: 4 });
    expect(seen.now()).toEqual(['t0', 't1', 't2', 't3']);
    expect(job.explain('t4')[0]?.reasons[0]).toMatchObject({
      size: 4,
      taken: 4,
      text: 'the concurrency of the job "job" is full: 4/4 held by t0, t1, t2, t3',
    });
    await clock.runAll();
    expect(seen.began.at(-1)).toEqual(['t4', 10]);
  });

  test('downwards lets what runs finish, and starts nothing until there is room again', async () => {
    const clock = virtualClock();
    const job = jobFrom('job', [
      ...many(clock, 'a', 2, {}, 10),
      ...many(clock, 'b', 1, {}, 20),
      ...many(clock, 'c', 2),
    ]);
    const started = job.start({}, { clock, maxConcurrency: 3 });
    const seen = watch(clock, started);
    await clock.advance(5);
    started.setLimits({ maxConcurrency: 1 });
    expect(started.explain('c0')[0]?.reasons[0]).toMatchObject({ size: 1, taken: 3 });
    expect(started.explain('c0')[0]?.reasons[0]?.text).toContain('is full: 3/1 held by a0, a1, b0');
    await clock.runAll();
    expect(seen.began).toEqual([
      ['a0', 0],
      ['a1', 0],
      ['b0', 0],
      ['c0', 20],
      ['c1', 30],
    ]);
    expect((await started).state).toBe('completed');
  });

  test('where there was no limit counts what runs already, inside a nested job and a fan-out, too', async () => {
    for (const limits of [undefined, {}, { maxConcurrency: 9 }]) {
      const clock = virtualClock();
      const inner = defineJob('inner').task('x', taking(clock)).seal();
      const definition = defineJob('job')
        .task('gate', taking(clock, 5))
        .map('each', { over: [1, 2] }, taking(clock))
        .job('nested', {}, inner)
        .task('late', { dependsOn: ['gate'] }, taking(clock))
        .seal();
      const job = limits ? createEngine({ clock, ...limits }).start(definition, {}) : definition.start({}, { clock });
      const seen = watch(clock, job);
      await clock.advance(2);
      job.setLimits({ maxConcurrency: 3 });
      await clock.advance(5);
      expect(job.explain('late')[0]?.reasons).toMatchObject([{ limit: 'the job "job"', size: 3, taken: 3 }]);
      await clock.runAll();
      expect(seen.began.at(-1)).toEqual(['late', 10]);
      expect((await job).state).toBe('completed');
    }
  });

  test('changes slots and rates of a pool, by its name; the others stay', async () => {
    const clock = virtualClock();
    const job = jobFrom('job', [
      ...many(clock, 'db', 4, { pool: 'db' }),
      ...many(clock, 'api', 4, { pool: 'api' }, 1),
      ...many(clock, 'ftp', 2, { pool: 'ftp' }),
    ]).start({}, { clock, pools: { db: 1, api: { limit: 1, periodMs: 100 }, ftp: 1 } });
    const seen = watch(clock, job);
    await clock.advance(2);
    expect(seen.now()).toEqual(['db0', 'ftp0']);
    job.setLimits({ pools: { db: 3, api: { limit: 2, periodMs: 100 } } });
    await clock.advance(0);
    expect(seen.now()).toEqual(['db0', 'ftp0', 'db1', 'db2', 'api1']);
    await clock.runAll();
    const began = Object.fromEntries(seen.began);
    expect(began).toMatchObject({ api0: 0, api1: 2, api2: 100, api3: 102, db3: 10, ftp1: 10 });
  });

  test('of a pool that is not there, or that a task wants more of, is refused whole, as a start is', async () => {
    const clock = virtualClock();
    const engine = createEngine({ clock, pools: { shared: 4 } });
    const job = engine.start(
      jobFrom('job', [
        { name: 'a', pool: 'db', slots: 2, run: taking(clock) },
        { name: 'b', pool: 'shared', slots: 3, run: taking(clock) },
      ]),
      {},
      { pools: { db: 2 } },
    );
    const refused = (limits: object): unknown => {
      try {
        job.setLimits(limits);
        return undefined;
      } catch (error) {
        return (error as OptionError).problems;
      }
    };
    expect(refused({ maxConcurrency: 5, pools: { dbs: 3 } })).toMatchObject([
      { code: 'INVALID_OPTION', option: 'pools.dbs', message: expect.stringContaining('Did you mean "db"?') },
    ]);
    expect(refused({ pools: { db: 1 } })).toMatchObject([
      { option: 'slots', message: 'Task "a" takes 2 slots of pool "db", which has 1: it could never run.' },
    ]);
    expect(refused({ pools: { shared: 2 } })).toMatchObject([{ tasks: ['b'] }]);
    expect(() => engine.setLimits({ pools: { shared: 2 } })).toThrow('takes 3 slots of pool "shared", which has 2');
    expect(() => engine.setLimits({ pools: { db: 2 } })).toThrow('There is no pool "db" whose limits could change.');
    expect(refused({ maxConcurrency: 0 })).toMatchObject([{ option: 'maxConcurrency' }]);
    expect(refused({ concurrency: 1 })).toMatchObject([{ option: 'concurrency' }]);
    expect(refused({ pools: { shared: 3 } })).toBe(undefined);
    await clock.runAll();
    await job;
    expect(() => job.setLimits({ maxConcurrency: 1 })).toThrow('Job "job" is completed');
  });

  test.each([
    ['as they were set', {}, 2],
    ['as the resume says', { pools: { db: 3 } }, 3],
  ])('is kept over a resume, %s', async (_, given, running) => {
    const hang = (): Promise<void> => new Promise(() => {});
    const tasks = [1, 2, 3, 4].map((n) => ({ name: `t${n}`, pool: 'db', run: hang }));
    const definition = jobFrom('job', tasks, { pools: { db: 1 } });
    const { store, job, die } = begun(definition, { start: { maxConcurrency: 1 } });
    await turns();
    job.setLimits({ maxConcurrency: 3, pools: { db: 2 } });
    await turns();
    die();
    const { job: after } = await resumed(store, definition, given);
    await turns();
    expect(tasks.filter(({ name }) => after.task(name as never).state === 'running')).toHaveLength(running);
    await after.cancel();
  });

  test('is kept over a retry', async () => {
    const clock = virtualClock();
    const fail = (): never => {
      throw new Error('once');
    };
    const job = jobFrom('job', [{ name: 'bad', run: fail }, ...many(clock, 't', 3)]).start(
      {},
      { clock, maxConcurrency: 1 },
    );
    job.setLimits({ maxConcurrency: 2 });
    await job;
    const again = job.retry({ tasks: ['t0' as never] });
    const seen = watch(clock, again);
    await clock.advance(5);
    expect(seen.now()).toEqual(['t0', 't1']);
    await clock.runAll();
  });
});

describe('engine.setLimits', () => {
  test('holds for all its jobs, and usage shows it', async () => {
    const clock = virtualClock();
    const engine = createEngine({ clock, pools: { db: 2 } });
    const jobs = ['a', 'b'].map((name) => engine.start(jobFrom(name, many(clock, name, 3, { pool: 'db' })), {}));
    const seen = watch(clock, ...jobs);
    await clock.advance(5);
    expect(seen.now()).toEqual(['a0', 'a1']);
    engine.setLimits({ maxConcurrency: 5, pools: { db: 4 } });
    expect(seen.now()).toEqual(['a0', 'a1', 'a2', 'b0']);
    expect(engine.usage).toMatchObject([
      { name: 'the engine', taken: 4, size: 5, waiting: 0 },
      { name: 'pool "db" of the engine', taken: 4, size: 4, waiting: 2 },
    ]);
    engine.setLimits({ maxConcurrency: 1 });
    await clock.advance(6);
    expect(seen.now()).toEqual(['a2', 'b0']);
    await clock.advance(10);
    expect(seen.now()).toEqual(['b1']);
    engine.setLimits({ maxConcurrency: Number.POSITIVE_INFINITY });
    expect(seen.now()).toEqual(['b1', 'b2']);
    expect(engine.usage).toMatchObject([{ name: 'pool "db" of the engine', taken: 2, size: 4 }]);
    await clock.runAll();
    expect(engine.usage).toMatchObject([{ taken: 0 }]);
  });
});

describe('whatever the limits are set to, and when', () => {
  test('every job completes, no limit is exceeded but by what ran before, and no slot is lost', async () => {
    const limits = fc.record({
      maxConcurrency: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      db: fc.option(fc.integer({ min: 2, max: 5 }), { nil: undefined }),
    });
    const change = fc.record({
      after: fc.integer({ min: 1, max: 12 }),
      of: fc.constantFrom('engine', 'job0', 'job1'),
      limits,
    });
    const given = ({ maxConcurrency, db }: { maxConcurrency?: number | undefined; db?: number | undefined }) => ({
      maxConcurrency,
      pools: db === undefined ? undefined : { db },
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 8 }), fc.boolean(), async (changes, ownLimits) => {
        const clock = virtualClock();
        const engine = createEngine({ clock, maxConcurrency: 3, pools: { db: 3 } });
        const inner = jobFrom('inner', many(clock, 'x', 4, { pool: 'db' }, 3));
        const jobs = [0, 1].map((n) =>
          engine.start(
            jobFrom(`job${n}`, [
              ...many(clock, 'a', 4, {}, 5),
              ...many(clock, 'db', 4, { pool: 'db', slots: 2 }, 7),
              { kind: 'job', name: 'nested', definition: inner },
              { kind: 'map', name: 'each', over: [1, 2, 3], each: taking(clock, 4) },
            ]),
            {},
            ownLimits ? { maxConcurrency: 2 } : {},
          ),
        );
        let size = 3;
        let running = 0;
        const exceeded: number[] = [];
        for (const job of jobs)
          job.events$.subscribe((event) => {
            if (event.type !== 'task.transition' || ['nested', 'each'].includes(event.task)) return;
            if (event.from === 'running') running--;
            if (event.to !== 'running') return;
            running++;
            if (running > size) exceeded.push(running);
          });
        for (const { after, of, limits: to } of changes) {
          await clock.advance(after);
          if (of === 'engine') {
            size = to.maxConcurrency ?? size;
            engine.setLimits(given(to));
          } else {
            const job = jobs[of === 'job0' ? 0 : 1] as Job;
            if (job.state === 'running') job.setLimits(given(to));
          }
        }
        await clock.runAll();
        expect(exceeded).toEqual([]);
        for (const job of jobs) expect((await job).state).toBe('completed');
        expect(engine.usage.map(({ taken, waiting }) => [taken, waiting])).toEqual([
          [0, 0],
          [0, 0],
        ]);
      }),
      { numRuns: 60 },
    );
  });
});
