import { type AnyTaskSpec, defineJob, expand, jobFrom } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { fails, spec, start, takes } from '../../support/dynamic-graph.ts';

describe('expand', () => {
  test('adds tasks when its task completes; they may depend on it, on others and on one another', async () => {
    const { job, lines } = start([
      spec('list', { run: () => expand([spec('x<list'), spec('y<x,other')], { count: 2 }) }),
      spec('other'),
    ]);
    expect((await job).ctx).toEqual({ count: 2, other: 'other', x: 'x', y: 'y' });
    expect(lines.filter((text) => text.startsWith('task.added'))).toEqual(['task.added x', 'task.added y']);
    expect(lines.indexOf('list running>completed')).toBeLessThan(lines.indexOf('x unscheduled>ready'));
  });

  test('by the option `expansion` comes from the output', async () => {
    const seen = (name: string): AnyTaskSpec => ({ name, run: () => ({ [name]: 'seen' }) });
    const { job, lines } = start([
      spec('list', {
        expansion: ({ pages }: Record<string, unknown>) => (pages as string[]).map(seen),
        run: () => ({ pages: ['x', 'y'] }),
      }),
    ]);
    expect((await job).ctx).toEqual({ pages: ['x', 'y'], x: 'seen', y: 'seen' });
    expect(lines.filter((text) => text.startsWith('task.added'))).toEqual(['task.added x', 'task.added y']);
    const { job: wrong } = start([spec('list', { expansion: () => [seen('list')], run: () => ({ pages: [] }) })]);
    const { error } = (await wrong).tasks.list as { error?: Error };
    expect(error).toMatchObject({ code: 'INVALID_OUTPUT', message: expect.stringContaining('"list"') });
  });

  test('without an output puts out nothing, and without tasks adds none', async () => {
    const { job } = start([
      spec('list', { run: () => expand([]) }),
      spec('more', { run: async () => expand([spec('x<more')]) }),
    ]);
    expect((await job).ctx).toEqual({ x: 'x' });
    expect(await job.output('list')).toBeUndefined();
  });

  test('of what was added by expand, 1,000 times', async () => {
    const step = (at: number): AnyTaskSpec => ({
      name: `s${at}`,
      run: () => (at < 1_000 ? expand([step(at + 1)], { at }) : { last: true }),
    });
    const { ctx, tasks } = await start([step(0)]).job;
    expect([ctx.at, ctx.last, Object.keys(tasks).length]).toEqual([999, true, 1_001]);
  });

  test('from a task of a nested job adds to that job', async () => {
    const child = jobFrom('child', [
      {
        name: 'list',
        run: () =>
          expand([spec('x<list', { run: ({ taskName }: { taskName: string }) => ({ x: taskName }) })], { count: 1 }),
      },
    ]);
    const { job, lines } = start([{ kind: 'job', name: 'outer', definition: child }]);
    const before = child.fingerprint;
    expect((await job).ctx.outer).toEqual({ count: 1, x: 'outer/x' });
    expect(lines).toContain('task.added outer/x');
    expect(job.task('outer/x').state).toBe('completed');
    expect([child.fingerprint, child.tasks.length]).toEqual([before, 1]);
  });

  test.each([
    ['a name that is taken', [spec('list')], 'list'],
    ['a name twice', [spec('x'), spec('x')], 'x'],
    ['an unknown dependency', [spec('x<nobody')], 'nobody'],
    ['a cycle', [spec('x<y'), spec('y<x')], 'x'],
    ['no function', [{ name: 'x' }], 'x'],
    ['what is no task', [null, 5], 'name'],
  ])('of %s is INVALID_OUTPUT: not tried again, nothing added', async (_, tasks, told) => {
    const { job, lines } = start([
      spec('list', { maxRetries: 3, run: () => expand(tasks as AnyTaskSpec[], { count: 1 }) }),
    ]);
    const { state, ctx, errors } = await job;
    expect([state, ctx]).toEqual(['failed', {}]);
    expect(errors[0]).toMatchObject({
      code: 'INVALID_OUTPUT',
      attempt: 1,
      message: expect.stringContaining(told),
      cause: { name: 'JobDefinitionError' },
    });
    expect(lines.filter((text) => text.startsWith('task.added'))).toEqual([]);
  });

  test('with an output that is none adds nothing either', async () => {
    for (const output of [5, [], null, 'text']) {
      const { job } = start([spec('list', { run: () => expand([spec('x')], output as never) })], {
        onFailure: 'continue',
      });
      const { errors, tasks } = await job;
      expect([errors[0]?.code, Object.keys(tasks)]).toEqual(['INVALID_OUTPUT', ['list']]);
    }
  });

  test('from an attempt that failed before adds once', async () => {
    const { job } = start([
      spec('list', {
        maxRetries: 1,
        run: ({ attempt }: { attempt: number }) => (attempt === 1 ? fails() : expand([spec('x')])),
      }),
    ]);
    expect(Object.keys((await job).tasks)).toEqual(['list', 'x']);
  });

  test('in a job that is ending adds nothing, and keeps the output', async () => {
    const clock = virtualClock();
    const { job } = start(
      [
        spec('list', {
          run: () => new Promise((resolve) => clock.setTimer(() => resolve(expand([spec('x')], { count: 1 })), 10)),
        }),
      ],
      { clock },
    );
    await clock.advance(1);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    expect([(await job).ctx, Object.keys((await job).tasks)]).toEqual([{ count: 1 }, ['list']]);
  });

  test('from a late attempt adds nothing', async () => {
    const clock = virtualClock();
    const late = () => new Promise((resolve) => clock.setTimer(() => resolve(expand([spec('x')])), 20));
    const { job, lines } = start(
      [spec('list', { timeout: 10, continueOnFailure: true, run: late }), spec('wait', { run: takes(clock, 30) })],
      { clock },
    );
    await clock.runAll();
    expect(Object.keys((await job).tasks)).toEqual(['list', 'wait']);
    expect(lines).toContain('task.lateResult list');
  });

  test('reads in types as its output', async () => {
    const job = defineJob('job')
      .task('list', () => expand([spec('x')], { count: 1 }))
      .task('after', { dependsOn: ['list'] }, ({ ctx }) => ({ twice: ctx.count * 2 }))
      .start();
    expect((await job.orThrow()).twice).toBe(2);
  });
});
