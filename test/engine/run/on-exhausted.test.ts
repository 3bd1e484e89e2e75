import { defineJob, type Job } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begin, failing } from '../../support/pausing.ts';

describe('onExhausted: pause', () => {
  test('holds the task when no retry is left, and the job goes on around it', async () => {
    const { clock, job, lines } = await begin((nap) => [
      { name: 'a', maxRetries: 1, onExhausted: 'pause', run: failing(2, { a: 1 }) },
      { name: 'b', run: nap(10) },
    ]);
    await clock.advance(50);
    expect(lines.filter((line) => line.includes(' a '))).toEqual([
      '0 a unscheduled>ready #0',
      '0 a ready>running #1',
      '0 a running>retrying #1 error',
      '0 a retrying>ready #1',
      '0 a ready>running #2',
      '0 a running>paused #2 error',
    ]);
    expect([job.state, job.task('a').state, job.task('b').state]).toEqual(['running', 'paused', 'completed']);
    expect(job.task('a').error).toMatchObject({ code: 'TASK_FAILED', attempt: 2 });
    job.retry();
    await clock.runAll();
    const { state, ctx, errors, tasks } = await job;
    expect([state, ctx, errors, tasks.a?.attempts]).toEqual(['completed', { a: 1 }, [], 3]);
  });

  test.each<[string, (job: Job) => void]>([
    ['job.retry()', (job) => job.retry()],
    ['job.retry(task)', (job) => job.retry('a' as never)],
    ['job.task(name).retry()', (job) => job.task('a' as never).retry()],
    ['job.task(name).resume()', (job) => job.task('a' as never).resume()],
  ])('%s gives all retries anew', async (_, act) => {
    const { clock, job } = await begin(() => [{ name: 'a', maxRetries: 2, onExhausted: 'pause', run: failing(99) }]);
    expect(job.task('a').attempts).toBe(3);
    act(job as unknown as Job);
    await clock.advance(0);
    expect([job.task('a').state, job.task('a').attempts]).toEqual(['paused', 6]);
    act(job as unknown as Job);
    await clock.advance(0);
    expect(job.task('a').attempts).toBe(9);
    await job.cancel();
  });

  test('starts the backoff anew too', async () => {
    const { clock, job, lines } = await begin(() => [
      {
        name: 'a',
        maxRetries: 2,
        retry: { backoff: 'exponential', delayMs: 10 },
        onExhausted: 'pause',
        run: failing(99),
      },
    ]);
    await clock.advance(100);
    job.retry();
    await clock.runAll();
    expect(lines.filter((line) => line.includes('ready>running')).map((line) => line.split(' ')[0])).toEqual([
      '0',
      '10',
      '30',
      '100',
      '110',
      '130',
    ]);
    await job.cancel();
  });

  test('of the job holds for tasks that do not say', async () => {
    const { job } = await begin(
      () => [
        { name: 'a', run: failing(1) },
        { name: 'b', onExhausted: 'fail', continueOnFailure: true, run: failing(1) },
      ],
      { onExhausted: 'pause' },
    );
    expect([job.task('a').state, job.task('b').state]).toEqual(['paused', 'failed']);
  });

  test('comes after a timeout and a missed heartbeat as well', async () => {
    const { clock, job } = await begin(() => [
      { name: 'slow', timeout: 5, onExhausted: 'pause', run: () => new Promise(() => {}) },
      { kind: 'external', name: 'review', heartbeatTimeout: 5, onExhausted: 'pause' },
    ]);
    job.task('review').claim('ann');
    await clock.advance(10);
    expect([job.task('slow').state, job.task('review').state]).toEqual(['paused', 'paused']);
    job.retry('review');
    job.task('review').complete();
    expect(job.task('review').state).toBe('completed');
  });

  test('does not hold what no retry would mend: an error that says so, an output that is none, retryIf, a deadline', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'a', onExhausted: 'pause', run: () => [] as unknown as object },
        { name: 'b', onExhausted: 'pause', retry: { retryIf: () => false }, run: failing(1) },
        { name: 'c', onExhausted: 'pause', deadline: 5, run: () => new Promise(() => {}) },
      ],
      { onFailure: 'continue' },
    );
    await clock.runAll();
    const { tasks } = await job;
    expect(['a', 'b', 'c'].map((name) => tasks[name]?.state)).toEqual(['failed', 'failed', 'failed']);
  });

  test('stands its deadline still', async () => {
    const { clock, job, lines } = await begin(() => [
      {
        name: 'a',
        deadline: 20,
        onExhausted: 'pause',
        run: ({ attempt }) => (attempt > 1 ? new Promise(() => {}) : Promise.reject(new Error('x'))),
      },
    ]);
    await clock.advance(100);
    job.retry();
    await clock.runAll();
    expect(lines.at(-2)).toBe('120 a running>failed #2 deadline');
  });

  test('holds nothing when the job is draining', async () => {
    const { clock, job } = await begin(
      (nap) => [{ name: 'a', onExhausted: 'pause', run: () => nap(10)().then(() => Promise.reject(new Error('x'))) }],
      {},
      5,
    );
    void job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    expect((await job).tasks.a?.state).toBe('failed');
  });

  test('reaches the tasks of nested jobs and the instances of fan-outs, and so does job.retry()', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner', { onExhausted: 'pause' }).task('a', failing(1)).seal();
    const job = defineJob('outer')
      .job('in', {}, inner)
      .map('each', { over: [failing(1), failing(0)], onExhausted: 'pause' }, ({ item }) => item())
      .start({}, { clock });
    await clock.advance(0);
    expect([job.task('in/a').state, job.task('each[0]').state]).toEqual(['paused', 'paused']);
    job.retry();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });
});
