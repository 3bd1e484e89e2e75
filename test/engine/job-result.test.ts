import {
  type AnyTaskSpec,
  branch,
  defineJob,
  type FrontierItem,
  JobError,
  type JobEvent,
  jobFrom,
  notReady,
  type StartOptions,
  TaskError,
  UnknownTaskError,
} from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { beforeEach, describe, expect, test } from 'vitest';

let clock: VirtualClock;
beforeEach(() => {
  clock = virtualClock();
});

const wait = (ms: number): Promise<void> => new Promise((resolve) => clock.setTimer(resolve, ms));

const takes =
  (ms: number, output: object = {}) =>
  async (): Promise<object> => {
    await wait(ms);
    return output;
  };

const fails =
  (error: unknown, ms = 0) =>
  async (): Promise<never> => {
    if (ms > 0) await wait(ms);
    throw error;
  };

const never = (): Promise<never> => new Promise(() => {});

const start = (tasks: readonly AnyTaskSpec[], options: StartOptions = {}) =>
  jobFrom('job', tasks).start({}, { clock, ...options });

const play = async (tasks: readonly AnyTaskSpec[], options: StartOptions = {}) => {
  const job = start(tasks, options);
  await clock.runAll();
  return job;
};

/** What became of a promise by now: its value, the code of its error, or `pending`. */
const watch = (promise: Promise<unknown>): { now: unknown } => {
  const seen: { now: unknown } = { now: 'pending' };
  promise.then(
    (value) => {
      seen.now = value;
    },
    (error) => {
      seen.now = error.code;
    },
  );
  return seen;
};

/** The codes of an error and its causes, down to what is no error of tintype. */
const chain = (error: unknown): unknown[] =>
  error instanceof TaskError || error instanceof JobError
    ? [error.code, ...('cause' in error ? chain(error.cause) : [])]
    : [error];

const plain = (items: readonly FrontierItem[]): Record<string, unknown> =>
  Object.fromEntries(items.map(({ task, state, blockedBy, subtree }) => [task, [state, blockedBy, subtree]]));

describe('job.output(task)', () => {
  test('settles with that task, while the job goes on', async () => {
    const job = start([
      { name: 'fast', run: takes(10, { n: 1 }) },
      { name: 'empty', run: () => {} },
      { name: 'slow', run: takes(100) },
    ]);
    const fast = watch(job.output('fast'));
    const empty = watch(job.output('empty'));
    const slow = watch(job.output('slow'));
    await clock.advance(9);
    expect([fast.now, empty.now]).toEqual(['pending', undefined]);
    await clock.advance(1);
    expect([fast.now, slow.now, job.state]).toEqual([{ n: 1 }, 'pending', 'running']);
    await clock.runAll();
    expect(slow.now).toEqual({});
  });

  test('is typed, and waits for a task that has yet to be ready', async () => {
    const job = defineJob<{ url: string }>('job')
      .task('a', ({ ctx }) => ({ length: ctx.url.length }))
      .task('b', { dependsOn: ['a'] }, ({ deps }) => ({ half: deps.a.length / 2 }))
      .start({ url: '1234' });
    const { half } = await job.output('b');
    expect(half).toBe(2);
  });

  test('is one frozen value for all who ask, then and later', async () => {
    const job = start([{ name: 'a', run: () => ({ rows: [1] }) }]);
    const [first, second] = await Promise.all([job.output('a'), job.output('a')]);
    expect(second).toBe(first);
    await job;
    expect(await job.output('a')).toBe(first);
    expect(Object.isFrozen(first) && Object.isFrozen((first as { rows: object }).rows)).toBe(true);
  });

  test('rejects with the TaskError of a task that failed, as soon as it has', async () => {
    const boom = new Error('boom');
    const job = start(
      [
        { name: 'bad', maxRetries: 1, retry: { delayMs: 5 }, run: fails(boom) },
        { name: 'slow', run: takes(100) },
      ],
      { onFailure: 'continue' },
    );
    const error = job.output('bad').catch((reason: unknown) => reason);
    await clock.advance(5);
    expect(job.state).toBe('running');
    expect(await error).toBe((job.task('bad').error as TaskError) ?? null);
    expect(await error).toMatchObject({ code: 'TASK_FAILED', taskName: 'bad', attempt: 2, cause: boom });
    await clock.runAll();
  });

  test.each<[string, AnyTaskSpec[], string, string]>([
    [
      'is tolerated',
      [{ name: 'a', continueOnFailure: true, run: () => Promise.reject(new Error('x')) }],
      'a',
      'TASK_FAILED',
    ],
    ['is not ready', [{ name: 'a', run: () => notReady('DNS') }], 'a', 'TASK_NOT_READY'],
    [
      'was skipped',
      [
        { name: 'a', when: () => false, run: () => {} },
        { name: 'b', dependsOn: ['a'], run: () => {} },
      ],
      'b',
      'TASK_SKIPPED',
    ],
    [
      'was skipped by a failure upstream',
      [
        { name: 'a', run: () => Promise.reject(new Error('x')) },
        { name: 'b', dependsOn: ['a'], run: () => {} },
      ],
      'b',
      'UPSTREAM_FAILED',
    ],
  ])('rejects where the task %s', async (_, tasks, name, code) => {
    const job = start([...tasks, { name: 'slow', run: takes(50) }], { onFailure: 'continue' });
    const output = watch(job.output(name));
    await clock.advance(0);
    expect([output.now, job.state]).toEqual([code, 'running']);
    await clock.runAll();
    await expect(job.output(name)).rejects.toMatchObject({ code, taskName: name });
  });

  test('rejects for what ran, waited, or never started when the job is cancelled', async () => {
    const job = start([
      { name: 'done', run: () => ({ n: 1 }) },
      { name: 'runs', run: never },
      { name: 'after', dependsOn: ['runs'], run: () => {} },
    ]);
    const seen = ['done', 'runs', 'after'].map((name) => watch(job.output(name)));
    await clock.advance(0);
    await job.cancel();
    expect(seen.map(({ now }) => now)).toEqual([{ n: 1 }, 'TASK_CANCELLED', 'TASK_CANCELLED']);
    await expect(job.output('after')).rejects.toThrow(/was never started, because the job ended before/);
  });

  test('rejects in a job that was cancelled before it began', async () => {
    const job = start([{ name: 'a', run: () => {} }]);
    const output = watch(job.output('a'));
    await job.cancel();
    await clock.advance(0);
    expect(output.now).toBe('TASK_CANCELLED');
  });

  test('rejects for a task that the job does not have, with a guess', async () => {
    const job = start([{ name: 'extract', run: () => {} }]);
    await expect(job.output('extrakt')).rejects.toThrow(UnknownTaskError);
    await expect(job.output('extrakt')).rejects.toThrow('Did you mean "extract"?');
    await job;
  });

  test('settles at once when the task that it waits for is removed', async () => {
    const job = start([
      { name: 'slow', run: takes(50) },
      { name: 'gone', dependsOn: ['slow'], run: () => {} },
    ]);
    const output = watch(job.output('gone'));
    await clock.advance(0);
    job.removeTask('gone');
    await clock.advance(0);
    expect(output.now).toBe('UNKNOWN_TASK');
    await expect(job.output('gone')).rejects.not.toThrow(/Did you mean "gone"/);
    await clock.runAll();
  });

  test('of a task that was added while the job ran is there too', async () => {
    const job = start([{ name: 'slow', run: takes(50) }]);
    await clock.advance(0);
    job.addTasks([{ name: 'more', run: () => ({ n: 1 }) }]);
    expect(await job.output('more')).toEqual({ n: 1 });
    await clock.runAll();
  });

  test('can be asked by a subscriber at the moment of the completion', async () => {
    const job = start([{ name: 'a', run: () => ({ n: 1 }) }]);
    const outputs: unknown[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'completed') {
        job.output('a').then((output) => outputs.push(output));
      }
    });
    await job;
    await clock.advance(0);
    expect(outputs).toEqual([{ n: 1 }]);
  });

  test('of a branch, a nested job and a fan-out is what they put out', async () => {
    const inner = jobFrom('inner', [{ name: 'x', run: () => ({ n: 1 }) }]);
    const job = await start([
      { name: 'pick', run: () => branch('use', { picked: 'use' }) },
      { name: 'use', dependsOn: ['pick'], run: () => {} },
      { name: 'in', kind: 'job', definition: inner },
      { name: 'each', kind: 'map', over: [1, 2], each: ({ item }: { item: number }) => item * 2 },
    ]);
    expect(job.ctx).toEqual({ picked: 'use', in: { n: 1 }, each: [2, 4] });
  });
});

describe('the chain of causes', () => {
  const boom = new Error('boom');
  const BAD: AnyTaskSpec = { name: 'bad', run: fails(boom) };

  test('goes from the job to its first failed task to what that threw', async () => {
    const { error, errors } = await start([BAD]);
    expect(chain(error)).toEqual(['JOB_FAILED', 'TASK_FAILED', boom]);
    expect(error?.cause).toBe(errors[0]);
    expect(error?.rootCause()).toBe(boom);
    expect(error?.failedTask).toBe('bad');
  });

  test('goes from what a failure skipped, task by task, to what the first threw', async () => {
    const { tasks } = await start(
      [
        BAD,
        { name: 'b', dependsOn: ['bad'], run: () => {} },
        { name: 'c', dependsOn: ['b'], run: () => {} },
        { name: 'd', dependsOn: ['c', 'b'], run: () => {} },
      ],
      { onFailure: 'continue' },
    );
    expect(chain(tasks.b?.error)).toEqual(['UPSTREAM_FAILED', 'TASK_FAILED', boom]);
    expect(chain(tasks.c?.error)).toEqual(['UPSTREAM_FAILED', 'UPSTREAM_FAILED', 'TASK_FAILED', boom]);
    expect(tasks.c?.error?.cause).toBe(tasks.b?.error);
    for (const name of ['b', 'c', 'd']) {
      expect(tasks[name]).toMatchObject({ state: 'skipped', reason: 'upstreamFailed', attempts: 0 });
      expect(tasks[name]?.error?.rootCause()).toBe(boom);
    }
    expect(tasks.c?.error?.message).toBe('Task "c" was skipped, because "b" upstream of it was skipped.');
  });

  test('of a task with two failed upstreams goes to the one that failed first', async () => {
    const late = new Error('late');
    const { tasks } = await play(
      [
        { name: 'late', run: fails(late, 20) },
        { name: 'early', run: fails(boom, 10) },
        { name: 'both', dependsOn: ['late', 'early'], run: () => {} },
      ],
      { onFailure: 'continue' },
    );
    expect(tasks.both?.error?.rootCause()).toBe(boom);
  });

  test('goes through jobs within jobs', async () => {
    const inner = jobFrom('inner', [BAD]);
    const middle = jobFrom('middle', [{ name: 'm', kind: 'job', definition: inner }]);
    const result = await start([{ name: 'o', kind: 'job', definition: middle }]);
    expect(chain(result.error)).toEqual([
      'JOB_FAILED',
      'TASK_FAILED',
      'JOB_FAILED',
      'TASK_FAILED',
      'JOB_FAILED',
      'TASK_FAILED',
      boom,
    ]);
    expect(result.error?.rootCause()).toBe(boom);
    expect(result.errors.map(({ taskName }) => taskName)).toEqual(['o']);
    expect(result.tasks.o?.tasks?.m?.tasks?.bad).toMatchObject({ state: 'failed', error: { taskName: 'o/m/bad' } });
  });

  test('goes through a fan-out, and from what that skipped', async () => {
    const each = ({ item }: { item: number }): number => {
      if (item === 2) throw boom;
      return item;
    };
    const result = await start(
      [
        { name: 'each', kind: 'map', over: [1, 2, 3], each },
        { name: 'after', dependsOn: ['each'], run: () => {} },
      ],
      { onFailure: 'continue' },
    );
    expect(result.error?.rootCause()).toBe(boom);
    expect(result.tasks.after?.error?.rootCause()).toBe(boom);
    expect(result.tasks.each?.tasks?.['[1]']).toMatchObject({ state: 'failed', error: { taskName: 'each[1]' } });
  });

  test('goes through the error of another job that a task throws on', async () => {
    const other = await jobFrom('other', [BAD]).start();
    const result = await start([{ name: 'calls', run: fails(other.error) }]);
    expect(result.error?.rootCause()).toBe(boom);
  });

  test.each([['text'], [undefined], [null], [0], [Symbol('s')]])('ends at a thrown %s itself', async (thrown) => {
    const inner = jobFrom('inner', [{ name: 'bad', run: fails(thrown) }]);
    const result = await start([
      { name: 'o', kind: 'job', definition: inner },
      { name: 'p', dependsOn: ['o'], run: () => {} },
    ]);
    expect(result.error?.rootCause()).toBe(thrown);
  });

  test('of a timeout ends at the error of the task that timed out', async () => {
    const { error, errors } = await play([{ name: 'a', timeout: 10, run: never }]);
    expect(chain(error)).toEqual(['JOB_FAILED', 'TASK_TIMEOUT']);
    expect(error?.rootCause()).toBe(errors[0]);
  });

  test('of a deadline leads to why the last attempt failed', async () => {
    const spec = { name: 'a', deadline: 25, maxRetries: 9, retry: { delayMs: 10 } };
    const { error } = await play([{ ...spec, run: fails(boom) }]);
    expect(chain(error)).toEqual(['JOB_FAILED', 'TASK_DEADLINE', 'TASK_FAILED', boom]);
  });

  test('of a cancelled job leads to the reason given, whatever it is', async () => {
    const reason = { because: 'enough' };
    const job = start([{ name: 'a', run: never }]);
    await clock.advance(0);
    const { error } = await job.cancel(reason);
    expect(error?.code).toBe('JOB_CANCELLED');
    expect(error?.rootCause()).toBe(reason);
  });
});

describe('result.errors', () => {
  test('are the final failures in the order in which they came, whatever the order of declaration', async () => {
    const result = await play(
      [
        { name: 'third', run: fails('c', 30) },
        { name: 'first', run: fails('a', 10) },
        { name: 'second', continueOnFailure: true, run: fails('b', 20) },
      ],
      { onFailure: 'continue' },
    );
    expect(result.errors.map(({ taskName, tolerated }) => [taskName, tolerated])).toEqual([
      ['first', false],
      ['second', true],
      ['third', false],
    ]);
    expect(result.firstError()).toBe(result.errors[0]);
    expect(result.error?.failedTask).toBe('first');
  });

  test('hold no single attempts and no UPSTREAM_FAILED', async () => {
    const result = await play(
      [
        { name: 'bad', maxRetries: 2, retry: { delayMs: 5 }, run: fails('no') },
        { name: 'flaky', maxRetries: 1, run: ({ attempt }) => (attempt === 1 ? Promise.reject(new Error('x')) : {}) },
        { name: 'after', dependsOn: ['bad'], run: () => {} },
      ],
      { onFailure: 'continue' },
    );
    expect(result.errors.map(({ code, taskName, attempt }) => [code, taskName, attempt])).toEqual([
      ['TASK_FAILED', 'bad', 3],
    ]);
    expect(result.tasks.after?.error?.code).toBe('UPSTREAM_FAILED');
  });

  test('of a job that completed are the tolerated ones; firstError() is none of those', async () => {
    const result = await start([{ name: 'ping', continueOnFailure: true, run: fails('no') }]);
    expect(result.state).toBe('completed');
    expect(result.errors).toMatchObject([{ taskName: 'ping', tolerated: true }]);
    expect(result.firstError()).toBeUndefined();
    expect(result.error).toBeUndefined();
  });

  test('keep a failure that came before the job was cancelled', async () => {
    const job = start(
      [
        { name: 'bad', run: fails('no') },
        { name: 'runs', run: never },
      ],
      { onFailure: 'continue' },
    );
    await clock.advance(0);
    const result = await job.cancel();
    expect(result.state).toBe('cancelled');
    expect(result.errors.map(({ taskName }) => taskName)).toEqual(['bad']);
    expect(result.firstError()?.taskName).toBe('bad');
  });

  test('lose a failure that a person had tried again, with success', async () => {
    let tries = 0;
    const job = start(
      [
        { name: 'bad', run: async () => (++tries === 1 ? fails('no')() : {}) },
        { name: 'slow', run: takes(50) },
      ],
      { onFailure: 'continue' },
    );
    await clock.advance(0);
    expect(job.task('bad').state).toBe('failed');
    job.retry('bad');
    await clock.runAll();
    const result = await job;
    expect([result.state, result.errors, result.tasks.bad?.error]).toEqual(['completed', [], undefined]);
  });

  test('can not be changed', async () => {
    const { errors, tasks } = await start([{ name: 'bad', run: fails('no') }]);
    expect(() => (errors as TaskError[]).pop()).toThrow(TypeError);
    expect(Object.isFrozen(tasks) && Object.isFrozen(tasks.bad)).toBe(true);
  });
});

describe('result.tasks', () => {
  test('tell of each its state, attempts and times, from the first attempt to the end', async () => {
    const { tasks } = await play([
      {
        name: 'flaky',
        maxRetries: 1,
        retry: { delayMs: 30 },
        run: async ({ attempt }) => {
          await wait(10);
          if (attempt === 1) throw new Error('x');
        },
      },
      { name: 'after', dependsOn: ['flaky'], run: takes(5) },
      { name: 'never', when: () => false, run: () => {} },
    ]);
    expect(tasks).toEqual({
      flaky: { state: 'completed', attempts: 2, startedAt: 0, durationMs: 50, error: undefined, reason: undefined },
      after: { state: 'completed', attempts: 1, startedAt: 50, durationMs: 5, error: undefined, reason: undefined },
      never: {
        state: 'skipped',
        attempts: 0,
        startedAt: undefined,
        durationMs: undefined,
        error: undefined,
        reason: 'when',
      },
    });
  });

  test('tell the polls of a sensor apart from its attempts', async () => {
    let looks = 0;
    const { tasks } = await play([
      { name: 'soon', kind: 'sensor', interval: 10, check: () => ++looks === 3 },
      { name: 'now', kind: 'sensor', check: () => true },
      { name: 'never', kind: 'sensor', when: () => false, check: () => true },
      { name: 'task', run: () => {} },
    ]);
    expect(tasks.soon).toMatchObject({ state: 'completed', attempts: 1, polls: 2, reason: undefined, durationMs: 20 });
    expect(tasks.now).toMatchObject({ attempts: 1, polls: 0 });
    expect(tasks.task).not.toHaveProperty('polls');
  });

  test('have no reason once a retry has made it good, and none while it runs', async () => {
    const job = start([
      {
        name: 'flaky',
        maxRetries: 1,
        retry: { delayMs: 10 },
        run: async ({ attempt }) => {
          if (attempt === 1) throw new Error('x');
          await wait(10);
        },
      },
    ]);
    await clock.advance(5);
    expect(job.task('flaky')).toMatchObject({ state: 'retrying', reason: 'error' });
    await clock.advance(10);
    expect(job.task('flaky')).toMatchObject({ state: 'running', reason: undefined });
    await clock.runAll();
    expect((await job).tasks.flaky).toMatchObject({ state: 'completed', reason: undefined, error: undefined });
  });

  test.each<[string, Partial<AnyTaskSpec> & { run: () => unknown }, string, string]>([
    [
      'an error',
      {
        run: () => {
          throw new Error('x');
        },
      },
      'failed',
      'error',
    ],
    ['a timeout', { timeout: 5, run: never }, 'failed', 'timeout'],
    ['a deadline', { deadline: 5, run: never }, 'failed', 'deadline'],
    ['no output', { run: () => 5 }, 'failed', 'invalidOutput'],
    ['"not ready"', { run: () => notReady('DNS') }, 'notReady', 'DNS'],
    ['a condition', { when: () => false, run: () => {} }, 'skipped', 'when'],
  ])('give as the reason of %s what ended the task', async (_, spec, state, reason) => {
    const { tasks } = await play([{ name: 'a', ...spec } as AnyTaskSpec]);
    expect(tasks.a).toMatchObject({ state, reason });
  });

  test('hold names that mean something to JavaScript', async () => {
    const names = ['__proto__', 'constructor', 'toString', '1', 'a b'];
    const result = await start(names.map((name): AnyTaskSpec => ({ name, run: () => ({ [name]: 1 }) })));
    expect(Object.keys(result.tasks).sort()).toEqual([...names].sort());
    for (const name of names)
      expect(Object.getOwnPropertyDescriptor(result.tasks, name)?.value.state).toBe('completed');
  });
});

describe('a result as a whole', () => {
  test('keeps its context and its tasks when it is spread, logged or made JSON', async () => {
    const result = await start([{ name: 'a', run: () => ({ n: 1 }) }]);
    expect({ ...result }).toMatchObject({ state: 'completed', ctx: { n: 1 }, tasks: { a: { state: 'completed' } } });
    expect(JSON.parse(JSON.stringify(result))).toMatchObject({ ctx: { n: 1 }, tasks: { a: { state: 'completed' } } });
  });

  test('is the same for all who wait', async () => {
    const job = start([{ name: 'a', run: () => {} }]);
    expect(await job).toBe(await job.result());
    expect(await job.cancel()).toBe(await job);
  });

  test('has methods that need no result before them', async () => {
    const { isReady, firstError, frontier, boundarySubtrees, firstInProgress, toGantt } = await start([]);
    expect([isReady(), firstError(), frontier(), boundarySubtrees(), firstInProgress()]).toEqual([
      true,
      undefined,
      [],
      [],
      undefined,
    ]);
    expect(toGantt()).toMatch(/^gantt\n/);
  });

  test('agrees in its state with the last event of the job', async () => {
    for (const tasks of [
      [{ name: 'a', run: () => {} }],
      [{ name: 'a', run: fails('x') }],
      [{ name: 'a', run: () => notReady('x') }],
    ]) {
      const job = start(tasks);
      const last: JobEvent[] = [];
      job.events$.subscribe((event) => last.splice(0, 1, event));
      const { state } = await job;
      expect(last).toMatchObject([{ type: 'job.transition', to: state }]);
    }
  });
});

test('firstInProgress() is the first task by name that is not ready', async () => {
  const result = await start([
    { name: 'zone', run: () => notReady('1') },
    { name: 'a', run: () => {} },
    { name: 'dns', run: () => notReady('2') },
    { name: 'site', dependsOn: ['dns', 'zone'], run: () => {} },
  ]);
  expect(result.state).toBe('notReady');
  expect(result.firstInProgress()).toBe('dns');
  expect(result.error).toBeUndefined();
});

/**
 * fetch → clean → sum → report ← chart ← read ← fetch, and audit by itself.
 * What `clean` does is for the test to say.
 */
const pipeline = (clean: () => unknown): AnyTaskSpec[] => [
  { name: 'fetch', run: () => {} },
  { name: 'clean', dependsOn: ['fetch'], run: clean },
  { name: 'sum', dependsOn: ['clean'], run: () => {} },
  { name: 'read', dependsOn: ['fetch'], run: () => {} },
  { name: 'chart', dependsOn: ['read'], run: () => {} },
  { name: 'report', dependsOn: ['sum', 'chart'], run: () => {} },
  { name: 'audit', run: () => {} },
];

const ABOVE_CLEAN = {
  chart: ['completed', [], ['chart', 'report']],
  fetch: ['completed', [], ['chart', 'clean', 'fetch', 'read', 'report', 'sum']],
  read: ['completed', [], ['chart', 'read', 'report']],
};

describe('the frontier and the boundary', () => {
  test('of a job that completed are empty', async () => {
    const result = await start(pipeline(() => {}));
    expect([result.frontier(), result.boundarySubtrees()]).toEqual([[], []]);
  });

  test('of a job that failed are the failed task, and what had completed above it', async () => {
    const result = await start(pipeline(fails('x')), { onFailure: 'continue' });
    expect(plain(result.frontier())).toEqual({ clean: ['failed', [], ['clean', 'report', 'sum']] });
    expect(plain(result.boundarySubtrees())).toEqual(ABOVE_CLEAN);
  });

  test('of a job that was aborted hold what might have run as well', async () => {
    const result = await start(
      [
        { name: 'a', run: () => {} },
        { name: 'bad', run: fails('x') },
        { name: 'runs', run: never },
        { name: 'next', dependsOn: ['a'], run: never },
        { name: 'after', dependsOn: ['runs', 'bad'], run: never },
      ],
      { maxConcurrency: 3 },
    );
    expect(result.state).toBe('failed');
    expect(plain(result.frontier())).toEqual({
      bad: ['failed', [], ['after', 'bad']],
      next: [result.tasks.next?.state, [], ['next']],
      runs: ['cancelled', [], ['after', 'runs']],
    });
    expect(plain(result.boundarySubtrees())).toEqual({ a: ['completed', [], ['a', 'next']] });
  });

  test('of a job that is not ready are the tasks that are not ready, and what had completed above them', async () => {
    const result = await start(pipeline(() => notReady('rows')));
    expect(plain(result.frontier())).toEqual({ clean: ['notReady', [], ['clean', 'report', 'sum']] });
    expect(plain(result.boundarySubtrees())).toEqual(ABOVE_CLEAN);
  });

  test('name a failed task whose upstream has not completed, with what it was blocked by', async () => {
    const result = await start(
      [
        { name: 'z', run: fails('x') },
        { name: 'm', run: () => notReady('x') },
        { name: 'cleanUp', dependsOn: ['z', 'm'], trigger: 'allDone', run: fails('y') },
        { name: 'after', dependsOn: ['cleanUp'], run: () => {} },
      ],
      { onFailure: 'continue' },
    );
    expect(plain(result.frontier())).toEqual({
      cleanUp: ['failed', ['m', 'z'], ['after', 'cleanUp']],
      m: ['notReady', [], ['after', 'cleanUp', 'm']],
      z: ['failed', [], ['after', 'cleanUp', 'z']],
    });
  });

  test('of a job that was cancelled are what ran and waited', async () => {
    const job = start(pipeline(never));
    await clock.advance(0);
    const result = await job.cancel();
    expect(plain(result.frontier())).toEqual({ clean: ['cancelled', [], ['clean', 'report', 'sum']] });
    expect(plain(result.boundarySubtrees())).toEqual(ABOVE_CLEAN);
  });

  test('of a job that was cancelled before it began are its first tasks', async () => {
    const result = await start(pipeline(never)).cancel();
    expect(Object.keys(plain(result.frontier()))).toEqual(['audit', 'fetch']);
    expect(result.frontier()[0]).toMatchObject({ state: 'unscheduled', blockedBy: [] });
    expect(result.boundarySubtrees()).toEqual([]);
  });

  test('while the job runs are asked of the job: what runs, waits and may come next', async () => {
    const job = start(pipeline(takes(20)));
    expect(Object.keys(plain(job.frontier()))).toEqual(['audit', 'fetch']);
    await clock.advance(10);
    expect(plain(job.frontier())).toEqual({ clean: ['running', [], ['clean', 'report', 'sum']] });
    await clock.runAll();
    expect(job.frontier()).toEqual([]);
  });

  test('leave out a task that was removed, and hold one that was added', async () => {
    const job = start([
      { name: 'slow', run: takes(20) },
      { name: 'gone', dependsOn: ['slow'], run: () => {} },
    ]);
    await clock.advance(0);
    job.removeTask('gone');
    job.addTasks([{ name: 'more', dependsOn: ['slow'], run: () => {} }]);
    expect(plain(job.frontier())).toEqual({ slow: ['running', [], ['more', 'slow']] });
    await clock.runAll();
  });

  test('of a chain of 20,000 tasks are quick to tell, the subtree included', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `t${index}`);
    const result = await start(
      names.map(
        (name, index): AnyTaskSpec => ({
          name,
          dependsOn: names.slice(Math.max(0, index - 1), index),
          run: index === 0 ? fails('x') : () => {},
        }),
      ),
      { onFailure: 'continue' },
    );
    expect(result.frontier()).toHaveLength(1);
    expect(result.frontier()[0]?.subtree).toHaveLength(20_000);
    expect(result.tasks.t19999?.error?.rootCause()).toBe('x');
  });
});
