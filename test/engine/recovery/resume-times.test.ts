import { defineJob } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begun, ended, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

/** Never comes back: what a function does whose process dies. */
const hang = (): Promise<never> => new Promise(() => {});

describe('times of a job whose process died', () => {
  test('a retry comes when it was due: the time without a process counts', async () => {
    const clock = virtualClock(1_000);
    const ran: number[] = [];
    const etl = defineJob('etl')
      .task('load', { maxRetries: 1, retry: { delayMs: 500 } }, ({ attempt }) => {
        ran.push(clock.now());
        if (attempt === 1) throw new Error('busy');
      })
      .seal();
    const { store, die } = begun(etl, { clock });
    await clock.advance(0);
    await turns();
    die();
    await clock.advance(200);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    expect(job.task('load').state).toBe('retrying');
    expect(job.explain('load')[0]?.reasons[0]).toMatchObject({ kind: 'retry', at: 1_500, attempt: 2 });
    await clock.advance(299);
    expect(ran).toEqual([1_000]);
    await clock.advance(1);
    expect((await job).state).toBe('completed');
    expect(ran).toEqual([1_000, 1_500]);
  });

  test('a retry that fell due meanwhile comes at once', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl')
      .task('load', { maxRetries: 1, retry: { delayMs: 500 } }, ({ attempt }) => {
        if (attempt === 1) throw new Error('busy');
      })
      .seal();
    const { store, die } = begun(etl, { clock });
    await turns();
    die();
    await clock.advance(10_000);
    expect((await await ended(store, etl, { clock })).state).toBe('completed');
    expect(clock.now()).toBe(11_000);
  });

  test('a sensor looks again when it was due, and keeps count of its looks', async () => {
    const clock = virtualClock(1_000);
    const looks: number[] = [];
    const etl = defineJob('etl')
      .sensor('file', { interval: 100 }, () => {
        looks.push(clock.now());
        return looks.length === 3;
      })
      .seal();
    const { store, die } = begun(etl, { clock });
    await clock.advance(0);
    await turns();
    die();
    await clock.advance(60);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    expect(job.task('file')).toMatchObject({ state: 'polling', polls: 1, attempts: 0 });
    await clock.advance(200);
    expect((await job).tasks.file).toMatchObject({ state: 'completed', polls: 2, attempts: 1 });
    expect(looks).toEqual([1_000, 1_100, 1_200]);
  });

  test('waits last no longer than their whole length, though the clock was set back', async () => {
    const late = virtualClock(100_000);
    const etl = defineJob('etl', { timeout: 1_000 })
      .task('load', { maxRetries: 1, retry: { delayMs: 500 }, deadline: 800 }, ({ attempt }) => {
        if (attempt === 1) throw new Error('busy');
        return hang();
      })
      .sensor('file', { interval: 300 }, () => false)
      .seal();
    const { store, die } = begun(etl, { clock: late, start: { onFailure: 'continue' } });
    await turns();
    die();
    const clock = virtualClock(5_000);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    const ready: string[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && ['ready', 'failed'].includes(event.to))
        ready.push(`${event.task} ${event.to} ${event.at}`);
    });
    await clock.advance(1_000);
    expect(ready).toEqual([
      'file ready 5300',
      'load ready 5500',
      'file ready 5600',
      'load failed 5800',
      'file ready 5900',
    ]);
    expect((await job).state).toBe('timedOut');
  });

  test('a deadline goes on from the first time the task was ready', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').task('load', { deadline: 500 }, hang).seal();
    const { store, die } = begun(etl, { clock });
    await turns();
    die();
    await clock.advance(300);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    await clock.advance(199);
    expect(job.task('load').state).toBe('running');
    await clock.advance(1);
    expect((await job).tasks.load).toMatchObject({ state: 'failed', reason: 'deadline', attempts: 2 });
  });

  test('a deadline that passed meanwhile fails the task as the job goes on', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').task('load', { deadline: 500 }, hang).seal();
    const { store, die } = begun(etl, { clock });
    await turns();
    die();
    await clock.advance(900);
    const { job } = await resumed(store, etl, { clock });
    await clock.advance(0);
    await turns();
    expect(job.state).toBe('failed');
    expect((await job).tasks.load?.error?.code).toBe('TASK_DEADLINE');
  });

  test('the job’s time limit goes on, and paused time does not count towards it', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl', { timeout: 1_000 }).external('approve').seal();
    const { store, job: before, die } = begun(etl, { clock });
    await clock.advance(100);
    before.pause('ann');
    await clock.advance(5_000);
    before.resume();
    await clock.advance(300);
    await turns();
    die();
    await clock.advance(200);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    await clock.advance(399);
    expect(job.state).toBe('running');
    await clock.advance(1);
    expect((await job).state).toBe('timedOut');
  });

  test('a pause during which the process died counts whole', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl', { timeout: 1_000 }).external('approve', { deadline: 700 }).seal();
    const { store, job: before, die } = begun(etl, { clock, start: { onFailure: 'continue' } });
    await clock.advance(100);
    before.pause('ann');
    await turns();
    die();
    await clock.advance(5_000);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    expect(job.state).toBe('paused');
    await clock.advance(5_000);
    job.resume();
    await clock.advance(599);
    expect(job.task('approve').state).toBe('ready');
    await clock.advance(1);
    expect(job.task('approve').state).toBe('failed');
  });
});
