import { describe, expect, test } from 'vitest';
import { type JobEvent, jobFrom, notReady, type StartOptions, TaskError, type TaskSpec } from '../../../src/index.ts';
import { virtualClock } from '../../../src/testing.ts';

const boom = new Error('boom');
const fails = () => {
  throw boom;
};
const states = (tasks: Readonly<Record<string, { readonly state: string }>>) =>
  Object.fromEntries(Object.entries(tasks).map(([name, { state }]) => [name, state]));

const start = (tasks: TaskSpec[], options?: StartOptions) => {
  const job = jobFrom('job', tasks).start({}, options);
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return { job, events };
};

describe("onFailure: 'abort'", () => {
  test('the first final failure ends the job: what runs is aborted, what waits never starts', async () => {
    let reason: unknown;
    const { job } = start([
      { name: 'bad', run: fails },
      {
        name: 'long',
        run: ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              reason = signal.reason;
              reject(signal.reason);
            });
          }),
      },
      { name: 'after', dependsOn: ['long'], run: fails },
    ]);
    const result = await job;
    expect(result.state).toBe('failed');
    expect(states(result.tasks)).toEqual({ bad: 'failed', long: 'cancelled', after: 'unscheduled' });
    expect(reason).toMatchObject({ name: 'AbortError', code: 'JOB_FAILED', cause: { code: 'TASK_FAILED' } });
  });

  test('the error names the job, the task and the cause: rootCause() is the thrown value itself', async () => {
    const { job } = start([{ name: 'bad', run: fails }]);
    const result = await job;
    expect(result.error).toMatchObject({ code: 'JOB_FAILED', failedTask: 'bad', jobName: 'job', jobId: job.id });
    expect(result.error?.cause).toBe(result.errors[0]);
    expect(result.errors[0]).toMatchObject({ code: 'TASK_FAILED', taskName: 'bad', attempt: 1, tolerated: false });
    expect(result.errors[0]?.cause).toBe(boom);
    expect(result.error?.rootCause()).toBe(boom);
    expect(result.firstError()).toBe(result.errors[0]);
    await expect(job.orThrow()).rejects.toBe(result.error);
    expect([result.isFailed(), result.isReady(), result.isCancelled()]).toEqual([true, false, false]);
  });

  test.each([
    ['text'],
    [undefined],
    [null],
    [0],
    [{ own: 'kind' }],
  ])('a thrown %j is a cause like any other', async (thrown) => {
    const { job } = start([
      {
        name: 'bad',
        run: () => {
          throw thrown;
        },
      },
    ]);
    const result = await job;
    expect(result.state).toBe('failed');
    expect(result.error?.rootCause()).toBe(thrown);
  });

  test('graceMs lets running work clean up before the job ends', async () => {
    const clock = virtualClock();
    let cleaned = false;
    const { job, events } = start(
      [
        { name: 'bad', run: fails },
        {
          name: 'tidy',
          run: ({ signal }) =>
            new Promise((_, reject) => {
              signal.addEventListener('abort', () =>
                clock.setTimer(() => {
                  cleaned = true;
                  reject(signal.reason);
                }, 40),
              );
            }),
        },
        { name: 'deaf', run: () => new Promise(() => {}) },
      ],
      { clock, graceMs: 100 },
    );
    await clock.advance(39);
    expect(job.state).toBe('running');
    await clock.advance(1);
    expect(cleaned).toBe(true);
    expect(job.task('tidy').state).toBe('cancelled');
    expect(job.state).toBe('running');
    await clock.advance(60);
    expect(job.state).toBe('failed');
    expect(job.task('deaf').state).toBe('cancelled');
    expect(clock.pending()).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: 'job.transition', to: 'failed' });
  });

  test('a grace ends as soon as nothing runs any more', async () => {
    const clock = virtualClock();
    const { job } = start(
      [
        { name: 'bad', run: fails },
        { name: 'tidy', run: ({ signal }) => new Promise((r) => signal.addEventListener('abort', () => r(undefined))) },
      ],
      { clock, graceMs: 1_000 },
    );
    expect((await job).state).toBe('failed');
    expect(clock.pending()).toBe(0);
  });
});

test("onFailure: 'drain' lets what runs finish, and starts nothing more", async () => {
  const clock = virtualClock();
  const { job } = start(
    [
      { name: 'bad', run: fails },
      { name: 'long', run: () => new Promise((resolve) => clock.setTimer(() => resolve({ long: true }), 10)) },
      { name: 'after', dependsOn: ['long'], run: () => {} },
    ],
    { clock, onFailure: 'drain' },
  );
  await clock.advance(10);
  const result = await job;
  expect(result.state).toBe('failed');
  expect(states(result.tasks)).toEqual({ bad: 'failed', long: 'completed', after: 'unscheduled' });
  expect(result.ctx).toEqual({ long: true });
});

test("onFailure: 'drain' makes no more attempts: a task that fails while draining has failed", async () => {
  const clock = virtualClock();
  let attempts = 0;
  const { job } = start(
    [
      { name: 'waiting', maxRetries: 3, retry: { delayMs: 5_000 }, run: fails },
      { name: 'bad', run: fails },
      {
        name: 'long',
        maxRetries: 5,
        run: () => {
          attempts++;
          return new Promise((_, reject) => clock.setTimer(() => reject(boom), 10));
        },
      },
    ],
    { clock, onFailure: 'drain' },
  );
  await clock.advance(10);
  const result = await job;
  expect(attempts).toBe(1);
  expect(states(result.tasks)).toEqual({ waiting: 'cancelled', bad: 'failed', long: 'failed' });
  expect(result.errors.map(({ taskName }) => taskName)).toEqual(['bad', 'long']);
});

describe("onFailure: 'continue'", () => {
  test('independent branches finish, the downstream of the failure is skipped, down to the last', async () => {
    const { job, events } = start(
      [
        { name: 'bad', run: fails },
        { name: 'next', dependsOn: ['bad'], run: () => {} },
        { name: 'last', dependsOn: ['next', 'good'], run: () => {} },
        { name: 'good', run: async () => ({ good: 1 }) },
        { name: 'better', dependsOn: ['good'], run: () => ({ better: 2 }) },
      ],
      { onFailure: 'continue' },
    );
    const result = await job;
    expect(result.state).toBe('failed');
    expect(states(result.tasks)).toEqual({
      bad: 'failed',
      next: 'skipped',
      last: 'skipped',
      good: 'completed',
      better: 'completed',
    });
    expect(result.ctx).toEqual({ good: 1, better: 2 });
    const { error, reason } = result.tasks.last ?? {};
    expect(reason).toBe('upstreamFailed');
    expect(error).toMatchObject({
      code: 'UPSTREAM_FAILED',
      taskName: 'last',
      cause: { code: 'UPSTREAM_FAILED', taskName: 'next' },
    });
    expect(error?.rootCause()).toBe(boom);
    expect(result.errors.map(({ taskName }) => taskName)).toEqual(['bad']);
    expect(events.find((event) => event.type === 'task.transition' && event.task === 'next')).toMatchObject({
      from: 'unscheduled',
      to: 'skipped',
      reason: 'upstreamFailed',
      error: { code: 'UPSTREAM_FAILED' },
    });
  });

  test('a chain of 5,000 below a failure is skipped to its end', async () => {
    const chain = Array.from({ length: 5_000 }, (_, at) => ({
      name: `t${at}`,
      dependsOn: at > 0 ? [`t${at - 1}`] : [],
      run: fails,
    }));
    const { job } = start(chain, { onFailure: 'continue' });
    const result = await job;
    expect(result.tasks.t4999?.state).toBe('skipped');
    expect(result.tasks.t4999?.error?.rootCause()).toBe(boom);
  });
});

describe('continueOnFailure', () => {
  test('the failure counts as done: the downstream runs, the job completes, the error is kept and marked', async () => {
    const { job } = start([
      { name: 'flaky', continueOnFailure: true, run: fails },
      { name: 'after', dependsOn: ['flaky'], run: ({ deps }) => ({ saw: deps.flaky === undefined }) },
    ]);
    const result = await job;
    expect(result.state).toBe('completed');
    expect(result.ctx).toEqual({ saw: true });
    expect(result.error).toBeUndefined();
    expect(result.errors).toMatchObject([{ taskName: 'flaky', tolerated: true }]);
    expect(result.firstError()).toBeUndefined();
    expect(result.tasks.flaky).toMatchObject({ state: 'failed', reason: 'error' });
  });

  test.each([
    { timeout: 5 },
    { maxRetries: 2 },
  ])('holds for timeouts and after retries as well: %j', async (options) => {
    const clock = virtualClock();
    const { job } = start(
      [
        {
          name: 'flaky',
          continueOnFailure: true,
          ...options,
          run: () => ('timeout' in options ? new Promise(() => {}) : fails()),
        },
        { name: 'after', dependsOn: ['flaky'], run: () => ({ after: true }) },
      ],
      { clock },
    );
    await clock.runAll();
    expect((await job).state).toBe('completed');
  });

  test('a full pool of them hands its slots on', async () => {
    const tasks = Array.from({ length: 20 }, (_, at) => ({ name: `t${at}`, continueOnFailure: at < 19, run: fails }));
    const { job } = start([...tasks.slice(0, 19), { name: 'last', run: () => ({ last: true }) }], {
      maxConcurrency: 1,
    });
    expect((await job).ctx).toEqual({ last: true });
  });
});

describe('not ready', () => {
  test('the task is notReady, its downstream skipped, other branches go on, and the job ends without an error', async () => {
    const { job } = start([
      { name: 'dns', run: () => notReady('waiting for DNS') },
      { name: 'certificate', dependsOn: ['dns', 'other'], run: () => {} },
      { name: 'site', dependsOn: ['certificate'], run: () => {} },
      { name: 'other', run: () => ({ other: 1 }) },
    ]);
    const result = await job;
    expect(result.state).toBe('notReady');
    expect(result.error).toBeUndefined();
    expect(states(result.tasks)).toEqual({
      dns: 'notReady',
      certificate: 'skipped',
      site: 'skipped',
      other: 'completed',
    });
    expect(result.tasks.dns?.reason).toBe('waiting for DNS');
    expect(result.tasks.site?.reason).toBe('upstreamNotReady');
    expect([result.isNotReady(), result.firstInProgress()]).toEqual([true, 'dns']);
    await expect(job.orThrow()).rejects.toMatchObject({
      code: 'JOB_NOT_READY',
      message: expect.stringContaining('DNS'),
    });
    await expect(job.output('dns')).rejects.toMatchObject({ code: 'TASK_NOT_READY' });
  });

  test('a reason that is no text is told as text', async () => {
    const { job, events } = start([{ name: 'dns', run: () => notReady({ a: 1n } as never) }]);
    expect((await job).state).toBe('notReady');
    expect(() => JSON.stringify(events)).not.toThrow();
  });

  test('a failure weighs more', async () => {
    const { job } = start(
      [
        { name: 'dns', run: () => notReady('waiting') },
        { name: 'bad', run: fails },
      ],
      { onFailure: 'continue' },
    );
    expect((await job).state).toBe('failed');
  });
});

test('every TaskError of a failed job can be told by its code', async () => {
  const { job } = start([{ name: 'bad', run: () => 5 as never }]);
  const { errors } = await job;
  expect(errors[0]).toBeInstanceOf(TaskError);
  expect(errors[0]).toMatchObject({
    code: 'INVALID_OUTPUT',
    message: expect.stringMatching(/"bad".*the number 5.*plain object/),
  });
});

test('an output that can not even be looked at is INVALID_OUTPUT, not a hang', async () => {
  const shy = new Proxy(
    {},
    {
      getPrototypeOf: () => {
        throw new Error('go away');
      },
    },
  );
  const { job } = start([{ name: 'shy', run: () => shy }]);
  expect((await job).errors[0]).toMatchObject({ code: 'INVALID_OUTPUT', message: expect.stringContaining('go away') });
});
