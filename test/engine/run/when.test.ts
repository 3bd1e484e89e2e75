import { type AnyTaskSpec, defineJob, type Job, jobFrom } from 'tintype';
import { describe, expect, test } from 'vitest';
import { begin, raise, states, transitions } from '../../support/conditions.ts';

const nothing = (): void => {};
const never = (): Promise<void> => new Promise(() => {});
const task = (job: Job, name: string) => job.task(name as never);

describe('when', () => {
  test.each([
    [true, 'completed'],
    [1, 'completed'],
    ['yes', 'completed'],
    [{}, 'completed'],
    [false, 'skipped when'],
    [0, 'skipped when'],
    ['', 'skipped when'],
    [null, 'skipped when'],
    [undefined, 'skipped when'],
    [Number.NaN, 'skipped when'],
  ])('that answers %j: %s', async (answer, state) => {
    const { job } = begin([{ name: 'a', when: () => answer as boolean, run: nothing }]);
    const result = await job;
    expect(states(result)).toEqual({ a: state });
    expect(result.state).toBe('completed');
  });

  test('reads what became of the tasks upstream, and so does the task', async () => {
    const seen: unknown[] = [];
    const job = defineJob('job')
      .task('a', () => ({ a: 1 }))
      .task('b', { dependsOn: ['a'], maxRetries: 1 }, () => raise('no'))
      .task(
        'either',
        {
          dependsOn: ['b'],
          trigger: 'allDone',
          when: ({ tasks }) => {
            // Typed are the dependencies.
            const { state, attempts, error } = tasks.b;
            seen.push(state, attempts, error?.message);
            // @ts-expect-error: further up, without a type.
            return tasks.a.state === 'completed';
          },
        },
        ({ tasks }) => {
          seen.push(Object.keys(tasks), Object.isFrozen(tasks), tasks.b.durationMs);
        },
      )
      .start({}, { onFailure: 'continue' });
    const result = await job;
    expect(result.tasks.either.state).toBe('completed');
    expect(seen).toEqual(['failed', 2, 'Task "b" failed in attempt 2: no', ['a', 'b'], true, expect.any(Number)]);
  });

  test('reads the input, what is done and the outputs of its dependencies, all frozen', async () => {
    const seen: unknown[] = [];
    const result = await defineJob<{ min: number }>('job')
      .task('count', () => ({ n: 3 }))
      .task('aside', () => ({ aside: 1 }))
      .task(
        'report',
        {
          dependsOn: ['count', 'aside'],
          when: ({ ctx, deps, jobId, taskName }) => {
            seen.push({ ...ctx }, deps, jobId, taskName, Object.isFrozen(deps), Object.isFrozen(deps.count));
            return deps.count.n > ctx.min;
          },
        },
        () => ({ reported: true }),
      )
      .start({ min: 5 }, { jobId: 'j1' });
    expect(seen).toEqual([
      { min: 5, n: 3, aside: 1 },
      { count: { n: 3 }, aside: { aside: 1 } },
      'j1',
      'report',
      true,
      true,
    ]);
    expect(result.tasks.report).toMatchObject({ state: 'skipped', reason: 'when', attempts: 0, startedAt: undefined });
    expect(result.ctx).not.toHaveProperty('reported');
  });

  test('is asked once, before the first attempt, whatever the retries', async () => {
    let asked = 0;
    const { job, ran } = begin([
      {
        name: 'a',
        when: () => ++asked > 0,
        maxRetries: 3,
        run: ({ attempt }) => (attempt < 4 ? raise('again') : undefined),
      },
    ]);
    await job;
    expect([asked, ran.length]).toEqual([1, 4]);
  });

  test('is not asked when the rule says skip, and is asked anew by nobody later', async () => {
    let asked = 0;
    const when = () => ++asked > 0;
    const { job } = begin(
      [
        { name: 'bad', run: () => raise('bad') },
        { name: 'good', run: nothing },
        { name: 'default', dependsOn: ['bad', 'good'], when, run: nothing },
        { name: 'behind', dependsOn: ['default'], when, run: nothing },
        { name: 'rule', dependsOn: ['good'], trigger: 'allFailed', when, run: nothing },
      ],
      { onFailure: 'continue' },
    );
    await job;
    expect(asked).toBe(0);
  });

  test('is not asked in a job that has been cancelled', async () => {
    let asked = 0;
    const { clock, job } = begin([
      { name: 'a', run: () => new Promise<void>((resolve) => clock.setTimer(resolve, 10)) },
      { name: 'b', dependsOn: ['a'], when: () => ++asked > 0, run: nothing },
    ]);
    await clock.advance(5);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    expect(states(await job)).toEqual({ a: 'completed', b: 'unscheduled' });
    expect(asked).toBe(0);
  });

  test('goes with a rule: the rule first, then the condition', async () => {
    const { job } = begin(
      [
        { name: 'bad', run: () => raise('bad') },
        { name: 'yes', dependsOn: ['bad'], trigger: 'oneFailed', when: () => true, run: nothing },
        { name: 'no', dependsOn: ['bad'], trigger: 'oneFailed', when: () => false, run: nothing },
      ],
      { onFailure: 'continue' },
    );
    expect(states(await job)).toEqual({ bad: 'failed error', yes: 'completed', no: 'skipped when' });
  });

  describe('that throws', () => {
    const boo = new Error('boo');

    test('fails its task, which no retry mends; the job fails with what was thrown', async () => {
      let asked = 0;
      const { job, ran } = begin([
        {
          name: 'a',
          maxRetries: 5,
          when: () => {
            asked++;
            throw boo;
          },
          run: nothing,
        },
        { name: 'b', dependsOn: ['a'], run: nothing },
      ]);
      const result = await job;
      expect(states(result)).toEqual({ a: 'failed error', b: 'unscheduled' });
      expect([asked, ran]).toEqual([1, []]);
      expect(result.error).toMatchObject({ code: 'JOB_FAILED', failedTask: 'a' });
      expect(result.error?.message).toContain('boo');
      expect(result.error?.rootCause()).toBe(boo);
    });

    test.each([
      [undefined],
      [null],
      ['text'],
      [Object.create(null)],
    ])('%o is a failure like any other', async (thrown) => {
      const { job } = begin([
        {
          name: 'a',
          when: () => {
            throw thrown;
          },
          run: nothing,
        },
      ]);
      const result = await job;
      expect(result.state).toBe('failed');
      expect(result.error?.rootCause()).toBe(thrown);
    });

    test('is tolerated with continueOnFailure', async () => {
      const { job, ran } = begin([
        { name: 'a', continueOnFailure: true, when: () => raise('boo'), run: nothing },
        { name: 'b', dependsOn: ['a'], run: nothing },
      ]);
      expect((await job).state).toBe('completed');
      expect(ran).toEqual(['b']);
    });

    test('is asked anew when its task is retried by hand', async () => {
      let asked = 0;
      const { clock, job, ran } = begin(
        [
          { name: 'a', when: () => (asked++ === 0 ? raise('once') : true), run: nothing },
          { name: 'open', run: never },
        ],
        { onFailure: 'continue' },
      );
      await clock.advance(1);
      job.retry('a' as never);
      await clock.advance(1);
      expect(task(job, 'a').state).toBe('completed');
      expect([asked, ran]).toEqual([2, ['open', 'a']]);
    });

    test.each([
      { name: 'a', kind: 'external', when: () => raise('boo') },
      { name: 'a', kind: 'sensor', when: () => raise('boo'), check: () => true },
      { name: 'a', kind: 'map', when: () => raise('boo'), over: [1], each: nothing },
      { name: 'a', kind: 'job', when: () => raise('boo'), definition: jobFrom('inner', []) },
    ] satisfies AnyTaskSpec[])('fails a task of kind $kind at once', async (spec) => {
      const { clock, job } = begin([spec]);
      await clock.advance(1);
      expect(job.state).toBe('failed');
      expect(task(job, 'a').reason).toBe('error');
    });
  });

  test.each([
    ['resolves', async () => true],
    ['rejects', async () => raise('late')],
  ])('that answers a promise, which %s, is a failure that says so, and no unhandled rejection', async (_, when) => {
    const { job, ran } = begin([{ name: 'a', when: when as unknown as () => boolean, run: nothing }]);
    const result = await job;
    expect(result.state).toBe('failed');
    expect((result.error?.rootCause() as Error).message).toBe(
      'when answered a promise: expected true or false at once',
    );
    await new Promise(setImmediate);
    expect(ran).toEqual([]);
  });

  test.each(['task', 'sensor', 'external', 'job', 'map'] as const)('skips a %s', async (kind) => {
    const specs: Readonly<Record<typeof kind, AnyTaskSpec>> = {
      task: { name: 'a', when: () => false, run: nothing },
      sensor: { name: 'a', kind, when: () => false, check: () => true } as AnyTaskSpec,
      external: { name: 'a', kind, when: () => false } as AnyTaskSpec,
      job: { name: 'a', kind, when: () => false, definition: jobFrom('inner', []) } as AnyTaskSpec,
      map: { name: 'a', kind, when: () => false, over: [1, 2], each: nothing } as AnyTaskSpec,
    };
    const { job, events } = begin([specs[kind]]);
    expect(states(await job)).toEqual({ a: 'skipped when' });
    expect(transitions(events, 'a').map(({ from, to, reason }) => [from, to, reason])).toEqual([
      ['unscheduled', 'skipped', 'when'],
    ]);
  });

  test('of a fan-out is asked for the whole, not for each item', async () => {
    let asked = 0;
    const { job } = begin([{ name: 'a', kind: 'map', when: () => ++asked > 0, over: [1, 2, 3], each: nothing }]);
    expect((await job).state).toBe('completed');
    expect(asked).toBe(1);
  });

  test('that cancels the job from within ends it, and its task does not run', async () => {
    let asked = 0;
    const { clock, job, ran } = begin([
      { name: 'a', run: nothing },
      {
        name: 'b',
        dependsOn: ['a'],
        when: () => {
          asked++;
          job.cancel('changed my mind');
          return true;
        },
        run: nothing,
      },
    ]);
    await clock.advance(1);
    expect(job.state).toBe('cancelled');
    expect([asked, ran]).toEqual([1, ['a']]);
  });

  test('that cancels the job from within, of a clean-up, is asked once, and the clean-up runs', async () => {
    let asked = 0;
    const { clock, job, ran } = begin([
      { name: 'a', run: nothing },
      {
        name: 'clean',
        dependsOn: ['a'],
        trigger: 'always',
        when: () => {
          asked++;
          job.cancel('changed my mind');
          return true;
        },
        run: nothing,
      },
    ]);
    await clock.advance(1);
    expect(job.state).toBe('cancelled');
    expect([asked, ran]).toEqual([1, ['a', 'clean']]);
  });

  test('that pauses the job from within holds its task until the job goes on', async () => {
    const { clock, job, ran } = begin([
      {
        name: 'a',
        when: () => {
          job.pause();
          return true;
        },
        run: nothing,
      },
      { name: 'b', run: nothing },
    ]);
    await clock.advance(1);
    expect([job.state, ran]).toEqual(['paused', []]);
    job.resume();
    await job;
    expect(ran).toEqual(['a', 'b']);
  });
});
