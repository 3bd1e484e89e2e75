import { describe, expect, test } from 'vitest';
import { defineJob, jobFrom, type TaskScope } from '../../src/index.ts';
import { virtualClock } from '../../src/testing.ts';

const etl = () =>
  defineJob<{ url: string }>('etl')
    .task('extract', async ({ ctx }) => ({ rows: [ctx.url, ctx.url] }))
    .task('count', { dependsOn: ['extract'] }, ({ deps }) => ({ count: deps.extract.rows.length }))
    .task('log', { dependsOn: ['count'] }, () => {})
    .seal();

test('a job shows its id, name, state and context as it goes', async () => {
  const job = etl().start({ url: 'x' }, { jobId: 'etl-1' });
  expect([job.id, job.name, job.state, job.ctx]).toEqual(['etl-1', 'etl', 'idle', { url: 'x' }]);
  await job.output('extract');
  expect(job.ctx).toMatchObject({ url: 'x', rows: ['x', 'x'] });
  await job;
  expect(job.state).toBe('completed');
  expect(job.ctx).toEqual({ url: 'x', rows: ['x', 'x'], count: 2 });
});

test('an id is made up for a job that is given none', () => {
  expect(etl().start({ url: 'x' }).id).toMatch(/^[0-9a-f-]{36}$/);
});

test('a task sees its scope', async () => {
  let scope: TaskScope | undefined;
  const job = jobFrom('job', [
    { name: 'up', run: () => ({ up: 1 }) },
    { name: 'silent', run: () => {} },
    {
      name: 'a',
      dependsOn: ['up', 'silent'],
      run: (given) => {
        scope = given;
      },
    },
  ]).start({ input: true }, { jobId: 'id' });
  await job;
  expect(scope).toMatchObject({ jobId: 'id', taskName: 'a', attempt: 1, ctx: { input: true, up: 1 } });
  expect(scope?.deps).toEqual({ up: { up: 1 }, silent: undefined });
  expect(Object.isFrozen(scope?.deps)).toBe(true);
  expect(scope?.isActive()).toBe(false);
});

test('the scope can be spread and handed on', async () => {
  const withDatabase = (scope: TaskScope & { readonly database: string }) => ({
    saw: [scope.ctx, scope.taskName, scope.database],
  });
  const job = jobFrom('job', [{ name: 'a', run: (scope) => withDatabase({ ...scope, database: 'db' }) }]).start({
    x: 1,
  });
  expect((await job).ctx).toEqual({ x: 1, saw: [{ x: 1 }, 'a', 'db'] });
});

test('the result tells state, context, tasks and times', async () => {
  const clock = virtualClock(1_000);
  const job = jobFrom('job', [
    { name: 'slow', run: () => new Promise((resolve) => clock.setTimer(() => resolve({ slow: 1 }), 250)) },
    { name: 'after', dependsOn: ['slow'], run: () => {} },
  ]).start({}, { clock });
  await clock.advance(250);
  const result = await job;
  expect(result).toMatchObject({
    state: 'completed',
    jobName: 'job',
    jobId: job.id,
    startedAt: 1_000,
    durationMs: 250,
    errors: [],
  });
  expect(result.error).toBeUndefined();
  expect(result.tasks).toEqual({
    slow: { state: 'completed', attempts: 1, startedAt: 1_000, durationMs: 250, error: undefined, reason: undefined },
    after: { state: 'completed', attempts: 1, startedAt: 1_250, durationMs: 0, error: undefined, reason: undefined },
  });
  expect([result.isReady(), result.isNotReady(), result.isFailed(), result.isTimedOut(), result.isCancelled()]).toEqual(
    [true, false, false, false, false],
  );
  expect(await job.result()).toBe(result);
});

test('waiting can be given up without the job noticing', async () => {
  const clock = virtualClock();
  const job = jobFrom('job', [
    { name: 'a', run: () => new Promise<void>((resolve) => clock.setTimer(resolve, 100)) },
  ]).start({}, { clock });
  const waiting = new AbortController();
  const result = job.result({ signal: waiting.signal });
  waiting.abort('enough');
  await expect(result).rejects.toBe('enough');
  await expect(job.result({ signal: AbortSignal.abort('at once') })).rejects.toBe('at once');
  expect(job.state).toBe('running');
  await clock.runAll();
  expect((await job.result({ signal: new AbortController().signal })).state).toBe('completed');
});

describe('output', () => {
  test('settles with its task alone, while the rest still runs', async () => {
    const clock = virtualClock();
    const job = defineJob('job')
      .task('quick', () => ({ quick: 1 }))
      .task('slow', () => new Promise<{ slow: number }>((resolve) => clock.setTimer(() => resolve({ slow: 2 }), 100)))
      .start({}, { clock });
    expect(await job.output('quick')).toEqual({ quick: 1 });
    expect(job.state).toBe('running');
    const both = Promise.all([job.output('slow'), job.output('slow')]);
    await clock.runAll();
    expect(await both).toEqual([{ slow: 2 }, { slow: 2 }]);
    expect(await job.output('slow')).toEqual({ slow: 2 });
  });

  test('rejects with what became of the task otherwise', async () => {
    const boom = new Error('boom');
    const job = jobFrom('job', [
      { name: 'bad', run: () => Promise.reject(boom) },
      { name: 'next', dependsOn: ['bad'], run: () => {} },
      { name: 'runs', run: () => new Promise<void>(() => {}) },
    ]).start();
    await expect(job.output('bad')).rejects.toMatchObject({ code: 'TASK_FAILED', cause: boom });
    await expect(job.output('next')).rejects.toMatchObject({ code: 'TASK_CANCELLED', taskName: 'next' });
    await expect(job.output('runs')).rejects.toMatchObject({ code: 'TASK_CANCELLED' });
    await expect(job.output('nxt')).rejects.toMatchObject({
      code: 'UNKNOWN_TASK',
      message: expect.stringContaining('"next"'),
    });
  });
});

describe('a task that there is not', () => {
  test('is refused with the one that may be meant, and the names of those that there are', () => {
    const job = defineJob('job')
      .task('extract', () => ({ rows: 1 }))
      .job(
        'inner',
        {},
        defineJob('inner')
          .task('load', () => {})
          .task('tell', () => {})
          .seal(),
      )
      .start();
    const refusal = (path: string): string => {
      try {
        job.task(path as never);
        return 'found';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refusal('extrakt')).toBe(
      'Job "job" has no task "extrakt". Did you mean "extract"? Known are extract, inner.',
    );
    expect(refusal('fetch')).toBe('Job "job" has no task "fetch". Known are extract, inner.');
    expect(refusal('inner/laod')).toBe(
      'Job "job" has no task "inner/laod". Did you mean "inner/load"? Known are inner/load, inner/tell.',
    );
    expect(refusal('extract/laod')).toBe('Job "job" has no task "extract/laod". Known are extract, inner.');
  });

  test('of a job of many lists 20 of them', () => {
    const job = jobFrom(
      'job',
      Array.from({ length: 23 }, (_, i) => ({ name: `t${i}`, run: () => {} })),
    ).start();
    expect(() => job.task('nothing')).toThrow(/Known are t0, t1, .*t18, t19 and 3 more\.$/);
  });
});

test('task(name) answers for the moment it is read', async () => {
  const clock = virtualClock();
  const job = jobFrom('job', [
    {
      name: 'a',
      maxRetries: 1,
      retry: { delayMs: 10 },
      run: ({ attempt }) => (attempt === 1 ? Promise.reject(new Error('boom')) : { a: 1 }),
    },
  ]).start({}, { clock });
  const task = job.task('a');
  expect([task.name, task.state, task.attempt, task.startedAt, task.durationMs]).toEqual([
    'a',
    'unscheduled',
    0,
    undefined,
    undefined,
  ]);
  await clock.advance(4);
  expect(task).toMatchObject({
    state: 'retrying',
    attempt: 1,
    startedAt: 0,
    durationMs: 4,
    error: { code: 'TASK_FAILED' },
  });
  await clock.advance(6);
  expect(task).toMatchObject({ state: 'completed', attempt: 2, durationMs: 10, error: undefined });
  expect(() => job.task('b')).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
});

test('an inspector sees the job and its tasks as XState actors', async () => {
  const seen = new Map<string, number>();
  const job = etl().start({ url: 'x' }, { inspect: ({ type }) => seen.set(type, (seen.get(type) ?? 0) + 1) });
  await job;
  expect(seen.get('@xstate.actor')).toBe(4);
  expect(seen.get('@xstate.snapshot')).toBeGreaterThanOrEqual(4 * 3);
});

test('the actor of a task that has settled is stopped, while the job goes on', async () => {
  type Actor = { readonly id: string; readonly getSnapshot: () => { readonly status: string } };
  const actors = new Map<string, Actor>();
  const job = etl().start(
    { url: 'x' },
    {
      inspect: (event) => {
        const { actorRef } = event as unknown as { readonly actorRef: Actor };
        actors.set(actorRef.id, actorRef);
      },
    },
  );
  await job.output('extract');
  expect(job.state).toBe('running');
  expect(actors.get('extract')?.getSnapshot().status).toBe('stopped');
  await job;
  expect([...actors.values()].map((actor) => actor.getSnapshot().status)).toEqual(Array(4).fill('stopped'));
});

test('an inspector that throws is shielded and warned about once', async () => {
  const warnings: string[] = [];
  const listen = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', listen);
  const result = await etl().start(
    { url: 'x' },
    {
      inspect: () => {
        throw new Error('broken inspector');
      },
    },
  );
  await new Promise(setImmediate);
  process.off('warning', listen);
  expect(result.state).toBe('completed');
  expect(warnings).toEqual([expect.stringContaining('broken inspector')]);
});
