import {
  type AnyDefinition,
  createEngine,
  defineJob,
  type Journal,
  jobFrom,
  memoryJournal,
  NonRetryableError,
  notReady,
  type StartOptions,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begun, resumed } from '../../support/resumed-job.ts';
import { slow } from '../../support/slow-journal.ts';
import { newFile, opened, rawDatabase } from '../../support/sqlite-files.ts';

const clock = virtualClock();

const lasts = (ms: number | (() => number)) => () =>
  new Promise<void>((resolve) => {
    clock.setTimer(resolve, typeof ms === 'number' ? ms : ms());
  });

const run = async (definition: AnyDefinition, journal: Journal, options: StartOptions = {}) => {
  const job = definition.start({} as never, { clock, journal, ...options });
  const order: string[] = [];
  job.events$.subscribe((event) => {
    if (event.type === 'task.transition' && event.to === 'running') order.push(event.task);
  });
  await clock.runAll();
  return { job, result: await job, order };
};

const durationsIn = async (journal: Journal, name: string): Promise<Readonly<Record<string, readonly number[]>>> =>
  Object.fromEntries(((await journal.durations?.(name)) ?? []).map(([task, ...ms]) => [task, ms]));

describe('a journal keeps how long the tasks of a job took', () => {
  test('of each kind of task', async () => {
    let looks = 0;
    let attempts = 0;
    const inner = defineJob('inner').task('work', lasts(7)).seal();
    const definition = defineJob('kinds')
      .task('plain', lasts(10))
      .task('again', { maxRetries: 1, retry: { delayMs: 1_000 } }, async () => {
        await lasts(attempts === 0 ? 500 : 20)();
        if (attempts++ === 0) throw new Error('boom');
      })
      .sensor('sensor', { interval: 100 }, () => (looks++ < 3 ? notReady('not yet') : true))
      .map('each', { over: [1, 5, 100] }, ({ item }) => lasts(item)())
      .job('nested', {}, inner)
      .task('skipped', { when: () => false }, nothing)
      .task('fails', { continueOnFailure: true }, () => Promise.reject(new NonRetryableError('no')))
      .seal();
    const journal = memoryJournal();
    await run(definition, journal);
    expect(await durationsIn(journal, 'kinds')).toEqual({
      plain: [10],
      again: [20],
      sensor: [300],
      each: [100],
      'each[]': [5],
      nested: [7],
      'nested/work': [7],
    });
  });

  test('of an external task from when it was ready; without the time in which it was paused', async () => {
    const journal = memoryJournal();
    const job = defineJob('waits').external('approve').seal().start({}, { clock, journal });
    await clock.advance(100);
    const approve = job.task('approve');
    approve.pause();
    await clock.advance(1_000);
    approve.resume();
    await clock.advance(20);
    approve.complete();
    await job;
    expect(await durationsIn(journal, 'waits')).toEqual({ approve: [120] });
  });

  test('without the time that it waited for a worker', async () => {
    const journal = memoryJournal();
    const definition = defineJob('one worker').task('a', lasts(10)).task('b', lasts(20)).seal();
    await run(definition, journal, { maxConcurrency: 1 });
    expect(await durationsIn(journal, 'one worker')).toEqual({ a: [10], b: [20] });
  });

  test('of the last five runs, by the name of the job, in whatever definition', async () => {
    const journal = memoryJournal();
    let ms = 0;
    for (let time = 0; time < 7; time++)
      await run(
        defineJob('five')
          .task(
            'a',
            lasts(() => ++ms),
          )
          .seal(),
        journal,
      );
    expect(await durationsIn(journal, 'five')).toEqual({ a: [3, 4, 5, 6, 7] });
  });

  test('of a failed job too, and once, whether the job or part of it is tried again', async () => {
    const journal = memoryJournal();
    let fails = true;
    const definition = defineJob('fails')
      .task('before', lasts(10))
      .map('each', { over: [1, 2] }, async ({ item }) => {
        await lasts(item * 100)();
        if (fails && item === 2) throw new NonRetryableError('no');
      })
      .task('after', { dependsOn: ['each', 'before'] }, lasts(30))
      .seal();
    const { job } = await run(definition, journal);
    expect(await durationsIn(journal, 'fails')).toEqual({ before: [10], 'each[]': [100] });
    fails = false;
    const engine = createEngine({ clock, journal, definitions: [definition] });
    const { job: again } = await engine.retry(job.id);
    await clock.runAll();
    expect((await again).state).toBe('completed');
    expect(await durationsIn(journal, 'fails')).toEqual({
      before: [10],
      each: [200],
      'each[]': [100, 200],
      after: [30],
    });
    const { job: rerun } = await engine.rerun(job.id, { from: ['after'] });
    await clock.runAll();
    expect((await rerun).state).toBe('completed');
    expect(await durationsIn(journal, 'fails')).toEqual({
      before: [10],
      each: [200],
      'each[]': [100, 200],
      after: [30, 30],
    });
  });

  test('also of what completed in a process that has died', async () => {
    const definition = defineJob('dies')
      .task('a', lasts(10))
      .task('b', { dependsOn: ['a'] }, lasts(20))
      .seal();
    const { store, job, die } = begun(definition, { clock });
    job.then(nothing, nothing);
    await clock.advance(15);
    die();
    const { job: later } = await resumed(store, definition, { clock });
    await clock.runAll();
    expect((await later).state).toBe('completed');
    expect(await durationsIn(store, 'dies')).toEqual({ a: [10], b: [20] });
  });
});

const nothing = (): void => {};

/** Three tasks without upstreams; the last takes the longest. */
const racing = defineJob('race').task('a', lasts(1)).task('b', lasts(20_000)).task('c', lasts(300_000)).seal();

const BY_HISTORY = ['c', 'b', 'a'];
const AS_DECLARED = ['a', 'b', 'c'];

describe('a job is ordered by how long its tasks took before', () => {
  test.each([
    ['in memory', () => memoryJournal()],
    ['in a database', () => opened(newFile())],
    ['that answers later', () => slow(memoryJournal()).journal],
  ])('with a journal %s', async (_, create) => {
    const journal = create();
    expect((await run(racing, journal, { maxConcurrency: 1 })).order).toEqual(AS_DECLARED);
    expect((await run(racing, journal, { maxConcurrency: 1 })).order).toEqual(BY_HISTORY);
    const { order } = await run(racing, journal, { maxConcurrency: 1, jobId: 'given' });
    expect(order).toEqual(BY_HISTORY);
  });

  test('but not by times below a second, which vary by chance', async () => {
    const journal = memoryJournal();
    const quick = defineJob('quick').task('a', lasts(1)).task('b', lasts(900)).task('c', lasts(20)).seal();
    await run(quick, journal);
    expect((await run(quick, journal, { maxConcurrency: 1 })).order).toEqual(AS_DECLARED);
  });

  test('except where it has estimates', async () => {
    const journal = memoryJournal();
    await run(racing, journal);
    const estimated = jobFrom('race', [
      { name: 'a', estimate: 100_000, run: lasts(1) },
      { name: 'b', run: lasts(1) },
      { name: 'c', run: lasts(1) },
    ]);
    expect((await run(estimated, journal, { maxConcurrency: 1 })).order).toEqual(['c', 'a', 'b']);
  });

  test('inside nested jobs and fan-outs as well', async () => {
    const journal = memoryJournal();
    const inner = defineJob('inner').task('a', lasts(1)).task('b', lasts(50_000)).seal();
    const definition = defineJob('inside')
      .task('first', { priority: 1 }, lasts(2))
      .job('nested', {}, inner)
      .map('each', { over: [1, 2] }, lasts(20_000))
      .seal();
    const options = { maxConcurrency: 1 };
    const first = ['first', 'nested', 'each', 'nested/a', 'nested/b', 'each[0]', 'each[1]'];
    expect((await run(definition, journal, options)).order).toEqual(first);
    const then = ['first', 'nested', 'each', 'nested/b', 'each[0]', 'each[1]', 'nested/a'];
    expect((await run(definition, journal, options)).order).toEqual(then);
  });

  test('and by the same when it is resumed, tried again, whatever other jobs have taken since', async () => {
    const journal = memoryJournal();
    await run(racing, journal);
    const gated = (gate: number) =>
      jobFrom('race', [
        { name: 'gate', run: lasts(gate) },
        ...['a', 'b', 'c'].map((name) => ({ name, dependsOn: ['gate'], run: lasts(1) })),
      ]);
    const { job, die } = begun(gated(1_000), { journal, clock, start: { maxConcurrency: 1 } });
    job.then(nothing, nothing);
    await clock.advance(500);
    die();
    for (let time = 0; time < 5; time++)
      await run(
        jobFrom(
          'race',
          ['a', 'b', 'c'].map((name, at) => ({ name, run: lasts(300_000 - 10_000 * at) })),
        ),
        journal,
      );
    const { job: later } = await resumed(journal, gated(1), { clock, maxConcurrency: 1 });
    const order: string[] = [];
    later.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'running') order.push(event.task);
    });
    await clock.runAll();
    expect(order).toEqual(['gate', ...BY_HISTORY]);
    expect((await run(racing, journal, { maxConcurrency: 1 })).order).toEqual(AS_DECLARED);
  });
});

describe('a job starts as if nothing was known', () => {
  const { durations: _, ...without } = memoryJournal();

  test.each<[string, Journal]>([
    ['keeps no durations', without],
    [
      'can not read them',
      {
        ...memoryJournal(),
        durations: () => {
          throw new Error('no');
        },
      },
    ],
    ['can not read them, and says so later', { ...memoryJournal(), durations: () => Promise.reject(new Error('no')) }],
  ])('if the journal %s', async (_, journal) => {
    await run(racing, journal);
    const { order, result } = await run(racing, journal, { maxConcurrency: 1 });
    expect(result.state).toBe('completed');
    expect(order).toEqual(AS_DECLARED);
  });

  test('if they are damaged: check tells that, and the next end of a job replaces them', async () => {
    const file = newFile();
    const journal = opened(file);
    await run(racing, journal);
    rawDatabase(file).exec(`UPDATE duration SET value = '[["a",1000]]'`);
    const problem = { message: expect.stringContaining('the durations of "race" are not what was written') };
    expect(journal.check().problems).toEqual([problem]);
    expect(() => journal.durations('race')).toThrow(expect.objectContaining({ code: 'JOURNAL_CORRUPT' }));
    expect((await run(racing, journal, { maxConcurrency: 1 })).order).toEqual(AS_DECLARED);
    expect(journal.check().ok).toBe(true);
    expect(await durationsIn(journal, 'race')).toEqual({ a: [1], b: [20_000], c: [300_000] });
  });
});
