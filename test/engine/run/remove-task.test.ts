import { jobFrom, type TaskFunction } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { fails, spec, start, statesOf, takes, within } from '../../support/dynamic-graph.ts';

const never = (): Promise<undefined> => new Promise(() => {});

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a task taken out of a job', () => {
  /** What each state is brought about by, and whether a task in it can be removed. */
  const STATES: [state: string, task: object, removable: boolean][] = [
    ['unscheduled', { dependsOn: ['gate'] }, true],
    ['ready', {}, true],
    ['ready external', { kind: 'external', run: undefined }, true],
    ['paused', {}, true],
    ['running', { priority: 1, run: never }, false],
    ['claimed external', { kind: 'external', run: undefined }, false],
    ['retrying', { priority: 1, maxRetries: 1, retry: { delayMs: 1_000 }, run: fails }, false],
    ['polling', { priority: 1, kind: 'sensor', run: undefined, check: () => false }, false],
    ['completed', { priority: 1 }, false],
    ['failed', { priority: 1, run: fails }, false],
    ['skipped', { when: () => false }, false],
  ];

  test.each(STATES)('that is %s', async (state, task, removable) => {
    const clock = virtualClock();
    const { job, lines } = start([spec('gate', { run: takes(clock, 100) }), spec('it', task)], {
      clock,
      maxConcurrency: 1,
      onFailure: 'continue',
    });
    await clock.advance(1);
    if (state === 'paused') job.task('it').pause();
    if (state === 'claimed external') job.task('it').claim('me');
    expect(state.startsWith(job.task('it').state) || state === 'claimed external').toBe(true);
    if (removable) {
      job.removeTask('it');
      expect(() => job.task('it')).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
      expect(lines).toContain('task.removed it');
      await clock.runAll();
      const { tasks, state: end } = await job;
      expect([end, Object.keys(tasks)]).toEqual(['completed', ['gate']]);
      expect(lines).not.toContain('it ready>running');
    } else {
      const told = { code: 'INVALID_STATE', taskName: 'it' };
      expect(() => job.removeTask('it')).toThrow(expect.objectContaining(told));
      expect(lines).not.toContain('task.removed it');
    }
    job.cancel();
    await job;
  });

  test('before the job starts never runs', async () => {
    const ran: string[] = [];
    const run: TaskFunction = ({ taskName }) => void ran.push(taskName);
    const { job, lines } = start([spec('a', { run }), spec('b', { run }), spec('c<b', { run })]);
    job.removeTask('c');
    job.removeTask('a');
    expect(statesOf((await job).tasks)).toEqual({ b: 'completed' });
    expect([ran, lines.filter((text) => text.startsWith('a '))]).toEqual([['b'], []]);
  });

  test('may be the last one, before the start too: the job completes', async () => {
    const { job } = start([spec('a'), spec('b')]);
    job.removeTask('a');
    job.removeTask('b');
    const { state, tasks, ctx } = await job;
    expect([state, tasks, ctx]).toEqual(['completed', {}, {}]);
    const gate = start([spec('a'), spec('x', { kind: 'external', run: undefined })]);
    await tick();
    expect(gate.job.state).toBe('running');
    gate.job.removeTask('x');
    expect((await gate.job).state).toBe('completed');
    expect(gate.lines.at(-1)).toBe('JOB running>completed');
  });

  test('on which others depend is refused, with each of them', async () => {
    const { job } = start([
      spec('gate', { kind: 'external', run: undefined }),
      spec('a<gate'),
      spec('b<a'),
      spec('c<a'),
    ]);
    await tick();
    expect(() => job.removeTask('a')).toThrow(
      expect.objectContaining({
        problems: [
          expect.objectContaining({ code: 'UNKNOWN_DEPENDENCY', tasks: ['b', 'a'] }),
          expect.objectContaining({ tasks: ['c', 'a'] }),
        ],
      }),
    );
    job.removeTask('c');
    job.removeTask('b');
    job.removeTask('a');
    job.task('gate').complete();
    expect(Object.keys((await job).tasks)).toEqual(['gate']);
  });

  test.each([
    'nobody',
    '',
    'outer/inner',
    'each[0]',
    '__proto__',
  ])('must be there: %j is UNKNOWN_TASK', async (name) => {
    const { job } = start([
      { kind: 'job', name: 'outer', definition: jobFrom('child', [spec('inner')]) },
      { kind: 'map', name: 'each', over: [1], each: () => {} },
    ]);
    expect(() => job.removeTask(name)).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
    await job;
  });

  test('leaves its name free for another', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined }), spec('it<gate')]);
    await tick();
    job.removeTask('it');
    expect(() => job.addTasks([spec('x<it')])).toThrow(expect.objectContaining({ code: 'UNKNOWN_DEPENDENCY' }));
    job.addTasks([spec('it', { run: () => ({ it: 'another' }) })]);
    job.task('gate').complete();
    const { ctx, tasks } = await job;
    expect([ctx, Object.keys(tasks)]).toEqual([{ it: 'another' }, ['gate', 'it']]);
  });

  test('is gone from every view', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined }), spec('it<gate')]);
    await tick();
    job.removeTask('it');
    expect(job.explain().map(({ task }) => task)).toEqual(['gate']);
    expect(job.toDot()).not.toContain('"it"');
    expect(job.frontier()).toMatchObject([{ task: 'gate', subtree: ['gate'] }]);
    job.task('gate').complete();
    await job;
  });

  test('tells those who wait for its output, at once', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined }), spec('it<gate')]);
    await tick();
    const waiting = job.output('it').catch((error: { code: string }) => error.code);
    job.removeTask('it');
    expect(await Promise.race([waiting, tick().then(() => 'still waits')])).toMatch(/TASK_CANCELLED|UNKNOWN_TASK/);
    job.cancel();
  });

  test('in the event of its upstream, or of its own `ready`, never runs', async () => {
    const first = start([spec('a'), spec('it<a')]);
    within(first.job, 'a running>completed', () => first.job.removeTask('it'));
    expect(Object.keys((await first.job).tasks)).toEqual(['a']);
    const clock = virtualClock();
    const second = start([spec('a'), spec('long', { run: takes(clock, 10) }), spec('it<a', { deadline: 1_000 })], {
      clock,
      maxConcurrency: 1,
    });
    within(second.job, 'it unscheduled>ready', () => second.job.removeTask('it'));
    await clock.runAll();
    const { state, tasks } = await second.job;
    expect([state, Object.keys(tasks), second.lines.includes('it ready>running')]).toEqual([
      'completed',
      ['a', 'long'],
      false,
    ]);
    expect(clock.now()).toBe(10);
  });

  test('gives back nothing that it did not hold: limits stay right', async () => {
    const clock = virtualClock();
    const names = Array.from({ length: 20 }, (_, at) => `t${at}`);
    const { job } = start(
      names.map((name) => spec(name, { pool: 'db', run: takes(clock, 10) })),
      { clock, pools: { db: 2 } },
    );
    await clock.advance(1);
    for (const name of names.slice(2, 10)) job.removeTask(name);
    await clock.runAll();
    const { state, tasks } = await job;
    expect([state, Object.keys(tasks).length, clock.now()]).toEqual(['completed', 12, 60]);
  });
});
