import { describe, expect, test } from 'vitest';
import {
  type JobEvent,
  jobFrom,
  NonRetryableError,
  RetryAfterError,
  type StartOptions,
  type TaskSpec,
} from '../../../src/index.ts';
import { seededRandom, virtualClock } from '../../../src/testing.ts';

const begin = (tasks: TaskSpec[], options: StartOptions = {}) => {
  const clock = virtualClock();
  const job = jobFrom('job', tasks).start({}, { clock, ...options });
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  const steps = (task: string) =>
    events.flatMap((event) =>
      event.type === 'task.transition' && event.task === task ? [`${event.at} ${event.to}`] : [],
    );
  return { clock, job, events, steps };
};
const fails = () => {
  throw new Error('boom');
};
const never = () => new Promise<void>(() => {});

/** When each attempt of a task that always fails began, in ms. */
const attemptTimes = async (task: Partial<TaskSpec>, options?: StartOptions): Promise<number[]> => {
  const { clock, job, events } = begin([{ name: 'dice', run: fails, ...task }], options);
  await clock.runAll();
  await job;
  return events.flatMap((event) => (event.type === 'task.transition' && event.to === 'running' ? [event.at] : []));
};

describe('retries', () => {
  test('maxRetries excludes the first attempt; each failure passes through retrying and ready', async () => {
    const { clock, job, steps } = begin([{ name: 'dice', maxRetries: 2, run: fails }]);
    await clock.runAll();
    expect(steps('dice').map((step) => step.slice(2))).toEqual([
      'ready',
      'running',
      'retrying',
      'ready',
      'running',
      'retrying',
      'ready',
      'running',
      'failed',
    ]);
    expect((await job).tasks.dice?.attempts).toBe(3);
  });

  test.each([
    ['none without any option', {}, [0, 0, 0, 0]],
    ['fixed', { backoff: 'fixed', delayMs: 10 }, [0, 10, 20, 30]],
    ['fixed where only a delay is given', { delayMs: 10 }, [0, 10, 20, 30]],
    ['linear', { backoff: 'linear', delayMs: 10 }, [0, 10, 30, 60]],
    ['exponential, twice as long each time', { backoff: 'exponential', delayMs: 10 }, [0, 10, 30, 70]],
    ['exponential by a factor', { backoff: 'exponential', delayMs: 10, factor: 3 }, [0, 10, 40, 130]],
    ['up to a longest wait', { backoff: 'exponential', delayMs: 10, maxDelayMs: 15 }, [0, 10, 25, 40]],
    ['of one second by default', { backoff: 'fixed' }, [0, 1_000, 2_000, 3_000]],
    ['by a function of the attempt', { backoff: (attempt: number) => attempt * 7 }, [0, 7, 21, 42]],
  ] as const)('backoff %s', async (_name, retry, times) => {
    expect(await attemptTimes({ maxRetries: 3, retry })).toEqual(times);
  });

  test.each([
    ['full', 0, 100],
    ['equal', 50, 100],
  ] as const)('jitter %s draws the wait from %d to %d ms', async (jitter, least, most) => {
    const seed = 7;
    const times = await attemptTimes(
      { maxRetries: 200, retry: { delayMs: 100, jitter } },
      { random: seededRandom(seed) },
    );
    const waits = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    expect(Math.min(...waits), `seed ${seed}`).toBeGreaterThanOrEqual(least);
    expect(Math.max(...waits), `seed ${seed}`).toBeLessThanOrEqual(most);
    expect(Math.max(...waits) - Math.min(...waits), `seed ${seed}`).toBeGreaterThan((most - least) * 0.9);
    expect(
      await attemptTimes({ maxRetries: 200, retry: { delayMs: 100, jitter } }, { random: seededRandom(seed) }),
    ).toEqual(times);
  });

  test('the task beats the job, 0 included', async () => {
    expect(await attemptTimes({ maxRetries: 0 }, { maxRetries: 5 })).toHaveLength(1);
    expect(await attemptTimes({}, { maxRetries: 2, retry: { delayMs: 5 } })).toEqual([0, 5, 10]);
    expect(await attemptTimes({ retry: { delayMs: 1 } }, { maxRetries: 2, retry: { delayMs: 5 } })).toEqual([0, 1, 2]);
  });

  test('a day of backoff passes at once, and its end is announced', async () => {
    const day = 24 * 60 * 60 * 1_000;
    const { clock, job, events } = begin([
      { name: 'dice', maxRetries: 1, retry: { delayMs: day, maxDelayMs: day }, run: fails },
    ]);
    await clock.advance(0);
    expect(events.at(-1)).toMatchObject({ to: 'retrying', dueAt: day, reason: 'error' });
    await clock.advance(day);
    expect((await job).durationMs).toBe(day);
  });

  test('exceptions and timeouts share one counter', async () => {
    const { clock, job, steps } = begin([
      { name: 'dice', maxRetries: 2, timeout: 5, run: ({ attempt }) => (attempt === 2 ? fails() : never()) },
    ]);
    await clock.runAll();
    expect(steps('dice').filter((step) => step.includes('running'))).toHaveLength(3);
    expect((await job).errors[0]).toMatchObject({ code: 'TASK_TIMEOUT', attempt: 3 });
  });

  test('retryIf decides by error and attempt; NonRetryableError ends it at once; RetryAfterError sets the wait', async () => {
    const asked: [string, number][] = [];
    const retryIf = (error: unknown, attempt: number) => {
      asked.push([(error as Error).message, attempt]);
      return attempt < 2;
    };
    expect(await attemptTimes({ maxRetries: 5, retry: { retryIf } })).toHaveLength(2);
    expect(asked).toEqual([
      ['boom', 1],
      ['boom', 2],
    ]);
    const once = () => {
      throw new NonRetryableError('no use');
    };
    expect(await attemptTimes({ maxRetries: 5, run: once })).toHaveLength(1);
    const later = () => {
      throw new RetryAfterError(70);
    };
    expect(await attemptTimes({ maxRetries: 2, retry: { delayMs: 5 }, run: later })).toEqual([0, 70, 140]);
  });

  test.for([
    ['fixed', [0, 50, 100]],
    [() => 5, [0, 50, 100]],
  ] as const)('RetryAfterError does not wait longer than maxDelayMs', async ([backoff, times]) => {
    const run = () => {
      throw new RetryAfterError(99_999_999_999_000);
    };
    expect(await attemptTimes({ maxRetries: 2, retry: { backoff, maxDelayMs: 50 }, run })).toEqual(times);
  });

  test('a retry policy that throws, or gives no number, is the failure', async () => {
    for (const retry of [
      { backoff: () => Number.NaN },
      { backoff: () => Number.POSITIVE_INFINITY },
      { backoff: () => '10' as never },
      { retryIf: (async () => false) as never },
      { retryIf: (async () => fails()) as never },
      { backoff: fails as never },
      { retryIf: fails },
    ]) {
      const { clock, job } = begin([{ name: 'dice', maxRetries: 3, retry, run: fails }]);
      await clock.runAll();
      const result = await job;
      expect(result.state).toBe('failed');
      expect(result.tasks.dice?.attempts).toBe(1);
      expect(result.error?.message).toContain('retry policy threw');
    }
  });

  test('a wait without an end is refused, since the job would never end', () => {
    expect(() => new RetryAfterError(Number.POSITIVE_INFINITY)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
    expect(() => new RetryAfterError(Number.NaN)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test('a backoff holds no slot', async () => {
    const { clock, job, steps } = begin(
      [
        {
          name: 'dice',
          priority: 1,
          maxRetries: 1,
          retry: { delayMs: 50 },
          run: ({ attempt }) => (attempt === 1 ? fails() : undefined),
        },
        { name: 'other', run: () => {} },
      ],
      { maxConcurrency: 1 },
    );
    await clock.advance(0);
    expect(steps('other').at(-1)).toBe('0 completed');
    expect(job.task('dice').state).toBe('retrying');
    await clock.runAll();
    expect((await job).state).toBe('completed');
  });

  test('a backoff ends at once when the job is cancelled', async () => {
    const { clock, job } = begin([{ name: 'dice', maxRetries: 1, retry: { delayMs: 50 }, run: fails }]);
    await clock.advance(1);
    const result = await job.cancel();
    expect(result.tasks.dice).toMatchObject({ state: 'cancelled', reason: 'jobCancelled' });
    expect(clock.pending()).toBe(0);
  });
});

describe('timeout', () => {
  test('is per attempt, aborts the signal with its own reason, and is a reason of the failure', async () => {
    const reasons: unknown[] = [];
    const { clock, job, events } = begin([
      {
        name: 'slow',
        timeout: 100,
        maxRetries: 1,
        run: ({ signal, isActive }) => {
          signal.addEventListener('abort', () => reasons.push((signal.reason as { code: string }).code, isActive()));
          return never();
        },
      },
    ]);
    await clock.runAll();
    const result = await job;
    expect(result.durationMs).toBe(200);
    expect(result.tasks.slow).toMatchObject({ state: 'failed', reason: 'timeout', attempts: 2, durationMs: 200 });
    expect(result.error?.cause).toMatchObject({ code: 'TASK_TIMEOUT', message: expect.stringContaining('100 ms') });
    expect(reasons).toEqual(['TASK_TIMEOUT', false, 'TASK_TIMEOUT', false]);
    expect(events.find((event) => 'to' in event && event.to === 'retrying')).toMatchObject({ reason: 'timeout' });
  });

  test('frees the slot, whatever the work still does', async () => {
    const { clock, job } = begin(
      [
        { name: 'deaf', timeout: 10, continueOnFailure: true, run: never },
        { name: 'next', run: () => ({ next: true }) },
      ],
      { maxConcurrency: 1 },
    );
    await clock.runAll();
    expect((await job).ctx).toEqual({ next: true });
  });

  test('Infinity and absence make no timer at all', async () => {
    const { clock, job } = begin(
      [{ name: 'a', timeout: Number.POSITIVE_INFINITY, deadline: Number.POSITIVE_INFINITY, run: never }],
      {
        timeout: Number.POSITIVE_INFINITY,
      },
    );
    await clock.advance(1);
    expect(clock.pending()).toBe(0);
    await job.cancel();
  });

  test('leaves no timer behind when the attempt ends in time', async () => {
    const { clock, job } = begin([{ name: 'a', timeout: 1_000, deadline: 2_000, run: () => {} }], { timeout: 3_000 });
    await job;
    expect(clock.pending()).toBe(0);
  });
});

describe('deadline', () => {
  test('counts over all attempts and the waits between them', async () => {
    const { clock, job, events } = begin([
      { name: 'dice', maxRetries: 100, retry: { delayMs: 30 }, deadline: 100, run: fails },
    ]);
    await clock.runAll();
    const result = await job;
    expect(result.durationMs).toBe(100);
    expect(result.tasks.dice).toMatchObject({ state: 'failed', reason: 'deadline', attempts: 4 });
    expect(result.error?.cause).toMatchObject({ code: 'TASK_DEADLINE' });
    expect(events.at(-2)).toMatchObject({ from: 'retrying', to: 'failed', reason: 'deadline' });
    expect(clock.pending()).toBe(0);
  });

  test('begins at the first ready: waiting for a slot counts', async () => {
    const { clock, job } = begin(
      [
        { name: 'long', priority: 1, run: never },
        { name: 'waits', deadline: 50, run: () => {} },
      ],
      { maxConcurrency: 1 },
    );
    await clock.advance(50);
    const result = await job;
    expect(result.tasks.waits).toMatchObject({ state: 'failed', reason: 'deadline', attempts: 0 });
  });

  test('aborts the attempt that runs', async () => {
    let reason: unknown;
    const { clock, job } = begin([
      {
        name: 'a',
        deadline: 5,
        run: ({ signal }) =>
          new Promise((_, reject) =>
            signal.addEventListener('abort', () => {
              reason = signal.reason;
              reject(reason);
            }),
          ),
      },
    ]);
    await clock.runAll();
    expect((await job).state).toBe('failed');
    expect(reason).toMatchObject({ code: 'TASK_DEADLINE' });
  });
});

describe("the job's timeout", () => {
  test('ends the job as timedOut; event and result agree', async () => {
    let reason: unknown;
    const { clock, job, events } = begin(
      [
        { name: 'done', run: () => ({ done: true }) },
        {
          name: 'slow',
          run: ({ signal }) =>
            new Promise((_, reject) =>
              signal.addEventListener('abort', () => {
                reason = signal.reason;
                reject(reason);
              }),
            ),
        },
        { name: 'after', dependsOn: ['slow'], run: () => {} },
      ],
      { timeout: 500 },
    );
    await clock.advance(500);
    const result = await job;
    expect([result.state, result.isTimedOut(), job.state]).toEqual(['timedOut', true, 'timedOut']);
    expect(events.at(-1)).toMatchObject({ type: 'job.transition', to: 'timedOut', at: 500 });
    expect(result.error).toMatchObject({ code: 'JOB_TIMEOUT' });
    expect(result.ctx).toEqual({ done: true });
    expect(result.tasks.slow).toMatchObject({ state: 'cancelled', reason: 'jobTimedOut' });
    expect(result.tasks.after?.state).toBe('unscheduled');
    expect(reason).toMatchObject({ code: 'JOB_TIMEOUT' });
  });

  test('holds in the grace of a failure as well, and in a drain', async () => {
    const { clock, job } = begin(
      [
        { name: 'bad', run: fails },
        { name: 'deaf', run: never },
      ],
      { timeout: 50, onFailure: 'drain' },
    );
    await clock.advance(50);
    const result = await job;
    expect(result.state).toBe('timedOut');
    expect(result.errors).toHaveLength(1);
    expect(result.error?.failedTask).toBe('bad');
  });
});

test('a time limit that comes in the grace of a cancellation changes nothing: the task is cancelled', async () => {
  const { clock, job } = begin([{ name: 'deaf', timeout: 5, deadline: 6, run: never }], { graceMs: 100 });
  await clock.advance(1);
  job.cancel();
  await clock.runAll();
  const result = await job;
  expect(result.tasks.deaf).toMatchObject({ state: 'cancelled', reason: 'jobCancelled', error: undefined });
  expect(result.errors).toEqual([]);
});
