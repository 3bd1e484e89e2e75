import { type Job, type JobResult, notReady, type StartOptions } from 'tintype';
import { describe, expect, test } from 'vitest';
import { begin, expectOrder, failsAt10, raise, statesOf, works } from '../../support/clean-up.ts';

const nothing = (): void => {};
const never = (): Promise<void> => new Promise(() => {});

describe('clean-up of a job that is being stopped', () => {
  const always = { trigger: 'always' } as const;

  test('goes in the order of its dependencies; what is ready in one go is ready before the first of it runs', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'work', run: works(clock, 100) },
      { name: 'last', dependsOn: ['one', 'two'], ...always, run: nothing },
      { name: 'one', dependsOn: ['work'], ...always, run: works(clock, 10) },
      { name: 'two', dependsOn: ['work'], ...always, run: works(clock, 20) },
    ]);
    await clock.advance(1);
    job.cancel();
    await clock.runAll();
    expect(lines.slice(lines.indexOf('work cancelled'))).toEqual([
      'work cancelled',
      'one ready',
      'two ready',
      'one running',
      'two running',
      'one completed',
      'two completed',
      'last ready',
      'last running',
      'last completed',
      'JOB cancelled',
    ]);
  });

  test('waits for what runs further up, though a task between never starts (drain)', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'open', run: works(clock, 50) },
      { name: 'work', dependsOn: ['open'], run: nothing },
      { name: 'close', dependsOn: ['work'], ...always, run: nothing },
    ]);
    await clock.advance(10);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    expectOrder(lines, 'open completed', 'close ready');
    expect(lines).not.toContain('work ready');
  });

  test('waits for what runs further up, though a task between never starts (grace)', async () => {
    const { clock, job, lines } = begin(
      (clock) => [
        { name: 'open', run: () => new Promise<void>((resolve) => clock.setTimer(resolve, 50)) },
        { name: 'work', dependsOn: ['open'], run: nothing },
        { name: 'close', dependsOn: ['work'], ...always, run: nothing },
      ],
      { graceMs: 100 },
    );
    await clock.advance(10);
    job.cancel();
    await clock.runAll();
    expectOrder(lines, 'open cancelled', 'close ready');
  });

  test('waits for clean-up further up, though a task between never starts', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'work', run: never },
      { name: 'drop', dependsOn: ['work'], ...always, run: works(clock, 10) },
      { name: 'report', dependsOn: ['drop'], run: nothing },
      { name: 'close', dependsOn: ['report'], ...always, run: nothing },
    ]);
    await clock.advance(1);
    job.cancel();
    await clock.runAll();
    expectOrder(lines, 'drop completed', 'close ready');
    expect(lines).not.toContain('report ready');
  });

  test('sees what was put out before the end, and nothing of what did not complete', async () => {
    let seen: unknown;
    const { clock, job } = begin((clock) => [
      { name: 'done', run: () => ({ done: 1 }) },
      { name: 'runs', run: works(clock, 10, { runs: 1 }) },
      { name: 'later', dependsOn: ['runs'], run: () => ({ later: 1 }) },
      {
        name: 'close',
        dependsOn: ['done', 'runs', 'later'],
        ...always,
        run: ({ ctx, deps }) => {
          seen = { ctx: { ...ctx }, deps };
        },
      },
    ]);
    await clock.advance(1);
    await job.cancel();
    expect(seen).toEqual({ ctx: { done: 1 }, deps: { done: { done: 1 }, runs: undefined, later: undefined } });
  });

  test('is not aborted by it: what runs already goes on, is tried again, looks again', async () => {
    let looks = 0;
    const { clock, job, lines } = begin((clock) => [
      { name: 'work', run: works(clock, 100) },
      { name: 'runs', ...always, run: works(clock, 20) },
      {
        name: 'retries',
        ...always,
        maxRetries: 1,
        retry: { delayMs: 20 },
        run: ({ attempt }) => (attempt === 1 ? raise('once') : undefined),
      },
      { name: 'polls', ...always, kind: 'sensor', interval: 20, check: () => ++looks === 2 },
    ]);
    await clock.advance(10);
    job.cancel();
    expect(lines).toContain('work cancelled');
    expect(job.state).toBe('running');
    await clock.runAll();
    expect(statesOf(await job)).toEqual({
      work: 'cancelled',
      runs: 'completed',
      retries: 'completed',
      polls: 'completed',
    });
  });

  test('that has run already does not run again', async () => {
    let ran = 0;
    const { clock, job } = begin((clock) => [
      { name: 'a', run: nothing },
      { name: 'close', dependsOn: ['a'], ...always, run: () => void ran++ },
      { name: 'work', run: works(clock, 100) },
    ]);
    await clock.advance(10);
    await job.cancel();
    expect(ran).toBe(1);
  });

  test('may fail or be not ready: the rest of it runs, and the job ends as it was going to', async () => {
    for (const [options, act, state] of [
      [{}, (job: Job) => void job.cancel(), 'cancelled'],
      [{ timeout: 20 }, nothing, 'timedOut'],
    ] as const) {
      const { clock, job } = begin(
        (clock) => [
          { name: 'work', run: works(clock, 100) },
          { name: 'fails', dependsOn: ['work'], ...always, run: () => raise('stuck') },
          { name: 'waits', dependsOn: ['work'], ...always, run: () => notReady('later') },
          { name: 'runs', dependsOn: ['work'], ...always, run: works(clock, 10) },
          { name: 'behind', dependsOn: ['fails', 'waits'], ...always, run: nothing },
        ],
        options,
      );
      await clock.advance(10);
      act(job);
      await clock.runAll();
      const result = await job;
      expect(result.state).toBe(state);
      expect(statesOf(result)).toEqual({
        work: 'cancelled',
        fails: 'failed',
        waits: 'notReady',
        runs: 'completed',
        behind: 'completed',
      });
      expect(result.errors.map(({ taskName }) => taskName)).toEqual(['fails']);
    }
  });

  test('that fails in a job in which nothing else went wrong fails the job', async () => {
    const { job } = begin(() => [
      { name: 'work', run: nothing },
      { name: 'close', dependsOn: ['work'], ...always, run: () => raise('stuck') },
    ]);
    const result = await job;
    expect(result.state).toBe('failed');
    expect(result.error).toMatchObject({ code: 'JOB_FAILED', failedTask: 'close' });
  });

  test('keeps to its time limit and its deadline; without any it may take for ever', async () => {
    const { clock, job } = begin(() => [
      { name: 'work', run: never },
      { name: 'limited', dependsOn: ['work'], ...always, timeout: 30, run: never },
      { name: 'dated', dependsOn: ['work'], ...always, deadline: 40, kind: 'external' },
    ]);
    await clock.advance(10);
    job.cancel();
    await clock.advance(39);
    expect(job.state).toBe('running');
    await clock.advance(1);
    const { tasks } = await job;
    expect([tasks.limited?.reason, tasks.dated?.reason]).toEqual(['timeout', 'deadline']);
  });

  test('waits for a slot like any task', async () => {
    const { clock, job, lines } = begin(
      (clock) => [
        { name: 'work', run: works(clock, 100) },
        { name: 'one', dependsOn: ['work'], ...always, run: works(clock, 10) },
        { name: 'two', dependsOn: ['work'], ...always, run: works(clock, 10), priority: 1, pool: 'db' },
        { name: 'three', dependsOn: ['work'], ...always, run: works(clock, 10), pool: 'db' },
      ],
      { maxConcurrency: 1, pools: { db: 1 } },
    );
    await clock.advance(10);
    job.cancel();
    await clock.runAll();
    expect(lines.filter((line) => /^(one|two|three) (running|completed)$/.test(line))).toEqual([
      'two running',
      'two completed',
      'one running',
      'one completed',
      'three running',
      'three completed',
    ]);
    expect(job.state).toBe('cancelled');
  });

  test('starts no task but itself, and takes none on', async () => {
    const refused: unknown[] = [];
    const { clock, job, lines } = begin((clock, job) => [
      { name: 'work', run: works(clock, 100) },
      {
        name: 'close',
        dependsOn: ['work'],
        ...always,
        run: () => {
          try {
            job().addTasks([{ name: 'more', run: nothing }]);
          } catch (error) {
            refused.push((error as { code: string }).code);
          }
        },
      },
      { name: 'after', dependsOn: ['close'], run: nothing },
      { name: 'anyway', dependsOn: ['close'], trigger: 'allDone', run: nothing },
    ]);
    await clock.advance(1);
    const result = await job.cancel();
    expect(statesOf(result)).toMatchObject({ close: 'completed', after: 'unscheduled', anyway: 'unscheduled' });
    expect(refused).toEqual(['INVALID_STATE']);
    expect(lines.at(-1)).toBe('JOB cancelled');
  });

  test('is explained: it waits for what runs', async () => {
    const { clock, job } = begin((clock) => [
      { name: 'work', run: never },
      { name: 'next', dependsOn: ['work'], run: nothing },
      { name: 'one', dependsOn: ['work'], ...always, run: works(clock, 10) },
      { name: 'two', dependsOn: ['next', 'one'], ...always, run: nothing },
    ]);
    await clock.advance(1);
    job.cancel();
    await clock.advance(1);
    expect(job.explain('two' as never)[0]?.reasons).toMatchObject([{ kind: 'upstream', tasks: ['one'] }]);
    expect(job.explain('next' as never)[0]?.reasons).toMatchObject([{ kind: 'job' }]);
  });
});

describe('a failure while a job is drained', () => {
  const drain = async (bad: 'task' | 'clean-up', onFailure: StartOptions['onFailure']): Promise<JobResult> => {
    const { clock, job } = begin(
      (clock) => [
        { name: 'slow', run: works(clock, 50, { slow: 1 }) },
        { name: 'quick', run: works(clock, 20) },
        { name: 'bad', run: bad === 'task' ? failsAt10(clock) : nothing },
        {
          name: 'close',
          dependsOn: ['quick'],
          trigger: 'always',
          run: () => (bad === 'clean-up' ? raise('stuck') : undefined),
        },
      ],
      { onFailure },
    );
    await clock.advance(5);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    return job;
  };

  test.each([
    ['clean-up', 'abort', 'completed'],
    ['clean-up', 'drain', 'completed'],
    ['clean-up', 'continue', 'completed'],
    ['task', 'drain', 'completed'],
    ['task', 'continue', 'completed'],
    ['task', 'abort', 'cancelled'],
  ] as const)('of %s, with onFailure %s: the rest is %s', async (bad, onFailure, rest) => {
    const result = await drain(bad, onFailure);
    expect([result.state, result.tasks.slow?.state]).toEqual(['cancelled', rest]);
    expect(result.tasks.close?.state).toBe(bad === 'task' ? 'completed' : 'failed');
    expect(result.errors).toHaveLength(1);
  });
});
