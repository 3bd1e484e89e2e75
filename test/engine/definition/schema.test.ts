import { type } from 'arktype';
import {
  branch,
  defineJob,
  expand,
  type JobEvent,
  type Journal,
  jobFrom,
  memoryJournal,
  NonRetryableError,
  notReady,
  OptionError,
  run,
  SchemaError,
  type StandardSchema,
  type StartOptions,
  TaskError,
  type TaskSpec,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';

/** Each takes rows with a name, makes a number of `at`, and has a default for `retries`. */
const LIBRARIES: readonly (readonly [string, StandardSchema])[] = [
  [
    'zod',
    z.object({
      rows: z.array(z.object({ name: z.string() })),
      at: z.string().transform((text) => text.length),
      retries: z.number().default(3),
    }),
  ],
  [
    'valibot',
    v.object({
      rows: v.array(v.object({ name: v.string() })),
      at: v.pipe(
        v.string(),
        v.transform((text) => text.length),
      ),
      retries: v.optional(v.number(), 3),
    }),
  ],
  [
    'arktype',
    type({
      rows: type({ name: 'string' }).array(),
      at: type('string').pipe((text) => text.length),
      retries: 'number = 3',
    }),
  ],
];

/** A schema of no library, that answers whatever it is told to. */
const schemaOf = (validate: (value: unknown) => unknown): StandardSchema =>
  ({ '~standard': { version: 1, vendor: 'test', validate } }) as unknown as StandardSchema;

const caught = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
};

const startWith = (input: StandardSchema | undefined, given?: object) =>
  jobFrom('etl', [{ name: 'a', run: () => {} }], { input: input as StandardSchema }).start(given);

/** A job of one task that counts its calls, and how it ended. */
const outcomeOf = async (spec: Omit<TaskSpec, 'name'>, options?: StartOptions) => {
  let calls = 0;
  const counted: TaskSpec = {
    ...spec,
    name: 'load',
    run: (scope) => {
      calls++;
      return spec.run(scope);
    },
  };
  const result = await jobFrom('etl', [counted]).start({}, options);
  return { result, calls, task: result.tasks.load, error: result.tasks.load?.error };
};

const violation = (error: unknown): SchemaError => {
  const cause = error instanceof TaskError ? error.cause : error;
  if (!(cause instanceof SchemaError)) throw new Error(`no SchemaError, but ${cause}`);
  return cause;
};

describe('the schema of an input', () => {
  test.each(LIBRARIES)('of %s: what it makes of the input is the first context', async (_, schema) => {
    const job = startWith(schema, { rows: [{ name: 'a' }], at: 'noon' });
    expect(job.ctx).toEqual({ rows: [{ name: 'a' }], at: 4, retries: 3 });
    expect((await job).ctx).toEqual({ rows: [{ name: 'a' }], at: 4, retries: 3 });
  });

  test.each(LIBRARIES)('of %s: start throws INVALID_INPUT with every violation and its path', (_, schema) => {
    const error = violation(caught(() => startWith(schema, { rows: [{}, { name: 1 }, { name: 'c' }], at: 5 })));
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.violations.map(({ path }) => path).sort()).toEqual(['at', 'rows[0].name', 'rows[1].name']);
    for (const { path, message } of error.violations) {
      expect(message).not.toBe('');
      expect(error.message).toContain(`${path}: ${message}`);
    }
    expect(error.message).toMatch(/^The input of job "etl" is not what its schema asks for: /);
  });

  test.each(LIBRARIES)('of %s: an input left out is an empty one', (_, schema) => {
    const { violations } = violation(caught(() => startWith(schema)));
    expect(violations.map(({ path }) => path)).toEqual(expect.arrayContaining(['at', 'rows']));
  });

  test('lets the input be left out where it has defaults for all', async () => {
    const job = defineJob('etl', { input: z.object({ url: z.string().default('http://localhost') }) })
      .task('load', ({ ctx }) => ({ loaded: ctx.url }))
      .start();
    expect(await job.orThrow()).toEqual({ url: 'http://localhost', loaded: 'http://localhost' });
  });

  test('checks each start anew: a refused one leaves the definition as it was', async () => {
    const definition = defineJob('etl', { input: z.object({ n: z.number() }) }).seal();
    expect(() => definition.start({ n: 'one' as unknown as number })).toThrow(SchemaError);
    expect(await definition.start({ n: 1 }).orThrow()).toEqual({ n: 1 });
  });

  test('freezes what it makes, and leaves what was given as it was', async () => {
    const given = { rows: [{ name: 'a' }], at: 'noon' };
    const job = startWith(LIBRARIES[0]?.[1], given);
    expect(Object.isFrozen(job.ctx.rows)).toBe(true);
    expect(Object.isFrozen(given.rows)).toBe(false);
    await job;
  });

  test.each([
    ['an object of zod', z.object({ a: z.string().refine(async () => true) })],
    [
      'an object of valibot',
      v.objectAsync({
        a: v.pipeAsync(
          v.string(),
          v.checkAsync(async () => true),
        ),
      }),
    ],
    ['one whose promise rejects', schemaOf(() => Promise.reject(new Error('offline')))],
    [
      'one that answers its own kind of promise',
      schemaOf(() => ({ then: (f: (r: object) => void) => f({ value: {} }) })),
    ],
  ] as const)('that answers later is refused at once, with the way out: %s', (_, schema) => {
    const error = caught(() => startWith(schema, { a: 'b' })) as Error;
    expect(error).toBeInstanceOf(OptionError);
    expect(error.message).toContain('"etl"');
    expect(error.message).toContain('answers later, by a promise. Check in a task what takes time');
  });

  test.each([
    ['a text', z.object({}).transform(() => 'text')],
    ['an array', z.object({}).transform(() => [1])],
    ['null', z.object({}).transform(() => null)],
    ['nothing', z.object({}).transform(() => undefined)],
    ['a Map', z.object({}).transform(() => new Map())],
    ['a Date', z.object({}).transform(() => new Date(0))],
  ] as const)('that makes %s of it is INVALID_INPUT: the first context is a plain object', (_, schema) => {
    const error = violation(caught(() => startWith(schema, {})));
    expect(error).toMatchObject({ code: 'INVALID_INPUT', violations: [{ path: '' }] });
    expect(error.message).toContain('plain object');
  });

  test.each([
    [
      'throws',
      () =>
        caught(() =>
          startWith(
            schemaOf(() => {
              throw new Error('broken regex');
            }),
            {},
          ),
        ),
    ],
    [
      'answers null',
      () =>
        caught(() =>
          startWith(
            schemaOf(() => null),
            {},
          ),
        ),
    ],
    [
      'answers nothing',
      () =>
        caught(() =>
          startWith(
            schemaOf(() => {}),
            {},
          ),
        ),
    ],
    [
      'answers neither value nor issues',
      () =>
        caught(() =>
          startWith(
            schemaOf(() => ({ ok: true })),
            {},
          ),
        ),
    ],
    [
      'has issues that are no list',
      () =>
        caught(() =>
          startWith(
            schemaOf(() => ({ issues: 'many' })),
            {},
          ),
        ),
    ],
  ])('that %s is refused as an option of that job', (_, error) => {
    expect(error()).toMatchObject({ name: 'OptionError', code: 'INVALID_OPTION' });
    expect((error() as Error).message).toContain('The input schema of job "etl"');
  });

  test.each([
    ['no path', { message: 'no' }, ''],
    ['an empty path', { message: 'no', path: [] }, ''],
    [
      'segments that are objects',
      { message: 'no', path: [{ key: 'rows' }, { key: 0 }, { key: 'name' }] },
      'rows[0].name',
    ],
    ['a symbol', { message: 'no', path: [Symbol('secret')] }, '["Symbol(secret)"]'],
    ['a key with a dot', { message: 'no', path: ['a.b', 'c'] }, '["a.b"].c'],
    ['an empty key', { message: 'no', path: [''] }, '[""]'],
    ['a number first', { message: 'no', path: [0, 'a'] }, '[0].a'],
    ['a key of digits', { message: 'no', path: ['rates', '7'] }, 'rates["7"]'],
  ])('writes %s as a reader would', (_, issue, path) => {
    const { violations } = violation(
      caught(() =>
        startWith(
          schemaOf(() => ({ issues: [issue] })),
          {},
        ),
      ),
    );
    expect(violations).toEqual([{ path, message: 'no' }]);
  });

  test('of a hundred thousand violations tells all as data, and the first few in its message', () => {
    const rows = Array.from({ length: 100_000 }, () => 1);
    const error = violation(caught(() => startWith(z.object({ rows: z.array(z.string()) }), { rows })));
    expect(error.violations).toHaveLength(100_000);
    expect(error.message.length).toBeLessThan(2_000);
    expect(error.message).toContain('rows[0]: ');
    expect(error.message).toContain('and 99990 more');
  });

  test.each([
    ['start', () => jobFrom('etl', []).start({}, { input: z.object({}) } as StartOptions)],
    ['run', () => run([], { input: z.object({}) } as StartOptions)],
  ])('is no option of %s', (_, start) => {
    expect(caught(start)).toMatchObject({ code: 'INVALID_OPTION', problems: [{ option: 'input' }] });
  });
});

describe('the input schema of a nested job', () => {
  const inner = defineJob('inner', { input: z.object({ at: z.string().transform((text) => text.length) }) })
    .task('measure', ({ ctx }) => ({ length: ctx.at }))
    .seal();

  test('makes the first context of that job, of what it is fed', async () => {
    const outer = defineJob('outer').job('inner', { input: () => ({ at: 'noon', more: true }) }, inner);
    expect(await outer.start().orThrow()).toEqual({ inner: { length: 4 } });
  });

  test('takes the context of the task where nothing else is said', async () => {
    const outer = defineJob<{ at: string; more: number }>('outer').job('inner', {}, inner);
    expect(await outer.start({ at: 'noon', more: 1 }).orThrow()).toEqual({ at: 'noon', more: 1, inner: { length: 4 } });
  });

  test('fails the task when it refuses, without a retry, with the SchemaError at the root', async () => {
    const outer = jobFrom('outer', [
      { name: 'inner', kind: 'job', maxRetries: 2, definition: inner, input: () => ({ at: 4 }) },
    ]);
    const result = await outer.start();
    expect(result.state).toBe('failed');
    expect(result.tasks.inner).toMatchObject({ state: 'failed', attempts: 1 });
    const root = result.error?.rootCause();
    expect(root).toBeInstanceOf(SchemaError);
    expect(root).toMatchObject({ code: 'INVALID_INPUT', violations: [{ path: 'at' }] });
    expect(result.errors[0]?.message).toContain('The input of job "inner"');
  });

  test('that answers later fails the task, without a retry', async () => {
    const late = jobFrom('late', [], { input: schemaOf(async (value) => ({ value })) });
    const outer = jobFrom('outer', [{ name: 'late', kind: 'job', maxRetries: 2, definition: late }]);
    const { tasks } = await outer.start();
    expect(tasks.late).toMatchObject({ state: 'failed', attempts: 1 });
    expect(tasks.late?.error?.message).toContain('answers later');
  });
});

describe('the schema of an output', () => {
  test.each(
    LIBRARIES,
  )('of %s: what it makes of the output is merged, and what the downstream reads', async (_, output) => {
    const job = jobFrom('etl', [
      { name: 'load', output, run: () => ({ rows: [{ name: 'a' }], at: 'noon' }) },
      { name: 'use', dependsOn: ['load'], run: ({ ctx, deps }) => ({ seen: [ctx.at, deps.load] }) },
    ]).start();
    const made = { rows: [{ name: 'a' }], at: 4, retries: 3 };
    expect(await job.output('load')).toEqual(made);
    expect((await job).ctx).toEqual({ ...made, seen: [4, made] });
    expect(Object.isFrozen(await job.output('load'))).toBe(true);
  });

  test.each(LIBRARIES)('of %s: a violation is INVALID_OUTPUT with its path, and not retried', async (_, output) => {
    const { result, task, error, calls } = await outcomeOf({
      output,
      maxRetries: 3,
      run: async () => ({ rows: [{ name: 1 }], at: 'noon' }),
    });
    expect(calls).toBe(1);
    expect(result.state).toBe('failed');
    expect(task).toMatchObject({ state: 'failed', attempts: 1, reason: 'invalidOutput' });
    expect(error).toMatchObject({ code: 'INVALID_OUTPUT', taskName: 'load', attempt: 1 });
    expect(violation(error).violations.map(({ path }) => path)).toEqual(['rows[0].name']);
    expect(error?.message).toContain('Task "load"');
    expect(error?.message).toContain('rows[0].name: ');
    expect(error?.rootCause()).toBe(violation(error));
    expect(result.ctx).toEqual({});
  });

  test('fails at once even where used-up retries would pause the task', async () => {
    const { task } = await outcomeOf({ output: z.object({ n: z.number() }), onExhausted: 'pause', run: () => ({}) });
    expect(task).toMatchObject({ state: 'failed', reason: 'invalidOutput' });
  });

  test('is tolerated like any failure with continueOnFailure', async () => {
    const { result } = await outcomeOf({
      output: z.object({ n: z.number() }),
      continueOnFailure: true,
      run: () => ({}),
    });
    expect(result.state).toBe('completed');
    expect(result.errors).toMatchObject([{ code: 'INVALID_OUTPUT', tolerated: true }]);
  });

  test('judges a task that puts out nothing', async () => {
    const output = z.object({ n: z.number() }).optional();
    expect((await outcomeOf({ output, run: () => {} })).task?.state).toBe('completed');
    const strict = await outcomeOf({ output: z.object({ n: z.number() }), run: () => {} });
    expect(strict.error).toMatchObject({ code: 'INVALID_OUTPUT', cause: { violations: [{ path: '' }] } });
  });

  test('makes an object of what is none: a list of rows', async () => {
    const output = z.array(z.number()).transform((rows) => ({ rows }));
    expect((await outcomeOf({ output, run: () => [1, 2] })).result.ctx).toEqual({ rows: [1, 2] });
  });

  test.each<[string, () => unknown]>([
    ['a number', () => 5],
    ['a list', () => [5]],
    ['null', () => null],
    ['a Map', () => new Map()],
  ])('that makes %s of it is INVALID_OUTPUT: no object to merge', async (_, make) => {
    const { calls, error } = await outcomeOf({ output: z.object({}).transform(make), maxRetries: 2, run: () => ({}) });
    expect(error).toMatchObject({ code: 'INVALID_OUTPUT' });
    expect(error?.message).toContain('Task "load"');
    expect(error?.message).toContain('plain object');
    expect(calls).toBe(1);
  });

  test('that makes nothing of it merges nothing', async () => {
    const { result } = await outcomeOf({ output: z.object({}).transform(() => undefined), run: () => ({ a: 1 }) });
    expect([result.state, result.ctx]).toEqual(['completed', {}]);
  });

  test('lets "not ready" pass, unjudged', async () => {
    const { task } = await outcomeOf({ output: z.object({ n: z.number() }), run: () => notReady('waiting for DNS') });
    expect(task).toMatchObject({ state: 'notReady', reason: 'waiting for DNS' });
  });

  describe.each([
    ['branch', (output?: object) => branch(['picked'], output)],
    ['expand', (output?: object) => expand([{ name: 'more', run: () => {} }], output)],
  ] as const)('judges what %s puts out', (_, answer) => {
    const start = (output: object | undefined) =>
      jobFrom('etl', [
        {
          name: 'load',
          output: z.object({ n: z.string().transform(Number) }),
          maxRetries: 1,
          run: () => answer(output),
        },
        { name: 'picked', dependsOn: ['load'], run: () => {} },
      ]).start();

    test('and merges what it makes of it', async () => {
      const result = await start({ n: '7' });
      expect([result.state, result.ctx]).toEqual(['completed', { n: 7 }]);
    });

    test.each([
      ['the wrong', { n: 7 }, 'n'],
      ['nothing', undefined, ''],
    ])('and refuses %s', async (_, output, path) => {
      const { state, tasks } = await start(output);
      expect(state).toBe('failed');
      expect(tasks.load).toMatchObject({ attempts: 1, error: { code: 'INVALID_OUTPUT' } });
      expect(violation(tasks.load?.error).violations.map((each) => each.path)).toEqual([path]);
      expect(tasks).not.toHaveProperty('more');
    });
  });

  test('is asked once for each attempt that brought something', async () => {
    const asked: unknown[] = [];
    const output = schemaOf((value) => {
      asked.push(value);
      return { value };
    });
    await outcomeOf({
      output,
      maxRetries: 1,
      run: ({ attempt }) => {
        if (attempt === 1) throw new Error('again');
        return { attempt };
      },
    });
    expect(asked).toEqual([{ attempt: 2 }]);
  });

  test('is an option of tasks that are expanded or added', async () => {
    const spec: TaskSpec = { name: 'more', output: z.object({ n: z.number() }), run: () => ({ n: 'text' }) };
    const { tasks } = await jobFrom('etl', [{ name: 'load', run: () => expand([spec]) }]).start();
    expect(tasks).toMatchObject({ more: { error: { code: 'INVALID_OUTPUT', taskName: 'more' } } });
  });

  test('names a task of a nested job by its path', async () => {
    const inner = jobFrom('inner', [{ name: 'load', output: z.object({ n: z.number() }), run: () => ({}) }]);
    const result = await jobFrom('outer', [{ name: 'in', kind: 'job', definition: inner }]).start();
    expect(result.error?.rootCause()).toMatchObject({ code: 'INVALID_OUTPUT', violations: [{ path: 'n' }] });
    expect((result.error?.rootCause() as Error).message).toContain('"in/load"');
  });
});

describe('an output schema that takes its time', () => {
  const later = (clock: ReturnType<typeof virtualClock>, ms: number, answer: object) =>
    schemaOf(() => new Promise((resolve) => clock.setTimer(() => resolve(answer), ms)));

  test('is waited for: the attempt goes on until it has answered', async () => {
    const clock = virtualClock();
    const job = jobFrom('etl', [
      { name: 'load', output: later(clock, 30, { value: { n: 7 } }), run: () => ({}) },
    ]).start({}, { clock });
    await clock.advance(29);
    expect(job.task('load').state).toBe('running');
    await clock.advance(1);
    expect((await job).ctx).toEqual({ n: 7 });
  });

  test.each([
    ['zod', z.object({ n: z.number().refine(async (n) => n > 0, 'above zero') })],
    [
      'valibot',
      v.objectAsync({
        n: v.pipeAsync(
          v.number(),
          v.checkAsync(async (n) => n > 0, 'above zero'),
        ),
      }),
    ],
  ])('of %s refuses as any other does', async (_, output) => {
    expect((await outcomeOf({ output, run: () => ({ n: 1 }) })).result.ctx).toEqual({ n: 1 });
    const { error, calls } = await outcomeOf({ output, maxRetries: 1, run: () => ({ n: -1 }) });
    expect(violation(error).violations).toEqual([{ path: 'n', message: 'above zero' }]);
    expect(calls).toBe(1);
  });

  test('counts towards the timeout of the attempt, and its late answer is dropped', async () => {
    const clock = virtualClock();
    const job = jobFrom('etl', [
      { name: 'load', timeout: 20, output: later(clock, 30, { value: { n: 7 } }), run: () => ({}) },
      { name: 'wait', run: () => new Promise((resolve) => clock.setTimer(() => resolve({}), 50)) },
    ]).start({}, { clock, onFailure: 'continue' });
    const late: JobEvent[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.lateResult') late.push(event);
    });
    await clock.runAll();
    const { tasks, ctx } = await job;
    expect(tasks.load).toMatchObject({ state: 'failed', error: { code: 'TASK_TIMEOUT' } });
    expect(late).toMatchObject([{ task: 'load', attempt: 1, outcome: 'succeeded' }]);
    expect(ctx).toEqual({});
  });

  test('is not waited for once the job is cancelled', async () => {
    const clock = virtualClock();
    const job = jobFrom('etl', [
      { name: 'load', output: later(clock, 30, { value: { n: 7 } }), run: () => ({}) },
    ]).start({}, { clock });
    await clock.advance(10);
    const result = await job.cancel();
    await clock.runAll();
    expect([result.state, result.tasks.load?.state, result.ctx]).toEqual(['cancelled', 'cancelled', {}]);
  });
});

describe('an output schema that breaks', () => {
  const boom = new Error('broken regex');
  test.each<[string, (value: unknown) => unknown]>([
    [
      'throws',
      () => {
        throw boom;
      },
    ],
    ['rejects', () => Promise.reject(boom)],
    ['answers null', () => null],
    ['answers nothing', () => undefined],
    ['answers a promise of nothing', async () => {}],
    ['answers neither value nor issues', () => ({ ok: true })],
    ['has issues that are no list', () => ({ issues: 'many' })],
  ])('because it %s fails the task, naming it, without a retry', async (_, validate) => {
    const { calls, error } = await outcomeOf({ output: schemaOf(validate), maxRetries: 2, run: () => ({ a: 1 }) });
    expect(calls).toBe(1);
    expect(error).toMatchObject({ code: 'TASK_FAILED', cause: expect.any(NonRetryableError) });
    expect(error?.message).toContain('the output schema of task "load" broke');
  });

  test('because it threw has that at the end of its causes', async () => {
    const { error } = await outcomeOf({
      output: schemaOf(() => {
        throw boom;
      }),
      run: () => ({}),
    });
    expect(error?.cause).toMatchObject({ cause: boom });
  });

  test('because its issues say nothing still refuses', async () => {
    const none = await outcomeOf({ output: schemaOf(() => ({ issues: [] })), run: () => ({}) });
    expect(none.error).toMatchObject({ code: 'INVALID_OUTPUT', cause: { violations: [] } });
    const odd = await outcomeOf({ output: schemaOf(() => ({ issues: [null, {}, { message: 7 }] })), run: () => ({}) });
    expect(odd.error).toMatchObject({ code: 'INVALID_OUTPUT' });
  });

  test('into thenables of its own is waited for', async () => {
    const answering = (answer: object) =>
      schemaOf(() => ({ then: (resolve: (answer: object) => void) => resolve(answer) }));
    const fine = await outcomeOf({ output: answering({ value: { n: 7 } }), run: () => ({}) });
    expect(fine.result.ctx).toEqual({ n: 7 });
    const wrong = await outcomeOf({ output: answering({ issues: [{ message: 'no' }] }), run: () => ({}) });
    expect(wrong.error).toMatchObject({ code: 'INVALID_OUTPUT' });
  });

  test('is called as a method of its standard, with the output alone', async () => {
    let called: unknown;
    const standard = {
      version: 1,
      vendor: 'test',
      validate(this: unknown, ...values: unknown[]) {
        called = [this, values];
        return { value: {} };
      },
    };
    await outcomeOf({ output: { '~standard': standard } as unknown as StandardSchema, run: () => ({ a: 1 }) });
    expect(called).toEqual([standard, [{ a: 1 }]]);
  });
});

describe('the output schema of', () => {
  test('a sensor judges what it finds, not that it found nothing yet', async () => {
    const clock = virtualClock();
    const output = z.object({ size: z.string().transform(Number) });
    const job = defineJob('etl')
      .sensor('file', { interval: 10, output }, () => clock.now() >= 20 && { size: '7' })
      .start({}, { clock });
    await clock.runAll();
    expect(await job.orThrow()).toEqual({ size: 7 });
  });

  test('a sensor refuses what is wrong, and does not look again', async () => {
    let looks = 0;
    const spec = { name: 'file', kind: 'sensor', maxRetries: 2, output: z.object({ size: z.number() }) } as const;
    const check = () => {
      looks++;
      return { size: '7' };
    };
    const { tasks } = await jobFrom('etl', [{ ...spec, check }]).start();
    expect(tasks.file).toMatchObject({ state: 'failed', error: { code: 'INVALID_OUTPUT' }, polls: 0 });
    expect(looks).toBe(1);
  });

  test('an external task judges what it is completed with: a refusal changes nothing', async () => {
    const clock = virtualClock();
    const output = z.object({ approvedBy: z.string().transform((name) => name.toUpperCase()) });
    const job = defineJob('etl').external('approval', { output }).start({}, { clock });
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => events.push(event));
    await clock.advance(0);
    const token = job.task('approval').claim('ann');
    const before = events.length;
    expect(violation(caught(() => job.task('approval').complete({ approvedBy: 7 as never }, token)))).toMatchObject({
      code: 'INVALID_OUTPUT',
      violations: [{ path: 'approvedBy' }],
    });
    expect(events).toHaveLength(before);
    expect(job.task('approval')).toMatchObject({ state: 'running', attempts: 1, worker: 'ann', error: undefined });
    job.task('approval').complete({ approvedBy: 'ann' }, token);
    expect(await job.orThrow()).toEqual({ approvedBy: 'ANN' });
  });

  test('an external task may take its time: so does complete, and a stale answer changes nothing', async () => {
    const clock = virtualClock();
    const output = schemaOf((value) => new Promise((resolve) => clock.setTimer(() => resolve({ value }), 30)));
    const job = defineJob('etl').external('approval', { output }).start({}, { clock });
    await clock.advance(0);
    const token = job.task('approval').claim('ann');
    const completed = job.task('approval').complete({ ok: true }, token);
    const refused = expect(completed).rejects.toMatchObject({ code: 'STALE_TOKEN' });
    await clock.advance(10);
    await job.cancel();
    await clock.runAll();
    await refused;
    expect((await job).ctx).toEqual({});
  });

  test('a fan-out judges each item, and makes of it what it likes', async () => {
    const asked: unknown[] = [];
    const output = z.number().transform((n) => {
      asked.push(n);
      return `#${n}`;
    });
    const job = defineJob('etl').map('tags', { over: [1, 2, 3], output }, ({ item }) => item);
    expect(await job.start().orThrow()).toEqual({ tags: ['#1', '#2', '#3'] });
    expect(asked).toEqual([1, 2, 3]);
  });

  test('a fan-out names the instance that it refuses, and tries neither it nor the others again', async () => {
    const calls: number[] = [];
    const output = z.object({ n: z.number().max(2) });
    const result = await jobFrom('etl', [
      {
        name: 'tags',
        kind: 'map',
        over: [1, 2, 3],
        maxRetries: 2,
        output,
        each: ({ item }: { item: number }) => {
          calls.push(item);
          return { n: item };
        },
      },
    ]).start();
    expect(result.state).toBe('failed');
    expect(result.error?.rootCause()).toMatchObject({ code: 'INVALID_OUTPUT', violations: [{ path: 'n' }] });
    expect((result.error?.rootCause() as Error).message).toContain('"tags[2]"');
    expect(calls).toEqual([1, 2, 3]);
    expect(result.tasks.tags?.attempts).toBe(1);
  });

  test('a tolerant fan-out settles the item that it refuses', async () => {
    const output = z.number().max(2);
    const job = defineJob('etl').map('tags', { over: [2, 3], output, continueOnFailure: true }, ({ item }) => item);
    const { ctx } = await job.start();
    expect(ctx).toMatchObject({
      tags: [
        { status: 'fulfilled', value: 2 },
        { status: 'rejected', reason: { code: 'INVALID_OUTPUT', taskName: 'tags[1]' } },
      ],
    });
  });

  test('a nested job is a function, not a schema', () => {
    const inner = jobFrom('inner', []);
    const output = z.object({}) as never;
    expect(caught(() => jobFrom('outer', [{ name: 'in', kind: 'job', definition: inner, output }]))).toMatchObject({
      code: 'INVALID_OPTION',
      problems: [{ option: 'output', tasks: ['in'] }],
    });
  });
});

describe('what is no schema is INVALID_OPTION when the definition is sealed', () => {
  const WRONG: readonly (readonly [string, unknown])[] = [
    ['null', null],
    ['a text', 'object'],
    ['a function', () => true],
    ['a JSON Schema', { type: 'object' }],
    ['the library instead of a schema of it', z],
    ['an object that only parses', { parse: () => ({}) }],
    ['a standard without a validate', { '~standard': { version: 1, vendor: 'test' } }],
    ['a standard of another version', { '~standard': { version: 2, vendor: 'test', validate: () => ({ value: {} }) } }],
    [
      'an object that can not be read',
      {
        get '~standard'() {
          throw new Error('getter');
        },
      },
    ],
  ];

  test.each(WRONG)('as the output of a task: %s', (_, output) => {
    const problems = defineJob('etl')
      .task('load', { output: output as StandardSchema }, () => ({}))
      .validate();
    expect(problems).toMatchObject([{ code: 'INVALID_OPTION', option: 'output', tasks: ['load'] }]);
    expect(problems[0]?.message).toContain('expected a Standard Schema');
  });

  test.each(WRONG)('as the input of a job: %s', (_, input) => {
    const problem = { code: 'INVALID_OPTION', option: 'input', tasks: [] };
    expect(caught(() => jobFrom('etl', [], { input: input as StandardSchema }))).toMatchObject({ problems: [problem] });
  });

  test('together with every other problem', () => {
    const output = { type: 'object' } as unknown as StandardSchema;
    const error = caught(() =>
      jobFrom('etl', [
        { name: 'a', output, run: () => {} },
        { name: 'b', dependsOn: ['c'], kind: 'external', output },
      ]),
    );
    expect(error).toMatchObject({
      problems: [
        { code: 'INVALID_OPTION', tasks: ['a'] },
        { code: 'INVALID_OPTION', tasks: ['b'] },
        { code: 'UNKNOWN_DEPENDENCY' },
      ],
    });
  });
});

describe('an output that is refused is in the error, as it was', () => {
  const outcomeOf = async (task: Partial<TaskSpec>, journal?: Journal) => {
    const tasks = [
      { name: 'load', run: () => {}, ...task },
      { name: 'next', dependsOn: ['load'], run: () => {} },
    ];
    const { tasks: outcomes } = await jobFrom('etl', tasks).start({}, { journal }).result();
    return outcomes.load?.error;
  };

  test.each<[string, unknown]>([
    ['a list', [1, 2]],
    ['null', null],
    ['a text', 'rows'],
    ['a map', new Map([['a', 1]])],
    ['a branch to an unknown task', branch(['nowhere'])],
    ['tasks that can not join', expand([{ name: 'load', run: () => {} }])],
  ])('because it is %s', async (_what, value) => {
    const error = await outcomeOf({ run: () => value as never });
    expect(error).toMatchObject({ code: 'INVALID_OUTPUT' });
    expect(error?.value).toBe(value);
    expect(Object.keys(error as object)).not.toContain('value');
  });

  test('because its schema refuses it', async () => {
    const value = { rows: 'many' };
    const error = await outcomeOf({ output: z.object({ rows: z.number() }), run: () => value });
    expect([error?.value, (error?.cause as SchemaError).value]).toEqual([value, value]);
  });

  test('because the journal can not keep it', async () => {
    const value = { stream: () => {} };
    const error = await outcomeOf({ run: () => value }, memoryJournal());
    expect(error).toMatchObject({ code: 'UNSERIALISABLE_OUTPUT' });
    expect(error?.value).toBe(value);
  });

  test('or the input, of a start that throws', () => {
    const definition = defineJob('etl', { input: z.object({ rows: z.number() }) }).seal();
    const value = { rows: 'many' };
    expect((caught(() => definition.start(value as never)) as SchemaError).value).toBe(value);
  });
});
