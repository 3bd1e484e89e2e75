import { type CommandErrorCode, jobFrom, type TaskState } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begin, failing, linesOf } from '../../support/pausing.ts';

const refused = (code: CommandErrorCode) => expect.objectContaining({ name: 'CommandError', code });

describe('a paused task', () => {
  test('that is unscheduled is held when it is ready', async () => {
    const { clock, job, lines } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    job.task('b').pause('ann');
    expect(job.task('b').state).toBe('unscheduled');
    await clock.advance(50);
    expect(lines.slice(-2)).toEqual(['10 b unscheduled>ready #0', '10 b ready>paused #0 ann']);
    expect(job.state).toBe('running');
    job.task('b').resume();
    await clock.runAll();
    expect(lines.slice(-4)).toEqual([
      '50 b paused>ready #0',
      '50 b ready>running #1',
      '50 b running>completed #1',
      '50 JOB running>completed',
    ]);
  });

  test('that was unscheduled and is let go before it is ready runs as if nothing had been', async () => {
    const { clock, job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    job.task('b').pause();
    job.task('b').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('before the job begins is held too', async () => {
    const clock = virtualClock();
    const job = jobFrom('work', [{ name: 'a', run: () => {} }]).start({}, { clock });
    const lines = linesOf(job);
    job.task('a').pause('ann');
    await clock.advance(5);
    expect(lines).toEqual(['0 JOB idle>running', '0 a unscheduled>ready #0', '0 a ready>paused #0 ann']);
    job.task('a').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('lets others pass, and takes its turn by its rank when it goes on', async () => {
    const { clock, job, lines } = await begin(
      (nap) => [
        { name: 'now', priority: 9, run: nap(10) },
        { name: 'held', priority: 5, run: nap(10) },
        { name: 'next', run: nap(10) },
        { name: 'last', run: nap(10) },
      ],
      { maxConcurrency: 1 },
    );
    job.task('held').pause();
    await clock.advance(15);
    job.task('held').resume();
    await clock.runAll();
    expect(lines.filter((line) => line.includes('ready>running'))).toEqual([
      '0 now ready>running #1',
      '10 next ready>running #1',
      '20 held ready>running #1',
      '30 last ready>running #1',
    ]);
  });

  test('that waits to be tried again is held when its backoff is over', async () => {
    const { clock, job, lines } = await begin(
      () => [{ name: 'a', maxRetries: 1, retry: { delayMs: 10 }, run: failing(1) }],
      {},
      5,
    );
    job.task('a').pause();
    await clock.advance(50);
    expect(lines.slice(-2)).toEqual(['10 a retrying>ready #1', '10 a ready>paused #1 the program']);
    job.task('a').resume();
    await clock.runAll();
    expect((await job).tasks.a).toMatchObject({ state: 'completed', attempts: 2 });
  });

  test('holds no slot', async () => {
    const { clock, job } = await begin(
      (nap) => [
        { name: 'a', priority: 1, pool: 'db', run: nap(10) },
        { name: 'b', pool: 'db', run: nap(10) },
      ],
      { pools: { db: 1 } },
    );
    job.task('b').pause();
    await clock.advance(20);
    job.addTasks([{ name: 'c', pool: 'db', run: () => {} }]);
    await clock.advance(0);
    expect(job.task('c' as 'a').state).toBe('completed');
    job.task('b').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('can not be a function that runs: it says so, and runs on', async () => {
    const { clock, job } = await begin((nap) => [{ name: 'a', run: nap(10) }], {}, 5);
    expect(() => job.task('a').pause()).toThrow(refused('NOT_PAUSABLE'));
    expect(() => job.task('a').pause()).toThrow(/a running function can't be paused/);
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('can be an external one that runs', async () => {
    const { job, lines } = await begin(() => [{ kind: 'external', name: 'a' }]);
    job.task('a').claim('ann');
    job.task('a').pause('bob');
    job.task('a').resume();
    expect(lines.slice(-3)).toEqual([
      '0 a ready>running #1 claimed by ann',
      '0 a running>paused #1 bob',
      '0 a paused>running #1',
    ]);
  });

  test('publishes one event when it is paused twice', async () => {
    const { job, lines } = await begin(() => [{ kind: 'external', name: 'a' }]);
    job.task('a').pause('ann');
    job.task('a').pause('bob');
    job.task('a').resume();
    job.task('a').resume();
    expect(lines.slice(2)).toEqual(['0 a ready>paused #0 ann', '0 a paused>ready #0']);
  });

  test.each<[state: TaskState, name: string]>([
    ['completed', 'done'],
    ['failed', 'bad'],
    ['skipped', 'after'],
  ])('can not be one that has settled: %s', async (state, name) => {
    const { job } = await begin(
      () => [
        { name: 'done', run: () => {} },
        { name: 'bad', run: failing(1) },
        { name: 'after', dependsOn: ['bad'], run: () => {} },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    expect(job.task(name).state).toBe(state);
    expect(() => job.task(name).pause()).toThrow(refused('INVALID_STATE'));
  });

  test('can not be one of a job that is over', async () => {
    const { job } = await begin(() => [{ name: 'a', run: () => {} }]);
    expect(() => job.task('a').pause()).toThrow(refused('INVALID_STATE'));
    expect(() => job.task('a').resume()).toThrow(refused('INVALID_STATE'));
  });

  test.each(['abort', 'drain'] as const)('is cancelled with its job (%s)', async (mode) => {
    const { clock, job, lines } = await begin(() => [{ kind: 'external', name: 'a', deadline: 10 }]);
    job.task('a').pause();
    void job.cancel('enough', { mode });
    await job;
    expect(lines.slice(-2)).toEqual(['0 a paused>cancelled #0 jobCancelled', '0 JOB running>cancelled enough']);
    expect(clock.pending()).toBe(0);
  });

  test('that is clean-up is let go when the job ends', async () => {
    const { clock, job } = await begin(() => [
      { kind: 'external', name: 'a' },
      { name: 'sweep', dependsOn: ['a'], trigger: 'always', run: () => ({ swept: true }) },
    ]);
    job.task('sweep').pause();
    void job.cancel('enough');
    await clock.runAll();
    expect(await job).toMatchObject({ state: 'cancelled', ctx: { swept: true } });
  });
});

describe('a task that is held', () => {
  test('may be removed', async () => {
    const { clock, job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    job.task('b').pause();
    job.removeTask('b');
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('may be skipped all the same', async () => {
    const { clock, job } = await begin(
      (nap) => [
        { name: 'a', run: () => nap(10)().then(() => Promise.reject(new Error('x'))) },
        { name: 'b', dependsOn: ['a'], run: () => {} },
      ],
      { onFailure: 'continue' },
    );
    job.task('b').pause();
    await clock.runAll();
    expect((await job).tasks.b?.state).toBe('skipped');
  });

  test('is one of many, all of them paused and let go again and again, and none is lost', async () => {
    const names = Array.from({ length: 50 }, (_, at) => `t${at}`);
    const { clock, job } = await begin((nap) => names.map((name) => ({ name, run: nap(10) })), { maxConcurrency: 3 });
    for (let round = 0; round < 20; round++) {
      for (const name of names) {
        const { state } = job.task(name);
        if (state === 'ready') job.task(name).pause();
        else if (state === 'paused') job.task(name).resume();
      }
      await clock.advance(3);
    }
    for (const name of names) job.task(name).resume();
    await clock.runAll();
    expect(await job).toMatchObject({ state: 'completed' });
  });
});
