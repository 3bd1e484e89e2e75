import { createEngine, defineJob, type JobView, memoryJournal, UnknownTaskError } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begun, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

const hang = (): Promise<never> => new Promise(() => {});

const shipping = defineJob('shipping')
  .task('pack', () => ({ packed: true }))
  .external('fetch', { dependsOn: ['pack'] })
  .seal();

const orders = defineJob('orders')
  .task('read', () => ({ since: new Date(0), large: 7n }))
  .map('tell', { dependsOn: ['read'], over: Array.from({ length: 11 }, (_, at) => at) }, ({ item }) => ({ told: item }))
  .job('ship', { dependsOn: ['tell'] }, shipping)
  .job('bill', { dependsOn: ['ship'] }, shipping)
  .seal();

const pathsIn = ({ tasks }: JobView) => tasks.map(({ path }) => path);
const taskIn = ({ tasks }: JobView, path: string) => tasks.find((task) => task.path === path);

test('a view has the job and all its tasks, those of nested jobs and fan-outs too, as plain JSON data', async () => {
  const clock = virtualClock(5_000);
  const options = { jobId: 'one', labels: { team: 'data' }, metadata: { by: 'cron', at: new Date(0) }, clock };
  const job = orders.start({}, options);
  expect(job.view()).toMatchObject({ state: 'idle', lastSeq: -1, startedAt: undefined });
  const last = { seq: -1 };
  job.events$.subscribe(({ seq }) => Object.assign(last, { seq }));
  await clock.advance(10);
  const view = job.view();
  expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  expect(view).toMatchObject({
    ...{ id: 'one', name: 'orders', state: 'running', startedAt: 5_000, endedAt: undefined, lastSeq: last.seq },
    ...{ labels: { team: 'data' }, metadata: { by: 'cron', at: '1970-01-01T00:00:00.000Z' } },
  });
  expect(pathsIn(view)).toEqual([
    ...['bill', 'bill/fetch', 'bill/pack', 'read', 'ship', 'ship/fetch', 'ship/pack', 'tell'],
    ...Array.from({ length: 11 }, (_, at) => `tell[${at}]`),
  ]);
  expect(taskIn(view, 'bill')).toMatchObject({ kind: 'job', parent: undefined, state: 'unscheduled', attempts: 0 });
  expect(taskIn(view, 'bill/fetch')).toMatchObject({ parent: 'bill', state: 'unscheduled', dependsOn: ['bill/pack'] });
  expect(taskIn(view, 'ship/fetch')).toMatchObject({
    ...{ kind: 'external', parent: 'ship', state: 'ready', readyAt: 5_000, dependsOn: ['ship/pack'] },
  });
  expect(taskIn(view, 'tell[10]')).toMatchObject({
    kind: 'task',
    parent: 'tell',
    state: 'completed',
    output: undefined,
  });
  const withOutputs = job.view({ outputs: true });
  expect(taskIn(withOutputs, 'read')?.output).toEqual({ since: '1970-01-01T00:00:00.000Z', large: '7' });
  expect(taskIn(withOutputs, 'tell[10]')?.output).toEqual({ told: 10 });
  expect(JSON.parse(JSON.stringify(withOutputs))).toEqual(withOutputs);
});

test('a view says what a task waits for: a time, a person, an upstream; and how far it is', async () => {
  const clock = virtualClock(1_000);
  const waits = defineJob('waits')
    .task('retry', { maxRetries: 1, retry: { delayMs: 500 } }, () => {
      throw Object.assign(new Error('no paper'), { code: 'E_PAPER' });
    })
    .sensor('look', { interval: 300 }, () => false)
    .task('half', ({ progress }) => {
      progress(0.25);
      progress(0.5, 'page 1 of 2');
      return hang();
    })
    .external('sign', { heartbeatTimeout: 400 })
    .external('stamp')
    .task('send', { dependsOn: ['sign', 'half'] }, () => {})
    .seal();
  const job = waits.start({}, { clock });
  await clock.advance(0);
  job.task('send').pause('bob');
  job.task('stamp').pause('carol');
  const token = job.task('sign').claim('ann');
  await clock.advance(100);
  job.task('sign').heartbeat(token);
  const view = job.view();
  expect(taskIn(view, 'retry')).toMatchObject({
    ...{ state: 'retrying', attempts: 1, dueAt: 1_500, reason: 'error' },
    error: { code: 'TASK_FAILED', cause: { code: 'E_PAPER' } },
  });
  expect(taskIn(view, 'look')).toMatchObject({ state: 'polling', polls: 1, dueAt: 1_300 });
  expect(taskIn(view, 'half')?.progress).toEqual({ fraction: 0.5, message: 'page 1 of 2' });
  expect(taskIn(view, 'sign')?.claim).toEqual({ worker: 'ann', leaseEndsAt: 1_500 });
  expect(taskIn(view, 'stamp')).toMatchObject({ state: 'paused', pausedBy: 'carol', claim: undefined });
  expect(taskIn(view, 'send')).toMatchObject({ heldBy: 'bob', dependsOn: ['half', 'sign'] });
  expect(JSON.stringify(view)).not.toContain(token);
  void job.cancel('no more', { mode: 'drain' });
  expect(job.view()).toMatchObject({
    state: 'running',
    stop: { to: 'cancelled', mode: 'drain', reason: 'no more' },
    reason: undefined,
  });
  await job.cancel();
  expect(job.view()).toMatchObject({ state: 'cancelled', stop: undefined, reason: 'no more' });
});

test('a view says who wants to pause an instance of a fan-out, as its journal does', async () => {
  const clock = virtualClock(1_000);
  const journal = memoryJournal();
  const tell = defineJob('tell')
    .map('tell', { over: [1, 2], maxRetries: 1, retry: { delayMs: 500 } }, () => {
      throw new Error('busy');
    })
    .seal();
  const job = createEngine({ clock, journal }).start(tell, {}, { jobId: 'one' });
  await clock.advance(0);
  job.task('tell[1]').pause('bob');
  await job.saved();
  expect(taskIn(job.view(), 'tell[1]')).toMatchObject({ state: 'retrying', heldBy: 'bob' });
  const stored = await createEngine({ journal }).find('one');
  expect(stored?.view().tasks).toEqual(job.view().tasks);
  await job.cancel();
});

test('a view says whom an external task is for, and what that one has to know', async () => {
  const journal = memoryJournal();
  const engine = createEngine({ journal });
  const contract = defineJob('contract')
    .external('review', { owner: 'legal', data: { pages: [1, 2] } })
    .external('sign', { dependsOn: ['review'], owner: 'boss' })
    .seal();
  const job = engine.start(contract, {}, { jobId: 'one' });
  await turns();
  job.task('review').claim('ann');
  await job.saved();
  const [review, sign] = job.view().tasks;
  expect(review).toMatchObject({ owner: 'legal', data: { pages: [1, 2] }, claim: { worker: 'ann' } });
  expect(sign).toMatchObject({ owner: 'boss', data: undefined, claim: undefined });
  // The journal has what the events say.
  const [stored, notReady] = (await createEngine({ journal }).find('one'))?.view().tasks ?? [];
  expect(stored).toMatchObject({ owner: 'legal', data: undefined, claim: { worker: 'ann' } });
  expect(notReady).toMatchObject({ owner: undefined });
  await job.cancel();
});

test('a new attempt has no progress yet', async () => {
  const clock = virtualClock(0);
  const etl = defineJob('etl')
    .task('a', { maxRetries: 1, retry: { delayMs: 10 } }, ({ attempt, progress }) => {
      if (attempt === 2) return hang();
      progress(0.9);
      throw new Error('so near');
    })
    .seal();
  const job = etl.start({}, { clock });
  await clock.advance(5);
  expect(job.view().tasks[0]).toMatchObject({ state: 'retrying', progress: { fraction: 0.9 } });
  await clock.advance(10);
  expect(job.view().tasks[0]).toMatchObject({ state: 'running', progress: undefined });
});

describe('of a job, a view shows', () => {
  const paged = async () => {
    const clock = virtualClock(0);
    const job = orders.start({}, { clock });
    await clock.advance(10);
    // Awaiting the job itself would await its end.
    return { job };
  };

  test('one page after another, each task once', async () => {
    const { job } = await paged();
    const whole = pathsIn(job.view());
    for (const limit of [1, 2, 3, 5, 18, 19, 20]) {
      const pages: string[] = [];
      for (let after: string | undefined; ; after = pages.at(-1)) {
        const page = pathsIn(job.view({ after, limit }));
        pages.push(...page);
        if (page.length < limit) break;
      }
      expect(pages).toEqual(whole);
    }
    // The task of the page before may be gone by now.
    expect(pathsIn(job.view({ after: 'reap', limit: 2 }))).toEqual(['ship', 'ship/fetch']);
    expect(pathsIn(job.view({ after: 'tell[8]' }))).toEqual(['tell[9]', 'tell[10]']);
  });

  test('one task and what is inside it', async () => {
    const { job } = await paged();
    expect(pathsIn(job.view({ under: 'ship' }))).toEqual(['ship', 'ship/fetch', 'ship/pack']);
    expect(pathsIn(job.view({ under: 'ship', after: 'ship/fetch' }))).toEqual(['ship/pack']);
    expect(job.view({ under: 'ship/pack' }).tasks).toMatchObject([{ path: 'ship/pack', parent: 'ship' }]);
    expect(pathsIn(job.view({ under: 'tell[3]' }))).toEqual(['tell[3]']);
    // Whether it will have so many is not known before it has ended.
    expect(pathsIn(job.view({ under: 'tell[11]' }))).toEqual([]);
    expect(() => job.view({ under: 'ship/pick' })).toThrow(UnknownTaskError);
    expect(() => job.view({ under: 'ship/pick' })).toThrow('"ship/pack"');
    expect(() => job.view({ under: 'read[0]' })).toThrow(UnknownTaskError);
    expect(() => job.view({ under: 'shop/pack' })).toThrow(UnknownTaskError);
    expect(() => job.view({ limit: 0, under: '' })).toThrow(/limit[\s\S]*under|under[\s\S]*limit/);
  });
});

test('a view does not wake a job that is about to be resumed', async () => {
  const { store, die } = begun(orders);
  await turns();
  die();
  const { job } = await resumed(store, orders);
  const events: string[] = [];
  job.events$.subscribe(({ type }) => events.push(type));
  const { lastSeq } = job.view();
  expect(events).toEqual([]);
  expect((await store.job('one'))?.lastSeq).toBe(lastSeq);
});

test('a view shows tasks that were added to the running job, and none that were removed', async () => {
  const journal = memoryJournal();
  const engine = createEngine({ journal });
  const etl = defineJob('etl')
    .external('a')
    .task('gone', { dependsOn: ['a'] }, hang)
    .seal();
  const job = engine.start(etl, {}, { jobId: 'one' });
  await turns();
  job.addTasks([{ name: 'b', dependsOn: ['a'], run: hang }]);
  job.removeTask('gone');
  await job.saved();
  expect(job.view().tasks).toMatchObject([{ path: 'a' }, { path: 'b', dependsOn: ['a'], state: 'unscheduled' }]);
  expect((await createEngine({ journal }).find('one'))?.view()).toEqual(job.view());
  const { tasks } = etl.start().view();
  expect(tasks.map(({ path }) => path)).toEqual(['a', 'gone']);
});

describe('engine.find gives a view', () => {
  const withLabels = { jobId: 'one', labels: { team: 'data' }, metadata: { by: 'cron' } };

  test('of a job that runs here, that another process runs, and that is over: the same', async () => {
    const journal = memoryJournal();
    const engine = createEngine({ journal });
    const job = engine.start(orders, {}, withLabels);
    await turns();
    job.task('ship/fetch').claim('ann');
    job.task('bill').pause('bob');
    await job.saved();
    const here = job.view({ outputs: true });
    expect(taskIn(here, 'ship/fetch')?.claim).toMatchObject({ worker: 'ann' });
    expect((await engine.find('one'))?.view({ outputs: true })).toEqual(here);
    const elsewhere = createEngine({ journal: { ...journal } });
    const found = await elsewhere.find('one');
    expect(found?.view({ outputs: true })).toEqual(here);
    expect({ ...found }).not.toHaveProperty('view');
    expect(() => found?.view({ limit: -1 })).toThrow(/limit/);
    await job.task('ship/fetch').complete({ fetched: 1 });
    await job.cancel('enough');
    expect((await elsewhere.find('one'))?.view({ outputs: true })).toEqual(job.view({ outputs: true }));
  });

  test('of a resumed job, with its labels and metadata', async () => {
    const journal = memoryJournal();
    const { store, die } = begun(orders, { journal, start: withLabels });
    await turns();
    die();
    const before = (await createEngine({ journal }).find('one'))?.view();
    const { job } = await resumed(store, orders);
    expect(job.view()).toEqual(before);
    expect(job.view()).toMatchObject({ labels: { team: 'data' }, metadata: { by: 'cron' } });
  });
});

test('the handle of a start with a known key shows the job of the first start', async () => {
  const journal = memoryJournal();
  const start = (own: typeof journal, labels: Record<string, string>) =>
    createEngine({ journal: own }).start(shipping, {}, { jobKey: 'today', labels, metadata: labels });
  const first = start(journal, { from: 'first' });
  await turns();
  await first.saved();
  // Another process follows it.
  const follower = start({ ...journal }, { from: 'second' });
  await follower.saved();
  expect(follower.view()).toEqual(first.view());
  expect(follower.view()).toMatchObject({ labels: { from: 'first' }, metadata: { from: 'first' }, state: 'running' });
  expect(taskIn(follower.view({ outputs: true }), 'pack')).toMatchObject({ output: { packed: true } });
  await first.cancel();
});

test('a retried and a rerun job keep their metadata', async () => {
  const journal = memoryJournal();
  const etl = defineJob('etl').task('a', hang).seal();
  const engine = createEngine({ journal });
  await engine.start(etl, {}, { jobId: 'one', metadata: { by: 'cron' } }).cancel();
  const later = createEngine({ journal, definitions: [etl] });
  const { job: rerun } = await later.rerun('one', { from: 'a', jobId: 'two' });
  const { job: retried } = await later.retry('one', { tasks: ['a'] });
  expect([rerun, retried].map((job) => job.view().metadata)).toEqual([{ by: 'cron' }, { by: 'cron' }]);
  await Promise.all([rerun.cancel(), retried.cancel()]);
  expect((await later.find('two'))?.metadata).toEqual({ by: 'cron' });
});
