import { type AnyTaskSpec, type Job, jobFrom, type StartOptions } from 'tintype';
import type { VirtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { type Begun, begin, expectOrder, type MakeTasks, raise, statesOf, works } from '../../support/clean-up.ts';

const nothing = (): void => {};

const task = (job: Job, name: string) => job.task(name as never);
const times = (lines: readonly string[], line: string): number => lines.filter((each) => each === line).length;

describe('cancelled again while it cleans up, a job', () => {
  const cleaning = async (options: StartOptions = {}): Promise<Begun> => {
    const begun = begin(
      (clock) => [
        { name: 'work', run: works(clock, 100) },
        { name: 'deaf', run: () => new Promise<void>((resolve) => clock.setTimer(resolve, 200)) },
        { name: 'one', dependsOn: ['work'], trigger: 'always', run: works(clock, 30) },
        { name: 'two', dependsOn: ['one', 'deaf'], trigger: 'always', run: works(clock, 30) },
      ],
      options,
    );
    await begun.clock.advance(10);
    return begun;
  };

  test('ends its clean-up at once, and keeps the first reason', async () => {
    const { clock, job, lines } = await cleaning();
    job.cancel('first');
    await clock.advance(10);
    job.cancel('second');
    const result = await job;
    expect(result.error?.cause).toBe('first');
    expect([times(lines, 'one running'), times(lines, 'two running')]).toEqual([1, 0]);
    expect(statesOf(result)).toEqual({ work: 'cancelled', deaf: 'cancelled', one: 'cancelled', two: 'unscheduled' });
  });

  test('by drain finishes its clean-up', async () => {
    const { clock, job } = await cleaning();
    job.cancel('first');
    await clock.advance(10);
    job.cancel('second', { mode: 'drain' });
    await clock.runAll();
    expect(statesOf(await job)).toMatchObject({ one: 'completed', two: 'completed' });
  });

  test('after a drain of which only clean-up is left ends that', async () => {
    const { clock, job } = begin(() => [{ name: 'endless', trigger: 'always', run: () => new Promise(nothing) }]);
    await clock.advance(1);
    job.cancel('first', { mode: 'drain' });
    await clock.advance(1);
    expect(job.state).toBe('running');
    job.cancel('second');
    expect(statesOf(await job)).toEqual({ endless: 'cancelled' });
  });

  test('that timed out or failed ends its clean-up, too', async () => {
    for (const [options, state] of [
      [{ timeout: 5 }, 'timedOut'],
      [{ onFailure: 'abort' }, 'cancelled'],
    ] as const) {
      const { clock, job } = begin(
        () => [
          { name: 'endless', trigger: 'always', run: () => new Promise(nothing) },
          { name: 'work', run: () => (state === 'timedOut' ? new Promise(nothing) : raise('stuck')) },
        ],
        options,
      );
      await clock.advance(10);
      job.cancel('first');
      await clock.advance(1_000);
      expect(job.state).toBe('running');
      job.cancel('second');
      expect((await job).state).toBe(state);
    }
  });

  test('by its signal before or after that ends its clean-up, too', async () => {
    for (const order of [
      ['signal', 'cancel'],
      ['cancel', 'signal'],
    ] as const) {
      const controller = new AbortController();
      const { clock, job } = begin(() => [{ name: 'endless', trigger: 'always', run: () => new Promise(nothing) }], {
        signal: controller.signal,
      });
      const requests = { signal: () => controller.abort('signal'), cancel: () => void job.cancel('cancel') };
      await clock.advance(1);
      requests[order[0]]();
      await clock.advance(1_000);
      expect(job.state, order.join()).toBe('running');
      requests[order[1]]();
      await clock.advance(1);
      expect(job.state, order.join()).toBe('cancelled');
      expect((await job).error?.cause).toBe(order[0]);
    }
  });

  test('tells its clean-up by the signal, and gives it the grace of the job', async () => {
    let reason: unknown;
    const { clock, job } = begin(
      () => [
        {
          name: 'endless',
          trigger: 'always',
          maxRetries: 5,
          run: ({ signal }) =>
            new Promise(() => {
              signal.addEventListener('abort', () => {
                reason = signal.reason;
              });
            }),
        },
      ],
      { graceMs: 50 },
    );
    await clock.advance(1);
    job.cancel('first');
    await clock.advance(100);
    expect(reason).toBeUndefined();
    job.cancel('second');
    expect(reason).toMatchObject({ code: 'JOB_CANCELLED' });
    await clock.advance(49);
    expect(job.state).toBe('running');
    await clock.advance(1);
    expect([job.state, clock.pending()]).toEqual(['cancelled', 0]);
  });

  test('ends clean-up in its nested jobs, and nested jobs that are clean-up', async () => {
    const endless: AnyTaskSpec = { name: 'endless', trigger: 'always', run: () => new Promise(nothing) };
    const { clock, job } = begin(() => [
      { name: 'outer', kind: 'job', definition: jobFrom('one', [endless]) },
      { name: 'tidy', kind: 'job', trigger: 'always', definition: jobFrom('two', [endless]) },
      { name: 'each', kind: 'map', trigger: 'always', over: [1, 2], each: () => new Promise(nothing) },
      { name: 'outside', kind: 'external', trigger: 'always' },
    ]);
    await clock.advance(1);
    job.cancel('first');
    await clock.runAll();
    expect(job.state).toBe('running');
    job.cancel('second');
    expect((await job).state).toBe('cancelled');
  });

  test('is not cancelled again by the end of its scope', async () => {
    const { clock, job } = await cleaning();
    job.cancel('first');
    const disposed = job[Symbol.asyncDispose]();
    await clock.runAll();
    await disposed;
    expect(statesOf(await job)).toMatchObject({ one: 'completed', two: 'completed' });
  });

  test('that drains is aborted, but for its clean-up', async () => {
    const { clock, job } = await cleaning();
    job.cancel('first', { mode: 'drain' });
    await clock.advance(95);
    expect(task(job, 'one').state).toBe('running');
    job.cancel('second');
    await clock.advance(80);
    expect(job.state).toBe('cancelled');
    expect(statesOf(await job)).toEqual({ work: 'completed', deaf: 'cancelled', one: 'completed', two: 'completed' });
  });

  test('keeps its grace, and ends without what does not stop', async () => {
    const { clock, job } = await cleaning({ graceMs: 50 });
    job.cancel('first');
    await clock.advance(40);
    job.cancel('second');
    expect(task(job, 'deaf').state).toBe('running');
    await clock.advance(10);
    expect([task(job, 'deaf').state, task(job, 'two').state, job.state]).toEqual([
      'cancelled',
      'unscheduled',
      'cancelled',
    ]);
  });

  test('that failed is cancelled; one that timed out stays timed out', async () => {
    const failed = begin((clock) => [
      { name: 'work', run: () => raise('stuck') },
      { name: 'close', dependsOn: ['work'], trigger: 'always', run: works(clock, 30) },
    ]);
    await failed.clock.advance(10);
    failed.job.cancel('by hand');
    await failed.clock.runAll();
    expect((await failed.job).error).toMatchObject({ code: 'JOB_CANCELLED', failedTask: 'work', cause: 'by hand' });
    const late = await cleaning({ timeout: 20 });
    await late.clock.advance(15);
    late.job.cancel('by hand');
    await late.clock.runAll();
    expect((await late.job).state).toBe('timedOut');
  });

  test('within any of its events ends all the same', async () => {
    for (let at = 0; at < 20; at++) {
      const begun = begin((clock) => [
        { name: 'a', run: works(clock, 5) },
        { name: 'b', dependsOn: ['a'], run: works(clock, 5) },
        { name: 'one', dependsOn: ['b'], trigger: 'always', run: works(clock, 5) },
        { name: 'two', dependsOn: ['one', 'a'], trigger: 'always', when: () => true, run: works(clock, 5) },
      ]);
      const { clock, job, lines } = begun;
      job.events$.subscribe(({ seq }) => {
        if (seq >= at) job.cancel();
      });
      await clock.runAll();
      expect(job.state).toMatch(/cancelled|completed/);
      expect(times(lines, 'one running')).toBeLessThan(2);
    }
  });
});

describe('a job that is cancelled before it starts', () => {
  const specs: MakeTasks = () => [
    { name: 'work', run: () => raise('ran') },
    { name: 'close', dependsOn: ['work'], trigger: 'always', run: () => raise('ran') },
    { name: 'alone', trigger: 'always', when: () => raise('asked'), run: () => raise('ran') },
  ];

  test('has nothing to clean up: one event, idle -> cancelled', async () => {
    const { clock, job, events } = begin(specs);
    job.cancel('changed my mind');
    await clock.runAll();
    expect(events).toMatchObject([{ type: 'job.transition', from: 'idle', to: 'cancelled', seq: 0 }]);
    expect(statesOf(await job)).toEqual({ work: 'unscheduled', close: 'unscheduled', alone: 'unscheduled' });
  });

  test('by a signal that has aborted: the same', async () => {
    const { clock, job, events } = begin(specs, { signal: AbortSignal.abort('too late') });
    await clock.runAll();
    expect(events).toMatchObject([{ type: 'job.transition', from: 'idle', to: 'cancelled', reason: 'too late' }]);
    expect((await job).state).toBe('cancelled');
  });

  test('within the event of its start it has begun, and cleans up', async () => {
    const { clock, job, lines } = begin(() => [
      { name: 'work', run: nothing },
      { name: 'close', dependsOn: ['work'], trigger: 'always', run: nothing },
    ]);
    job.events$.subscribe(({ seq }) => {
      if (seq === 0) job.cancel();
    });
    await clock.runAll();
    expect(lines).toEqual(['JOB running', 'close ready', 'close running', 'close completed', 'JOB cancelled']);
  });
});

describe('paused', () => {
  test('a job that is cancelled cleans up, and starts nothing else', async () => {
    const { clock, job, lines } = begin(
      (clock) => [
        { name: 'work', run: works(clock, 50) },
        { name: 'waits', run: nothing },
        { name: 'close', dependsOn: ['work'], trigger: 'always', run: works(clock, 10) },
      ],
      { maxConcurrency: 1 },
    );
    await clock.advance(10);
    job.pause('an operator');
    job.cancel();
    await clock.runAll();
    expectOrder(lines, 'work cancelled', 'close ready');
    expectOrder(lines, 'waits cancelled', 'close ready');
    expectOrder(lines, 'close completed', 'JOB cancelled');
    expect(lines).not.toContain('waits running');
  });

  test('a job without clean-up ends as it stands', async () => {
    const { clock, job, lines } = begin((clock) => [{ name: 'work', run: works(clock, 50) }]);
    await clock.advance(10);
    job.pause();
    job.cancel();
    await clock.runAll();
    expect(lines.slice(-3)).toEqual(['JOB paused', 'work cancelled', 'JOB cancelled']);
  });

  test.each([
    ['before it is ready', { dependsOn: ['work'] }],
    ['while it waits for a slot', {}],
    ['while its next attempt is due', { priority: 1, maxRetries: 1, retry: { delayMs: 1_000 } }],
    ['because its retries are used up', { priority: 1, onExhausted: 'pause' }],
  ] as const)('clean-up that is paused %s runs when its job is stopped', async (moment, options) => {
    const { clock, job } = begin(
      (clock) => [
        { name: 'work', run: works(clock, 50) },
        {
          name: 'close',
          trigger: 'always',
          ...options,
          run: ({ attempt }) => ('priority' in options && attempt === 1 ? raise('once') : undefined),
        },
      ],
      { maxConcurrency: 1 },
    );
    await clock.advance(10);
    if (moment !== 'because its retries are used up') task(job, 'close').pause();
    await clock.advance(1);
    job.cancel();
    await clock.runAll();
    expect(job.state).toBe('cancelled');
    expect(task(job, 'close').state).toBe('completed');
  });

  const nest = (clock: VirtualClock): AnyTaskSpec => ({
    name: 'outer',
    kind: 'job',
    definition: jobFrom('inner', [
      { name: 'work', run: works(clock, 50) },
      { name: 'close', dependsOn: ['work'], trigger: 'always', run: works(clock, 10) },
    ]),
  });

  test.each([
    ['its job', (job: Job) => job.pause()],
    ['it', (job: Job) => task(job, 'outer').pause()],
    [
      'both',
      (job: Job) => {
        task(job, 'outer').pause();
        job.pause();
      },
    ],
  ])('a nested job cleans up when it is cancelled while %s is paused', async (_, pause) => {
    const { clock, job, lines } = begin((clock) => [nest(clock)]);
    await clock.advance(10);
    pause(job);
    job.cancel();
    await clock.runAll();
    expect(job.state).toBe('cancelled');
    expectOrder(lines, 'outer/close completed', 'outer cancelled');
  });

  test('a nested job in a nested job cleans up when it is cancelled while the outermost is paused', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'top', kind: 'job', definition: jobFrom('middle', [nest(clock)]) },
    ]);
    await clock.advance(10);
    job.pause();
    job.cancel();
    await clock.runAll();
    expect(job.state).toBe('cancelled');
    expectOrder(lines, 'top/outer/close completed', 'top cancelled');
  });
});
