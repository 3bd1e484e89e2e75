import { createEngine, defineJob, type Journal, memoryJournal } from 'tintype';
import { describe, expect, test } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';
import { ended } from '../../support/resumed-job.ts';

const MAX_BYTES = 2_000;
const textOf = (name: string): string => `${name} `.padEnd(1_500, 'x');

/** The event with which a task completed for the last time, as the journal stores it. */
const storedEvent = async (journal: Journal, jobId: string, path: string) =>
  (await journal.events(jobId)).findLast(({ data, output }) => output && JSON.parse(data).task === path);

/** What the journal stores as the output of a task. */
const storedOutput = async (journal: Journal, jobId: string, path: string): Promise<unknown> =>
  JSON.parse((await storedEvent(journal, jobId, path))?.output ?? 'null');

describe('a nested job whose outputs together are larger than an output may be', () => {
  /** `outer` runs `mid`, which runs `inner`: its tasks `a` and `b`, each with an output that is almost too large. */
  const large = () => {
    const ran: string[] = [];
    const world = { failing: false, dieAt: '', die: (): void => {} };
    const run = (name: string): Promise<void> | undefined => {
      ran.push(name);
      if (world.dieAt !== name) return undefined;
      world.die();
      return new Promise(() => {});
    };
    const inner = defineJob('inner')
      .task('a', async () => {
        await run('a');
        return { a: textOf('a'), short: 1 };
      })
      .task('b', { dependsOn: ['a'] }, async () => {
        await run('b');
        if (world.failing) throw new Error('gone');
        return { b: { text: textOf('b'), on: new Date(0) }, $tintype: 'no form of ours' };
      })
      .seal();
    const mid = defineJob('mid')
      .job('inner', {}, inner)
      .task('c', { dependsOn: ['inner'] }, async () => {
        await run('c');
        return { c: textOf('c') };
      })
      .seal();
    const definition = defineJob('outer')
      .job('mid', {}, mid)
      .task('after', { dependsOn: ['mid'] }, async ({ ctx }) => {
        await run('after');
        return { length: JSON.stringify(ctx.mid).length };
      })
      .seal();
    return { ran, world, definition };
  };
  const values = {
    inner: { a: textOf('a'), short: 1, b: { text: textOf('b'), on: new Date(0) }, $tintype: 'no form of ours' },
    c: textOf('c'),
  };

  test('completes as it does without a journal, and its output refers to those inside', async () => {
    const { definition } = large();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const { state, ctx } = await definition.start({}, { journal, jobId: 'one' });
    expect([state, ctx.mid]).toEqual(['completed', values]);
    expect(ctx).toEqual((await definition.start()).ctx);
    const seqOf = async (path: string) => (await storedEvent(journal, 'one', path))?.seq;
    const output = async (path: string, key: string) => ({ $tintype: 'Output', value: [await seqOf(path), key] });
    expect(await storedOutput(journal, 'one', 'mid/inner')).toEqual({
      inner: {
        $tintype: 'Object',
        value: {
          a: await output('mid/inner/a', 'a'),
          short: 1,
          b: await output('mid/inner/b', 'b'),
          $tintype: 'no form of ours',
        },
      },
    });
    expect(await storedOutput(journal, 'one', 'mid')).toEqual({
      mid: { inner: await output('mid/inner', 'inner'), c: await output('mid/c', 'c') },
    });
  });

  test('reads the same from the journal', async () => {
    const { definition, ran } = large();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const { ctx } = await definition.start({}, { journal, jobId: 'one' });
    ran.length = 0;
    expect((await ended(journal, definition)).ctx).toEqual(ctx);
    expect(ran).toEqual([]);
  });

  test('refers to the value that won where two tasks put out one key', async () => {
    const inner = defineJob('inner')
      .task('a', () => ({ key: textOf('a') }))
      .task('b', { dependsOn: ['a'] }, () => ({ key: textOf('b') }))
      .seal();
    const definition = defineJob('outer').job('inner', {}, inner).seal();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    await definition.start({}, { journal, jobId: 'one' });
    expect((await ended(journal, definition)).ctx).toEqual({ inner: { key: textOf('b') } });
  });

  test.each(['b', 'c', 'after'])('continues after its process died in %s', async (dieAt) => {
    const { definition, ran, world } = large();
    const store = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const process = mortal(store);
    Object.assign(world, { dieAt, die: process.dieSoon });
    createEngine({ journal: process.journal }).start(definition, {}, { jobId: 'one' });
    await process.died;
    world.dieAt = '';
    const begun = ran.splice(0);
    const { state, ctx } = await ended(store, definition);
    expect([state, ctx]).toMatchObject(['completed', { mid: values }]);
    expect([...begun, ...ran]).toEqual(
      ['a', 'b', 'c', 'after'].flatMap((name) => (name === dieAt ? [name, name] : name)),
    );
  });

  test('is retried, by its handle and by its id: only what failed runs', async () => {
    for (const isKept of [false, true]) {
      const { definition, ran, world } = large();
      const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
      const engine = createEngine({ journal, definitions: [definition] });
      world.failing = true;
      const job = engine.start(definition, {}, { jobId: 'one' });
      expect((await job).state).toBe('failed');
      world.failing = false;
      ran.length = 0;
      const again = isKept ? (await engine.retry('one')).job : job.retry();
      expect((await again).ctx).toMatchObject({ mid: values });
      expect(ran).toEqual(['b', 'c', 'after']);
      expect((await ended(journal, definition)).ctx).toMatchObject({ mid: values });
    }
  });

  test('is reused by the retry of what comes after it', async () => {
    const { definition, ran } = large();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const engine = createEngine({ journal, definitions: [definition] });
    await engine.start(definition, {}, { jobId: 'one' });
    ran.length = 0;
    const { job } = await engine.retry('one', { tasks: ['after'] });
    expect((await job).ctx).toMatchObject({ mid: values });
    expect(ran).toEqual(['after']);
  });

  test('is reused by a rerun, task by task, which is complete without the job before', async () => {
    for (const isKept of [false, true]) {
      const { definition, ran } = large();
      const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
      const engine = createEngine({ journal, definitions: [definition] });
      const first = engine.start(definition, {}, { jobId: 'first' });
      await first;
      ran.length = 0;
      const options = { jobId: 'one', from: 'after' as const };
      const rerun = isKept ? (await engine.rerun('first', options)).job : first.rerun(options);
      const { state, ctx } = await rerun;
      expect([state, ctx.mid, ran]).toEqual(['completed', values, ['after']]);
      await journal.remove('first');
      expect((await ended(journal, definition)).ctx).toEqual(ctx);
    }
  });

  test('is heard of in another process that follows the job', async () => {
    const { definition } = large();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const options = { jobKey: 'monday' };
    const owner = createEngine({ journal }).start(definition, {}, options);
    const follower = createEngine({ journal: { ...journal } }).start(definition, {}, options);
    const heard: unknown[] = [];
    follower.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.task === 'mid' && event.output) heard.push(event.output);
    });
    await owner;
    expect((await follower).ctx).toMatchObject({ mid: values });
    for (const output of heard) expect(output).toEqual({ mid: values });
  });

  test('may collect lists that are references themselves', async () => {
    const items = Array.from({ length: 20 }, (_, at) => textOf(`${at}`));
    const inner = defineJob('inner')
      .map('one', { over: items }, ({ item }) => item)
      .map('two', { over: items }, ({ item }) => item)
      .seal();
    const definition = defineJob('outer').job('inner', {}, inner).seal();
    // Each list of references is within this limit, but not both together.
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    await definition.start({}, { journal, jobId: 'one' });
    expect((await ended(journal, definition)).ctx).toEqual({ inner: { one: items, two: items } });
  });

  test('fails if its own output(ctx) is too large', async () => {
    const inner = defineJob('inner')
      .task('a', () => ({ a: textOf('a') }))
      .task('b', () => ({ b: textOf('b') }))
      .seal();
    const definition = defineJob('outer')
      .job('inner', { output: ({ a, b }) => ({ both: [a, b] }) }, inner)
      .seal();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    expect((await definition.start({}, { journal })).tasks.inner?.error?.code).toBe('OUTPUT_TOO_LARGE');
  });

  test.each([
    ['whose event is missing', (text: string) => text.replace(/\[\d+,"a"\]/, '[9999,"a"]')],
    ['whose key is missing', (text: string) => text.replace(/,"a"\]/, ',"z"]')],
    ['to itself', (text: string, seq: number) => text.replace(/\[\d+,"a"\]/, `[${seq},"inner"]`)],
  ])('a reference %s is JOURNAL_CORRUPT', async (_, damage) => {
    const { definition } = large();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    await definition.start({}, { journal, jobId: 'one' });
    const events: Journal['events'] = async (...given) =>
      (await journal.events(...given)).map((event) =>
        event.output === undefined ? event : { ...event, output: damage(event.output, event.seq) },
      );
    await expect(ended({ ...journal, events }, definition)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      message: expect.stringContaining('output of event'),
    });
  });
});
