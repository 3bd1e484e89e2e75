import { type AnyTaskSpec, jobFrom, notReady, type TaskResult, type TaskScope } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { boom, fails, line, listen, nest, takes } from '../../support/nested-job.ts';

const never = (): Promise<undefined> => new Promise(() => {});

type States = { readonly [name: string]: string | States };

/** States by name; of a task with tasks inside `{ '': its own, … }`. */
const statesOf = (tasks: Readonly<Record<string, TaskResult>>): States =>
  Object.fromEntries(
    Object.entries(tasks).map(([name, { state, tasks: inner }]) => [
      name,
      inner ? { '': state, ...statesOf(inner) } : state,
    ]),
  );

/** A task that runs until it is told to stop, and notes the code it is told. */
const untilAborted =
  (codes: unknown[]) =>
  ({ signal }: TaskScope) =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        codes.push(signal.reason.code);
        reject(signal.reason);
      }),
    );

describe('how a nested job ends', () => {
  test('not ready: the task is not ready either, and its reason names the task inside', async () => {
    const job = nest([
      { name: 'dns', run: () => notReady('waiting for DNS') },
      { name: 'other', run: () => ({ other: 1 }) },
    ]).start();
    const result = await job;
    expect(result.state).toBe('notReady');
    expect(result.error).toBeUndefined();
    expect(result.tasks.outer).toMatchObject({ state: 'notReady', reason: 'outer/dns: waiting for DNS' });
    expect(statesOf(result.tasks)).toEqual({
      outer: { '': 'notReady', dns: 'notReady', other: 'completed' },
      after: 'skipped',
    });
    expect(result.firstInProgress()).toBe('outer');
  });

  test('failed: the attempt fails, and the chain of errors leads to what was thrown, three levels down', async () => {
    const inner = jobFrom('inner', [{ name: 't', run: fails }]);
    const middle = jobFrom('middle', [{ kind: 'job', name: 'b', definition: inner }]);
    const { error, errors, tasks } = await jobFrom('top', [{ kind: 'job', name: 'a', definition: middle }]).start();
    expect(error?.rootCause()).toBe(boom);
    expect(error?.failedTask).toBe('a');
    expect(errors.map(({ taskName }) => taskName)).toEqual(['a']);
    const chain: string[] = [];
    for (let at: unknown = error; at instanceof Error && at !== boom; at = at.cause)
      chain.push('taskName' in at ? `task ${at.taskName}` : `job ${(at as { jobName?: string }).jobName}`);
    expect(chain).toEqual(['job top', 'task a', 'job middle', 'task a/b', 'job inner', 'task a/b/t']);
    expect(tasks.a?.tasks?.b?.tasks?.t?.error?.cause).toBe(boom);
  });

  test('failed: retries of the outer task run the child anew, with an input made anew', async () => {
    const clock = virtualClock();
    const ran: string[] = [];
    const job = nest(
      [
        { name: 'a', run: ({ ctx }) => void ran.push(`a of ${ctx.attempt}`) },
        {
          name: 'b',
          dependsOn: ['a'],
          run: ({ ctx, attempt }) => {
            ran.push(`b of ${ctx.attempt}, ${attempt}`);
            return (ctx.attempt as number) < 3 ? fails() : { b: 1 };
          },
        },
      ],
      { maxRetries: 2, retry: { delayMs: 100 }, input: ({ attempt }: TaskScope) => ({ attempt }) },
    ).start({}, { clock });
    const events = listen(job);
    await clock.runAll();
    expect((await job).ctx.outer).toEqual({ b: 1 });
    expect(ran).toEqual(['a of 1', 'b of 1, 1', 'a of 2', 'b of 2, 1', 'a of 3', 'b of 3, 1']);
    expect(clock.now()).toBe(200);
    expect(job.task('outer').attempts).toBe(3);
    expect(events.map(line).filter((text) => text.startsWith('outer/b unscheduled'))).toHaveLength(3);
  });

  test("the parent's retries are no retries of the tasks inside, nor the other way round", async () => {
    let calls = 0;
    const run = () => {
      calls++;
      return fails();
    };
    await nest([{ name: 't', run }], {}, { maxRetries: 1 }).start();
    expect(calls).toBe(2);
    await nest([{ name: 't', run }], { maxRetries: 0 }).start({}, { maxRetries: 5 });
    expect(calls).toBe(3);
  });

  test('failed but tolerated: what comes after runs', async () => {
    const { state, ctx, errors } = await nest([{ name: 't', run: fails }], { continueOnFailure: true }).start();
    expect([state, 'after' in ctx, errors[0]?.tolerated]).toEqual(['completed', true, true]);
  });

  test("by its own time limit: the task fails, and the root of the error is the child's JOB_TIMEOUT", async () => {
    const clock = virtualClock();
    const codes: unknown[] = [];
    const job = nest([{ name: 't', run: untilAborted(codes) }], {}, { timeout: 50 }).start({}, { clock });
    await clock.runAll();
    const { state, error } = await job;
    expect([state, clock.now(), codes]).toEqual(['failed', 50, ['JOB_TIMEOUT']]);
    expect(error?.rootCause()).toMatchObject({ code: 'JOB_TIMEOUT', jobName: 'child' });
  });

  test("by its own onFailure: 'continue' lets its other branches finish", async () => {
    const inner: AnyTaskSpec[] = [
      { name: 'bad', run: fails },
      { name: 'next', dependsOn: ['bad'], run: () => {} },
      { name: 'good', run: async () => {} },
      { name: 'better', dependsOn: ['good'], run: () => {} },
    ];
    const { tasks } = await nest(inner, {}, { onFailure: 'continue' }).start();
    expect(statesOf(tasks.outer?.tasks ?? {})).toEqual({
      bad: 'failed',
      next: 'skipped',
      good: 'completed',
      better: 'completed',
    });
    const aborted = await nest(inner).start({}, { onFailure: 'continue' });
    expect(aborted.tasks.outer?.tasks?.better?.state).toBe('unscheduled');
  });

  test("by its own contextConflict: 'error'", async () => {
    const inner: AnyTaskSpec[] = ['a', 'b'].map((name) => ({ name, run: () => ({ key: name }) }));
    const { error } = await nest(inner, {}, { contextConflict: 'error' }).start();
    expect(error?.rootCause()).toMatchObject({ code: 'CONTEXT_CONFLICT', jobName: 'child' });
    expect(error?.message).toContain('outer/a');
    expect((await nest(inner).start({}, { contextConflict: 'error' })).state).toBe('completed');
  });
});

describe('the end of the outer task', () => {
  const ways = {
    'a cancellation': { code: 'JOB_CANCELLED', state: 'cancelled', outer: 'cancelled' },
    "the job's time limit": { code: 'JOB_TIMEOUT', state: 'timedOut', outer: 'cancelled', options: { timeout: 5 } },
    "the task's timeout": { code: 'TASK_TIMEOUT', state: 'failed', outer: 'failed', task: { timeout: 5 } },
    "the task's deadline": { code: 'TASK_DEADLINE', state: 'failed', outer: 'failed', task: { deadline: 5 } },
    "a sibling's failure": { code: 'JOB_FAILED', state: 'failed', outer: 'cancelled' },
  } as const;

  test.each(
    Object.entries(ways).flatMap(([way, more]) => [0, 20].map((graceMs) => [way, graceMs, more] as const)),
  )('by %s (%d ms of grace) reaches the tasks inside, with its reason, before the outer task settles', async (way, graceMs, more) => {
    const clock = virtualClock();
    const codes: unknown[] = [];
    const inner = jobFrom('inner', [{ name: 't', run: untilAborted(codes) }]);
    const middle = jobFrom('middle', [
      { kind: 'job', name: 'b', definition: inner },
      { name: 'u', run: untilAborted(codes) },
    ]);
    const { task = {}, options = {} } = more as { task?: object; options?: object };
    const job = jobFrom('top', [
      { kind: 'job', name: 'a', definition: middle, ...task },
      {
        name: 'sibling',
        continueOnFailure: way !== "a sibling's failure",
        run: () => new Promise((_, reject) => clock.setTimer(() => reject(boom), 5)),
      },
    ]).start({}, { clock, graceMs, ...options });
    const events = listen(job);
    if (way === 'a cancellation') clock.setTimer(() => job.cancel('enough'), 5);
    await clock.runAll();
    const { state, tasks } = await job;
    expect([state, tasks.a?.state, job.task('a/b').state, job.task('a/b/t').state]).toEqual([
      more.state,
      more.outer,
      'cancelled',
      'cancelled',
    ]);
    expect(clock.now()).toBe(5);
    const lines = events.map(line);
    const at = (text: string): number => lines.findIndex((found) => found.startsWith(text));
    expect(at('a/b/t running>cancelled')).toBeLessThan(at('a/b running>cancelled'));
    expect(at('a/b running>cancelled')).toBeLessThan(at('a running>'));
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    expect(codes).toEqual([more.code, more.code]);
  });

  test('drain lets what runs inside finish and starts nothing more, at any depth', async () => {
    const clock = virtualClock();
    const inner = jobFrom('inner', [
      { name: 'runs', run: takes(clock, 10) },
      { name: 'waits', dependsOn: ['runs'], run: takes(clock, 10) },
    ]);
    const middle = jobFrom('middle', [{ kind: 'job', name: 'b', definition: inner }]);
    const job = jobFrom('top', [{ kind: 'job', name: 'a', definition: middle }]).start({}, { clock });
    await clock.advance(5);
    job.cancel('enough', { mode: 'drain' });
    expect(job.state).toBe('running');
    await clock.runAll();
    const { state, tasks } = await job;
    expect([state, clock.now()]).toEqual(['cancelled', 10]);
    expect(statesOf(tasks)).toEqual({
      a: { '': 'cancelled', b: { '': 'cancelled', runs: 'completed', waits: 'unscheduled' } },
    });
  });

  test('drain keeps what a nested job puts out if all of it finishes', async () => {
    const clock = virtualClock();
    const job = nest([{ name: 't', run: () => takes(clock, 10)({ taskName: 't' } as TaskScope) }]).start({}, { clock });
    await clock.advance(5);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    const { state, ctx, tasks } = await job;
    expect([state, tasks.outer?.state, ctx]).toEqual(['cancelled', 'completed', { outer: { t: true } }]);
  });

  test('a drain may be followed by an abort', async () => {
    const clock = virtualClock();
    const job = nest([{ name: 't', run: never }]).start({}, { clock });
    await clock.advance(5);
    job.cancel('enough', { mode: 'drain' });
    await clock.advance(5);
    expect(job.state).toBe('running');
    job.cancel('now');
    expect([(await job).state, job.task('outer/t').state, clock.pending()]).toEqual(['cancelled', 'cancelled', 0]);
  });

  test('graceMs of the job is how long the tasks inside may clean up', async () => {
    const clock = virtualClock();
    const job = nest([
      { name: 'deaf', run: never },
      {
        name: 'tidy',
        run: ({ signal }) =>
          new Promise((_, reject) =>
            signal.addEventListener('abort', () => clock.setTimer(() => reject(signal.reason), 30)),
          ),
      },
    ]).start({}, { clock, graceMs: 100 });
    await clock.advance(1);
    job.cancel();
    await clock.advance(30);
    expect([job.task('outer/tidy').state, job.task('outer/deaf').state, job.state]).toEqual([
      'cancelled',
      'running',
      'running',
    ]);
    await clock.advance(70);
    expect([job.task('outer/deaf').state, job.task('outer').state, job.state]).toEqual([
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
    expect(clock.pending()).toBe(0);
  });

  test.each([
    ['a cancellation', {}, {}, 'cancelled'],
    ["the job's time limit", {}, { timeout: 10 }, 'timedOut'],
    ["the task's timeout", { timeout: 10 }, {}, 'failed'],
    ["the task's deadline", { deadline: 10 }, {}, 'failed'],
  ] as const)('by %s lets an `always` task inside run, and the job ends after it', async (way, options, start, state) => {
    const clock = virtualClock();
    const job = nest(
      [
        { name: 'work', run: never },
        { name: 'next', dependsOn: ['work'], run: () => {} },
        { name: 'clean', dependsOn: ['work'], trigger: 'always', run: takes(clock, 40) },
      ],
      options,
    ).start({}, { clock, ...start });
    const events = listen(job);
    if (way === 'a cancellation') clock.setTimer(() => job.cancel(), 10);
    await clock.advance(20);
    expect([job.state, job.task('outer').state, job.task('outer/clean').state]).toEqual([
      'running',
      'running',
      'running',
    ]);
    await clock.runAll();
    expect([(await job).state, clock.now()]).toEqual([state, 50]);
    expect(job.task('outer/next').state).toBe('unscheduled');
    const lines = events.map(line);
    expect(lines.indexOf('outer/clean running>completed')).toBeLessThan(
      lines.findIndex((text) => text.startsWith('outer running>')),
    );
  });

  test('by a deadline that passes while a timed-out attempt cleans up: no attempt follows', async () => {
    const clock = virtualClock();
    const job = nest(
      [
        { name: 'work', run: never },
        { name: 'clean', dependsOn: ['work'], trigger: 'always', run: takes(clock, 20) },
      ],
      { timeout: 10, deadline: 15, maxRetries: 3 },
    ).start({}, { clock });
    await clock.runAll();
    const { tasks } = await job;
    expect(tasks.outer).toMatchObject({ state: 'failed', reason: 'deadline', attempts: 1 });
  });

  test('a nested job that is itself clean-up runs to its end', async () => {
    const clock = virtualClock();
    const clean = jobFrom('clean', [
      { name: 'a', run: takes(clock, 10) },
      { name: 'b', dependsOn: ['a'], run: takes(clock, 10) },
    ]);
    const job = jobFrom('parent', [
      { name: 'work', run: never },
      { kind: 'job', name: 'clean', dependsOn: ['work'], trigger: 'always', definition: clean },
    ]).start({}, { clock });
    clock.setTimer(() => job.cancel(), 5);
    await clock.runAll();
    expect([(await job).state, clock.now()]).toEqual(['cancelled', 25]);
    expect(statesOf((await job).tasks)).toEqual({
      work: 'cancelled',
      clean: { '': 'completed', a: 'completed', b: 'completed' },
    });
  });

  test('a result that comes after it is dropped, and told with its path', async () => {
    const clock = virtualClock();
    const job = jobFrom('parent', [
      {
        kind: 'job',
        name: 'outer',
        timeout: 10,
        continueOnFailure: true,
        definition: jobFrom('child', [{ name: 't', run: takes(clock, 20) }]),
      },
      { name: 'wait', run: takes(clock, 30) },
    ]).start({}, { clock });
    const events = listen(job);
    await clock.runAll();
    expect((await job).ctx).toEqual({ wait: true });
    expect(events.map(line)).toContain('task.lateResult outer/t');
  });
});
