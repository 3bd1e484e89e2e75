import { createEngine, defineJob, memoryJournal } from 'tintype';
import { describe, expect, test } from 'vitest';

describe('what is nested in a job that is retried', () => {
  const nested = () => {
    const ran: string[] = [];
    const world = { broken: true };
    const inner = defineJob<{ n: number }>('inner', { onFailure: 'continue' })
      .task('a', () => {
        ran.push('a');
        return { a: 1 };
      })
      .task('b', { dependsOn: ['a'] }, ({ ctx }) => {
        ran.push('b');
        if (world.broken) throw new Error('busy');
        return { b: ctx.a + ctx.n };
      })
      .task('c', { dependsOn: ['b'] }, () => void ran.push('c'))
      .seal();
    const definition = defineJob('outer')
      .job('inner', { input: () => ({ n: 10 }) }, inner)
      .map('fetch', { dependsOn: ['inner'], over: ['x', 'y', 'z'], continueOnFailure: false }, ({ item }) => {
        ran.push(item);
        if (world.broken && item === 'y') throw new Error('gone');
        return item.toUpperCase();
      })
      .seal();
    return { ran, world, definition };
  };

  test('runs what failed in a nested job alone, without a journal and with one', async () => {
    for (const journal of [undefined, memoryJournal()]) {
      const { ran, world, definition } = nested();
      const job = definition.start({}, { journal });
      await job;
      world.broken = false;
      expect(job.previewRetry()).toEqual({ runs: ['inner', 'inner/b', 'inner/c', 'fetch'], keeps: [] });
      const { state, ctx } = await job.retry();
      expect([state, ctx]).toEqual(['completed', { inner: { a: 1, b: 11 }, fetch: ['X', 'Y', 'Z'] }]);
      expect(ran).toEqual(['a', 'b', 'b', 'c', 'x', 'y', 'z']);
    }
  });

  test('runs the failed instances of a fan-out alone, by the journal too', async () => {
    for (const isKept of [false, true]) {
      const journal = memoryJournal();
      const ran: string[] = [];
      const world = { broken: true };
      const definition = defineJob('job', { onFailure: 'continue' })
        .map('fetch', { over: async () => [{ at: 1 }, { at: 2 }, { at: 3 }] }, ({ item: { at } }) => {
          ran.push(`${at}`);
          if (world.broken && at > 1) throw new Error('gone');
          return { at: new Date(at) };
        })
        .seal();
      const engine = createEngine({ journal, definitions: [definition] });
      const job = engine.start(definition, {}, { jobId: 'one' });
      await job;
      world.broken = false;
      ran.length = 0;
      const again = isKept ? (await engine.retry('one', { tasks: ['fetch[1]', 'fetch[2]'] })).job : job.retry();
      expect((await again).ctx).toEqual({ fetch: [1, 2, 3].map((at) => ({ at: new Date(at) })) });
      expect(ran).toEqual(['2', '3']);
    }
  });

  test('runs but the chosen instance of a fan-out that has completed', async () => {
    const { ran, world, definition } = nested();
    world.broken = false;
    const job = definition.start();
    await job;
    ran.length = 0;
    expect(job.previewRetry({ tasks: ['fetch[1]'] })).toEqual({ runs: ['fetch', 'fetch[1]'], keeps: ['inner'] });
    expect((await job.retry({ tasks: ['fetch[1]'] })).ctx).toMatchObject({ fetch: ['X', 'Y', 'Z'] });
    expect(ran).toEqual(['y']);
  });

  test('runs the failed instances of a fan-out beside the chosen one, as its preview says', async () => {
    const ran: number[] = [];
    let broken = true;
    const definition = defineJob('job')
      .map('fetch', { over: [0, 1, 2] }, ({ item }) => {
        ran.push(item);
        if (broken && item === 1) throw new Error('gone');
        return item;
      })
      .seal();
    const engine = createEngine({ journal: memoryJournal(), definitions: [definition] });
    const job = engine.start(definition, {}, { jobId: 'one', onFailure: 'continue' });
    await job;
    broken = false;
    ran.length = 0;
    const preview = { runs: ['fetch', 'fetch[1]', 'fetch[2]'], keeps: [] };
    expect(job.previewRetry({ tasks: ['fetch[2]'] })).toEqual(preview);
    expect(await engine.previewRetry('one', { tasks: ['fetch[2]'] })).toEqual(preview);
    expect((await job.retry('fetch[2]')).state).toBe('completed');
    expect(ran).toEqual([1, 2]);
  });

  test('runs a nested job from the chosen task on', async () => {
    const { ran, world, definition } = nested();
    world.broken = false;
    const job = definition.start();
    await job;
    ran.length = 0;
    expect((await job.retry('inner/b')).state).toBe('completed');
    expect(ran).toEqual(['b', 'c', 'x', 'y', 'z']);
  });

  test('runs a nested job whole that is chosen itself', async () => {
    const { ran, world, definition } = nested();
    world.broken = false;
    const job = definition.start();
    await job;
    ran.length = 0;
    await job.retry('inner');
    expect(ran).toEqual(['a', 'b', 'c', 'x', 'y', 'z']);
  });
});
