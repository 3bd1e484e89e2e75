import { describe, expectTypeOf, test } from 'vitest';
import { defineJob, type NotReady, notReady, type Skip, skip, type TaskFunction } from '../src/index.ts';

const builder = defineJob('job');
const sometimes = (): boolean => Math.random() > 0.5;

describe('a task may put out', () => {
  test('an object, at once or later', async () => {
    const job = builder
      .task('sync', () => ({ rows: ['a'], mode: 'fast' }))
      .task('async', async () => ({ n: 1 }))
      .task('either', () => (sometimes() ? { a: 1 } : Promise.resolve({ a: 'text' })))
      .task('thenable', (): PromiseLike<{ t: Date }> => Promise.resolve({ t: new Date() }))
      .start();
    expectTypeOf(await job.output('sync')).toEqualTypeOf<Readonly<{ rows: string[]; mode: string }>>();
    expectTypeOf(await job.output('async')).toEqualTypeOf<Readonly<{ n: number }>>();
    expectTypeOf(await job.output('either')).toEqualTypeOf<Readonly<{ a: number }> | Readonly<{ a: string }>>();
    expectTypeOf(await job.output('thenable')).toEqualTypeOf<Readonly<{ t: Date }>>();
  });

  test('nothing', async () => {
    const job = builder
      .task('empty', () => {})
      .task('undefined', () => undefined)
      .task('async', async () => {})
      .task('throws', () => {
        throw new Error('never returns');
      })
      .start();
    expectTypeOf(await job.output('empty')).toEqualTypeOf<undefined>();
    expectTypeOf(await job.output('undefined')).toEqualTypeOf<undefined>();
    expectTypeOf(await job.output('async')).toEqualTypeOf<undefined>();
    expectTypeOf(await job.output('throws')).toEqualTypeOf<undefined>();
    expectTypeOf<keyof Awaited<ReturnType<typeof job.orThrow>>>().toBeNever();
  });

  test('"not ready", which is no part of its output', async () => {
    const job = builder
      .task('sync', () => (sometimes() ? { a: 1 } : notReady('later')))
      .task('async', async () => (sometimes() ? { b: 1 } : notReady('later')))
      .task('block', async () => {
        if (sometimes()) return notReady('later');
        if (sometimes()) return undefined;
        return { c: 1 };
      })
      .task('never', () => notReady('never'))
      .start();
    expectTypeOf(await job.output('sync')).toEqualTypeOf<Readonly<{ a: number }>>();
    expectTypeOf(await job.output('async')).toEqualTypeOf<Readonly<{ b: number }>>();
    expectTypeOf(await job.output('block')).toEqualTypeOf<Readonly<{ c: number }> | undefined>();
    expectTypeOf(await job.output('never')).toEqualTypeOf<undefined>();
    expectTypeOf(await job.orThrow()).toEqualTypeOf<{ readonly a: number; readonly b: number; readonly c?: number }>();
    expectTypeOf(notReady('later')).toEqualTypeOf<NotReady>();
  });

  test('a skip, after which its output may be missing, as after a condition', async () => {
    const definition = builder
      .task('sync', () => (sometimes() ? { a: 1 } : skip('none')))
      .task('async', async () => (sometimes() ? { b: 1 } : skip('none')))
      .task('never', () => skip('none'))
      .task('after', { dependsOn: ['sync'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly a: number }>();
        expectTypeOf(deps.sync).toEqualTypeOf<Readonly<{ a: number }>>();
        return { c: ctx.a };
      })
      .task('anyhow', { dependsOn: ['sync'], trigger: 'allDone' }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly a?: number }>();
      })
      .sensor('watched', { softFail: true, deadline: 10 }, () => (sometimes() ? { d: 1 } : false))
      .sensor('looked', { softFail: false }, () => (sometimes() ? { e: 1 } : false))
      .sensor('asked', {}, () => (sometimes() ? { f: 1 } : skip('none')));
    const job = definition.start();
    expectTypeOf(await job.output('sync')).toEqualTypeOf<Readonly<{ a: number }>>();
    expectTypeOf(await job.output('never')).toEqualTypeOf<undefined>();
    expectTypeOf(await job.orThrow()).toEqualTypeOf<{
      readonly a?: number;
      readonly b?: number;
      readonly c?: number;
      readonly d?: number;
      readonly e: number;
      readonly f?: number;
    }>();
    expectTypeOf(skip('none')).toEqualTypeOf<Skip>();
    // @ts-expect-error an item returns nothing instead
    builder.map('each', { over: [1] }, () => (sometimes() ? skip('none') : 1));
  });

  test('what is not known, of which nothing is known in ctx', async () => {
    const anything: TaskFunction = () => {};
    const job = builder
      .task('wait', () => new Promise((resolve) => setTimeout(resolve, 1)))
      .task('anything', anything)
      .task('after', { dependsOn: ['wait', 'anything'] }, ({ ctx, deps }) => {
        expectTypeOf<keyof typeof ctx>().toBeNever();
        expectTypeOf(deps.wait).toBeUnknown();
      })
      .start();
    expectTypeOf(await job.output('anything')).toBeUnknown();
  });

  test('anything at all, of which anything may be read', () => {
    builder
      .task('parse', () => JSON.parse('{}'))
      .task('after', { dependsOn: ['parse'] }, ({ ctx }) => expectTypeOf(ctx.whatever).toBeAny() as unknown);
  });

  test('what a generic function of known type puts out', async () => {
    const put = <Key extends string, Value>(key: Key, value: Value) => ({ [key]: value }) as Record<Key, Value>;
    const job = builder.task('put', () => put('k', 1)).start();
    expectTypeOf(await job.orThrow()).toEqualTypeOf<{ readonly k: number }>();
  });
});

test('a task may not put out what is no plain object', () => {
  // @ts-expect-error an array
  builder.task('a', () => [1]);
  // @ts-expect-error a tuple
  builder.task('a', () => [1, 'a'] as const);
  // @ts-expect-error a number
  builder.task('a', () => 1);
  // @ts-expect-error a boolean, on one of two paths
  builder.task('a', () => (sometimes() ? { a: 1 } : false));
  // @ts-expect-error null
  builder.task('a', () => null);
  // @ts-expect-error a promise of a string
  builder.task('a', async () => 'text');
  // @ts-expect-error a promise of an array, behind options
  builder.task('a', { maxRetries: 1 }, async () => ['text']);
  // @ts-expect-error an array or "not ready"
  builder.task('a', async () => (sometimes() ? [1] : notReady('later')));
  // @ts-expect-error a Map
  builder.task('a', () => new Map([['a', 1]]));
  // @ts-expect-error a Set
  builder.task('a', async () => new Set([1]));
  // @ts-expect-error a Date
  builder.task('a', () => new Date());
  // @ts-expect-error a regular expression
  builder.task('a', () => /a/);
  // @ts-expect-error bytes
  builder.task('a', () => new Uint8Array());
  // @ts-expect-error a function
  builder.task('a', () => () => 1);
  // @ts-expect-error a class
  builder.task('a', () => Date);
});
