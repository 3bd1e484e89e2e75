import { createEngine, defineJob, type Journal, memoryJournal, TaskError } from 'tintype';
import { describe, expect, test } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';
import { ended } from '../../support/resumed-job.ts';

const MAX_BYTES = 2_000;
const NUMBERS = Array.from({ length: 20 }, (_, at) => at);

const textOf = (n: number): string => `${n} `.padEnd(500, 'x');

/** What the journal stores as the output of a task, when it completed for the last time. */
const storedOutput = async (journal: Journal, jobId: string, path: string): Promise<string> =>
  (await journal.events(jobId)).findLast(({ data, output }) => output && JSON.parse(data).task === path)?.output ?? '';

describe('a fan-out whose results together are larger than an output may be', () => {
  const large = ({ continueOnFailure = false, isObject = false } = {}) => {
    const ran: (number | string)[] = [];
    const world = { failing: -1, dieAt: -1, die: (): void => {} };
    const definition = defineJob('job', { onFailure: 'continue' })
      .map('m', { over: () => NUMBERS, concurrency: 1, continueOnFailure }, ({ item }): unknown => {
        ran.push(item);
        if (item === world.dieAt) {
          world.die();
          return new Promise(() => {});
        }
        if (item === world.failing) throw new Error('gone');
        return isObject ? { text: textOf(item), on: new Date(item) } : textOf(item);
      })
      .task('after', { dependsOn: ['m'] }, ({ ctx }) => {
        ran.push('after');
        return { length: JSON.stringify(ctx.m).length };
      })
      .seal();
    return { ran, world, definition };
  };
  const texts = NUMBERS.map(textOf);

  test('completes as it does without a journal, and its output refers to those of its items', async () => {
    const { definition } = large();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const { state, ctx } = await definition.start({}, { journal, jobId: 'one' });
    expect([state, ctx.m]).toEqual(['completed', texts]);
    expect(ctx).toEqual((await definition.start()).ctx);
    const stored = JSON.parse(await storedOutput(journal, 'one', 'm'));
    const events = await journal.events('one');
    for (const [index, { $tintype, value }] of stored.m.entries())
      expect([$tintype, events[value]?.output]).toEqual(['Output', JSON.stringify(texts[index])]);
  });

  test('stores short results in place', async () => {
    const journal = memoryJournal();
    const definition = defineJob('job')
      .map('m', { over: [1, 2] }, ({ item }) => ({ item }))
      .seal();
    await definition.start({}, { journal, jobId: 'one' });
    expect(await storedOutput(journal, 'one', 'm')).toBe('{"m":[{"item":1},{"item":2}]}');
  });

  test('reads the same from the journal, in this form and that', async () => {
    for (const isObject of [false, true]) {
      const { definition, ran } = large({ isObject });
      const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
      const { ctx } = await definition.start({}, { journal, jobId: 'one' });
      ran.length = 0;
      const again = await ended(journal, definition);
      expect(again.ctx).toEqual(ctx);
      expect(ran).toEqual([]);
    }
  });

  test('continues after its process died: no completed item runs again', async () => {
    const { definition, ran, world } = large();
    const store = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const process = mortal(store);
    Object.assign(world, { dieAt: 12, die: process.dieSoon });
    createEngine({ journal: process.journal }).start(definition, {}, { jobId: 'one' });
    await process.died;
    world.dieAt = -1;
    const { state, ctx } = await ended(store, definition);
    expect([state, ctx]).toMatchObject(['completed', { m: texts }]);
    expect(ran).toEqual([...NUMBERS.slice(0, 13), ...NUMBERS.slice(12), 'after']);
  });

  test('is retried, by its handle and by its id: only the failed item runs', async () => {
    for (const isKept of [false, true]) {
      const { definition, ran, world } = large();
      const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
      const engine = createEngine({ journal, definitions: [definition] });
      world.failing = 7;
      const job = engine.start(definition, {}, { jobId: 'one' });
      expect((await job).state).toBe('failed');
      world.failing = -1;
      ran.length = 0;
      const again = isKept ? (await engine.retry('one')).job : job.retry();
      expect((await again).ctx).toMatchObject({ m: texts });
      expect(ran).toEqual([7, 'after']);
      expect((await ended(journal, definition)).ctx).toMatchObject({ m: texts });
    }
  });

  test('is reused by the retry of what comes after it', async () => {
    const { definition, ran } = large();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const engine = createEngine({ journal, definitions: [definition] });
    await engine.start(definition, {}, { jobId: 'one' });
    ran.length = 0;
    const { job } = await engine.retry('one', { tasks: ['after'] });
    expect((await job).ctx).toMatchObject({ m: texts });
    expect(ran).toEqual(['after']);
  });

  test('is reused by a rerun, item by item, which is complete without the job before', async () => {
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
      expect([state, ctx.m, ran]).toEqual(['completed', texts, ['after']]);
      await journal.remove('first');
      expect((await ended(journal, definition)).ctx).toEqual(ctx);
    }
  });

  test('keeps the errors of a tolerant fan-out beside the references', async () => {
    const { definition, world } = large({ continueOnFailure: true });
    world.failing = 3;
    const journal = memoryJournal({ maxOutputBytes: 4_000 });
    await definition.start({}, { journal, jobId: 'one' });
    const { m: results } = (await ended(journal, definition)).ctx as unknown as {
      readonly m: readonly { readonly value?: string; readonly reason?: unknown }[];
    };
    expect(results.map(({ value }) => value)).toEqual(texts.map((text, n) => (n === 3 ? undefined : text)));
    expect(results[3]?.reason).toBeInstanceOf(TaskError);
  });

  test('refers to the errors of a tolerant fan-out, which are the same after a resume, of a follower and of a rerun', async () => {
    class Odd extends Error {
      readonly code = 'ODD';
    }
    const run: (number | string)[] = [];
    const definition = defineJob('job')
      .map('m', { over: NUMBERS, continueOnFailure: true }, ({ item }) => {
        run.push(item);
        if (item % 2 === 1) throw new Odd('x'.repeat(2_000), { cause: new Error('deep') });
        return item;
      })
      .task('after', { dependsOn: ['m'] }, () => void run.push('after'))
      .seal();
    const journal = memoryJournal({ maxOutputBytes: 4_000 });
    const engine = createEngine({ journal, definitions: [definition] });
    const first = engine.start(definition, {}, { jobKey: 'one' });
    const follower = createEngine({ journal: { ...journal } }).start(definition, {}, { jobKey: 'one' });
    const heard: unknown[] = [];
    follower.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.task === 'm' && event.output) heard.push(event.output);
    });
    const { state, ctx } = await first;
    expect(state).toBe('completed');
    expect((await storedOutput(journal, first.id, 'm')).length).toBeLessThan(2_000);
    const facts = (results: unknown): unknown =>
      (results as readonly { readonly reason?: TaskError & { cause: Odd } }[]).map(({ reason, ...rest }) =>
        reason
          ? [
              reason instanceof TaskError,
              ...[reason.message, reason.code, reason.taskName, reason.attempt, reason.tolerated, reason.stack],
              ...[reason.cause.message, reason.cause.code, reason.cause.stack, (reason.cause.cause as Error).message],
            ]
          : rest,
      );
    const expected = facts(ctx.m);
    expect(facts((await follower).ctx.m)).toEqual(expected);
    for (const output of heard) expect(facts((output as { m: unknown }).m)).toEqual(expected);
    run.length = 0;
    const { job } = await engine.retry(first.id, { tasks: ['after'] });
    expect(facts((await job).ctx.m)).toEqual(expected);
    expect(run).toEqual(['after']);
    expect((await storedOutput(journal, first.id, 'm')).length).toBeLessThan(2_000);
  });

  test('refers to the output of an item, also if the item logged more than is kept', async () => {
    const definition = defineJob('job')
      .map('m', { over: NUMBERS }, ({ item, log }) => {
        for (let at = 0; at < 3; at++) log.info(`${at}`);
        return textOf(item);
      })
      .seal();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    await definition.start({}, { journal, jobId: 'one', logs: { first: 1, last: 1 } });
    expect((await ended(journal, definition)).ctx).toEqual({ m: texts });
  });

  test('is part of the output of the nested job that contains it, before a resume and after', async () => {
    const { definition: inner } = large();
    const world = { dieing: true, die: (): void => {} };
    const definition = defineJob('outer')
      .job('inner', {}, inner)
      .task('last', { dependsOn: ['inner'] }, ({ ctx }) => {
        if (!world.dieing) return { last: (ctx.inner as unknown as { m: unknown[] }).m.length };
        world.die();
        return new Promise<never>(() => {});
      })
      .seal();
    const store = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const process = mortal(store);
    world.die = process.dieSoon;
    createEngine({ journal: process.journal }).start(definition, {}, { jobId: 'one' });
    await process.died;
    world.dieing = false;
    const { state, ctx } = await ended(store, definition);
    expect([state, ctx]).toMatchObject(['completed', { inner: { m: texts }, last: 20 }]);
  });

  test('is reused by a rerun inside the nested job that contains it', async () => {
    const { definition: inner, ran } = large();
    const definition = defineJob('outer')
      .job('inner', {}, inner)
      .task('last', { dependsOn: ['inner'] }, () => void ran.push('last'))
      .seal();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const engine = createEngine({ journal, definitions: [definition] });
    await engine.start(definition, {}, { jobId: 'first' });
    ran.length = 0;
    const { job } = await engine.rerun('first', { jobId: 'one', from: 'last' });
    expect(await job).toMatchObject({ state: 'completed', ctx: { inner: { m: texts } } });
    expect(ran).toEqual(['last']);
    expect((await ended(journal, definition)).ctx).toMatchObject({ inner: { m: texts } });
  });

  test('is heard of in another process that follows the job', async () => {
    const { definition } = large();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const options = { jobKey: 'monday' };
    const owner = createEngine({ journal }).start(definition, {}, options);
    const follower = createEngine({ journal: { ...journal } }).start(definition, {}, options);
    const heard: unknown[] = [];
    follower.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.task === 'm' && event.output) heard.push(event.output);
    });
    await owner;
    expect((await follower).ctx).toMatchObject({ m: texts });
    for (const output of heard) expect(output).toEqual({ m: texts });
  });

  test.each([
    ['does not begin anew over items that together are too large', () => NUMBERS.map(textOf), false],
    ['begins anew if "over" gives other items, of which nothing is stored', () => [...NUMBERS.map(textOf), 'x'], true],
  ])('%s', async (_, over, isAnew) => {
    const ran: string[] = [];
    const world = { items: (): string[] => NUMBERS.map(textOf), isDying: true, die: (): void => {} };
    const definition = defineJob('job')
      .map('m', { over: () => world.items(), concurrency: 1 }, ({ item, index }) => {
        ran.push(item.trim());
        if (index !== 12 || !world.isDying) return item.length;
        world.die();
        return new Promise<never>(() => {});
      })
      .seal();
    const store = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const process = mortal(store);
    world.die = process.dieSoon;
    createEngine({ journal: process.journal }).start(definition, {}, { jobId: 'one' });
    await process.died;
    Object.assign(world, { isDying: false, items: over });
    ran.length = 0;
    const { state, ctx } = await ended(store, definition);
    expect([state, ctx]).toEqual(['completed', { m: over().map((item) => item.length) }]);
    expect(ran).toHaveLength(isAnew ? 21 : 8);
  });

  test('continues a nested job whose input is too large', async () => {
    const ran: string[] = [];
    const world = { isDying: true, die: (): void => {} };
    const inner = defineJob<{ text: string }>('inner')
      .task('a', () => void ran.push('a'))
      .task('b', { dependsOn: ['a'] }, ({ ctx }) => {
        ran.push('b');
        if (!world.isDying) return { length: ctx.text.length };
        world.die();
        return new Promise<never>(() => {});
      })
      .seal();
    const definition = defineJob('outer')
      .job('inner', { input: () => ({ text: 'x'.repeat(2 * MAX_BYTES) }) }, inner)
      .seal();
    const store = memoryJournal({ maxOutputBytes: MAX_BYTES });
    const process = mortal(store);
    world.die = process.dieSoon;
    createEngine({ journal: process.journal }).start(definition, {}, { jobId: 'one' });
    await process.died;
    world.isDying = false;
    expect((await ended(store, definition)).ctx).toMatchObject({ inner: { length: 2 * MAX_BYTES } });
    expect(ran).toEqual(['a', 'b', 'b']);
  });

  test('an item that is larger than an output may be fails alone', async () => {
    const journal = memoryJournal({ maxOutputBytes: 2 * MAX_BYTES });
    const definition = defineJob('job')
      .map('m', { over: [1, 5_000], continueOnFailure: true }, ({ item }) => 'x'.repeat(item))
      .seal();
    const { ctx } = await definition.start({}, { journal });
    expect(ctx.m).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'OUTPUT_TOO_LARGE' } }]);
  });

  test('an item that puts out what another fan-out collected stores it whole', async () => {
    const journal = memoryJournal();
    const definition = defineJob('job')
      .map('m', { over: NUMBERS }, ({ item }) => textOf(item))
      .map('copies', { dependsOn: ['m'], over: [1] }, ({ ctx }) => ctx.m)
      .seal();
    await definition.start({}, { journal, jobId: 'one' });
    expect(await storedOutput(journal, 'one', 'copies[0]')).toBe(JSON.stringify(texts));
    expect((await ended(journal, definition)).ctx).toEqual({ m: texts, copies: [texts] });
  });

  test('a reference to an output that is missing is JOURNAL_CORRUPT', async () => {
    const { definition } = large();
    const journal = memoryJournal({ maxOutputBytes: MAX_BYTES });
    await definition.start({}, { journal, jobId: 'one' });
    const events: Journal['events'] = async (...given) =>
      (await journal.events(...given)).map(({ output, ...event }) =>
        output !== undefined && !JSON.parse(event.data).task.endsWith('[2]') ? { ...event, output } : event,
      );
    await expect(ended({ ...journal, events }, definition)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      message: expect.stringContaining('output of event'),
    });
  });
});
