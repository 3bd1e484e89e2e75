import { type AnyTaskSpec, defineJob, type JobEvent, jobFrom, type StartOptions, type TaskScope } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

type Enrich = (scope: TaskScope) => object;
type Scope = TaskScope & Readonly<Record<string, unknown>>;

/** The kinds of task that run a function of the program. */
const KINDS = ['task', 'sensor', 'map'] as const;

const specOf = (kind: (typeof KINDS)[number], enrich: Enrich, look: (scope: Scope) => void): AnyTaskSpec => {
  const run = (scope: TaskScope): object => {
    look(scope as Scope);
    return {};
  };
  if (kind === 'sensor') return { name: 'fetch', kind, enrich, check: run };
  if (kind === 'map') return { name: 'fetch', kind, over: ['item'], enrich, each: run };
  return { name: 'fetch', enrich, run };
};

const play = async (tasks: readonly AnyTaskSpec[], input: object = {}, options: StartOptions = {}) => {
  const clock = virtualClock();
  const job = jobFrom('job', tasks).start(input, { clock, ...options });
  const logs: string[] = [];
  job.events$.subscribe((event: JobEvent) => {
    if (event.type === 'task.log') logs.push(`${event.level} ${event.task} ${event.attempt}: ${event.message}`);
  });
  await clock.runAll();
  return { result: await job, logs };
};

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeEach(() => void process.on('unhandledRejection', note));
afterEach(() => {
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

describe.each(KINDS)('of a %s, enrich', (kind) => {
  test('adds to the scope, beside what is there', async () => {
    let seen: Scope | undefined;
    const { result, logs } = await play(
      [
        specOf(
          kind,
          () => ({ db: 'postgres' }),
          (scope) => {
            seen = { ...scope };
          },
        ),
      ],
      { url: 'u' },
    );
    expect(seen).toMatchObject({ db: 'postgres', attempt: 1, ctx: { url: 'u' }, deps: {} });
    expect(seen?.taskName).toBe(kind === 'map' ? 'fetch[0]' : 'fetch');
    expect(logs).toEqual([]);
    expect(result.state).toBe('completed');
    expect(result.ctx).not.toHaveProperty('db');
  });

  test('sees the scope that it adds to', async () => {
    let seen: unknown;
    const enrich: Enrich = ({ ctx, attempt, jobId, taskName, signal }) => ({
      label: `${ctx.url} ${taskName} ${attempt} ${jobId} ${signal.aborted}`,
    });
    await play(
      [
        specOf(kind, enrich, ({ label }) => {
          seen = label;
        }),
      ],
      { url: 'u' },
      { jobId: 'id' },
    );
    expect(seen).toBe(`u ${kind === 'map' ? 'fetch[0]' : 'fetch'} 1 id false`);
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no pool left');
      },
      /no pool left/,
    ],
    [
      'throws what is no error',
      () => {
        throw 'no pool left';
      },
      /no pool left/,
    ],
    [
      'throws nothing',
      () => {
        throw undefined;
      },
      /undefined/,
    ],
    [
      'throws a promise that rejects',
      () => {
        throw Promise.reject(new Error('later'));
      },
      /./,
    ],
    ['answers a promise', async () => ({ db: 1 }), /plain object/],
    [
      'answers a promise that rejects',
      async () => {
        throw new Error('later');
      },
      /plain object/,
    ],
    ['answers null', () => null, /plain object/],
    ['answers nothing', () => {}, /plain object/],
    ['answers a text', () => 'db', /plain object/],
    ['answers a list', () => ['db'], /plain object/],
    [
      'answers an instance of a class',
      () =>
        new (class Db {
          db = 1;
        })(),
      /plain object/,
    ],
    ['answers a function', () => () => 1, /plain object/],
    [
      'answers what can not be read',
      () =>
        new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('locked');
            },
          },
        ),
      /locked/,
    ],
    [
      'throws what can not be read',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        throw proxy;
      },
      /./,
    ],
    [
      'answers what is gone',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
      /./,
    ],
  ])('that %s leaves the plain scope and one warning, and the task goes on', async (_, enrich, why) => {
    let keys: string[] = [];
    const plain: string[] = [];
    await play([
      specOf(
        kind,
        () => ({}),
        (scope) => void plain.push(...Object.keys(scope)),
      ),
    ]);
    const { result, logs } = await play([
      specOf(kind, enrich as Enrich, (scope) => {
        keys = Object.keys(scope);
      }),
    ]);
    expect(result.state).toBe('completed');
    expect(keys).toEqual(plain);
    expect(logs).toHaveLength(1);
    expect(logs[0]).toMatch(kind === 'map' ? /^warn fetch\[0] 1: / : /^warn fetch 1: /);
    expect(logs[0]).toMatch(why);
  });
});

describe('enrich', () => {
  test('is asked anew for each attempt', async () => {
    const seen: unknown[] = [];
    let connections = 0;
    await play([
      {
        name: 'fetch',
        maxRetries: 2,
        enrich: ({ attempt }) => ({ connection: ++connections, label: `try ${attempt}` }),
        run: (scope) => {
          const { connection, label } = scope as Scope;
          seen.push([connection, label]);
          if (scope.attempt < 3) throw new Error('again');
        },
      },
    ]);
    expect(seen).toEqual([
      [1, 'try 1'],
      [2, 'try 2'],
      [3, 'try 3'],
    ]);
  });

  test('that failed once may do better in the next attempt', async () => {
    const seen: unknown[] = [];
    const { logs } = await play([
      {
        name: 'fetch',
        maxRetries: 1,
        enrich: ({ attempt }) => {
          if (attempt === 1) throw new Error('no pool left');
          return { db: 'postgres' };
        },
        run: (scope) => {
          seen.push((scope as Scope).db);
          if (scope.attempt === 1) throw new Error('again');
        },
      },
    ]);
    expect(seen).toEqual([undefined, 'postgres']);
    expect(logs).toEqual(['warn fetch 1: The scope was not enriched: no pool left.']);
  });

  test('is asked for each look of a sensor', async () => {
    let looks = 0;
    const { result } = await play([
      {
        name: 'file',
        kind: 'sensor',
        enrich: () => ({ look: ++looks }),
        check: (scope) => (scope as Scope).look === 3,
      },
    ]);
    expect(result.state).toBe('completed');
    expect(looks).toBe(3);
  });

  test('of a fan-out is asked for each item, and sees it', async () => {
    const job = defineJob('job').map(
      'fetch',
      { over: ['a', 'b'], enrich: ({ item, index, taskName }) => ({ label: `${taskName} ${index} ${item}` }) },
      ({ label }) => label,
    );
    expect(await job.start().orThrow()).toEqual({ fetch: ['fetch[0] 0 a', 'fetch[1] 1 b'] });
  });

  test('of a fan-out that can not be laid over an item still harms no instance', async () => {
    const { result } = await play([
      {
        name: 'fetch',
        kind: 'map',
        over: ['a', 'b'],
        enrich: () => Object.freeze({ db: 1, more: 2 }),
        each: ({ item }: { item: string }) => item,
      },
    ]);
    expect(result.ctx).toEqual({ fetch: ['a', 'b'] });
  });

  test('overrides what the scope holds, for that task alone', async () => {
    const seen: unknown[] = [];
    const look = ({ taskName, ctx }: TaskScope): void => void seen.push([taskName, ctx]);
    await play(
      [
        { name: 'a', enrich: ({ ctx }) => ({ taskName: 'alias', ctx: { ...ctx, more: true } }), run: look },
        { name: 'b', dependsOn: ['a'], run: look },
      ],
      { url: 'u' },
    );
    expect(seen).toEqual([
      ['alias', { url: 'u', more: true }],
      ['b', { url: 'u' }],
    ]);
  });

  test('keeps getters lazy, its own and those of the scope', async () => {
    let opened = 0;
    const enrich = () => ({
      get db() {
        opened++;
        return 'postgres';
      },
    });
    const { logs } = await play([
      { name: 'idle', enrich, run: () => {} },
      {
        name: 'busy',
        enrich: () => ({
          get broken(): never {
            throw new Error('never read');
          },
        }),
        run: () => {},
      },
    ]);
    expect(opened).toBe(0);
    expect(logs).toEqual([]);
    const { result } = await play([{ name: 'eager', enrich, run: (scope) => ({ db: (scope as Scope).db }) }]);
    expect([result.ctx, opened]).toEqual([{ db: 'postgres' }, 1]);
  });

  test('may answer a spread of the scope', async () => {
    const { result } = await play([
      { name: 'a', enrich: (scope) => ({ ...scope, db: 1 }), run: (scope) => ({ db: (scope as Scope).db }) },
    ]);
    expect(result.ctx).toEqual({ db: 1 });
  });

  test.each([
    ['Object.create(null)', Object.create(null)],
    ['{}', {}],
  ])('may answer %s with symbols', async (_, extra) => {
    const key = Symbol('db');
    let seen: unknown;
    await play([
      {
        name: 'a',
        enrich: () => Object.assign(extra, { [key]: 1 }),
        run: (scope) => {
          seen = (scope as unknown as Record<symbol, unknown>)[key];
        },
      },
    ]);
    expect(seen).toBe(1);
  });

  test('changes nothing for anybody through keys such as __proto__', async () => {
    const { result } = await play([
      {
        name: 'a',
        enrich: () => JSON.parse('{ "__proto__": { "polluted": true } }'),
        run: (scope) => ({ polluted: (scope as Scope).polluted ?? ({} as Scope).polluted ?? false }),
      },
    ]);
    expect(result.ctx).toEqual({ polluted: false });
  });

  test('is not asked for a task that does not run', async () => {
    let asked = 0;
    const enrich = () => {
      asked++;
      return {};
    };
    await play([
      { name: 'a', when: () => false, enrich, run: () => {} },
      { name: 'b', dependsOn: ['a'], enrich, run: () => {} },
      { name: 'c', kind: 'map', over: [], enrich, each: () => {} },
    ]);
    expect(asked).toBe(0);
  });

  test('that cancels the job keeps the body from starting', async () => {
    let ran = false;
    const job = jobFrom('job', [
      {
        name: 'a',
        enrich: () => {
          void job.cancel('enough');
          return {};
        },
        run: () => {
          ran = true;
        },
      },
    ]).start();
    const { state, tasks } = await job;
    expect([state, tasks.a?.state, ran]).toEqual(['cancelled', 'cancelled', false]);
  });

  test('has its own log and progress, which are those of the task', async () => {
    const { logs } = await play([
      {
        name: 'a',
        enrich: ({ log, progress }) => {
          log.info('opening');
          progress(0.1);
          return {};
        },
        run: () => {},
      },
    ]);
    expect(logs).toEqual(['info a 1: opening']);
  });

  test.each(['external', 'job'] as const)('is no option of kind %s', (kind) => {
    const work = kind === 'job' ? { definition: jobFrom('inner', []) } : {};
    const spec = { name: 'a', kind, enrich: () => ({}), ...work } as unknown as AnyTaskSpec;
    expect(() => jobFrom('job', [spec])).toThrow(/no option "enrich"/);
  });

  test('is a function', () => {
    expect(() => jobFrom('job', [{ name: 'a', enrich: { db: 1 } as never, run: () => {} }])).toThrow(
      /enrich = .*expected a function/,
    );
  });
});
