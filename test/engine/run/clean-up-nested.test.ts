import { type AnyTaskSpec, jobFrom } from 'tintype';
import type { VirtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begin, expectOrder, raise, works } from '../../support/clean-up.ts';

const nothing = (): void => {};
const times = (lines: readonly string[], line: string): number => lines.filter((each) => each === line).length;

describe('a nested job', () => {
  const nested = (clock: VirtualClock, more: object = {}): AnyTaskSpec => ({
    name: 'outer',
    kind: 'job',
    definition: jobFrom('inner', [
      { name: 'work', run: works(clock, 50) },
      { name: 'later', dependsOn: ['work'], run: nothing },
      { name: 'close', dependsOn: ['later'], trigger: 'always', run: works(clock, 10) },
    ]),
    ...more,
  });
  const closesOuter: AnyTaskSpec = { name: 'close', dependsOn: ['outer'], trigger: 'always', run: nothing };

  test.each(['abort', 'drain'] as const)('cleans up before the clean-up of the job around it (%s)', async (mode) => {
    const { clock, job, lines } = begin((clock) => [nested(clock), closesOuter]);
    await clock.advance(10);
    job.cancel('enough', { mode });
    await clock.runAll();
    expect(lines.slice(lines.indexOf(mode === 'abort' ? 'outer/work cancelled' : 'outer/work completed'))).toEqual([
      mode === 'abort' ? 'outer/work cancelled' : 'outer/work completed',
      'outer/close ready',
      'outer/close running',
      'outer/close completed',
      'outer cancelled',
      'close ready',
      'close running',
      'close completed',
      'JOB cancelled',
    ]);
  });

  test.each([
    ['timeout', 'timeout'],
    ['deadline', 'deadline'],
  ])('cleans up when the %s of its task is over, which then has failed', async (limit, reason) => {
    const { clock, job, lines } = begin((clock) => [nested(clock, { [limit]: 20 }), closesOuter]);
    await clock.runAll();
    const result = await job;
    expectOrder(lines, 'outer/close completed', 'outer failed');
    expect(result.tasks.outer).toMatchObject({ state: 'failed', reason });
    expect(result.tasks.close?.state).toBe('completed');
  });

  test('cleans up in each attempt', async () => {
    const { clock, job, lines } = begin((clock) => [nested(clock, { timeout: 20, maxRetries: 2 })]);
    await clock.runAll();
    expect((await job).state).toBe('failed');
    expect(times(lines, 'outer/close completed')).toBe(3);
  });

  test('that is clean-up has clean-up of its own, and failures of its own', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'work', run: works(clock, 100) },
      {
        name: 'tidy',
        kind: 'job',
        dependsOn: ['work'],
        trigger: 'always',
        definition: jobFrom('inner', [
          { name: 'fails', priority: 1, run: () => raise('stuck') },
          { name: 'runs', run: works(clock, 20) },
          { name: 'close', dependsOn: ['runs'], trigger: 'always', run: works(clock, 10) },
        ]),
      },
      { name: 'last', dependsOn: ['tidy'], trigger: 'always', run: nothing },
    ]);
    await clock.advance(1);
    job.cancel();
    await clock.runAll();
    expect(lines.slice(lines.indexOf('tidy running'))).toEqual([
      'tidy running',
      'tidy/fails ready',
      'tidy/runs ready',
      'tidy/fails running',
      'tidy/runs running',
      'tidy/fails failed',
      'tidy/runs cancelled',
      'tidy/close ready',
      'tidy/close running',
      'tidy/close completed',
      'tidy failed',
      'last ready',
      'last running',
      'last completed',
      'JOB cancelled',
    ]);
  });
});
