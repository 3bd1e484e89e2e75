import { createEngine, defineJob, type Journal, memoryJournal, notReady } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';
import { newFile, opened, tamper } from '../../support/sqlite-files.ts';
import { turns } from '../../support/turns.ts';

const hang = (): Promise<never> => new Promise(() => {});

const orders = defineJob<{ shop: string }>('orders')
  .task('read', ({ ctx }) => ({ orders: [ctx.shop], since: new Date(0) }))
  .task('fail', { dependsOn: ['read'], maxRetries: 1 }, () => {
    throw Object.assign(new Error('no paper'), { code: 'E_PAPER' });
  })
  .task('print', { dependsOn: ['fail'] }, () => ({ printed: 1 }))
  .job(
    'ship',
    { dependsOn: ['read'] },
    defineJob('shipping')
      .task('pack', () => ({ packed: true }))
      .seal(),
  )
  .map('tell', { over: ['ann', 'bob'] }, ({ item }) => item)
  .seal();

const journals: readonly (readonly [string, () => Journal])[] = [
  ['the memory journal', memoryJournal],
  ['the SQLite journal', () => opened(newFile())],
];

describe.each(journals)('find, with %s,', (_name, newJournal) => {
  test('returns a job as it ended, to an engine that does not know its definition', async () => {
    const journal = newJournal();
    const labels = { team: 'data', day: '2026-11-30' };
    const options = { jobId: 'one', onFailure: 'continue', metadata: { by: 'cron' }, labels } as const;
    const clock = virtualClock(5_000);
    const { errors } = await createEngine({ journal, clock }).start(orders, { shop: 'north' }, options);
    const job = await createEngine({ journal }).find('one');
    expect(job).toMatchObject({
      ...{
        id: 'one',
        name: 'orders',
        key: undefined,
        state: 'failed',
        runs: 'nowhere',
        labels,
        metadata: { by: 'cron' },
      },
      ...{ createdAt: 5_000, startedAt: 5_000, endedAt: 5_000, forkedFrom: undefined, input: { shop: 'north' } },
      error: { code: 'JOB_FAILED', message: expect.stringContaining('no paper') },
    });
    expect(Object.keys(job?.tasks ?? {}).sort()).toEqual(
      ['fail', 'print', 'read', 'ship', 'ship/pack', 'tell', 'tell[0]', 'tell[1]'].sort(),
    );
    const { read, fail, print, 'ship/pack': pack, tell, 'tell[1]': bob } = job?.tasks ?? {};
    expect(read).toEqual({
      ...{ state: 'completed', attempts: 1, startedAt: 5_000, endedAt: 5_000, reason: undefined, error: undefined },
      output: { orders: ['north'], since: new Date(0) },
    });
    expect(fail).toMatchObject({
      state: 'failed',
      attempts: 2,
      error: { message: errors[0]?.message, cause: { code: 'E_PAPER' } },
    });
    expect(print).toMatchObject({ state: 'skipped', reason: 'upstreamFailed', error: { code: 'UPSTREAM_FAILED' } });
    expect([pack?.output, tell?.output, bob?.output]).toEqual([{ packed: true }, { tell: ['ann', 'bob'] }, 'bob']);
  });

  test('returns the same of a job that runs here and of its records once it is over', async () => {
    const journal = newJournal();
    const engine = createEngine({ journal });
    const job = engine.start(orders, { shop: 'north' }, { jobId: 'one', onFailure: 'continue', labels: { a: 'b' } });
    let atTheEnd: ReturnType<typeof engine.find> | undefined;
    job.events$.subscribe((event) => {
      if (event.type === 'job.transition' && event.to === 'failed') atTheEnd = engine.find('one');
    });
    await job;
    expect(await atTheEnd).toEqual(await engine.find('one'));
  });

  test('returns a job that runs here as it stands, and one that another process runs', async () => {
    const journal = newJournal();
    const engine = createEngine({ journal });
    const approval = defineJob('approval')
      .task('draft', () => ({ draft: 1 }))
      .external('approve', { dependsOn: ['draft'] })
      .task('send', { dependsOn: ['approve'] }, () => {})
      .seal();
    const job = engine.start(approval, {}, { jobId: 'one', labels: { team: 'data' } });
    await turns();
    const here = await engine.find('one');
    expect(here).toMatchObject({ state: 'running', runs: 'here', endedAt: undefined, labels: { team: 'data' } });
    expect(here?.tasks).toMatchObject({ draft: { output: { draft: 1 } }, approve: { state: 'ready' } });
    expect(here?.tasks.send).toMatchObject({ state: 'unscheduled', attempts: 0 });
    await job.saved();
    const elsewhere = createEngine({ journal: { ...journal } });
    expect(await elsewhere.find('one')).toEqual({ ...here, runs: 'elsewhere' });
    expect((await elsewhere.list()).jobs).toMatchObject([{ id: 'one', runs: 'elsewhere' }]);
    await job.cancel('no more');
    expect(await elsewhere.find('one')).toMatchObject({ state: 'cancelled', runs: 'nowhere', reason: 'no more' });
  });

  test('tells that nobody runs a job whose process died', async () => {
    const journal = newJournal();
    const { journal: dying, die } = mortal(journal);
    createEngine({ journal: dying }).start(defineJob('etl').task('load', hang).seal(), {}, { jobId: 'one' });
    await turns();
    die();
    expect(await createEngine({ journal }).find('one')).toMatchObject({ state: 'running', runs: 'nowhere' });
  });

  test('returns nothing for an id that there is not', async () => {
    expect(await createEngine({ journal: newJournal() }).find('none')).toBe(undefined);
  });
});

test('without a journal, find knows what runs here, and refuses what is no id', async () => {
  const engine = createEngine();
  const etl = defineJob('etl').task('load', hang).seal();
  const job = engine.start(etl, {}, { jobId: 'one', labels: { a: 'b' }, metadata: { by: 'me' } });
  await turns();
  expect(await engine.find('one')).toMatchObject({ labels: { a: 'b' }, metadata: { by: 'me' }, state: 'running' });
  await job.cancel();
  expect(await engine.find('one')).toBe(undefined);
  await expect(engine.find('')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  await expect(engine.list()).rejects.toMatchObject({ code: 'INVALID_OPTION' });
});

describe.each(journals)('list, with %s,', (_name, newJournal) => {
  test('returns jobs by state, name, label and time, page by page', async () => {
    const journal = newJournal();
    const clock = virtualClock(0);
    const engine = createEngine({ journal, clock });
    const done = defineJob('done')
      .task('a', () => {})
      .seal();
    const waits = defineJob('waits')
      .task('a', () => notReady('later'))
      .seal();
    for (let at = 0; at < 5; at++) {
      const options = { jobId: `job-${at}`, labels: { team: at < 3 ? 'data' : 'web' } };
      await engine.start(at % 2 === 0 ? done : waits, {}, options);
      await clock.advance(10);
    }
    const idsOf = async (options?: Parameters<typeof engine.list>[0]) =>
      (await engine.list(options)).jobs.map(({ id }) => id.slice(4)).join('');
    expect(await idsOf()).toBe('43210');
    expect(await idsOf({ states: ['notReady'] })).toBe('31');
    expect(await idsOf({ name: 'done', labels: { team: 'data' } })).toBe('20');
    expect(await idsOf({ since: 30 })).toBe('43');
    const first = await engine.list({ limit: 2 });
    expect(first).toMatchObject({ jobs: [{ id: 'job-4', labels: { team: 'web' } }, { id: 'job-3' }], damaged: [] });
    const second = await engine.list({ limit: 2, cursor: first.cursor });
    const third = await engine.list({ limit: 2, cursor: second.cursor });
    expect([second, third].map(({ jobs }) => jobs.map(({ id }) => id))).toEqual([['job-2', 'job-1'], ['job-0']]);
    expect(third.cursor).toBe(undefined);
    expect((await engine.list({ limit: 5 })).cursor).toBe(undefined);
  });
});

test('wrong options of list and prune are refused, and so is a cursor of somewhere else', async () => {
  const engine = createEngine({ journal: memoryJournal() });
  await expect(engine.list({ states: ['done' as never], limit: 0 })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    problems: [{ option: 'states' }, { option: 'limit' }],
  });
  await expect(engine.list({ cursor: 'abc' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  await expect(engine.prune({} as never)).rejects.toThrow(/olderThanMs/);
  await expect(engine.prune({ olderThanMs: 1, states: ['running'] })).rejects.toThrow(/states/);
});

test('a job whose row is damaged is apart from the list, and can be removed', async () => {
  const file = newFile();
  const engine = createEngine({ journal: opened(file) });
  const etl = defineJob('etl')
    .task('a', () => {})
    .seal();
  for (const jobId of ['bad', 'good']) await engine.start(etl, {}, { jobId });
  tamper(file, "UPDATE job SET fence = 9 WHERE id = 'bad'");
  const { jobs, damaged } = await engine.list({ limit: 1 });
  expect([jobs.map(({ id }) => id), damaged.map(({ jobId }) => jobId)]).toEqual([['good'], ['bad']]);
  await engine.remove('bad');
  expect(await engine.list()).toMatchObject({ jobs: [{ id: 'good' }], damaged: [] });
});

describe.each(journals)('remove and prune, with %s,', (_name, newJournal) => {
  test('remove what is over, and nothing that is not', async () => {
    const journal = newJournal();
    const engine = createEngine({ journal });
    const etl = defineJob('etl').external('a').seal();
    const over = engine.start(etl, {}, { jobId: 'over' });
    const live = engine.start(etl, {}, { jobId: 'live' });
    const elsewhere = createEngine({ journal: { ...journal } });
    elsewhere.start(etl, {}, { jobId: 'elsewhere' });
    await turns();
    await over.cancel();
    await expect(engine.remove('live')).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(engine.remove('elsewhere')).rejects.toMatchObject({ code: 'JOB_LEASED' });
    await expect(engine.remove('none')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
    await engine.remove('over');
    expect((await engine.list()).jobs.map(({ id }) => id).sort()).toEqual(['elsewhere', 'live']);
    await live.cancel();
    await elsewhere.close({ mode: 'abort' });
    // Nobody runs it, but it is not over.
    const message =
      'is running, and no process runs it: only a job that is over can be removed. Resume it, and cancel it first.';
    await expect(engine.remove('elsewhere')).rejects.toThrow(message);
    expect((await engine.resume('elsewhere', { definition: etl })).job.state).toBe('running');
  });

  test('prune removes what ended long ago, by state, name and label', async () => {
    const clock = virtualClock(0);
    const engine = createEngine({ journal: newJournal(), clock });
    const [a, b] = ['a', 'b'].map((name) =>
      defineJob(name)
        .task('one', () => {})
        .seal(),
    );
    for (let at = 0; at < 8; at++) {
      const labels = { half: at < 4 ? '1' : '2' };
      await engine.start((at % 2 === 0 ? a : b) as NonNullable<typeof a>, {}, { jobId: `job-${at}`, labels });
      await clock.advance(10);
    }
    const left = async () => (await engine.list()).jobs.map(({ id }) => id.slice(4)).join('');
    expect(await engine.prune({ olderThanMs: 70 })).toBe(1);
    expect(await engine.prune({ olderThanMs: 0, name: 'b', labels: { half: '1' } })).toBe(2);
    expect(await engine.prune({ olderThanMs: 0, states: ['failed'] })).toBe(0);
    expect(await left()).toBe('76542');
    expect(await engine.prune({ olderThanMs: 0, keepNewest: 2 })).toBe(3);
    expect(await left()).toBe('76');
  });
});

test('prune goes through all batches, and lets the program have its turn between them', async () => {
  const journal = memoryJournal();
  const batches: number[] = [];
  let turnsBetween = 0;
  const engine = createEngine({
    journal: {
      ...journal,
      removeEnded: (filter) => {
        batches.push(turnsBetween);
        return { removed: 500, more: batches.length < 4 && filter.limit === undefined };
      },
    },
  });
  const counting = setInterval(() => turnsBetween++, 0);
  const immediate = (): NodeJS.Immediate =>
    setImmediate(() => {
      turnsBetween++;
      if (batches.length < 4) immediate();
    });
  immediate();
  expect(await engine.prune({ olderThanMs: 1 })).toBe(2_000);
  clearInterval(counting);
  expect(new Set(batches).size).toBe(4);
});

describe('labels', () => {
  const etl = defineJob('etl')
    .task('a', () => ({ a: 1 }))
    .seal();

  test('are kept by a retry and taken over by a rerun, unless it has its own', async () => {
    const journal = memoryJournal();
    const engine = createEngine({ journal, definitions: [etl] });
    const job = engine.start(etl, {}, { jobId: 'one', labels: { team: 'data' } });
    await job;
    await job.rerun({ from: 'a', jobId: 'two' });
    await (await engine.rerun('one', { from: 'a', jobId: 'three' })).job;
    await (await engine.rerun('one', { from: 'a', jobId: 'four', labels: { team: 'web' } })).job;
    await (await engine.retry('one', { tasks: ['a'] })).job;
    const labels = Object.fromEntries((await engine.list()).jobs.map((one) => [one.id, one.labels.team]));
    expect(labels).toEqual({ one: 'data', two: 'data', three: 'data', four: 'web' });
    expect((await engine.find('two'))?.forkedFrom).toBe('one');
  });

  test('of a job that was started a moment ago are replaced', async () => {
    const engine = createEngine({ journal: memoryJournal() });
    // The first write of a job whose id was made for it creates it.
    const job = engine.start(etl, {}, { labels: { team: 'data' } });
    await engine.describe(job.id, { labels: { team: 'web' } });
    expect((await engine.list({ labels: { team: 'web' } })).jobs).toMatchObject([{ id: job.id }]);
  });

  test('and metadata are replaced while the job runs and when it is over, and shown by all that show it', async () => {
    const journal = memoryJournal();
    const engine = createEngine({ journal, definitions: [etl] });
    const options = { labels: { team: 'data', day: '1' }, metadata: { by: 'cron' } };
    const job = engine.start(etl, {}, { jobId: 'one', ...options });
    const described = { labels: { team: 'web' }, metadata: { by: 'me', at: new Date(0) } };
    await engine.describe('one', described);
    expect(await engine.find('one')).toMatchObject(described);
    await job;
    expect(job.view()).toMatchObject({ labels: { team: 'web' }, metadata: { by: 'me' } });
    await job.rerun({ from: 'a', jobId: 'two' });
    expect(await engine.find('two')).toMatchObject(described);
    await engine.describe('one', { labels: {} });
    expect((await engine.list({ labels: { team: 'web' } })).jobs.map(({ id }) => id)).toEqual(['two']);
    const { labels, metadata } = (await engine.find('one')) ?? {};
    expect([labels, metadata]).toEqual([{}, described.metadata]);
    const again = job.retry({ tasks: ['a'] });
    await again;
    expect(again.view().labels).toEqual({});
    await (await engine.rerun('one', { from: 'a', jobId: 'three' })).job;
    const { labels: taken, metadata: over } = (await engine.find('three')) ?? {};
    expect([taken, over]).toEqual([labels, metadata]);
  });

  test('are replaced while another process runs the job, and are those with which it goes on here', async () => {
    const journal = memoryJournal();
    const approval = defineJob('approval').external('approve').seal();
    const { journal: dying, die } = mortal(journal);
    const before = createEngine({ journal: dying });
    before.start(approval, {}, { jobId: 'one', labels: { team: 'data' } });
    await turns();
    let last = (): void => {};
    const acquire: Journal['acquire'] = (id, lease) => {
      last();
      return journal.acquire(id, lease);
    };
    const engine = createEngine({ journal: { ...journal, acquire }, definitions: [approval] });
    await engine.describe('one', { labels: { team: 'web' } });
    const there = await before.find('one');
    expect([there?.labels, there?.view().labels]).toEqual([{ team: 'web' }, { team: 'web' }]);
    die();
    last = () => journal.describe('one', { at: 9, labels: { team: 'last' } });
    const { job } = await engine.resume('one');
    expect(job.view().labels).toEqual({ team: 'last' });
    await job.cancel();
    expect(await engine.find('one')).toMatchObject({ state: 'cancelled', labels: { team: 'last' } });
  });

  test('are refused with metadata that can’t be kept, of no job, and without a journal', async () => {
    const engine = createEngine({ journal: memoryJournal() });
    await engine.start(etl, {}, { jobId: 'one', metadata: { n: 1 } });
    const failure = (call: Promise<void>) => call.catch((error) => error.code);
    expect(await failure(engine.describe('one', { labels: { 'a b': 'x' } }))).toBe('INVALID_OPTION');
    expect(await failure(engine.describe('one', { name: 'x' } as never))).toBe('INVALID_OPTION');
    expect(await failure(engine.describe('one', { metadata: { f: () => {} } }))).toBe('UNSERIALISABLE_INPUT');
    expect(await failure(engine.describe('none', {}))).toBe('JOB_NOT_FOUND');
    expect(await failure(createEngine().describe('one', {}))).toBe('INVALID_OPTION');
    expect(await engine.find('one')).toMatchObject({ labels: {}, metadata: { n: 1 } });
  });

  test.each([
    [{ '': 'x' }, 'labels.'],
    [{ 'a b': 'x' }, 'labels.a b'],
    [{ ['k'.repeat(64)]: 'x' }, `labels.${'k'.repeat(64)}`],
    [{ a: 'x'.repeat(201) }, 'labels.a'],
    [{ a: 'line\nend' }, 'labels.a'],
    [{ a: 7 }, 'labels.a'],
    [new Map([['team', 'data']]), 'labels'],
    [Object.create({ team: 'data' }), 'labels'],
    [Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`k${at}`, ''])), 'labels'],
  ])('of a wrong form are refused: %j', (labels, option) => {
    expect(() => createEngine().start(etl, {}, { labels: labels as never })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', problems: [expect.objectContaining({ option })] }),
    );
  });

  test('of the longest form are kept', async () => {
    const engine = createEngine({ journal: memoryJournal() });
    const labels = Object.fromEntries(
      Array.from({ length: 32 }, (_, at) => [`${at}`.padEnd(63, '/'), 'ü'.repeat(200)]),
    );
    await engine.start(etl, {}, { jobId: 'one', labels });
    expect((await engine.list({ labels })).jobs).toMatchObject([{ id: 'one', labels }]);
  });
});
