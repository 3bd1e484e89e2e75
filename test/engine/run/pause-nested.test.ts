import { defineJob, notReady, type StartOptions } from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { linesOf, napper } from '../../support/pausing.ts';

describe('a nested job or a fan-out whose task is paused', () => {
  const nested = (clock: VirtualClock, options: StartOptions = {}) => {
    const nap = napper(clock);
    const inner = defineJob('inner')
      .task('a', nap(10, { a: 1 }))
      .task('b', { dependsOn: ['a'] }, nap(10, { b: 2 }))
      .seal();
    const job = defineJob('outer')
      .job('in', {}, inner)
      .start({}, { clock, ...options });
    return { job, lines: linesOf(job) };
  };

  test('starts nothing new; what runs in it goes on', async () => {
    const clock = virtualClock();
    const { job, lines } = nested(clock);
    await clock.advance(5);
    job.task('in').pause('ann');
    await clock.advance(95);
    expect(lines.slice(-3)).toEqual([
      '5 in running>paused #1 ann',
      '10 in/a running>completed #1',
      '10 in/b unscheduled>ready #0',
    ]);
    job.task('in').resume();
    await clock.runAll();
    expect(lines.slice(-5)).toEqual([
      '100 in paused>running #1',
      '100 in/b ready>running #1',
      '110 in/b running>completed #1',
      '110 in running>completed #1',
      '110 JOB running>completed',
    ]);
  });

  test('completes though the last of its tasks ended while it was paused', async () => {
    const clock = virtualClock();
    const { job } = nested(clock);
    await clock.advance(15);
    job.task('in').pause();
    await clock.advance(20);
    job.task('in').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
    expect((await job).ctx).toEqual({ in: { a: 1, b: 2 } });
  });

  test.each([
    ['fails', () => Promise.reject(new Error('x')), 'failed'],
    ['is not ready', () => notReady('x'), 'notReady'],
  ] as const)('ends though it %s while it is paused', async (_, answer, state) => {
    const clock = virtualClock();
    const inner = defineJob('inner')
      .task('a', () => napper(clock)(10)().then(answer))
      .seal();
    const job = defineJob('outer').job('in', {}, inner).start({}, { clock });
    await clock.advance(5);
    job.task('in').pause();
    await clock.advance(20);
    if (job.state === 'running') job.task('in').resume();
    await clock.runAll();
    expect((await job).state).toBe(state);
  });

  test('completes a fan-out whose last instance ended while it was paused', async () => {
    const clock = virtualClock();
    const job = defineJob('outer')
      .map('each', { over: [10, 20, 30], concurrency: 2 }, ({ item }) => napper(clock)(item, { item })())
      .start({}, { clock });
    await clock.advance(15);
    job.task('each').pause();
    await clock.advance(100);
    expect(job.task('each[2]').state).toBe('completed');
    job.task('each').resume();
    await clock.runAll();
    expect((await job).ctx).toEqual({ each: [{ item: 10 }, { item: 20 }, { item: 30 }] });
  });

  test('starts no instance while it is paused', async () => {
    const clock = virtualClock();
    const job = defineJob('outer')
      .map('each', { over: [10, 10, 10], concurrency: 1 }, ({ item }) => napper(clock)(item)())
      .start({}, { clock });
    await clock.advance(5);
    job.task('each').pause();
    await clock.advance(100);
    expect([0, 1, 2].map((at) => job.task(`each[${at}]`).state)).toEqual(['completed', 'ready', 'ready']);
    job.task('each').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('is held as a whole while its parent is paused', async () => {
    const clock = virtualClock();
    const { job, lines } = nested(clock, { timeout: 30 });
    await clock.advance(5);
    job.pause();
    await clock.advance(95);
    expect(job.task('in/b').state).toBe('ready');
    job.resume();
    await clock.runAll();
    expect(lines.at(-1)).toBe('110 JOB running>completed');
  });

  test('needs both its own resume and its parent’s', async () => {
    const clock = virtualClock();
    const { job } = nested(clock);
    await clock.advance(5);
    job.pause();
    job.task('in').pause();
    job.resume();
    await clock.advance(95);
    expect(job.task('in/b').state).toBe('ready');
    job.task('in').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('keeps a task of its own that is paused, whoever else goes on', async () => {
    const clock = virtualClock();
    const { job } = nested(clock);
    await clock.advance(5);
    job.task('in/b').pause('ann');
    job.pause();
    await clock.advance(20);
    job.resume();
    await clock.advance(20);
    expect(job.task('in/b').state).toBe('paused');
    job.task('in/b').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test.each(['job', 'task'] as const)('cleans up when the job is cancelled while its %s is paused', async (what) => {
    for (const mode of ['abort', 'drain'] as const) {
      const clock = virtualClock();
      const inner = defineJob('inner')
        .task('a', napper(clock)(10))
        .task('sweep', { dependsOn: ['a'], trigger: 'always' }, () => {})
        .seal();
      const job = defineJob('outer').job('in', {}, inner).start({}, { clock });
      const lines = linesOf(job);
      await clock.advance(5);
      if (what === 'job') job.pause();
      else job.task('in').pause();
      void job.cancel('enough', { mode });
      await clock.runAll();
      expect(job.state, mode).toBe('cancelled');
      expect(
        lines.some((line) => line.includes('in/sweep running>completed')),
        mode,
      ).toBe(true);
    }
  });
});

test('a nested job that has ended while its task was paused is concluded when the task goes on', async () => {
  const clock = virtualClock();
  const inner = defineJob('inner').task('a', napper(clock)(10)).seal();
  const job = defineJob('outer').job('in', { deadline: 20 }, inner).start({}, { clock });
  const lines = linesOf(job);
  await clock.advance(5);
  job.task('in').pause();
  await clock.advance(95);
  expect([job.task('in').state, job.task('in/a').state]).toEqual(['paused', 'completed']);
  job.task('in').resume();
  expect(lines.slice(-3)).toEqual([
    '100 in paused>running #1',
    '100 in running>completed #1',
    '100 JOB running>completed',
  ]);
});
