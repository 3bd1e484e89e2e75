import {
  type AnyTaskSpec,
  createEngine,
  defineJob,
  jobFrom,
  memoryJournal,
  notReady,
  skip,
  type TriggerRule,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';
import { ended } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

const nothing = (): void => {};
const hang = (): Promise<never> => new Promise(() => {});

const end = async (tasks: readonly AnyTaskSpec[], options = {}) =>
  jobFrom('job', tasks).start({}, { clock: virtualClock(), ...options });

describe('a task that answers skip(reason)', () => {
  test('is skipped, with the reason and without an error or output; the job completes', async () => {
    const job = jobFrom('job', [
      { name: 'load', maxRetries: 5, run: () => skip('no new rows') },
      { name: 'report', dependsOn: ['load'], run: nothing },
      { name: 'mail', dependsOn: ['report'], run: nothing },
    ]).start({}, { clock: virtualClock() });
    const ways: string[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'skipped') ways.push(`${event.from} ${event.reason}`);
    });
    const { state, tasks } = await job;
    expect(state).toBe('completed');
    expect(tasks.load).toMatchObject({ state: 'skipped', reason: 'no new rows', attempts: 1, error: undefined });
    expect(ways).toEqual(['running no new rows', 'unscheduled upstreamSkipped', 'unscheduled upstreamSkipped']);
    await expect(job.output('load')).rejects.toMatchObject({
      code: 'TASK_SKIPPED',
      message: expect.stringContaining('no new rows'),
    });
    expect(job.explain('load')[0]?.reasons[0]?.text).toBe('is skipped: no new rows');
  });

  test.each<[TriggerRule, 'completed' | 'skipped']>([
    ['allSuccess', 'skipped'],
    ['allDone', 'completed'],
    ['allFailed', 'skipped'],
    ['oneSuccess', 'skipped'],
    ['oneFailed', 'skipped'],
    ['oneDone', 'skipped'],
    ['noneFailed', 'completed'],
    ['noneFailedMinOneSuccess', 'skipped'],
    ['noneSkipped', 'skipped'],
    ['always', 'completed'],
  ])('counts as a skip for what comes after it: by %s that is %s', async (trigger, state) => {
    const { tasks } = await end([
      { name: 'load', run: async () => skip('no new rows') },
      { name: 'next', dependsOn: ['load'], trigger, run: nothing },
    ]);
    expect(tasks.next?.state).toBe(state);
  });

  test('has its reason from an output schema unchanged, and writes nothing', async () => {
    const job = defineJob('job')
      .task('load', { output: { '~standard': { version: 1, vendor: 'v', validate: () => ({ issues: [] }) } } }, () =>
        skip('empty'),
      )
      .start();
    expect((await job).tasks.load).toMatchObject({ state: 'skipped', reason: 'empty' });
  });

  test('leaves a nested job completed, with what the others put out', async () => {
    const inner = defineJob('inner')
      .task('none', () => skip('nothing there'))
      .task('some', () => ({ n: 1 }))
      .seal();
    const { state, ctx } = await defineJob('outer').job('part', {}, inner).start();
    expect([state, ctx]).toEqual(['completed', { part: { n: 1 } }]);
  });
});

test('a task that failed and then skipped itself shows no error, where it stands and in its view', async () => {
  const job = defineJob('job')
    .task('load', { maxRetries: 1 }, ({ attempt }) => {
      if (attempt === 1) throw new Error('no route');
      return skip('no new rows');
    })
    .start({}, { clock: virtualClock() });
  await job;
  expect([job.task('load').error, job.view().tasks[0]?.error]).toEqual([undefined, undefined]);
});

test('an instance of a fan-out that answers skip(reason) is refused: it returns nothing instead', async () => {
  const { state, tasks } = await end([{ kind: 'map', name: 'each', over: [1], each: () => skip('odd') }]);
  expect(state).toBe('failed');
  expect(tasks.each?.error?.message).toContain('skip(…), which is not for the instances of a fan-out');
});

test('an external task is not completed by skip(reason): the call is refused, and it stays ready', async () => {
  const job = jobFrom('job', [{ kind: 'external', name: 'review' }]).start({}, { clock: virtualClock() });
  await turns();
  const review = job.task('review');
  expect(() => review.complete(skip('no') as never)).toThrow(expect.objectContaining({ code: 'INVALID_OUTPUT' }));
  expect(review.state).toBe('ready');
  job.cancel();
  await job;
});

describe('what a journal has of a task that skipped itself', () => {
  const definitionOf = (ran: string[], last: () => unknown) =>
    defineJob('job')
      .task('load', () => {
        ran.push('load');
        return skip('no new rows');
      })
      .task('report', { dependsOn: ['load'] }, () => void ran.push('report'))
      .task('all', { dependsOn: ['load'], trigger: 'allDone' }, async () => {
        ran.push('all');
        await last();
      })
      .seal();

  test('holds after a resume: it is not run again', async () => {
    const store = memoryJournal();
    const process = mortal(store);
    const ran: string[] = [];
    createEngine({ journal: process.journal }).start(definitionOf(ran, hang), {}, { jobId: 'one' });
    await turns();
    process.die();
    expect(ran).toEqual(['load', 'all']);
    const { state, tasks } = await ended(store, definitionOf(ran, nothing));
    expect(state).toBe('completed');
    expect(tasks.load).toMatchObject({ state: 'skipped', reason: 'no new rows', attempts: 1 });
    expect(ran).toEqual(['load', 'all', 'all']);
  });

  test('holds in a rerun that starts after it, and in the rerun of that', async () => {
    const ran: string[] = [];
    const definition = definitionOf(ran, nothing);
    const engine = createEngine({ journal: memoryJournal(), definitions: [definition] });
    await engine.start(definition, {}, { jobId: '0' });
    for (const jobId of ['1', '2']) {
      const { job } = await engine.rerun(String(Number(jobId) - 1), { from: 'all', jobId });
      const { tasks } = await job;
      expect(tasks.load).toMatchObject({ state: 'skipped', reason: 'no new rows', attempts: 0 });
      expect(tasks.report).toMatchObject({ state: 'skipped', reason: 'upstreamSkipped' });
    }
    expect(ran).toEqual(['load', 'all', 'all', 'all']);
  });

  test('is run again by a retry that names it', async () => {
    let rows = 0;
    const definition = defineJob('job')
      .task('load', () => (rows === 0 ? skip('no new rows') : { rows }))
      .task('report', { dependsOn: ['load'] }, nothing)
      .seal();
    const job = createEngine({ journal: memoryJournal() }).start(definition, {});
    await job;
    rows = 3;
    const { tasks, ctx } = await job.retry('load');
    expect([tasks.load?.state, tasks.report?.state, ctx]).toEqual(['completed', 'completed', { rows: 3 }]);
  });
});

test('notReady and skip in one job: the job is not ready', async () => {
  const { state } = await end([
    { name: 'a', run: () => skip('none') },
    { name: 'b', run: () => notReady('later') },
  ]);
  expect(state).toBe('notReady');
});
