import { type AnyTaskSpec, branch, defineJob, type Job, type StandardSchema, type TriggerRule } from 'tintype';
import { describe, expect, test } from 'vitest';
import { begin, RULES, raise, runs, states } from '../../support/conditions.ts';

const nothing = (): void => {};
const never = (): Promise<void> => new Promise(() => {});
const task = (job: Job, name: string) => job.task(name as never);

describe('branch', () => {
  const fork = (picks: string | readonly string[], rest: readonly AnyTaskSpec[] = []): AnyTaskSpec[] => [
    { name: 'fork', run: () => branch(picks) },
    { name: 'left', dependsOn: ['fork'], run: nothing },
    { name: 'right', dependsOn: ['fork'], run: nothing },
    ...rest,
  ];

  test.each([
    ['left', { left: 'completed', right: 'skipped branch' }],
    [['left'], { left: 'completed', right: 'skipped branch' }],
    [['left', 'right'], { left: 'completed', right: 'completed' }],
    [['left', 'left'], { left: 'completed', right: 'skipped branch' }],
    [[], { left: 'skipped branch', right: 'skipped branch' }],
  ])('that picks %j', async (picks, expected) => {
    const result = await begin(fork(picks)).job;
    expect(states(result)).toEqual({ fork: 'completed', ...expected });
    expect(result.state).toBe('completed');
  });

  test('skips what is downstream of what it did not pick, as the rules there say', async () => {
    const { job } = begin(
      fork('left', [
        { name: 'far', dependsOn: ['right'], run: nothing },
        { name: 'all', dependsOn: ['left', 'right'], run: nothing },
        { name: 'any', dependsOn: ['left', 'right'], trigger: 'noneFailedMinOneSuccess', run: nothing },
        { name: 'tidy', dependsOn: ['right'], trigger: 'allDone', run: nothing },
      ]),
    );
    expect(states(await job)).toMatchObject({
      far: 'skipped upstreamSkipped',
      all: 'skipped upstreamSkipped',
      any: 'completed',
      tidy: 'completed',
    });
  });

  test('leaves a join that is its own downstream and that of the picked task to the picked task', async () => {
    const join = (dependsOn: readonly string[], trigger?: TriggerRule): AnyTaskSpec[] =>
      fork('left', [
        { name: 'mid', dependsOn: ['left'], run: nothing },
        { name: 'join', dependsOn, trigger, run: nothing },
      ]);
    const outcome = async (tasks: AnyTaskSpec[]) => states(await begin(tasks).job).join;
    expect(await outcome(join(['fork', 'left']))).toBe('completed');
    expect(await outcome(join(['fork', 'mid']))).toBe('completed');
    expect(await outcome(join(['fork', 'right']))).toMatch(/^skipped (branch|upstreamSkipped)$/);
    expect(await outcome(join(['fork', 'left', 'right']))).toBe('skipped upstreamSkipped');
    expect(await outcome(join(['fork', 'left', 'right'], 'noneFailed'))).toBe('completed');
  });

  test.each(RULES)('to a task of the rule %s that it did not pick counts as skipped', async (rule) => {
    const { job } = begin([
      { name: 'fork', run: () => branch('other') },
      { name: 'other', dependsOn: ['fork'], run: nothing },
      { name: 'task', dependsOn: ['fork'], trigger: rule, run: nothing },
    ]);
    const ends = runs(rule, 'K') ? 'completed' : undefined;
    const { state } = (await job).tasks.task ?? {};
    expect(state).toBe(ends ?? 'skipped');
  });

  test('puts out what it is given with the picks, at once or later', async () => {
    const result = await defineJob('job')
      .task('fork', async () => branch('left', { rows: 3 }))
      .task('left', { dependsOn: ['fork'] }, ({ ctx, deps }) => ({ twice: ctx.rows + deps.fork.rows }))
      .start();
    expect(result.ctx).toEqual({ rows: 3, twice: 6 });
  });

  test('with an unknown name, or one that does not directly depend on it, is an output that is not retried', async () => {
    for (const picks of ['lefft', 'far', 'fork']) {
      const { job, ran } = begin([
        { name: 'fork', maxRetries: 3, run: () => branch(picks) },
        { name: 'left', dependsOn: ['fork'], run: nothing },
        { name: 'far', dependsOn: ['left'], run: nothing },
      ]);
      const result = await job;
      expect(result.tasks.fork).toMatchObject({ state: 'failed', reason: 'invalidOutput', attempts: 1 });
      expect(result.tasks.fork?.error).toMatchObject({ code: 'INVALID_OUTPUT' });
      expect(result.tasks.fork?.error?.message).toContain(`"${picks}", which does not directly depend on it`);
      expect(ran).toEqual(['fork']);
    }
  });

  test.each([
    ['a symbol', [Symbol('left')]],
    ['an object without a text', [Object.create(null)]],
    ['undefined', [undefined]],
    ['null', [null]],
    ['a number', [1]],
  ])('with %s among the picks is refused', async (_, picks) => {
    const { clock, job } = begin(fork(picks as unknown as string[]));
    await clock.advance(1);
    expect(job.state).toBe('failed');
    expect(task(job, 'fork')).toMatchObject({ state: 'failed', reason: 'invalidOutput' });
  });

  test.each([[[1]], [null], ['text'], [new Map()]])('with the output %o is refused', async (output) => {
    const { job } = begin([
      { name: 'fork', run: () => branch('left', output as object) },
      { name: 'left', dependsOn: ['fork'], run: nothing },
    ]);
    expect((await job).tasks.fork).toMatchObject({ state: 'failed', reason: 'invalidOutput' });
  });

  test('has its output checked, and made what the schema makes of it', async () => {
    const schema: StandardSchema<{ n: number }, { n: number }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => {
          const { n } = (value ?? {}) as { n?: unknown };
          return typeof n === 'number' ? { value: { n: n + 1 } } : { issues: [{ message: 'n is no number' }] };
        },
      },
    };
    const play = (n: unknown) =>
      begin([
        { name: 'fork', output: schema, run: () => branch('left', { n }) },
        { name: 'left', dependsOn: ['fork'], run: nothing },
        { name: 'right', dependsOn: ['fork'], run: nothing },
      ]).job;
    const good = await play(1);
    expect(good.ctx).toEqual({ n: 2 });
    expect(states(good)).toMatchObject({ left: 'completed', right: 'skipped branch' });
    expect((await play('text')).tasks.fork).toMatchObject({ state: 'failed', reason: 'invalidOutput' });
  });

  test('is no answer for an instance of a fan-out', async () => {
    const { job } = begin([
      { name: 'each', kind: 'map', over: [1], each: () => branch('left') },
      { name: 'left', dependsOn: ['each'], run: nothing },
    ]);
    expect((await job).tasks.each?.tasks?.['[0]']).toMatchObject({ state: 'failed', reason: 'invalidOutput' });
  });

  test('of an attempt that failed does not outlive it', async () => {
    let attempts = 0;
    const { clock, job } = begin(
      [
        { name: 'fork', run: () => (attempts++ === 0 ? branch('left', [1] as object) : {}) },
        { name: 'left', dependsOn: ['fork'], run: nothing },
        { name: 'right', dependsOn: ['fork'], run: nothing },
        { name: 'open', run: never },
      ],
      { onFailure: 'continue' },
    );
    await clock.advance(1);
    job.retry('fork' as never);
    await clock.advance(1);
    expect([task(job, 'left').state, task(job, 'right').state]).toEqual(['completed', 'completed']);
  });

  test('after retries picks as its last attempt says', async () => {
    const { job } = begin(
      [
        { name: 'fork', maxRetries: 1, run: ({ attempt }) => (attempt === 1 ? raise('once') : branch('right')) },
        { name: 'left', dependsOn: ['fork'], run: nothing },
        { name: 'right', dependsOn: ['fork'], run: nothing },
      ],
      {},
    );
    expect(states(await job)).toEqual({ fork: 'completed', left: 'skipped branch', right: 'completed' });
  });

  test('asks the conditions of what it picked', async () => {
    const { job } = begin([
      { name: 'fork', run: () => branch(['left', 'right']) },
      { name: 'left', dependsOn: ['fork'], when: () => false, run: nothing },
      { name: 'right', dependsOn: ['fork'], when: () => true, run: nothing },
    ]);
    expect(states(await job)).toEqual({ fork: 'completed', left: 'skipped when', right: 'completed' });
  });

  test('in a branch in a branch', async () => {
    const { job } = begin([
      { name: 'outer', run: () => branch('inner') },
      { name: 'inner', dependsOn: ['outer'], run: () => branch('b') },
      { name: 'other', dependsOn: ['outer'], run: () => branch('c') },
      { name: 'a', dependsOn: ['inner'], run: nothing },
      { name: 'b', dependsOn: ['inner'], run: nothing },
      { name: 'c', dependsOn: ['other'], run: nothing },
      { name: 'join', dependsOn: ['a', 'b', 'c'], trigger: 'oneSuccess', run: nothing },
    ]);
    expect(states(await job)).toEqual({
      outer: 'completed',
      inner: 'completed',
      other: 'skipped branch',
      a: 'skipped branch',
      b: 'completed',
      c: 'skipped upstreamSkipped',
      join: 'completed',
    });
  });

  test('over 2,000 tasks that picks one', async () => {
    const names = Array.from({ length: 2_000 }, (_, at) => `t${at}`);
    const { job, ran } = begin([
      { name: 'fork', run: () => branch('t1234') },
      ...names.map((name): AnyTaskSpec => ({ name, dependsOn: ['fork'], run: nothing })),
      { name: 'join', dependsOn: names, trigger: 'oneSuccess', run: nothing },
    ]);
    expect((await job).state).toBe('completed');
    expect(ran).toEqual(['fork', 't1234', 'join']);
  });
});
