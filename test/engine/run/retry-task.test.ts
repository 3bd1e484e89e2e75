import { type AnyTaskSpec, type CommandErrorCode, defineJob, jobFrom, notReady, type TaskState } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begin, failing, when } from '../../support/pausing.ts';

const refused = (code: CommandErrorCode) => expect.objectContaining({ name: 'CommandError', code });

describe('retry of a failed task', () => {
  const chain = (fails: number): readonly AnyTaskSpec[] => [
    { name: 'a', run: failing(fails, { a: 1 }) },
    { name: 'b', dependsOn: ['a'], run: ({ ctx }) => ({ b: ctx.a }) },
    { name: 'c', dependsOn: ['b'], run: () => ({ c: 3 }) },
    { kind: 'external', name: 'rest' },
  ];

  test('brings back what was skipped because of it', async () => {
    const { clock, job, lines } = await begin(() => chain(1), { onFailure: 'continue' });
    expect(['a', 'b', 'c'].map((name) => job.task(name).state)).toEqual(['failed', 'skipped', 'skipped']);
    const before = lines.length;
    job.retry('a');
    expect(lines.slice(before, before + 3)).toEqual([
      '0 a failed>ready #1',
      '0 b skipped>unscheduled #0',
      '0 c skipped>unscheduled #0',
    ]);
    await clock.advance(0);
    job.task('rest').complete();
    const { state, ctx, errors, error, tasks } = await job;
    expect([state, errors, error]).toEqual(['completed', [], undefined]);
    expect(ctx).toEqual({ a: 1, b: 1, c: 3 });
    expect(tasks.a).toMatchObject({ state: 'completed', attempts: 2, error: undefined, reason: undefined });
    expect(tasks.b).toMatchObject({ state: 'completed', error: undefined, reason: undefined });
  });

  test('that fails again skips them again, and the errors tell of the last failure alone', async () => {
    const { clock, job } = await begin(() => chain(2), { onFailure: 'continue' });
    job.retry('a');
    await clock.advance(0);
    expect(['a', 'b', 'c'].map((name) => job.task(name).state)).toEqual(['failed', 'skipped', 'skipped']);
    job.task('rest').complete();
    const { state, errors } = await job;
    expect([state, errors.length, errors[0]?.attempt]).toEqual(['failed', 1, 2]);
    expect((errors[0]?.cause as Error).message).toBe('failure 2');
  });

  test('has all its retries anew', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'a', maxRetries: 1, run: failing(99) },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    expect(job.task('a').attempts).toBe(2);
    job.retry('a');
    await clock.advance(0);
    expect([job.task('a').state, job.task('a').attempts]).toEqual(['failed', 4]);
  });

  test('of one of two failed upstreams leaves the common downstream skipped, of both brings it back', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'left', run: failing(1) },
        { name: 'right', run: failing(1) },
        { name: 'join', dependsOn: ['left', 'right'], run: () => ({ joined: true }) },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    job.retry('left');
    await clock.advance(0);
    expect([job.task('left').state, job.task('join').state]).toEqual(['completed', 'skipped']);
    expect(job.task('join').error?.message).toContain('"right" upstream of it failed');
    job.retry('right');
    await clock.advance(0);
    expect(job.task('join').state).toBe('completed');
    job.task('rest').complete();
    expect(await job).toMatchObject({ state: 'completed', ctx: { joined: true } });
  });

  test('of both at once, by job.retry()', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'left', run: failing(1) },
        { name: 'right', run: failing(1) },
        { name: 'join', dependsOn: ['left', 'right'], run: () => {} },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    job.retry();
    await clock.advance(0);
    expect(['left', 'right', 'join'].map((name) => job.task(name).state)).toEqual(Array(3).fill('completed'));
  });

  test('brings back only what was skipped because of it: a skip by a condition is decided anew', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'a', run: failing(1) },
        { name: 'never', dependsOn: ['a'], when: () => false, run: () => {} },
        { name: 'after', dependsOn: ['never'], trigger: 'allDone', run: () => {} },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    expect(job.task('after').state).toBe('completed');
    expect(() => job.retry('a')).toThrow(refused('INVALID_STATE'));
    await clock.advance(0);
  });

  test('is refused where something has acted on the failure: nothing changes', async () => {
    const { job, lines } = await begin(
      () => [
        { name: 'a', run: failing(1) },
        { name: 'mail', dependsOn: ['a'], trigger: 'allFailed', run: () => {} },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    const before = lines.length;
    expect(() => job.retry('a')).toThrow(/its failure has been acted on, "mail" is completed/);
    expect(() => job.retry('a')).toThrow(refused('INVALID_STATE'));
    expect([lines.length, job.task('a').state]).toEqual([before, 'failed']);
  });

  test('job.retry() passes over failures that have been acted on, tolerated ones for instance', async () => {
    const { clock, job } = await begin(() => [
      { name: 'tolerated', continueOnFailure: true, run: failing(1) },
      { name: 'after', dependsOn: ['tolerated'], run: () => {} },
      { name: 'a', onExhausted: 'pause', run: failing(1) },
    ]);
    job.retry();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('job.retry() is refused where there is nothing to try again', async () => {
    const { job } = await begin(() => [{ kind: 'external', name: 'a' }]);
    expect(() => job.retry()).toThrow(refused('INVALID_STATE'));
    job.task('a').pause();
    expect(() => job.retry()).toThrow(refused('INVALID_STATE'));
    expect(job.task('a').state).toBe('paused');
  });

  test.each<[state: TaskState, name: string]>([
    ['completed', 'done'],
    ['skipped', 'after'],
    ['running', 'runs'],
    ['ready', 'review'],
    ['unscheduled', 'later'],
    ['notReady', 'waits'],
  ])('is refused for one that is %s', async (state, name) => {
    const { job } = await begin(
      () => [
        { name: 'done', run: () => {} },
        { name: 'bad', run: failing(1) },
        { name: 'after', dependsOn: ['bad'], run: () => {} },
        { name: 'runs', run: () => new Promise(() => {}) },
        { kind: 'external', name: 'review' },
        { name: 'later', dependsOn: ['review'], run: () => {} },
        { name: 'waits', run: () => notReady('x') },
      ],
      { onFailure: 'continue' },
    );
    expect(job.task(name).state).toBe(state);
    expect(() => job.retry(name)).toThrow(refused('INVALID_STATE'));
  });

  test('of a job that is over goes on in a handle of its own', async () => {
    const { job } = await begin(() => [{ name: 'a', run: failing(1) }]);
    expect(() => job.task('a').retry()).toThrow(refused('INVALID_STATE'));
    const again = job.retry('a');
    expect([again.id, (await again).state, job.state]).toEqual([job.id, 'completed', 'failed']);
  });

  test('is refused while the job is ending', async () => {
    const { clock, job } = await begin(
      (nap) => [
        { name: 'a', run: failing(1) },
        { name: 'b', run: nap(10) },
      ],
      { onFailure: 'drain' },
    );
    expect(() => job.retry('a')).toThrow(/its job is ending/);
    await clock.runAll();
  });

  test.each([
    'abort',
    'drain',
    'continue',
  ] as const)('within its own event keeps the job from acting on it (%s)', async (onFailure) => {
    const clock = virtualClock();
    const job = jobFrom('work', [
      { name: 'a', run: failing(1, { a: 1 }) },
      { name: 'b', dependsOn: ['a'], run: ({ ctx }) => ({ b: ctx.a }) },
      { name: 'c', dependsOn: ['a'], trigger: 'allDone', run: ({ ctx }) => ({ c: ctx.a }) },
      { name: 'd', dependsOn: ['a'], trigger: 'oneFailed', run: () => ({ d: 1 }) },
    ]).start({}, { clock, onFailure });
    when(job, 'a', 'failed', () => job.retry('a'));
    await clock.runAll();
    const { state, ctx, errors, tasks } = await job;
    expect([state, errors.length, tasks.d?.state]).toEqual(['completed', 0, 'skipped']);
    expect(ctx).toEqual({ a: 1, b: 1, c: 1 });
  });

  test('waits in a paused job', async () => {
    const { clock, job } = await begin(() => chain(1), { onFailure: 'continue' });
    job.pause();
    job.retry('a');
    await clock.advance(5);
    expect(job.task('a').state).toBe('ready');
    job.resume();
    await clock.advance(0);
    expect(job.task('c').state).toBe('completed');
  });

  test('lets job.output(task) be asked again', async () => {
    const { clock, job } = await begin(() => chain(1), { onFailure: 'continue' });
    await expect(job.output('b')).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    job.retry('a');
    const again = job.output('b');
    await clock.advance(0);
    expect(await again).toEqual({ b: 1 });
  });

  test('ends a backoff at once', async () => {
    const { clock, job } = await begin(
      () => [{ name: 'a', maxRetries: 1, retry: { delayMs: 1_000 }, run: failing(1) }],
      {},
      5,
    );
    job.retry('a');
    await clock.advance(0);
    expect([job.state, clock.pending()]).toEqual(['completed', 0]);
  });

  test('within the event that tells of the failure leaves no deadline running', async () => {
    const clock = virtualClock();
    let tries = 0;
    const run = () => {
      if (++tries === 1) throw new Error('not yet');
    };
    const job = jobFrom('j', [{ name: 'a', deadline: 5, run }]).start({}, { clock });
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'failed') job.retry('a');
    });
    await clock.advance(0);
    expect([job.state, clock.pending()]).toEqual(['completed', 0]);
  });

  test('of a task in a nested job goes by its path', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner', { onFailure: 'continue' })
      .task('a', failing(1))
      .task('b', { dependsOn: ['a'] }, () => {})
      .external('rest')
      .seal();
    const job = defineJob('outer').job('in', {}, inner).start({}, { clock });
    await clock.advance(0);
    job.retry('in/a');
    await clock.advance(0);
    expect(job.task('in/b').state).toBe('completed');
    job.task('in/rest').complete();
    expect((await job).state).toBe('completed');
  });
});
