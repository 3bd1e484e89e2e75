import { NonRetryableError } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { fails, ifItMay, line, nest, takes } from '../../support/nested-job.ts';

const never = (): Promise<undefined> => new Promise(() => {});

describe('the tasks inside', () => {
  test('are found by their paths, before, while and after they run', async () => {
    const clock = virtualClock();
    const job = nest([{ name: 'inner', run: takes(clock, 10) }]).start({}, { clock });
    const inner = job.task('outer/inner');
    const seen = [inner.state];
    await clock.advance(5);
    seen.push(inner.state);
    await clock.runAll();
    seen.push(inner.state);
    expect(seen).toEqual(['unscheduled', 'running', 'completed']);
    expect([inner.name, inner.attempts, inner.durationMs]).toEqual(['outer/inner', 1, 10]);
  });

  test('stand in the result under their outer task', async () => {
    const { tasks } = await nest([{ name: 'inner', run: () => {} }]).start();
    expect(tasks.outer?.tasks?.inner).toMatchObject({ state: 'completed', attempts: 1 });
    expect(Object.isFrozen(tasks.outer?.tasks)).toBe(true);
    expect(tasks.after).not.toHaveProperty('tasks');
  });

  test.each([
    'outer/nobody',
    'nobody/inner',
    'outer/inner/',
    'outer/',
    '/outer',
    'outer//inner',
    'outer/inner/deeper',
    'outer[0]',
    'outer/[0]',
    'outer/inner[0]',
    'after[0]',
    'after/[3]',
    '',
  ])('are not found under %j: UNKNOWN_TASK, before and after', async (path) => {
    const job = nest([{ name: 'inner', run: () => {} }]).start();
    const unknown = expect.objectContaining({ code: 'UNKNOWN_TASK', taskName: path });
    expect(() => job.task(path)).toThrow(unknown);
    await job;
    expect(() => job.task(path)).toThrow(unknown);
    expect(() => job.explain(path)).toThrow(unknown);
    await expect(job.output(path)).rejects.toThrow(unknown);
  });

  test('can be retried, paused and completed from outside through their paths', async () => {
    const clock = virtualClock();
    const job = nest([
      { name: 'flaky', onExhausted: 'pause', run: ({ attempt }) => (attempt === 1 ? fails() : { flaky: 1 }) },
      { kind: 'external', name: 'approval' },
    ]).start({}, { clock });
    await clock.advance(1);
    expect(job.explain().map(({ task }) => task)).toEqual(['outer/flaky', 'outer/approval', 'after']);
    job.retry('outer/flaky');
    job.task('outer/approval').complete({ ok: true });
    await clock.runAll();
    expect((await job).ctx.outer).toEqual({ flaky: 1, ok: true });
  });

  test('stand still while the outer task is paused, and its timeout with them', async () => {
    const clock = virtualClock();
    const job = nest(
      [
        { name: 'a', run: takes(clock, 10) },
        { name: 'b', dependsOn: ['a'], run: takes(clock, 10) },
      ],
      { timeout: 30 },
    ).start({}, { clock });
    await clock.advance(5);
    job.task('outer').pause('Ann');
    await clock.advance(100);
    expect([job.task('outer').state, job.task('outer/a').state, job.task('outer/b').state]).toEqual([
      'paused',
      'completed',
      'ready',
    ]);
    job.task('outer').resume();
    await clock.runAll();
    expect([(await job).state, clock.now()]).toEqual(['completed', 115]);
  });

  test('stand still from the start when the outer task is paused in the event that it runs', async () => {
    const clock = virtualClock();
    const job = nest([{ name: 't', run: takes(clock, 10) }]).start({}, { clock });
    let thrown: unknown;
    job.events$.subscribe((event) => {
      if (line(event) !== 'outer ready>running') return;
      try {
        job.task('outer').pause();
      } catch (error) {
        thrown = error;
      }
    });
    await clock.advance(50);
    expect(thrown).toBeUndefined();
    expect([job.task('outer').state, job.task('outer/t').attempts]).toEqual(['paused', 0]);
    job.task('outer').resume();
    await clock.runAll();
    expect([(await job).state, clock.now()]).toEqual(['completed', 60]);
  });

  test.each([
    ['timeout', { timeout: 10 }, 'TASK_TIMEOUT'],
    ['deadline', { deadline: 10 }, 'TASK_DEADLINE'],
  ])('that clean up after a %s while the outer task is paused do not make the job hang', async (_, options, code) => {
    const clock = virtualClock();
    const job = nest(
      [
        { name: 'work', run: never },
        { name: 'clean', dependsOn: ['work'], trigger: 'always', run: takes(clock, 20) },
      ],
      options,
    ).start({}, { clock });
    await clock.advance(15);
    ifItMay(() => job.task('outer').pause());
    await clock.advance(25);
    ifItMay(() => job.task('outer').resume());
    await clock.runAll();
    expect([job.state, job.task('outer').error?.code]).toEqual(['failed', code]);
  });

  test('NonRetryableError of one is still the root of it all', async () => {
    const { error } = await nest([
      {
        name: 't',
        maxRetries: 3,
        run: () => {
          throw new NonRetryableError('no way');
        },
      },
    ]).start();
    expect(error?.rootCause()).toMatchObject({ code: 'NON_RETRYABLE', message: 'no way' });
  });
});
