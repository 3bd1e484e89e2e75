import { type AnyTaskSpec, type Job, jobFrom, type StartOptions } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

/** A virtual clock, and a function that lets time pass without firing a timer, as code that blocks the event loop does. */
const blockableClock = () => {
  const clock = virtualClock();
  let blockedMs = 0;
  return {
    clock: {
      ...clock,
      now: () => clock.now() + blockedMs,
      monotonicNow: () => (clock.monotonicNow?.() ?? 0) + blockedMs,
    },
    block: (ms: number): void => {
      blockedMs += ms;
    },
  };
};

const begin = (tasksOf: (block: (ms: number) => void) => readonly AnyTaskSpec[], options: StartOptions = {}) => {
  const { clock, block } = blockableClock();
  const job = jobFrom('job', tasksOf(block)).start({}, { clock, onFailure: 'continue', ...options });
  return { clock, block, job };
};

const resultOf = async ({ clock, job }: { clock: ReturnType<typeof virtualClock>; job: Job }) => {
  await clock.runAll();
  return job.result();
};

describe('an attempt that blocked the event loop past its time limit', () => {
  const returned = (block: (ms: number) => void) => block(101);
  const resolved = async (block: (ms: number) => void) => block(101);
  const thrown = (block: (ms: number) => void) => {
    block(101);
    throw new Error('boom');
  };
  const rejected = async (block: (ms: number) => void) => thrown(block);

  test.each([
    ['returns', returned],
    ['returns a promise', resolved],
    ['throws', thrown],
    ['rejects', rejected],
  ])('has timed out, if it %s', async (_how, run) => {
    const result = await resultOf(begin((block) => [{ name: 'slow', timeout: 100, run: () => run(block) }]));
    expect(result.tasks.slow).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'TASK_TIMEOUT' } });
  });

  test('is in time, if it took exactly the limit', async () => {
    const result = await resultOf(begin((block) => [{ name: 'slow', timeout: 100, run: () => block(100) }]));
    expect(result.state).toBe('completed');
  });

  test('is retried, and its next attempt has the whole limit', async () => {
    const result = await resultOf(
      begin((block) => [
        { name: 'slow', timeout: 100, maxRetries: 1, run: ({ attempt }) => block(attempt === 1 ? 101 : 99) },
      ]),
    );
    expect(result.tasks.slow).toMatchObject({ state: 'completed', attempts: 2 });
  });

  test('is not late because others block after it has returned', async () => {
    const result = await resultOf(
      begin((block) => [
        { name: 'quick', timeout: 100, run: () => {} },
        {
          name: 'hasty',
          timeout: 100,
          run: () => {
            throw new Error('boom');
          },
        },
        { name: 'slow', run: () => block(500) },
      ]),
    );
    expect(result.tasks.quick?.state).toBe('completed');
    expect(result.tasks.hasty?.error).toMatchObject({ code: 'TASK_FAILED' });
  });
});

test('a deadline that passed while the attempt blocked has passed', async () => {
  const result = await resultOf(
    begin((block) => [{ name: 'slow', deadline: 100, maxRetries: 5, run: () => block(101) }]),
  );
  expect(result.tasks.slow?.error).toMatchObject({ code: 'TASK_DEADLINE' });
});

test('of several limits that have passed, the earliest decides', async () => {
  const both = (timeout: number, deadline: number) =>
    resultOf(begin((block) => [{ name: 'slow', timeout, deadline, run: () => block(101) }]));
  expect((await both(50, 100)).tasks.slow?.error).toMatchObject({ code: 'TASK_TIMEOUT' });
  expect((await both(100, 50)).tasks.slow?.error).toMatchObject({ code: 'TASK_DEADLINE' });
});

describe('a job whose time limit passed while something blocked', () => {
  test.each<[string, (block: (ms: number) => void) => readonly AnyTaskSpec[]]>([
    ['its only task', (block) => [{ name: 'a', run: () => block(101) }]],
    [
      'a task before others',
      (block) => [
        { name: 'a', run: () => block(101) },
        { name: 'b', dependsOn: ['a'], run: () => {} },
      ],
    ],
    [
      'a condition',
      (block) => [
        {
          name: 'a',
          when: () => {
            block(101);
            return false;
          },
          run: () => {},
        },
      ],
    ],
    [
      'a task of a nested job',
      (block) => [{ kind: 'job', name: 'outer', definition: jobFrom('inner', [{ name: 'a', run: () => block(101) }]) }],
    ],
    [
      'the output of a nested job',
      (block) => [
        {
          kind: 'job',
          name: 'outer',
          definition: jobFrom('inner', [{ name: 'a', run: () => {} }]),
          output: () => {
            block(101);
            return {};
          },
        },
      ],
    ],
    ['an instance of a fan-out', (block) => [{ kind: 'map', name: 'all', over: [1], each: () => block(101) }]],
  ])('has run out of time: %s', async (_what, tasksOf) => {
    const { state, error } = await resultOf(begin(tasksOf, { timeout: 100 }));
    expect({ state, error }).toMatchObject({ state: 'timedOut', error: { code: 'JOB_TIMEOUT' } });
  });

  test('starts no task that waited for the one that blocked', async () => {
    let started = 0;
    const after = { name: 'b', dependsOn: ['a'], run: () => void started++ };
    await resultOf(begin((block) => [{ name: 'a', run: () => block(101) }, after], { timeout: 100 }));
    expect(started).toBe(0);
  });
});

test('a nested job that blocked past the time limit of the task around it has timed out', async () => {
  const result = await resultOf(
    begin((block) => {
      const definition = jobFrom('inner', [
        { name: 'a', run: () => block(101) },
        { name: 'b', dependsOn: ['a'], run: () => {} },
      ]);
      return [{ kind: 'job', name: 'outer', timeout: 100, definition }];
    }),
  );
  expect(result.tasks.outer?.error).toMatchObject({ code: 'TASK_TIMEOUT' });
});

test('items that were found after the time limit are too late', async () => {
  const result = await resultOf(
    begin((block) => {
      const over = async () => {
        block(101);
        return [1];
      };
      return [{ kind: 'map', name: 'all', timeout: 100, over, each: () => {} }];
    }),
  );
  expect(result.tasks.all?.error).toMatchObject({ code: 'TASK_TIMEOUT' });
});

describe('an external task whose limit has passed', () => {
  test.each<[string, Partial<Extract<AnyTaskSpec, { kind: 'external' }>>, string]>([
    ['time limit', { timeout: 100 }, 'TASK_TIMEOUT'],
    ['heartbeat', { heartbeatTimeout: 100 }, 'HEARTBEAT_MISSED'],
    ['deadline', { deadline: 100 }, 'TASK_DEADLINE'],
  ])('is not completed with the token of its claim: %s', async (_limit, options, code) => {
    const { clock, block, job } = begin(() => [{ kind: 'external', name: 'review', ...options }]);
    await clock.advance(0);
    const review = job.task('review');
    const token = review.claim('ann');
    block(101);
    expect(() => review.complete({ a: 1 }, token)).toThrow(expect.objectContaining({ code: 'STALE_TOKEN' }));
    expect((await resultOf({ clock, job })).tasks.review?.error).toMatchObject({ code });
  });
});

test('paused time counts towards no limit, blocked or not', async () => {
  const { clock, block, job } = begin(() => [{ kind: 'external', name: 'review', timeout: 100, deadline: 100 }], {
    timeout: 100,
  });
  await clock.advance(0);
  const token = job.task('review').claim('ann');
  job.pause();
  block(1_000);
  job.resume();
  job.task('review').complete({}, token);
  expect((await resultOf({ clock, job })).state).toBe('completed');
});
