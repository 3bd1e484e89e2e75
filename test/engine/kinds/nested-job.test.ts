import { type AnyTaskSpec, type Clock, defineJob, jobFrom, type TaskScope } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { boom, fails, line, listen, nest } from '../../support/nested-job.ts';

const never = (): Promise<undefined> => new Promise(() => {});

describe('the events of a nested job', () => {
  test('stand in the stream of the job around it, each task with its path, three levels deep', async () => {
    const inner = defineJob('inner')
      .task('t', () => ({ t: 1 }))
      .seal();
    const middle = defineJob('middle').job('b', {}, inner).seal();
    const job = defineJob('top').job('a', {}, middle).start();
    const events = listen(job);
    await job;
    expect(events.map(line)).toEqual([
      'JOB idle>running',
      'a unscheduled>ready',
      'a ready>running',
      'a/b unscheduled>ready',
      'a/b ready>running',
      'a/b/t unscheduled>ready',
      'a/b/t ready>running',
      'a/b/t running>completed',
      'a/b running>completed',
      'a running>completed',
      'JOB running>completed',
    ]);
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    expect(events.every(({ jobId, jobName }) => jobId === job.id && jobName === 'top')).toBe(true);
  });

  test('carry progress, logs and conflicts with their paths too', async () => {
    const job = nest([
      {
        name: 't',
        run: ({ log, progress, taskName, jobId }) => {
          log.info(`${taskName} of ${jobId}`);
          progress(0.5);
          return { key: 1 };
        },
      },
      { name: 'u', run: () => ({ key: 2 }) },
    ]).start({}, { jobId: 'id' });
    const events = listen(job);
    expect((await job).ctx.outer).toEqual({ key: 2 });
    expect(events.filter(({ type }) => !type.endsWith('transition'))).toMatchObject([
      { type: 'task.log', task: 'outer/t', message: 'outer/t of id' },
      { type: 'task.progress', task: 'outer/t' },
      { type: 'context.conflict', tasks: ['outer/t', 'outer/u'], kept: 'outer/u', key: 'key' },
    ]);
  });
});

describe('what a nested job takes', () => {
  const saw = defineJob<Record<string, unknown>>('child')
    .task('saw', ({ ctx }) => ({ saw: { ...ctx } }))
    .seal();

  test('is the context of its task, where nothing else is said', async () => {
    const job = defineJob<{ url: string }>('parent')
      .task('first', () => ({ first: 1 }))
      .job('outer', { dependsOn: ['first'] }, saw)
      .start({ url: 'u' });
    expect((await job.orThrow()).outer).toEqual({ saw: { url: 'u', first: 1 } });
  });

  test('is what input(scope) makes of it', async () => {
    const job = defineJob<{ url: string }>('parent')
      .task('first', () => ({ first: 1 }))
      .job(
        'outer',
        {
          dependsOn: ['first'],
          input: ({ ctx, deps, taskName }) => ({ url: ctx.url, of: deps.first.first, taskName }),
        },
        saw,
      )
      .start({ url: 'u' });
    expect((await job.orThrow()).outer).toEqual({ saw: { url: 'u', of: 1, taskName: 'outer' } });
  });

  test('may be a context of more keys than are copied', async () => {
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, { at }]));
    for (const input of [undefined, ({ ctx }: TaskScope) => ctx]) {
      const job = jobFrom('parent', [
        { name: 'first', run: () => wide },
        { kind: 'job', name: 'outer', dependsOn: ['first'], definition: saw, input },
      ]).start();
      expect((await job.orThrow()).outer).toEqual({ saw: wide });
    }
  });

  test('leaves the context around it alone: only the output of the outer task comes back', async () => {
    const job = nest([{ name: 't', run: () => ({ secret: 1 }) }]).start({ given: 1 });
    expect((await job).ctx).toEqual({ given: 1, outer: { secret: 1 }, after: { secret: 1 } });
  });

  test.each([
    ['an array', () => []],
    ['null', () => null],
    ['a promise', async () => ({})],
    ['a promise that fails', async () => fails()],
  ])('can not be %s: the task fails at once, whatever retries it has', async (_, input) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const job = nest([{ name: 't', run: () => {} }], { input, maxRetries: 3 }).start();
    const { tasks, state } = await job;
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect([state, tasks.outer?.attempts, tasks.outer?.error?.message]).toEqual([
      'failed',
      1,
      expect.stringContaining('input'),
    ]);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('is checked by the schema of its definition: a violation names the job and the path, and is not retried', async () => {
    const strict = defineJob('strict', { input: z.object({ port: z.coerce.number() }) })
      .task('t', ({ ctx }) => ({ t: ctx.port + 1 }))
      .seal();
    const start = (port: string) =>
      defineJob('parent')
        .job('outer', { maxRetries: 3, input: () => ({ port }) }, strict)
        .start();
    expect((await start('80').orThrow()).outer).toEqual({ t: 81 });
    const { error, tasks } = await start('ftp');
    expect(tasks.outer.attempts).toBe(1);
    expect(error?.message).toMatch(/job "strict".*port/);
    const causes: unknown[] = [];
    for (let at: unknown = error; at instanceof Error; at = at.cause) causes.push((at as { code?: string }).code);
    expect(causes).toContain('INVALID_INPUT');
  });

  test('fails the attempt when input(scope) throws, which is tried again', async () => {
    const input = vi.fn(() => {
      if (input.mock.calls.length < 3) throw boom;
      return {};
    });
    const job = nest([{ name: 't', run: () => {} }], { input, maxRetries: 2 }).start();
    expect((await job).state).toBe('completed');
    expect(job.task('outer').attempts).toBe(3);
  });
});

describe('what a nested job puts out', () => {
  test('is what its tasks put out, later tasks laid over earlier ones, the input left out; ctx has it under the name', async () => {
    const job = nest([
      { name: 'a', run: () => ({ x: 1, y: 1 }) },
      { name: 'b', dependsOn: ['a'], run: () => ({ y: 2 }) },
    ]).start({ given: true });
    expect(await job.output('outer')).toEqual({ x: 1, y: 2 });
    expect((await job).ctx.outer).toEqual({ x: 1, y: 2 });
  });

  test('is what output(ctx) makes of the whole context of the child', async () => {
    const job = nest([{ name: 'a', run: () => ({ x: 1 }) }], { output: (ctx: object) => ({ all: ctx }) }).start({
      given: 2,
    });
    expect(await job.output('outer')).toEqual({ all: { given: 2, x: 1 } });
  });

  test('is read by what comes after: deps has the output, or what output(ctx) makes, itself', async () => {
    const child = defineJob('child')
      .task('x', () => ({ x: 1 }))
      .seal();
    const job = defineJob('parent')
      .job('plain', {}, child)
      .job('made', { output: ({ x }) => ({ made: x }) }, child)
      .task('after', { dependsOn: ['plain', 'made'], when: ({ deps }) => deps.plain.x === 1 }, ({ ctx, deps }) => ({
        seen: [deps.plain, deps.made],
        same: ctx.plain === deps.plain,
      }))
      .start();
    expect(await job.orThrow()).toEqual({ plain: { x: 1 }, made: 1, seen: [{ x: 1 }, { made: 1 }], same: true });
  });

  test('is undefined in deps where it failed and that was tolerated', async () => {
    const job = defineJob('parent')
      .job('outer', { continueOnFailure: true }, defineJob('child').task('x', fails).seal())
      .map('each', { over: () => fails() as never[], continueOnFailure: true }, () => 1)
      .task('after', { dependsOn: ['outer', 'each'] }, ({ deps }) => ({ seen: Object.entries(deps) }))
      .start();
    expect((await job).ctx).toEqual({
      seen: [
        ['outer', undefined],
        ['each', undefined],
      ],
    });
  });

  test.each([
    ['an array', () => [], 'INVALID_OUTPUT'],
    ['a promise that fails', async () => fails(), 'TASK_FAILED'],
    ['nothing it can read', fails, 'TASK_FAILED'],
  ])('can not be %s', async (_, output, code) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { state, errors } = await nest([{ name: 'a', run: () => {} }], { output }).start();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect([state, errors[0]?.code]).toEqual(['failed', code]);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('is nothing but an empty object, of a job without tasks', async () => {
    const job = nest([]).start();
    const events = listen(job);
    expect((await job).ctx.outer).toEqual({});
    expect(events.map(line).slice(1, 4)).toEqual([
      'outer unscheduled>ready',
      'outer ready>running',
      'outer running>completed',
    ]);
  });

  test('is frozen to the bottom, unless freeze is off, however deep it is nested', async () => {
    const start = (freeze: boolean) => {
      const rows = [{ a: 1 }];
      const inner = jobFrom('inner', [{ name: 't', run: () => ({ rows }) }]);
      const middle = jobFrom('middle', [{ kind: 'job', name: 'b', definition: inner }]);
      return jobFrom('top', [{ kind: 'job', name: 'a', definition: middle }])
        .start({}, { freeze })
        .then(() => Object.isFrozen(rows[0]));
    };
    expect([await start(true), await start(false)]).toEqual([true, false]);
  });
});

describe('limits', () => {
  /** How many of its runs there were at once, at most. */
  const gauge = (clock: Clock) => {
    const seen = { now: 0, most: 0 };
    const run = async () => {
      seen.most = Math.max(seen.most, ++seen.now);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 10));
      seen.now--;
    };
    return { seen, run };
  };
  const tasks = (count: number, spec: object, run: () => Promise<void>): AnyTaskSpec[] =>
    Array.from({ length: count }, (_, at) => ({ name: `t${at}`, run, ...spec }));

  test.each([
    ['the concurrency of the job around them', {}, {}, { maxConcurrency: 3 }, 3],
    ['a concurrency of their own', {}, { maxConcurrency: 2 }, { maxConcurrency: 3 }, 2],
    ['a pool of the job around them', { pool: 'db' }, {}, { pools: { db: 2 } }, 2],
    ['a pool of their own', { pool: 'db' }, { pools: { db: 1 } }, {}, 1],
    ['the smaller of two pools of one name', { pool: 'db' }, { pools: { db: 4 } }, { pools: { db: 2 } }, 2],
    ['one after the other', {}, {}, { sequential: true }, 1],
  ] as const)('of the tasks inside: %s', async (_, spec, innerOptions, options, most) => {
    const clock = virtualClock();
    const { seen, run } = gauge(clock);
    const job = nest(tasks(6, spec, run), {}, innerOptions).start({}, { clock, ...options });
    await clock.runAll();
    expect((await job).state).toBe('completed');
    expect(seen.most).toBe(most);
  });

  test('an outer task takes no slot: nesting deeper than the concurrency is no deadlock', async () => {
    let definition = jobFrom('leaf', [{ name: 't', run: () => ({ t: 1 }) }]);
    for (let level = 0; level < 10; level++) definition = jobFrom('level', [{ kind: 'job', name: 'n', definition }]);
    expect((await definition.start({}, { maxConcurrency: 1 })).state).toBe('completed');
  });

  test('a pool that nobody has is told before anything runs, with the path of the task that asks', () => {
    const definition = nest([{ name: 't', pool: 'db', run: () => {} }]);
    expect(() => definition.start()).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('outer/t') }),
    );
  });
});

describe('one definition', () => {
  test('nested twice, and nested in what it is nested beside, is as many jobs', async () => {
    const leaf = defineJob<{ n?: number }>('leaf')
      .task('t', ({ ctx }) => ({ t: (ctx.n ?? 0) + 1 }))
      .seal();
    const pair = defineJob('pair')
      .job('x', { input: () => ({ n: 10 }) }, leaf)
      .job('y', { input: () => ({ n: 20 }) }, leaf)
      .seal();
    const job = defineJob('top')
      .job('pair', {}, pair)
      .job('leaf', { input: () => ({}) }, leaf)
      .start();
    expect(await job.orThrow()).toEqual({ pair: { x: { t: 11 }, y: { t: 21 } }, leaf: { t: 1 } });
    expect(['pair/x/t', 'pair/y/t', 'leaf/t'].map((path) => job.task(path as 'pair').state)).toEqual([
      'completed',
      'completed',
      'completed',
    ]);
  });

  test('is what it was after any number of jobs around it', async () => {
    const leaf = jobFrom('leaf', [{ name: 't', run: () => ({ t: 1 }) }]);
    const before = [leaf.fingerprint, leaf.topologicalOrder()];
    const parent = jobFrom('parent', [{ kind: 'job', name: 'leaf', definition: leaf }]);
    await Promise.all([parent.start(), parent.start(), leaf.start()]);
    expect([leaf.fingerprint, leaf.topologicalOrder()]).toEqual(before);
  });

  test('that is nested leaves its mark in the fingerprint of the one around it', () => {
    const around = (inner: AnyTaskSpec[]) =>
      jobFrom('parent', [{ kind: 'job', name: 'x', definition: jobFrom('child', inner) }]).fingerprint;
    const one = around([{ name: 'a', run: () => {} }]);
    expect(around([{ name: 'a', run: () => {} }])).toBe(one);
    expect(around([{ name: 'b', run: () => {} }])).not.toBe(one);
  });

  test.each([
    ['none', undefined],
    ['a builder that is not sealed', defineJob('child').task('t', () => {})],
    ['a plain object', { tasks: [] }],
    ['a function', () => {}],
  ])('is required: %s will not do', (_, definition) => {
    expect(() => jobFrom('parent', [{ kind: 'job', name: 'outer', definition: definition as never }])).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ code: 'INVALID_OPTION', option: 'definition', tasks: ['outer'] })],
      }),
    );
  });

  test.each(['pool', 'slots', 'enrich', 'over', 'run'])('a nested job has no option %s', (option) => {
    expect(() => nest([], { [option]: 1 })).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ code: 'INVALID_OPTION', option })] }),
    );
  });
});

describe('many and deep', () => {
  test('5,000 nested jobs in one', async () => {
    const definition = defineJob('child')
      .task('t', () => ({ t: 1 }))
      .seal();
    const tasks = Array.from({ length: 5_000 }, (_, at): AnyTaskSpec => ({ kind: 'job', name: `o${at}`, definition }));
    const job = jobFrom('parent', tasks).start({}, { maxConcurrency: 8 });
    const result = await job;
    expect(result.state).toBe('completed');
    expect(Object.keys(result.ctx)).toHaveLength(5_000);
    expect(job.task('o4999/t').state).toBe('completed');
  });

  test.each(['completes', 'fails', 'is cancelled'])('a job nested 50 deep %s', async (how) => {
    const run = () => (how === 'fails' ? fails() : how === 'completes' ? { t: 1 } : never());
    let definition = jobFrom('leaf', [{ name: 't', run }]);
    for (let level = 0; level < 50; level++)
      definition = jobFrom(`level ${level}`, [{ kind: 'job', name: 'n', definition }]);
    const job = definition.start();
    const path = `${'n/'.repeat(50)}t`;
    job.events$.subscribe((event) => {
      if (how === 'is cancelled' && line(event) === `${path} ready>running`) job.cancel('enough');
    });
    const { state, error } = await job;
    expect(state).toBe({ completes: 'completed', fails: 'failed', 'is cancelled': 'cancelled' }[how]);
    if (how === 'fails') expect(error?.rootCause()).toBe(boom);
    expect(job.task(path).state).toBe({ completes: 'completed', fails: 'failed', 'is cancelled': 'cancelled' }[how]);
  });
});
