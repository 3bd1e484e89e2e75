import { describe, expectTypeOf, test } from 'vitest';
import { defineJob } from '../src/index.ts';

const sometimes = (): boolean => Math.random() > 0.5;

const etl = defineJob<{ url: string }>('etl')
  .task('extract', async ({ ctx }) => ({ rows: [ctx.url], size: 1 }))
  .task('transform', { dependsOn: ['extract'] }, ({ ctx, deps }) => ({
    clean: [...ctx.rows, ...deps.extract.rows].length,
  }))
  .task('notify', { dependsOn: ['transform'], continueOnFailure: true }, ({ deps }) => ({
    told: deps.transform.clean > 0,
  }))
  .task('log', { dependsOn: ['notify', 'transform'] }, () => {});

describe('ctx and deps', () => {
  test('are the input and the outputs of the direct dependencies, readonly', () => {
    etl.task('check', { dependsOn: ['extract', 'transform'] }, ({ ctx, deps }) => {
      expectTypeOf(ctx).toEqualTypeOf<{
        readonly url: string;
        readonly rows: string[];
        readonly size: number;
        readonly clean: number;
      }>();
      expectTypeOf(deps).toEqualTypeOf<{
        readonly extract: Readonly<{ rows: string[]; size: number }>;
        readonly transform: Readonly<{ clean: number }>;
      }>();
      // @ts-expect-error the context is immutable
      ctx.url = 'other';
      // @ts-expect-error outputs are immutable
      deps.transform.clean = 2;
      // @ts-expect-error the dependencies stay what they are
      deps.transform = { clean: 2 };
    });
  });

  test('are the input and nothing for a task without dependencies', () => {
    etl.task('a', ({ ctx, deps }) => {
      expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string }>();
      expectTypeOf<keyof typeof deps>().toBeNever();
    });
    etl.task('b', {}, ({ ctx }) => expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string }>() as unknown);
    etl.task(
      'c',
      { dependsOn: [] },
      ({ ctx }) => expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string }>() as unknown,
    );
  });

  test('hold nothing that no dependency puts out', () => {
    etl.task('check', { dependsOn: ['transform'] }, ({ ctx, deps }) => {
      // @ts-expect-error `rows` comes from extract, which is no dependency of this task
      ctx.rows;
      // @ts-expect-error extract is no dependency of this task
      deps.extract;
    });
    defineJob('plain').task('a', ({ ctx }) => {
      // @ts-expect-error the job takes no input
      ctx.anything;
    });
  });
});

describe('a dependency whose failure is tolerated', () => {
  test('puts out what may be missing', () => {
    etl.task('check', { dependsOn: ['notify', 'transform'] }, ({ ctx, deps }) => {
      expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly told?: boolean; readonly clean: number }>();
      expectTypeOf(deps.notify).toEqualTypeOf<Readonly<{ told: boolean }> | undefined>();
      // @ts-expect-error notify may have failed
      deps.notify.told;
    });
  });

  test('also where it is decided at run time', () => {
    defineJob('job')
      .task('a', { continueOnFailure: sometimes() }, () => ({ a: 1 }))
      .task('b', { continueOnFailure: false }, () => ({ b: 1 }))
      .task('c', { dependsOn: ['a', 'b'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly a?: number; readonly b: number }>();
        expectTypeOf(deps.a).toEqualTypeOf<Readonly<{ a: number }> | undefined>();
        expectTypeOf(deps.b).toEqualTypeOf<Readonly<{ b: number }>>();
      });
  });

  test('leaves what the input or another dependency has put under the key', () => {
    defineJob<{ n: number; m?: number }>('job')
      .task('a', { continueOnFailure: true }, () => ({ n: 'text', m: 'text', both: 1 }))
      .task('b', () => ({ both: true }))
      .task('c', { dependsOn: ['a', 'b'] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{
          readonly n: number | string;
          readonly m?: number | string;
          readonly both: number | boolean;
        }>();
      });
  });
});

describe('a key that several write', () => {
  test('has the type of the output where a dependency is certain to replace what the input holds', () => {
    defineJob<{ from: string; to: string }>('job')
      .task('a', () => ({ from: 1 }))
      .task('b', { dependsOn: ['a'] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly from: number; readonly to: string }>();
      });
  });

  test('has the type of whichever dependency may win; literals that exclude each other do not end in never', () => {
    defineJob<{ from: string }>('job')
      .task('a', () => ({ from: 1, kind: 'a' }) as const)
      .task('b', () => ({ kind: 'b' }) as const)
      .task('c', { dependsOn: ['a', 'b'] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly from: 1; readonly kind: 'a' | 'b' }>();
      });
  });
});

describe('an output that differs from path to path', () => {
  test('leaves what another dependency is certain to put under the key', () => {
    defineJob('job')
      .task('a', () => ({ n: 1 }))
      .task('b', (): { n?: string } => ({}))
      .task('c', { dependsOn: ['a', 'b'] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly n: number | string }>();
      });
  });

  test('makes keys optional in ctx and is a union in deps', () => {
    defineJob('job')
      .task('some', () => (sometimes() ? { some: 1 } : undefined))
      .task('either', (): { kind: 'a'; a: number } | { kind: 'b'; b: string } =>
        sometimes() ? { kind: 'a', a: 1 } : { kind: 'b', b: 'text' },
      )
      .task('part', (): { part?: number } => ({}))
      .task('numbered', () => ({ 1: 'one', [Symbol.for('hidden')]: 1 }))
      .task('all', { dependsOn: ['some', 'either', 'part', 'numbered'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{
          readonly some?: number;
          readonly kind: 'a' | 'b';
          readonly a?: number;
          readonly b?: string;
          readonly part?: number;
          readonly 1: string;
        }>();
        expectTypeOf(deps.some).toEqualTypeOf<Readonly<{ some: number }> | undefined>();
        if (deps.either.kind === 'a') expectTypeOf(deps.either.a).toEqualTypeOf<number>();
        else expectTypeOf(deps.either.b).toEqualTypeOf<string>();
      });
  });

  test('that has any name adds its type to every key it may replace', () => {
    defineJob<{ url: string }>('job')
      .task('count', (): Record<string, number> => ({}))
      .task('all', { dependsOn: ['count'] }, ({ ctx }) => {
        expectTypeOf(ctx.url).toEqualTypeOf<string | number>();
        expectTypeOf(ctx.other).toEqualTypeOf<number | undefined>();
      });
  });
});

test('interfaces serve as input and output', () => {
  interface Order {
    readonly id: number;
  }
  interface Bill {
    readonly total: number;
  }
  defineJob<Order>('job')
    .task('bill', (): Bill => ({ total: 1 }))
    .task('send', { dependsOn: ['bill'] }, ({ ctx, deps }) => {
      expectTypeOf(ctx).toEqualTypeOf<{ readonly id: number; readonly total: number }>();
      expectTypeOf(deps.bill).toExtend<Bill>();
    });
});

test('an input of any keys keeps them beside the outputs', () => {
  defineJob<Record<string, unknown>>('job')
    .task('a', () => ({ a: 1 }))
    .task('b', { dependsOn: ['a'] }, ({ ctx }) => {
      expectTypeOf(ctx.a).toEqualTypeOf<number>();
      expectTypeOf(ctx.other).toEqualTypeOf<unknown>();
    });
});

test('a function written elsewhere is checked against what its task receives', () => {
  const count = ({ ctx }: { readonly ctx: { readonly rows: readonly string[] } }) => ({ count: ctx.rows.length });
  etl
    .task('count', { dependsOn: ['extract'] }, count)
    .task('use', { dependsOn: ['count'] }, ({ ctx }) => expectTypeOf(ctx.count).toEqualTypeOf<number>() as unknown);
  // @ts-expect-error it reads `rows`, which transform does not put out
  etl.task('count', { dependsOn: ['transform'] }, count);
});

test('a task can tell what it is, and what it is doing', () => {
  etl.task('check', async ({ signal, isActive, attempt, jobId, taskName, log, progress }) => {
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    expectTypeOf(isActive).toEqualTypeOf<() => boolean>();
    expectTypeOf(attempt).toEqualTypeOf<number>();
    expectTypeOf({ jobId, taskName }).toEqualTypeOf<{ jobId: string; taskName: string }>();
    log.info('half', { rows: 1 });
    progress(0.5, 'half');
    // @ts-expect-error a fraction is a number
    progress('half');
  });
});
