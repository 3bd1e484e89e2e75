import { createEngine, defineJob, type Job, OptionError } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begun, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

/** The tasks in the order in which their functions are entered. */
const orderOf = (job: Pick<Job, 'events$'>): readonly string[] => {
  const order: string[] = [];
  job.events$.subscribe((event) => {
    if (event.type === 'task.transition' && event.to === 'running') order.push(event.task);
  });
  return order;
};

const threeOneByOne = () => {
  const clock = virtualClock();
  const take = (): Promise<void> => new Promise((resolve) => void clock.setTimer(() => resolve(), 10));
  const definition = defineJob('job', { maxConcurrency: 1 })
    .task('a', take)
    .task('b', take)
    .task('c', take)
    .task('d', { dependsOn: ['a'] }, take)
    .task('e', { dependsOn: ['a'] }, take)
    .seal();
  const job = definition.start({}, { clock });
  return { clock, job, order: orderOf(job) };
};

describe('setPriority', () => {
  test('puts a waiting task first or last at once, and holds for one that is not ready yet', async () => {
    const { clock, job, order } = threeOneByOne();
    await clock.advance(5);
    job.task('c').setPriority(2);
    job.task('e').setPriority(1);
    job.task('b').setPriority(-1);
    expect(job.explain('b')[0]?.reasons[0]).toMatchObject({ ahead: 1, before: ['c'] });
    await clock.runAll();
    expect(order).toEqual(['a', 'c', 'e', 'd', 'b']);
  });

  test('of a task that has ended is refused, and of what is no finite number', async () => {
    const { clock, job } = threeOneByOne();
    await clock.advance(15);
    expect(() => job.task('a').setPriority(1)).toThrow('Task "a" can\'t be given a priority: it is completed.');
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, '1'])
      expect(() => job.task('c').setPriority(wrong as number)).toThrow(OptionError);
    await clock.runAll();
    expect(() => job.task('c').setPriority(1)).toThrow('its job is completed');
  });

  test('of a fan-out or a nested job counts for the tasks inside that have none of their own', async () => {
    const clock = virtualClock();
    const engine = createEngine({ clock, maxConcurrency: 1 });
    const take = (): Promise<void> => new Promise((resolve) => void clock.setTimer(() => resolve(), 10));
    const inner = defineJob('inner').task('x', take).seal();
    const definition = defineJob('job')
      .task('first', { priority: 9 }, take)
      .map('each', { over: [1, 2] }, take)
      .job('nested', {}, inner)
      .task('other', { priority: 2 }, take)
      .seal();
    const job = engine.start(definition, {});
    const order = orderOf(job);
    await clock.advance(5);
    job.task('each').setPriority(4);
    job.task('each[0]').setPriority(3);
    job.task('nested').setPriority(5);
    await clock.runAll();
    const leaves = order.filter((name) => !['each', 'nested'].includes(name));
    expect(leaves).toEqual(['first', 'nested/x', 'each[1]', 'each[0]', 'other']);
  });

  test('changes no other job of the definition, and is kept over a retry', async () => {
    let fails = true;
    const definition = defineJob('job', { maxConcurrency: 1, onFailure: 'continue' })
      .task('gate', () => {
        if (fails) throw new Error('closed');
      })
      .task('a', { dependsOn: ['gate'] }, () => {})
      .task('b', { dependsOn: ['gate'] }, () => {})
      .seal();
    const job = definition.start({});
    job.task('b').setPriority(1);
    await job;
    fails = false;
    const again = job.retry();
    const [retried, other] = [orderOf(again), orderOf(definition.start({}))];
    await again;
    await turns();
    expect(retried).toEqual(['gate', 'b', 'a']);
    expect(other).toEqual(['gate', 'a', 'b']);
  });

  test('is kept over a resume, inside a fan-out, too', async () => {
    let alive = true;
    const wait = (): Promise<void> | undefined => (alive ? new Promise(() => {}) : undefined);
    const definition = defineJob('job', { maxConcurrency: 1 })
      .task('first', wait)
      .map('each', { over: [1, 2, 3] }, wait)
      .task('last', wait)
      .seal();
    const { store, job, die } = begun(definition);
    await turns();
    job.task('last').setPriority(3);
    job.task('each').setPriority(2);
    job.task('each[2]').setPriority(4);
    await turns();
    die();
    alive = false;
    const after = await resumed(store, definition);
    const order = orderOf(after.job);
    expect((await after.job).state).toBe('completed');
    expect(order.filter((name) => name !== 'first')).toEqual(['each[2]', 'last', 'each[0]', 'each[1]']);
  });
});
