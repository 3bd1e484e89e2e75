import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { type Job, type JobEvent, jobFrom, run, type StartOptions, type TaskSpec } from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

type Context = Readonly<Record<string, unknown>>;
type Conflict = Extract<JobEvent, { type: 'context.conflict' }>;

/** A task that takes `ms` of the clock's time and puts something out. */
const slow = (clock: VirtualClock, name: string, ms: number, output: object, dependsOn: string[] = []): TaskSpec => ({
  name,
  dependsOn,
  run: () => new Promise((resolve) => void clock.setTimer(() => resolve(output), ms)),
});

const conflictsOf = (job: Job<object>): Conflict[] => {
  const conflicts: Conflict[] = [];
  job.events$.subscribe((event) => void (event.type === 'context.conflict' && conflicts.push(event)));
  return conflicts;
};

/** What a task saw as its context, of a job with this input. */
const seen = async (ctx: object, options: StartOptions = {}): Promise<Context> => {
  let found: Context | undefined;
  const task: TaskSpec = {
    name: 'look',
    run: (scope) => {
      found = scope.ctx;
    },
  };
  expect((await run([task], { ...options, ctx })).state).toBe('completed');
  return found as Context;
};

const manyKeys = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, at]));

describe('a task receives', () => {
  test('the input, merged with the output of every task completed when it starts', async () => {
    const clock = virtualClock();
    const contexts: Record<string, Context> = {};
    const look = (name: string, dependsOn: string[], output: object): TaskSpec => ({
      name,
      dependsOn,
      run: ({ ctx }) => {
        contexts[name] = ctx;
        return output;
      },
    });
    const job = run(
      [
        look('wash', [], { leaves: 12 }),
        slow(clock, 'dice', 5, { cubes: 4 }),
        slow(clock, 'pit', 10, { stones: 0 }),
        look('toss', ['dice'], { salad: true }),
        look('serve', ['toss', 'pit'], {}),
      ],
      { ctx: { guests: 2 }, clock },
    );
    await clock.runAll();
    const { ctx } = await job;
    expect(contexts).toEqual({
      wash: { guests: 2 },
      toss: { guests: 2, leaves: 12, cubes: 4 },
      serve: { guests: 2, leaves: 12, cubes: 4, stones: 0, salad: true },
    });
    expect(ctx).toEqual(contexts.serve);
  });

  test('the same context for the whole attempt, whatever completes meanwhile', async () => {
    const clock = virtualClock();
    const looks: Context[] = [];
    const job = run(
      [
        slow(clock, 'fast', 1, { fast: true }),
        {
          name: 'look',
          run: async (scope) => {
            looks.push({ ...scope.ctx });
            await new Promise<void>((resolve) => void clock.setTimer(resolve, 5));
            looks.push({ ...scope.ctx });
          },
        },
      ],
      { ctx: { guests: 2 }, clock },
    );
    await clock.runAll();
    await job;
    expect(looks).toEqual([{ guests: 2 }, { guests: 2 }]);
  });

  test('what has completed since its last attempt, when it tries again', async () => {
    const clock = virtualClock();
    const looks: Context[] = [];
    const job = run(
      [
        slow(clock, 'fast', 1, { fast: true }),
        {
          name: 'look',
          maxRetries: 1,
          retry: { delayMs: 5 },
          run: ({ ctx, attempt }) => {
            looks.push({ ...ctx });
            if (attempt === 1) throw new Error('again');
          },
        },
      ],
      { clock },
    );
    await clock.runAll();
    await job;
    expect(looks).toEqual([{}, { fast: true }]);
  });

  test('in deps the output of each dependency, as it was put out', async () => {
    let found: unknown;
    const job = run([
      { name: 'wash', run: () => ({ leaves: 12 }) },
      { name: 'dry', dependsOn: ['wash'], run: () => ({ leaves: 11 }) },
      { name: 'rest', run: () => {} },
      {
        name: 'toss',
        dependsOn: ['dry', 'wash', 'rest'],
        run: ({ deps }) => {
          found = deps;
          expect(Object.isFrozen(deps)).toBe(true);
        },
      },
    ]);
    expect((await job).state).toBe('completed');
    expect(found).toEqual({ dry: { leaves: 11 }, wash: { leaves: 12 }, rest: undefined });
  });
});

describe('the context is immutable:', () => {
  test('a frozen plain object, to which writing throws, at any depth', async () => {
    const ctx = await seen({ list: [{ deep: 1 }], map: { inner: { value: 1 } } });
    expect(Object.getPrototypeOf(ctx)).toBe(Object.prototype);
    expect(Object.isFrozen(ctx)).toBe(true);
    const writable = ctx as { list: { deep: number }[]; map: { inner: { value: number } }; more?: number };
    const attempts: (() => unknown)[] = [
      () => (writable.more = 1),
      () => (writable.list = []),
      () => writable.list.push({ deep: 2 }),
      () => ((writable.list[0] as { deep: number }).deep = 2),
      () => (writable.map.inner.value = 2),
      () => delete (writable as { map?: unknown }).map,
      () => Object.defineProperty(writable, 'more', { value: 1 }),
      () => Object.assign(writable, { more: 1 }),
    ];
    for (const attempt of attempts) expect(attempt, String(attempt)).toThrow(TypeError);
    expect(ctx).toEqual({ list: [{ deep: 1 }], map: { inner: { value: 1 } } });
  });

  test('a task that writes to it fails', async () => {
    const write: TaskSpec = {
      name: 'write',
      run: ({ ctx }) => {
        (ctx as { guests: number }).guests = 3;
      },
    };
    const job = run([write], { ctx: { guests: 2 } });
    const { state, error, ctx } = await job;
    expect(state).toBe('failed');
    expect(error?.rootCause()).toBeInstanceOf(TypeError);
    expect(ctx).toEqual({ guests: 2 });
  });

  test('an output is frozen from the moment it is put out, for the task that made it too', async () => {
    const output = { list: [1], inner: { list: [2] } };
    const { ctx } = await run([{ name: 'list', run: () => output }]);
    expect(() => output.list.push(2)).toThrow(TypeError);
    expect(() => output.inner.list.push(3)).toThrow(TypeError);
    expect(ctx).toEqual({ list: [1], inner: { list: [2] } });
  });

  test('an output that was frozen at its top alone is frozen to its depth', async () => {
    const output = Object.freeze({ list: [1] });
    await run([{ name: 'list', run: () => output }]);
    expect(() => output.list.push(2)).toThrow(TypeError);
  });

  test('class instances within are left alone', async () => {
    class Knife {
      edge = 3;
    }
    const knife = new Knife();
    const when = new Date(0);
    const bytes = new Uint8Array([1]);
    const ctx = await seen({ knife, when, tools: [knife], bytes });
    expect(ctx.knife).toBe(knife);
    (ctx.knife as Knife).edge = 2;
    (ctx.when as Date).setTime(1);
    (ctx.bytes as Uint8Array)[0] = 2;
    expect([knife.edge, when.getTime(), bytes[0]]).toEqual([2, 1, 2]);
  });

  test('plain data is left alone too where freeze is false, the context itself stays frozen', async () => {
    const list = [1];
    const { ctx, state } = await run(
      [{ name: 'push', run: ({ ctx }) => ({ ...(ctx as { list: number[] }), length: list.push(2) }) }],
      { ctx: { list }, freeze: false },
    );
    expect([state, list]).toEqual(['completed', [1, 2]]);
    expect(Object.isFrozen(ctx)).toBe(true);
    expect(Object.isFrozen(list)).toBe(false);
  });

  test('neither the input object nor an output becomes the context: two jobs share nothing', async () => {
    const definition = jobFrom('count', [
      { name: 'add', run: ({ ctx }) => ({ total: ((ctx as { total?: number }).total ?? 0) + 1 }) },
    ]);
    const input = { total: 1 };
    const [one, two] = await Promise.all([definition.start(input), definition.start({ total: 10 })]);
    expect([one.ctx, two.ctx, input]).toEqual([{ total: 2 }, { total: 11 }, { total: 1 }]);
  });
});

describe('where two tasks write one key,', () => {
  test.each([
    [1, 2],
    [2, 1],
    [1, 1],
  ])('the later in topological order wins when they take %d and %d ms', async (first, second) => {
    const clock = virtualClock();
    const job = run([slow(clock, 'a', first, { key: 'a' }), slow(clock, 'b', second, { key: 'b' })], { clock });
    await clock.runAll();
    expect((await job).ctx).toEqual({ key: 'b' });
  });

  test.each([
    [1, 2],
    [2, 1],
  ])('a context.conflict event names them, the key and the one kept (%d and %d ms)', async (first, second) => {
    const clock = virtualClock();
    const job = run(
      [
        slow(clock, 'a', first, { key: 'a', own: 1 }),
        slow(clock, 'b', second, { key: 'b' }),
        slow(clock, 'end', 1, {}, ['a', 'b']),
      ],
      { clock },
    );
    const conflicts = conflictsOf(job);
    await clock.runAll();
    expect((await job).state).toBe('completed');
    expect(conflicts).toEqual([
      expect.objectContaining({ type: 'context.conflict', key: 'key', tasks: ['a', 'b'], kept: 'b' }),
    ]);
  });

  test.each([
    [1, 2],
    [2, 1],
  ])('the event comes also where these are the last tasks of the job (%d and %d ms)', async (first, second) => {
    const clock = virtualClock();
    const job = run([slow(clock, 'a', first, { key: 'a' }), slow(clock, 'b', second, { key: 'b' })], { clock });
    const conflicts = conflictsOf(job);
    await clock.runAll();
    await job;
    expect(conflicts).toEqual([expect.objectContaining({ key: 'key', tasks: ['a', 'b'], kept: 'b' })]);
  });

  test('there is no conflict if one depends on the other, however far', async () => {
    const job = run([
      { name: 'a', run: () => ({ key: 'a' }) },
      { name: 'b', dependsOn: ['a'], run: () => ({ key: 'b' }) },
      { name: 'c', dependsOn: ['b'], run: () => {} },
      { name: 'd', dependsOn: ['c'], run: () => ({ key: 'd' }) },
      { name: 'end', dependsOn: ['d'], run: () => {} },
    ]);
    const conflicts = conflictsOf(job);
    expect((await job).ctx).toEqual({ key: 'd' });
    expect(conflicts).toEqual([]);
  });

  test('there is no conflict with the input, which the tasks write over', async () => {
    const job = run(
      [
        { name: 'a', run: () => ({ key: 'a' }) },
        { name: 'end', dependsOn: ['a'], run: () => {} },
      ],
      { ctx: { key: 'input' } },
    );
    const conflicts = conflictsOf(job);
    expect((await job).ctx).toEqual({ key: 'a' });
    expect(conflicts).toEqual([]);
  });

  test('a task downstream of one alone sees that one, until the other completes', async () => {
    const clock = virtualClock();
    const looks: unknown[] = [];
    const look = (name: string, dependsOn: string[]): TaskSpec => ({
      name,
      dependsOn,
      run: ({ ctx }) => void looks.push(`${name} ${ctx.key}`),
    });
    const job = run(
      [
        slow(clock, 'a', 5, { key: 'a' }),
        slow(clock, 'b', 1, { key: 'b' }),
        look('afterB', ['b']),
        look('afterA', ['a']),
      ],
      { clock },
    );
    await clock.runAll();
    await job;
    expect(looks).toEqual(['afterB b', 'afterA b']);
  });

  test.each([
    ['in the middle of the job', true],
    ['at its end', false],
  ])("contextConflict: 'error' fails the job, %s", async (_where, more) => {
    const clock = virtualClock();
    const tasks = [slow(clock, 'a', 1, { key: 'a' }), slow(clock, 'b', 2, { key: 'b' })];
    const job = run(more ? [...tasks, slow(clock, 'end', 1, {}, ['a', 'b'])] : tasks, {
      clock,
      contextConflict: 'error',
    });
    const conflicts = conflictsOf(job);
    await clock.runAll();
    const { state, error, tasks: ended } = await job;
    expect([state, error?.code]).toEqual(['failed', 'CONTEXT_CONFLICT']);
    for (const part of ['"a"', '"b"', '"key"']) expect(error?.message).toContain(part);
    expect(conflicts).toHaveLength(1);
    if (more) expect(ended.end?.attempts).toBe(0);
  });

  test("contextConflict: 'error' leaves ordered writers alone", async () => {
    const job = run(
      [
        { name: 'a', run: () => ({ key: 'a' }) },
        { name: 'b', dependsOn: ['a'], run: () => ({ key: 'b' }) },
      ],
      { contextConflict: 'error' },
    );
    expect(await job).toMatchObject({ state: 'completed', ctx: { key: 'b' } });
  });
});

describe('the final context does not depend on timing:', () => {
  const permutations = [
    [1, 2, 3],
    [1, 3, 2],
    [2, 1, 3],
    [2, 3, 1],
    [3, 1, 2],
    [3, 2, 1],
  ] as const;

  test.each(permutations)('values and order of its keys when tasks take %d, %d and %d ms', async (...times) => {
    const clock = virtualClock();
    const outputs = [
      { shared: 'a', onlyA: 1, twice: 'a' },
      { onlyB: 2, twice: 'b' },
      { onlyC: 3, shared: 'c', guests: 4 },
    ];
    const job = run(
      outputs.map((output, at) => slow(clock, 'abc'[at] as string, times[at] as number, output)),
      { ctx: { guests: 2, table: 1 }, clock },
    );
    await clock.runAll();
    const { ctx } = await job;
    const wanted = { guests: 4, table: 1, shared: 'c', onlyA: 1, twice: 'b', onlyB: 2, onlyC: 3 };
    expect(JSON.stringify(ctx)).toBe(JSON.stringify(wanted));
    expect(job.ctx).toEqual(wanted);
  });
});

describe('an output is a plain object or nothing:', () => {
  class Knife {
    edge = 3;
  }
  test.each([
    ['an array', () => [1]],
    ['null', () => null],
    ['a number', () => 5],
    ['zero', () => 0],
    ['a string', () => 'mango'],
    ['an empty string', () => ''],
    ['false', () => false],
    ['a Map', () => new Map([['key', 1]])],
    ['an instance of a class', () => new Knife()],
    ['a Date', () => new Date(0)],
    ['an error', () => new Error('put out')],
    ['a function', () => () => 1],
    ['a symbol', () => Symbol('mango')],
  ])('%s is INVALID_OUTPUT, a failure that is not retried', async (_what, output) => {
    let calls = 0;
    const job = run(
      [
        {
          name: 'dice',
          maxRetries: 3,
          run: () => {
            calls++;
            return output();
          },
        },
      ],
      { ctx: { guests: 2 } },
    );
    const { state, tasks, ctx, errors } = await job;
    expect([state, calls]).toEqual(['failed', 1]);
    expect(tasks.dice).toMatchObject({ state: 'failed', attempts: 1, reason: 'invalidOutput' });
    expect(errors).toEqual([expect.objectContaining({ code: 'INVALID_OUTPUT', taskName: 'dice' })]);
    expect(ctx).toEqual({ guests: 2 });
  });

  test.each([[true], [false]])('one whose reading throws is INVALID_OUTPUT where freeze is %s', async (freeze) => {
    const job = run(
      [
        {
          name: 'dice',
          run: () => ({
            get cubes(): never {
              throw new Error('not readable');
            },
          }),
        },
      ],
      { freeze },
    );
    await new Promise(setImmediate);
    expect(job.state).toBe('failed');
    expect((await job).firstError()).toMatchObject({ code: 'INVALID_OUTPUT' });
  });

  test.each([
    ['nothing', () => undefined, {}],
    ['an empty object', () => ({}), {}],
    ['an object without a prototype', () => Object.assign(Object.create(null), { key: 1 }), { key: 1 }],
    ['an object of another realm', () => runInNewContext('({ key: 1 })'), { key: 1 }],
    ['an object with a value of undefined', () => ({ key: undefined }), { key: undefined }],
    ['a promise of an object', async () => ({ key: 1 }), { key: 1 }],
    ['a thenable', () => ({ then: (resolve: (output: object) => void) => resolve({ key: 1 }) }), { key: 1 }],
  ])('%s is merged', async (_what, output, wanted) => {
    const { state, ctx } = await run([{ name: 'dice', run: output }]);
    expect(state).toBe('completed');
    expect(ctx).toStrictEqual(wanted);
  });

  test('one that holds the context of its task is merged, however large that is', async () => {
    for (const size of [3, 200]) {
      const { state, ctx } = await run([{ name: 'keep', run: (scope) => ({ before: scope.ctx }) }], {
        ctx: manyKeys(size),
      });
      expect(state).toBe('completed');
      expect(ctx.before).toEqual(manyKeys(size));
    }
  });

  test('a key named __proto__ is a key like any other', async () => {
    const evil = (): object => JSON.parse('{ "__proto__": { "polluted": true }, "constructor": 1 }');
    for (const size of [0, 100]) {
      let found: Context = {};
      const { ctx } = await run(
        [
          { name: 'a', run: evil },
          {
            name: 'b',
            dependsOn: ['a'],
            run: (scope) => {
              found = scope.ctx;
            },
          },
        ],
        { ctx: { ...manyKeys(size), ...evil() } },
      );
      for (const context of [ctx, found]) {
        expect(Object.getPrototypeOf(context)).toBe(Object.prototype);
        expect(Object.keys(context)).toContain('__proto__');
        expect((context as { polluted?: boolean }).polluted).toBeUndefined();
        expect(context.constructor).toBe(1);
        expect(JSON.stringify(context)).toContain('"__proto__":{"polluted":true}');
      }
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe.each([[3], [64], [65], [500]])('a context of %d keys', (size) => {
  const plain = manyKeys(size);

  test('is read like any object', async () => {
    const ctx = await seen(plain);
    expect(ctx).toEqual(plain);
    expect(ctx).not.toEqual({ ...plain, key1: 2 });
    expect(ctx).not.toEqual({ ...plain, more: 1 });
    expect(Object.keys(ctx)).toEqual(Object.keys(plain));
    expect(Object.entries(ctx)).toEqual(Object.entries(plain));
    expect({ ...ctx }).toStrictEqual(plain);
    expect(Object.assign({}, ctx)).toStrictEqual(plain);
    expect(JSON.stringify(ctx)).toBe(JSON.stringify(plain));
    const { key0, key1, missing = 'default', ...rest } = ctx;
    expect([key0, key1, missing, Object.keys(rest).length]).toEqual([0, 1, 'default', size - 2]);
    const names: string[] = [];
    for (const name in ctx) names.push(name);
    expect(names).toEqual(Object.keys(plain));
    expect(['key1' in ctx, 'missing' in ctx, 'toString' in ctx]).toEqual([true, false, true]);
    expect([Object.hasOwn(ctx, 'key1'), Object.hasOwn(ctx, 'toString')]).toEqual([true, false]);
    expect(Object.prototype.propertyIsEnumerable.call(ctx, 'key1')).toBe(true);
    expect(Object.getOwnPropertyNames(ctx)).toEqual(Object.keys(plain));
    expect(Object.getOwnPropertySymbols(ctx)).toEqual([]);
    expect([String(ctx), ctx.missing, ctx.then]).toEqual(['[object Object]', undefined, undefined]);
    expect(Object.getPrototypeOf(ctx)).toBe(Object.prototype);
    expect(Array.isArray(ctx)).toBe(false);
  });

  test('is printed like any object', async () => {
    const ctx = await seen(plain);
    expect(inspect(ctx)).toBe(inspect(plain));
    expect(inspect({ outer: [ctx] }, { depth: 1 })).toBe(inspect({ outer: [plain] }, { depth: 1 }));
  });

  test('takes no writes', async () => {
    const ctx = (await seen(plain)) as Record<string, unknown>;
    const attempts: (() => unknown)[] = [
      () => (ctx.key0 = 1),
      () => (ctx.more = 1),
      () => delete ctx.key0,
      () => Object.assign(ctx, { more: 1 }),
      () => Object.defineProperty(ctx, 'more', { value: 1 }),
      () => Object.setPrototypeOf(ctx, null),
    ];
    for (const attempt of attempts) expect(attempt, String(attempt)).toThrow(TypeError);
    expect(ctx).toEqual(plain);
    expect(Object.keys(ctx)).toHaveLength(size);
  });

  test('takes the outputs in, and leaves what was seen before as it was', async () => {
    const looks: Context[] = [];
    const look = (name: string, dependsOn: string[], output: object): TaskSpec => ({
      name,
      dependsOn,
      run: ({ ctx }) => {
        looks.push(ctx);
        return output;
      },
    });
    const job = run([look('a', [], { key0: 'a', more: 1 }), look('b', ['a'], { key0: 'b' }), look('c', ['b'], {})], {
      ctx: plain,
    });
    const result = await job;
    const [before, between, after] = [plain, { ...plain, key0: 'a', more: 1 }, { ...plain, key0: 'b', more: 1 }];
    expect(looks).toEqual([before, between, after]);
    expect(looks.map((context) => 'more' in context)).toEqual([false, true, true]);
    expect(result.ctx).toEqual(after);
    expect(job.ctx).toEqual(after);
    expect(Object.isFrozen(result.ctx)).toBe(true);
  });
});

test('in a chain of 3,000 tasks each reads what the one before it wrote', async () => {
  const definition = jobFrom(
    'chain',
    Array.from(
      { length: 3_000 },
      (_, at): TaskSpec => ({
        name: `t${at}`,
        dependsOn: at === 0 ? [] : [`t${at - 1}`],
        run: ({ ctx }) => ({ [`key${at}`]: at === 0 ? 0 : (ctx[`key${at - 1}`] as number) + 1 }),
      }),
    ),
  );
  const { state, ctx } = await definition.start({});
  expect(state).toBe('completed');
  expect(Object.keys(ctx)).toHaveLength(3_000);
  expect(ctx.key2999).toBe(2_999);
});
