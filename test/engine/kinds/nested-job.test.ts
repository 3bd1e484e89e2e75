import fc from 'fast-check';
import {
  type AnyTaskSpec,
  type Clock,
  CommandError,
  defineJob,
  type JobEvent,
  jobFrom,
  NonRetryableError,
  notReady,
  type StartOptions,
  type TaskResult,
  type TaskScope,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';

/** `FC_SEED=… npx vitest run test/engine/kinds/nested-job.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const boom = new Error('boom');
const fails = (): never => {
  throw boom;
};
const never = (): Promise<undefined> => new Promise(() => {});

/** An event in a line: `outer/inner ready>running`. */
const line = (event: JobEvent): string => {
  if (event.type === 'job.transition') return `JOB ${event.from}>${event.to}`;
  if (event.type === 'task.transition') return `${event.task} ${event.from}>${event.to}`;
  return `${event.type} ${'task' in event ? event.task : ''}`;
};

const listen = (job: { readonly events$: { subscribe(next: (event: JobEvent) => void): unknown } }): JobEvent[] => {
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return events;
};

type States = { readonly [name: string]: string | States };

/** States by name; of a task with tasks inside `{ '': its own, … }`. */
const statesOf = (tasks: Readonly<Record<string, TaskResult>>): States =>
  Object.fromEntries(
    Object.entries(tasks).map(([name, { state, tasks: inner }]) => [
      name,
      inner ? { '': state, ...statesOf(inner) } : state,
    ]),
  );

/** A job of one task `outer`, which runs a job of these tasks. */
const nest = (inner: readonly AnyTaskSpec[], options: object = {}, innerOptions: object = {}) =>
  jobFrom('parent', [
    { kind: 'job', name: 'outer', definition: jobFrom('child', inner, innerOptions), ...options },
    { name: 'after', dependsOn: ['outer'], run: ({ ctx }) => ({ after: ctx.outer }) },
  ]);

/** A task that ends after `ms`, with its own name as its output. */
const takes =
  (clock: Clock, ms: number) =>
  ({ taskName }: TaskScope) =>
    new Promise((resolve) => clock.setTimer(() => resolve({ [taskName]: true }), ms));

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

/** A command that comes when it can't be carried out any more changes nothing. */
const ifItMay = (command: () => void): void => {
  try {
    command();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
};

describe('the events of a nested job', () => {
  test('stand in the stream of the job around it, each task with its path, three levels deep', async () => {
    const inner = defineJob('inner')
      .task('t', () => ({ t: 1 }))
      .seal();
    const middle = defineJob('middle').job('b', {}, inner).seal();
    const job = defineJob('top').job('a', {}, middle).start();
    const events = listen(job);
    await job;
    expect(events.map(line)).toEqual([
      'JOB idle>running',
      'a unscheduled>ready',
      'a ready>running',
      'a/b unscheduled>ready',
      'a/b ready>running',
      'a/b/t unscheduled>ready',
      'a/b/t ready>running',
      'a/b/t running>completed',
      'a/b running>completed',
      'a running>completed',
      'JOB running>completed',
    ]);
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    expect(events.every(({ jobId, jobName }) => jobId === job.id && jobName === 'top')).toBe(true);
  });

  test('carry progress, logs and conflicts with their paths too', async () => {
    const job = nest([
      {
        name: 't',
        run: ({ log, progress, taskName, jobId }) => {
          log.info(`${taskName} of ${jobId}`);
          progress(0.5);
          return { key: 1 };
        },
      },
      { name: 'u', run: () => ({ key: 2 }) },
    ]).start({}, { jobId: 'id' });
    const events = listen(job);
    expect((await job).ctx.outer).toEqual({ key: 2 });
    expect(events.filter(({ type }) => !type.endsWith('transition'))).toMatchObject([
      { type: 'task.log', task: 'outer/t', message: 'outer/t of id' },
      { type: 'task.progress', task: 'outer/t' },
      { type: 'context.conflict', tasks: ['outer/t', 'outer/u'], kept: 'outer/u', key: 'key' },
    ]);
  });
});

describe('what a nested job takes', () => {
  const saw = defineJob<Record<string, unknown>>('child')
    .task('saw', ({ ctx }) => ({ saw: { ...ctx } }))
    .seal();

  test('is the context of its task, where nothing else is said', async () => {
    const job = defineJob<{ url: string }>('parent')
      .task('first', () => ({ first: 1 }))
      .job('outer', { dependsOn: ['first'] }, saw)
      .start({ url: 'u' });
    expect((await job.orThrow()).outer).toEqual({ saw: { url: 'u', first: 1 } });
  });

  test('is what input(scope) makes of it', async () => {
    const job = defineJob<{ url: string }>('parent')
      .task('first', () => ({ first: 1 }))
      .job(
        'outer',
        {
          dependsOn: ['first'],
          input: ({ ctx, deps, taskName }) => ({ url: ctx.url, of: deps.first.first, taskName }),
        },
        saw,
      )
      .start({ url: 'u' });
    expect((await job.orThrow()).outer).toEqual({ saw: { url: 'u', of: 1, taskName: 'outer' } });
  });

  test('may be a context of more keys than are copied', async () => {
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, { at }]));
    for (const input of [undefined, ({ ctx }: TaskScope) => ctx]) {
      const job = jobFrom('parent', [
        { name: 'first', run: () => wide },
        { kind: 'job', name: 'outer', dependsOn: ['first'], definition: saw, input },
      ]).start();
      expect((await job.orThrow()).outer).toEqual({ saw: wide });
    }
  });

  test('leaves the context around it alone: only the output of the outer task comes back', async () => {
    const job = nest([{ name: 't', run: () => ({ secret: 1 }) }]).start({ given: 1 });
    expect((await job).ctx).toEqual({ given: 1, outer: { secret: 1 }, after: { secret: 1 } });
  });

  test.each([
    ['an array', () => []],
    ['null', () => null],
    ['a promise', async () => ({})],
    ['a promise that fails', async () => fails()],
  ])('can not be %s: the task fails at once, whatever retries it has', async (_, input) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const job = nest([{ name: 't', run: () => {} }], { input, maxRetries: 3 }).start();
    const { tasks, state } = await job;
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect([state, tasks.outer?.attempts, tasks.outer?.error?.message]).toEqual([
      'failed',
      1,
      expect.stringContaining('input'),
    ]);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('is checked by the schema of its definition: a violation names the job and the path, and is not retried', async () => {
    const strict = defineJob('strict', { input: z.object({ port: z.coerce.number() }) })
      .task('t', ({ ctx }) => ({ t: ctx.port + 1 }))
      .seal();
    const start = (port: string) =>
      defineJob('parent')
        .job('outer', { maxRetries: 3, input: () => ({ port }) }, strict)
        .start();
    expect((await start('80').orThrow()).outer).toEqual({ t: 81 });
    const { error, tasks } = await start('ftp');
    expect(tasks.outer.attempts).toBe(1);
    expect(error?.message).toMatch(/job "strict".*port/);
    const causes: unknown[] = [];
    for (let at: unknown = error; at instanceof Error; at = at.cause) causes.push((at as { code?: string }).code);
    expect(causes).toContain('INVALID_INPUT');
  });

  test('fails the attempt when input(scope) throws, which is tried again', async () => {
    const input = vi.fn(() => {
      if (input.mock.calls.length < 3) throw boom;
      return {};
    });
    const job = nest([{ name: 't', run: () => {} }], { input, maxRetries: 2 }).start();
    expect((await job).state).toBe('completed');
    expect(job.task('outer').attempts).toBe(3);
  });
});

describe('what a nested job puts out', () => {
  test('is { [name]: what its tasks put out }, later tasks laid over earlier ones, the input left out', async () => {
    const job = nest([
      { name: 'a', run: () => ({ x: 1, y: 1 }) },
      { name: 'b', dependsOn: ['a'], run: () => ({ y: 2 }) },
    ]).start({ given: true });
    expect(await job.output('outer')).toEqual({ outer: { x: 1, y: 2 } });
  });

  test('is what output(ctx) makes of the whole context of the child', async () => {
    const job = nest([{ name: 'a', run: () => ({ x: 1 }) }], { output: (ctx: object) => ({ all: ctx }) }).start({
      given: 2,
    });
    expect(await job.output('outer')).toEqual({ all: { given: 2, x: 1 } });
  });

  test.each([
    ['an array', () => [], 'INVALID_OUTPUT'],
    ['a promise that fails', async () => fails(), 'TASK_FAILED'],
    ['nothing it can read', fails, 'TASK_FAILED'],
  ])('can not be %s', async (_, output, code) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { state, errors } = await nest([{ name: 'a', run: () => {} }], { output }).start();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect([state, errors[0]?.code]).toEqual(['failed', code]);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('is nothing but an empty object, of a job without tasks', async () => {
    const job = nest([]).start();
    const events = listen(job);
    expect((await job).ctx.outer).toEqual({});
    expect(events.map(line).slice(1, 4)).toEqual([
      'outer unscheduled>ready',
      'outer ready>running',
      'outer running>completed',
    ]);
  });

  test('is frozen to the bottom, unless freeze is off, however deep it is nested', async () => {
    const start = (freeze: boolean) => {
      const rows = [{ a: 1 }];
      const inner = jobFrom('inner', [{ name: 't', run: () => ({ rows }) }]);
      const middle = jobFrom('middle', [{ kind: 'job', name: 'b', definition: inner }]);
      return jobFrom('top', [{ kind: 'job', name: 'a', definition: middle }])
        .start({}, { freeze })
        .then(() => Object.isFrozen(rows[0]));
    };
    expect([await start(true), await start(false)]).toEqual([true, false]);
  });
});

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

describe('limits', () => {
  /** How many of its runs there were at once, at most. */
  const gauge = (clock: Clock) => {
    const seen = { now: 0, most: 0 };
    const run = async () => {
      seen.most = Math.max(seen.most, ++seen.now);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 10));
      seen.now--;
    };
    return { seen, run };
  };
  const tasks = (count: number, spec: object, run: () => Promise<void>): AnyTaskSpec[] =>
    Array.from({ length: count }, (_, at) => ({ name: `t${at}`, run, ...spec }));

  test.each([
    ['the concurrency of the job around them', {}, {}, { maxConcurrency: 3 }, 3],
    ['a concurrency of their own', {}, { maxConcurrency: 2 }, { maxConcurrency: 3 }, 2],
    ['a pool of the job around them', { pool: 'db' }, {}, { pools: { db: 2 } }, 2],
    ['a pool of their own', { pool: 'db' }, { pools: { db: 1 } }, {}, 1],
    ['the smaller of two pools of one name', { pool: 'db' }, { pools: { db: 4 } }, { pools: { db: 2 } }, 2],
    ['one after the other', {}, {}, { sequential: true }, 1],
  ] as const)('of the tasks inside: %s', async (_, spec, innerOptions, options, most) => {
    const clock = virtualClock();
    const { seen, run } = gauge(clock);
    const job = nest(tasks(6, spec, run), {}, innerOptions).start({}, { clock, ...options });
    await clock.runAll();
    expect((await job).state).toBe('completed');
    expect(seen.most).toBe(most);
  });

  test('an outer task takes no slot: nesting deeper than the concurrency is no deadlock', async () => {
    let definition = jobFrom('leaf', [{ name: 't', run: () => ({ t: 1 }) }]);
    for (let level = 0; level < 10; level++) definition = jobFrom('level', [{ kind: 'job', name: 'n', definition }]);
    expect((await definition.start({}, { maxConcurrency: 1 })).state).toBe('completed');
  });

  test('a pool that nobody has is told before anything runs, with the path of the task that asks', () => {
    const definition = nest([{ name: 't', pool: 'db', run: () => {} }]);
    expect(() => definition.start()).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('outer/t') }),
    );
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

describe('one definition', () => {
  test('nested twice, and nested in what it is nested beside, is as many jobs', async () => {
    const leaf = defineJob<{ n?: number }>('leaf')
      .task('t', ({ ctx }) => ({ t: (ctx.n ?? 0) + 1 }))
      .seal();
    const pair = defineJob('pair')
      .job('x', { input: () => ({ n: 10 }) }, leaf)
      .job('y', { input: () => ({ n: 20 }) }, leaf)
      .seal();
    const job = defineJob('top')
      .job('pair', {}, pair)
      .job('leaf', { input: () => ({}) }, leaf)
      .start();
    expect(await job.orThrow()).toEqual({ pair: { x: { t: 11 }, y: { t: 21 } }, leaf: { t: 1 } });
    expect(['pair/x/t', 'pair/y/t', 'leaf/t'].map((path) => job.task(path as 'pair').state)).toEqual([
      'completed',
      'completed',
      'completed',
    ]);
  });

  test('is what it was after any number of jobs around it', async () => {
    const leaf = jobFrom('leaf', [{ name: 't', run: () => ({ t: 1 }) }]);
    const before = [leaf.fingerprint, leaf.topologicalOrder()];
    const parent = jobFrom('parent', [{ kind: 'job', name: 'leaf', definition: leaf }]);
    await Promise.all([parent.start(), parent.start(), leaf.start()]);
    expect([leaf.fingerprint, leaf.topologicalOrder()]).toEqual(before);
  });

  test('that is nested leaves its mark in the fingerprint of the one around it', () => {
    const around = (inner: AnyTaskSpec[]) =>
      jobFrom('parent', [{ kind: 'job', name: 'x', definition: jobFrom('child', inner) }]).fingerprint;
    const one = around([{ name: 'a', run: () => {} }]);
    expect(around([{ name: 'a', run: () => {} }])).toBe(one);
    expect(around([{ name: 'b', run: () => {} }])).not.toBe(one);
  });

  test.each([
    ['none', undefined],
    ['a builder that is not sealed', defineJob('child').task('t', () => {})],
    ['a plain object', { tasks: [] }],
    ['a function', () => {}],
  ])('is required: %s will not do', (_, definition) => {
    expect(() => jobFrom('parent', [{ kind: 'job', name: 'outer', definition: definition as never }])).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ code: 'INVALID_OPTION', option: 'definition', tasks: ['outer'] })],
      }),
    );
  });

  test.each(['pool', 'slots', 'enrich', 'over', 'run'])('a nested job has no option %s', (option) => {
    expect(() => nest([], { [option]: 1 })).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ code: 'INVALID_OPTION', option })] }),
    );
  });
});

describe('the tasks inside', () => {
  test('are found by their paths, before, while and after they run', async () => {
    const clock = virtualClock();
    const job = nest([{ name: 'inner', run: takes(clock, 10) }]).start({}, { clock });
    const inner = job.task('outer/inner');
    const seen = [inner.state];
    await clock.advance(5);
    seen.push(inner.state);
    await clock.runAll();
    seen.push(inner.state);
    expect(seen).toEqual(['unscheduled', 'running', 'completed']);
    expect([inner.name, inner.attempts, inner.durationMs]).toEqual(['outer/inner', 1, 10]);
  });

  test('stand in the result under their outer task', async () => {
    const { tasks } = await nest([{ name: 'inner', run: () => {} }]).start();
    expect(tasks.outer?.tasks?.inner).toMatchObject({ state: 'completed', attempts: 1 });
    expect(Object.isFrozen(tasks.outer?.tasks)).toBe(true);
    expect(tasks.after).not.toHaveProperty('tasks');
  });

  test.each([
    'outer/nobody',
    'nobody/inner',
    'outer/inner/',
    'outer/',
    '/outer',
    'outer//inner',
    'outer/inner/deeper',
    'outer[0]',
    'outer/[0]',
    'outer/inner[0]',
    'after[0]',
    'after/[3]',
    '',
  ])('are not found under %j: UNKNOWN_TASK, before and after', async (path) => {
    const job = nest([{ name: 'inner', run: () => {} }]).start();
    const unknown = expect.objectContaining({ code: 'UNKNOWN_TASK', taskName: path });
    expect(() => job.task(path)).toThrow(unknown);
    await job;
    expect(() => job.task(path)).toThrow(unknown);
    expect(() => job.explain(path)).toThrow(unknown);
    await expect(job.output(path)).rejects.toThrow(unknown);
  });

  test('can be retried, paused and completed from outside through their paths', async () => {
    const clock = virtualClock();
    const job = nest([
      { name: 'flaky', onExhausted: 'pause', run: ({ attempt }) => (attempt === 1 ? fails() : { flaky: 1 }) },
      { kind: 'external', name: 'approval' },
    ]).start({}, { clock });
    await clock.advance(1);
    expect(job.explain().map(({ task }) => task)).toEqual(['outer/flaky', 'outer/approval', 'after']);
    job.retry('outer/flaky');
    job.task('outer/approval').complete({ ok: true });
    await clock.runAll();
    expect((await job).ctx.outer).toEqual({ flaky: 1, ok: true });
  });

  test('stand still while the outer task is paused, and its timeout with them', async () => {
    const clock = virtualClock();
    const job = nest(
      [
        { name: 'a', run: takes(clock, 10) },
        { name: 'b', dependsOn: ['a'], run: takes(clock, 10) },
      ],
      { timeout: 30 },
    ).start({}, { clock });
    await clock.advance(5);
    job.task('outer').pause('Ann');
    await clock.advance(100);
    expect([job.task('outer').state, job.task('outer/a').state, job.task('outer/b').state]).toEqual([
      'paused',
      'completed',
      'ready',
    ]);
    job.task('outer').resume();
    await clock.runAll();
    expect([(await job).state, clock.now()]).toEqual(['completed', 115]);
  });

  test('stand still from the start when the outer task is paused in the event that it runs', async () => {
    const clock = virtualClock();
    const job = nest([{ name: 't', run: takes(clock, 10) }]).start({}, { clock });
    let thrown: unknown;
    job.events$.subscribe((event) => {
      if (line(event) !== 'outer ready>running') return;
      try {
        job.task('outer').pause();
      } catch (error) {
        thrown = error;
      }
    });
    await clock.advance(50);
    expect(thrown).toBeUndefined();
    expect([job.task('outer').state, job.task('outer/t').attempts]).toEqual(['paused', 0]);
    job.task('outer').resume();
    await clock.runAll();
    expect([(await job).state, clock.now()]).toEqual(['completed', 60]);
  });

  test.each([
    ['timeout', { timeout: 10 }, 'TASK_TIMEOUT'],
    ['deadline', { deadline: 10 }, 'TASK_DEADLINE'],
  ])('that clean up after a %s while the outer task is paused do not make the job hang', async (_, options, code) => {
    const clock = virtualClock();
    const job = nest(
      [
        { name: 'work', run: never },
        { name: 'clean', dependsOn: ['work'], trigger: 'always', run: takes(clock, 20) },
      ],
      options,
    ).start({}, { clock });
    await clock.advance(15);
    ifItMay(() => job.task('outer').pause());
    await clock.advance(25);
    ifItMay(() => job.task('outer').resume());
    await clock.runAll();
    expect([job.state, job.task('outer').error?.code]).toEqual(['failed', code]);
  });

  test('NonRetryableError of one is still the root of it all', async () => {
    const { error } = await nest([
      {
        name: 't',
        maxRetries: 3,
        run: () => {
          throw new NonRetryableError('no way');
        },
      },
    ]).start();
    expect(error?.rootCause()).toMatchObject({ code: 'NON_RETRYABLE', message: 'no way' });
  });
});

describe('many and deep', () => {
  test('5,000 nested jobs in one', async () => {
    const definition = defineJob('child')
      .task('t', () => ({ t: 1 }))
      .seal();
    const tasks = Array.from({ length: 5_000 }, (_, at): AnyTaskSpec => ({ kind: 'job', name: `o${at}`, definition }));
    const job = jobFrom('parent', tasks).start({}, { maxConcurrency: 8 });
    const result = await job;
    expect(result.state).toBe('completed');
    expect(Object.keys(result.ctx)).toHaveLength(5_000);
    expect(job.task('o4999/t').state).toBe('completed');
  });

  test.each(['completes', 'fails', 'is cancelled'])('a job nested 50 deep %s', async (how) => {
    const run = () => (how === 'fails' ? fails() : how === 'completes' ? { t: 1 } : never());
    let definition = jobFrom('leaf', [{ name: 't', run }]);
    for (let level = 0; level < 50; level++)
      definition = jobFrom(`level ${level}`, [{ kind: 'job', name: 'n', definition }]);
    const job = definition.start();
    const path = `${'n/'.repeat(50)}t`;
    job.events$.subscribe((event) => {
      if (how === 'is cancelled' && line(event) === `${path} ready>running`) job.cancel('enough');
    });
    const { state, error } = await job;
    expect(state).toBe({ completes: 'completed', fails: 'failed', 'is cancelled': 'cancelled' }[how]);
    if (how === 'fails') expect(error?.rootCause()).toBe(boom);
    expect(job.task(path).state).toBe({ completes: 'completed', fails: 'failed', 'is cancelled': 'cancelled' }[how]);
  });
});

describe('a job of nested jobs and fan-outs that is cancelled, paused or out of time at any moment', {
  timeout: 60_000,
}, () => {
  type Deed = 'abort' | 'drain' | 'pause' | 'pause outer';
  type Play = {
    readonly deed: Deed;
    readonly at: number;
    readonly graceMs: number;
    readonly fail: number;
    readonly options: StartOptions;
  };

  const specs = (clock: Clock, fail: number, begins: (task: string) => void): AnyTaskSpec[] => {
    let calls = 0;
    const work = ({ signal, taskName }: TaskScope) => {
      begins(taskName);
      const doomed = ++calls === fail;
      return new Promise<undefined>((resolve, reject) => {
        clock.setTimer(() => (doomed ? reject(boom) : resolve(undefined)), calls % 3);
        signal.addEventListener('abort', () => clock.setTimer(() => reject(signal.reason), 2));
      });
    };
    const inner = jobFrom('inner', [
      { name: 'a', run: work },
      { name: 'b', dependsOn: ['a'], maxRetries: 1, run: work },
      { name: 'clean', dependsOn: ['b'], trigger: 'always', run: work },
    ]);
    const middle = jobFrom('middle', [
      { kind: 'job', name: 'in', definition: inner, maxRetries: 1, retry: { delayMs: 1 } },
      { kind: 'map', name: 'each', over: [1, 2, 3], concurrency: 2, each: work },
      { name: 'last', dependsOn: ['in', 'each'], run: work },
    ]);
    return [
      { kind: 'job', name: 'mid', definition: middle, timeout: 12 },
      { name: 'first', run: work },
      { kind: 'map', name: 'all', dependsOn: ['first'], over: () => [1, 2], each: work },
      { name: 'end', dependsOn: ['mid', 'all'], run: work },
    ];
  };

  const SETTLED = new Set(['completed', 'failed', 'cancelled', 'skipped', 'notReady']);

  const play = async ({ deed, at, graceMs, fail, options }: Play): Promise<string[]> => {
    const clock = virtualClock();
    const problems: string[] = [];
    const check = (holds: boolean, what: string): void => void (holds || problems.push(what));
    let stopped = false;
    const begins = (task: string): void =>
      check(!stopped || task.endsWith('clean'), `${task} starts after the cancellation`);
    const job = jobFrom('top', specs(clock, fail, begins)).start({}, { clock, graceMs, ...options });
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => {
      events.push(event);
      if (event.seq !== at || job.state !== 'running') return;
      if (deed === 'pause') {
        ifItMay(() => job.pause());
        clock.setTimer(() => job.resume(), 7);
      } else if (deed === 'pause outer') {
        ifItMay(() => job.task('mid').pause());
        clock.setTimer(() => ifItMay(() => job.task('mid').resume()), 7);
      } else {
        stopped = true;
        job.cancel('enough', { mode: deed });
      }
    });
    await clock.runAll();
    const last = events.at(-1);
    check(
      last?.type === 'job.transition' && last.to === job.state && SETTLED.has(job.state.replace('timedOut', 'failed')),
      `it ends: ${job.state}`,
    );
    check(
      events.every(({ seq }, index) => seq === index),
      'seq has no gaps',
    );
    check(clock.pending() === 0, `${clock.pending()} timers are left`);
    if (stopped) check(['cancelled', 'timedOut'].includes(job.state), `it was cancelled: ${job.state}`);
    const state = new Map<string, string>();
    for (const event of events) {
      if (event.type !== 'task.transition') continue;
      const { task, from, to } = event;
      check(
        (SETTLED.has(state.get(task) ?? '') && from === 'unscheduled') || (state.get(task) ?? 'unscheduled') === from,
        `${task} goes on from where it was: ${line(event)}`,
      );
      state.set(task, to);
      const outer = task.includes('/') || task.includes('[') ? task.replace(/(\/[^/[]+|\[\d+\])$/, '') : undefined;
      if (outer !== undefined)
        check(
          ['running', 'paused'].includes(state.get(outer) ?? ''),
          `${outer} is ${state.get(outer)} at ${line(event)}`,
        );
      if (SETTLED.has(to)) {
        for (const [other, now] of state)
          if (other.startsWith(`${task}/`) || other.startsWith(`${task}[`))
            check(SETTLED.has(now), `${other} is ${now} when ${task} settles`);
      }
    }
    for (const [task, now] of state) check(SETTLED.has(now), `${task} is ${now} at the end`);
    return problems;
  };

  test('ends, tells everything in order and leaves nothing behind', async () => {
    const plays = fc.record({
      deed: fc.constantFrom<Deed>('abort', 'drain', 'pause', 'pause outer'),
      at: fc.nat(70),
      graceMs: fc.constantFrom(0, 1, 10),
      fail: fc.nat(14),
      options: fc.record(
        {
          onFailure: fc.constantFrom('abort' as const, 'drain' as const, 'continue' as const),
          maxConcurrency: fc.constantFrom(1, 2, 4),
          timeout: fc.constantFrom(3, 6, 11),
        },
        { requiredKeys: [] },
      ),
    });
    await fc.assert(
      fc.asyncProperty(plays, async (spec) => {
        const problems = await play(spec);
        if (problems.length > 0) throw new Error(problems.join('\n'));
      }),
      { numRuns: 600, ...seeded },
    );
  });
});
