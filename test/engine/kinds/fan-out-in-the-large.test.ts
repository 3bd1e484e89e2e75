import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defineJob, type Job, jobFrom, type MapOptions, type StartOptions } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begun, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

/** What a job whose types are not told put out in its fan-out. */
const listOf = (ctx: object): unknown => (ctx as Readonly<Record<string, unknown>>).each;

/** A fan-out over so many items, each a ms after the other, of which these fail. */
const each = (count: number, failing: readonly number[], more: object, options: StartOptions = {}) => {
  const clock = virtualClock();
  const begun: number[] = [];
  const job = jobFrom('job', [
    {
      kind: 'map',
      name: 'each',
      over: Array.from({ length: count }, (_, at) => at),
      concurrency: 2,
      each: async ({ item }: { readonly item: number }) => {
        begun.push(item);
        await new Promise<void>((resolve) => void clock.setTimer(() => resolve(), 10));
        if (failing.includes(item)) throw new Error(`no ${item}`);
        return item;
      },
      ...more,
    },
    { name: 'next', dependsOn: ['each'], run: () => ({ next: true }) },
  ]).start({}, { clock, ...options }) as unknown as Job;
  return { clock, job, begun };
};

describe('maxFailures', () => {
  test('lets so many items fail, and puts out settled results', async () => {
    const { clock, job } = each(5, [1, 3], { maxFailures: 2 });
    await clock.runAll();
    const { state, ctx } = await job;
    expect(state).toBe('completed');
    expect((listOf(ctx) as { status: string }[]).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(ctx).toMatchObject({ next: true, each: [{ value: 0 }, { reason: { taskName: 'each[1]' } }, {}, {}, {}] });
  });

  test.each([
    'abort',
    'drain',
    'continue',
  ] as const)('fails the fan-out at one more, and stops the rest, with onFailure %s', async (onFailure) => {
    const { clock, job, begun } = each(9, [0, 2, 8], { maxFailures: 1 }, { onFailure });
    await clock.runAll();
    const { state, tasks } = await job;
    expect(state).toBe('failed');
    expect(begun).toEqual([0, 1, 2, 3]);
    expect(tasks.each?.error?.message).toBe(
      'Task "each" failed: 2 of 9 items failed, of which at most 1 may: Task "each[2]" failed in attempt 1: no 2',
    );
    expect(tasks.each?.tasks?.['[3]']?.state).toBe(onFailure === 'abort' ? 'cancelled' : 'completed');
    expect(tasks.each?.tasks?.['[8]']?.state).toBe('cancelled');
  });

  test('may be a share of the items, rounded down', async () => {
    const ends = async (count: number, failing: number, maxFailures: string): Promise<string> => {
      const { clock, job } = each(count, [...Array(failing).keys()], { maxFailures, concurrency: 1_000 });
      await clock.runAll();
      return (await job).state;
    };
    expect(await ends(50, 2, '5%')).toBe('completed');
    expect(await ends(50, 3, '5%')).toBe('failed');
    expect(await ends(500, 323, '64.6%')).toBe('completed');
    expect(await ends(3, 3, '100%')).toBe('completed');
    expect(await ends(3, 1, '0%')).toBe('failed');
  });

  test('with continueOnFailure lets the job go on when the fan-out fails', async () => {
    const { clock, job } = each(4, [0, 1, 2], { maxFailures: 1, continueOnFailure: true });
    await clock.runAll();
    const { state, tasks } = await job;
    expect([state, tasks.each?.state, tasks.next?.state]).toEqual(['completed', 'failed', 'completed']);
  });

  test.each([-1, 1.5, '5', '101%', '-1%', 'all', true])('of %j is refused', (maxFailures) => {
    expect(() => each(1, [], { maxFailures })).toThrow('expected a whole number, 0 or more, or a percentage');
  });

  test.each([
    ['completes', 2, 'completed'],
    ['fails', 1, 'failed'],
  ])('counts what failed before the process died: it %s', async (_, maxFailures, state) => {
    let alive = true;
    const definition = defineJob('job', { onFailure: 'continue' })
      .map('each', { over: [0, 1, 2, 3, 4], maxFailures }, async ({ item }) => {
        if (item === 0 || (item === 3 && !alive)) throw new Error(`no ${item}`);
        if (item > 2 && alive) await new Promise(() => {});
        return item;
      })
      .seal();
    const { store, die } = begun(definition);
    await turns();
    die();
    alive = false;
    const result = await (await resumed(store, definition)).job;
    expect(result.state).toBe(state);
    if (state === 'completed')
      expect(listOf(result.ctx)).toMatchObject([{ status: 'rejected' }, { value: 1 }, {}, { status: 'rejected' }, {}]);
    else expect(result.tasks.each?.error?.message).toContain('2 of 5 items failed, of which at most 1 may');
  });

  test('is known of a job that is read back, retried and run again', async () => {
    let broken = true;
    const definition = defineJob('job', { onFailure: 'continue' })
      .map('each', { over: [0, 1, 2, 3], maxFailures: 1 }, ({ item }) => {
        if (item < 2 && broken) throw new Error(`no ${item}`);
        return item;
      })
      .seal();
    const { store, job } = begun(definition);
    expect((await job).state).toBe('failed');
    await job.saved();
    const back = await resumed(store, definition);
    const before = await back.job;
    expect(before.errors.map(({ taskName }) => taskName)).toEqual((await job).errors.map(({ taskName }) => taskName));
    expect(Object.values(before.tasks.each?.tasks ?? {}).map(({ error }) => error?.tolerated)).toEqual(
      Object.values((await job).tasks.each?.tasks ?? {}).map(({ error }) => error?.tolerated),
    );
    broken = false;
    const again = await back.job.rerun();
    expect(listOf(again.ctx)).toMatchObject([{ value: 0 }, { value: 1 }, { value: 2 }, { value: 3 }]);
    const retried = await back.job.retry();
    expect([retried.state, listOf(retried.ctx)]).toMatchObject(['completed', [{ value: 0 }, {}, {}, {}]]);
  });
});

test('a definition with maxFailures, or without collect, is another; how many may fail does not matter', () => {
  const fingerprint = (more: Partial<MapOptions>): string =>
    jobFrom('job', [{ kind: 'map', name: 'each', over: [1], each: () => {}, ...more }]).fingerprint;
  expect(fingerprint({ maxFailures: 3 })).toBe(fingerprint({ maxFailures: '5%' }));
  expect(new Set([{}, { maxFailures: 3 }, { collect: false }].map(fingerprint)).size).toBe(3);
  expect(fingerprint({ collect: true })).toBe(fingerprint({}));
});

test('both hold for nested jobs and sensors with "over", too', async () => {
  const inner = defineJob<{ n: number }>('inner')
    .task('x', ({ ctx }) => {
      if (ctx.n === 1) throw new Error('no');
      return { x: ctx.n };
    })
    .seal();
  const { state, ctx } = await defineJob('job', { onFailure: 'continue' })
    .job('some', { over: [0, 1, 2], maxFailures: 1, input: ({ item }) => ({ n: item }) }, inner)
    .job('dropped', { over: [0, 2], collect: false, input: ({ item }) => ({ n: item }) }, inner)
    .sensor('seen', { over: ['a'], maxFailures: '100%' }, ({ item }) => ({ item }))
    .start();
  expect(state).toBe('completed');
  expect(ctx).toMatchObject({
    some: [{ value: { x: 0 } }, { status: 'rejected' }, { value: { x: 2 } }],
    seen: [{ status: 'fulfilled', value: { item: 'a' } }],
  });
  expect(ctx).not.toHaveProperty('dropped');
});

describe('collect: false', () => {
  test('puts out nothing, and what an item returns is in no event', async () => {
    const clock = virtualClock();
    const deps: unknown[] = [];
    const job = defineJob('job')
      .map('each', { over: [1, 2], collect: false }, ({ item }) => ({ item, fn: () => item }))
      .task('next', { dependsOn: ['each'] }, (scope) => void deps.push(scope.deps, scope.ctx))
      .start({}, { clock });
    const outputs: unknown[] = [];
    job.events$.subscribe((event) => event.type === 'task.transition' && outputs.push(event.output));
    await clock.runAll();
    expect((await job).state).toBe('completed');
    expect(deps).toEqual([{ each: undefined }, {}]);
    expect(outputs.filter((output) => output !== undefined)).toEqual([]);
    expect(await job.output('each')).toBe(undefined);
  });

  test('lets go of what the items return, which is kept otherwise', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const alive = async (collect: boolean): Promise<number> => {
      const returned: WeakRef<object>[] = [];
      const job = defineJob('job')
        .map('each', { over: [...Array(1000).keys()], collect }, ({ item }) => {
          const output = { item };
          returned.push(new WeakRef(output));
          return output;
        })
        .start();
      const result = await job;
      await turns();
      collectGarbage();
      expect(result.state).toBe('completed');
      return returned.filter((reference) => reference.deref()).length;
    };
    expect(await alive(true)).toBe(1000);
    expect(await alive(false)).toBeLessThan(10);
  });

  test('holds with maxFailures, a resume and a rerun', async () => {
    let alive = true;
    let broken = true;
    const ran: number[] = [];
    const options: MapOptions & { readonly continueOnFailure: true } = {
      over: [0, 1, 2, 3],
      collect: false,
      maxFailures: 1,
      continueOnFailure: true,
    };
    const definition = jobFrom('job', [
      {
        kind: 'map',
        name: 'each',
        ...options,
        each: async ({ item }: { readonly item: number }) => {
          ran.push(item);
          if (item === 3 && alive) await new Promise(() => {});
          if (item > 0 && item < 3 && broken) throw new Error('no');
          // A function, which no journal could keep.
          return () => item;
        },
      },
      { name: 'bad', dependsOn: ['each'], run: () => (broken ? Promise.reject(new Error('bad')) : undefined) },
    ]);
    broken = false;
    const { store, die } = begun(definition);
    await turns();
    die();
    alive = false;
    const { job } = await resumed(store, definition);
    const { state, ctx } = await job;
    expect([state, ctx, ran]).toEqual(['completed', {}, [0, 1, 2, 3, 3]]);
    await job.saved();
    const again = job.rerun({ from: ['each[2]' as never] });
    expect([(await again).state, ran.slice(5)]).toEqual(['completed', [2]]);
  });
});
