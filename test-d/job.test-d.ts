import { describe, expectTypeOf, test } from 'vitest';
import { defineJob, type JobError, jobFrom, notReady, type RetryOptions, run, type TaskSpec } from '../src/index.ts';

const etl = defineJob<{ url: string }>('etl')
  .task('extract', async ({ ctx }) => ({ rows: [ctx.url] }))
  .task('transform', { dependsOn: ['extract'] }, ({ ctx, deps }) => ({
    clean: [...ctx.rows, ...deps.extract.rows].length,
  }))
  .task('notify', { dependsOn: ['transform'], continueOnFailure: true }, ({ deps }) => ({
    told: deps.transform.clean > 0,
  }))
  .task('log', { dependsOn: ['notify', 'transform'] }, () => {});

describe('what a task reads', () => {
  test('ctx is the input and the outputs of its dependencies, readonly', () => {
    etl.task('check', { dependsOn: ['extract', 'transform'] }, ({ ctx, deps }) => {
      expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly rows: string[]; readonly clean: number }>();
      expectTypeOf(deps.extract).toEqualTypeOf<Readonly<{ rows: string[] }>>();
      // @ts-expect-error the context is immutable
      ctx.url = 'other';
    });
  });

  test('nothing of what no dependency produces', () => {
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

  test('optional, behind continueOnFailure', () => {
    etl.task('check', { dependsOn: ['notify'] }, ({ ctx, deps }) => {
      expectTypeOf(ctx.told).toEqualTypeOf<boolean | undefined>();
      expectTypeOf(deps.notify).toEqualTypeOf<Readonly<{ told: boolean }> | undefined>();
    });
    const maybe = Math.random() > 0.5;
    defineJob('job')
      .task('a', { continueOnFailure: maybe }, () => ({ a: 1 }))
      .task('b', { dependsOn: ['a'] }, ({ ctx }) => expectTypeOf(ctx.a).toEqualTypeOf<number | undefined>() as never);
    defineJob('job')
      .task('a', { continueOnFailure: false }, () => ({ a: 1 }))
      .task('b', { dependsOn: ['a'] }, ({ ctx }) => expectTypeOf(ctx.a).toEqualTypeOf<number>() as never);
  });

  test('the union of what two dependencies put under one key, literals included', () => {
    defineJob<{ from: string }>('job')
      .task('a', () => ({ from: 1, kind: 'a' }) as const)
      .task('b', () => ({ kind: 'b' }) as const)
      .task('c', { dependsOn: ['a', 'b'] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly from: 1; readonly kind: 'a' | 'b' }>();
      });
  });

  test('what is put out on some paths alone is optional; nothing, and "not ready", add nothing', () => {
    const sometimes = Math.random() > 0.5;
    defineJob('job')
      .task('some', () => (sometimes ? { some: 1 } : undefined))
      .task('ready', async () => (sometimes ? { ready: 1 } : notReady('later')))
      .task('nothing', () => {})
      .task('all', { dependsOn: ['some', 'ready', 'nothing'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.some).toEqualTypeOf<number | undefined>();
        expectTypeOf(ctx.ready).toEqualTypeOf<number>();
        expectTypeOf(deps.nothing).toEqualTypeOf<undefined>();
      });
  });

  test('any stays any', () => {
    defineJob('job')
      .task('a', async () => JSON.parse('{}'))
      .task('b', { dependsOn: ['a'] }, ({ ctx }) => {
        expectTypeOf(ctx.whatever).toBeAny();
      });
  });

  test('what is put out on some paths alone may be missing from deps', () => {
    defineJob('job')
      .task('a', () => (Math.random() > 0.5 ? { p: 1 } : undefined))
      .task('b', { dependsOn: ['a'] }, ({ deps }) => {
        // @ts-expect-error it may have put out nothing
        deps.a.p;
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
      .task('send', { dependsOn: ['bill'] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly id: number; readonly total: number }>();
      });
  });
});

describe('what is refused', () => {
  test('an unknown dependency, and a name that is taken', () => {
    // @ts-expect-error no task of this name
    etl.task('check', { dependsOn: ['extrct'] }, () => {});
    // @ts-expect-error a task of this name is already defined
    etl.task('extract', () => {});
    // @ts-expect-error a task can't wait on itself
    etl.task('self', { dependsOn: ['self'] }, () => {});
  });

  test('an output that is no plain object', () => {
    // @ts-expect-error an array is no output
    etl.task('check', () => [1]);
    // @ts-expect-error a number is no output
    etl.task('check', () => 1);
    // @ts-expect-error null is no output
    etl.task('check', () => null);
    // @ts-expect-error a string is no output
    etl.task('check', async () => 'text');
    // @ts-expect-error nor is one that is promised
    etl.task('check', async () => [1]);
    // @ts-expect-error null is no output
    etl.task('check', { maxRetries: 1 }, async () => null);
    // @ts-expect-error a Date is no output
    etl.task('check', () => new Date());
    // @ts-expect-error a function is no output
    etl.task('check', () => () => 1);
    // @ts-expect-error a Map is no output
    etl.task('check', () => new Map());
  });

  test('wrong options', () => {
    // @ts-expect-error no such option
    etl.task('check', { maxRetrys: 1 }, () => {});
    // @ts-expect-error milliseconds are a number
    etl.task('check', { timeout: '5s' }, () => {});
    expectTypeOf<'expo'>().not.toExtend<NonNullable<RetryOptions['backoff']>>();
    // @ts-expect-error no such policy
    etl.start({ url: '' }, { onFailure: 'stop' });
  });
});

describe('a job', () => {
  test('takes its input: required where something is required, else optional', () => {
    // @ts-expect-error the job needs a url
    etl.start();
    // @ts-expect-error the url is a string
    etl.start({ url: 1 });
    defineJob('plain').start();
    defineJob<{ page?: number }>('paged').start();
  });

  test('its result tells by its state whether the context is whole', async () => {
    const result = await etl.start({ url: '' });
    if (result.state === 'completed') {
      expectTypeOf(result.ctx.rows).toEqualTypeOf<string[]>();
      expectTypeOf(result.ctx.told).toEqualTypeOf<boolean | undefined>();
      expectTypeOf(result.error).toEqualTypeOf<undefined>();
    } else {
      expectTypeOf(result.ctx.rows).toEqualTypeOf<string[] | undefined>();
      expectTypeOf(result.ctx.url).toEqualTypeOf<string>();
      expectTypeOf(result.error).toEqualTypeOf<JobError | undefined>();
    }
    expectTypeOf((await etl.start({ url: '' }).orThrow()).clean).toEqualTypeOf<number>();
  });

  test('its tasks are known by name', async () => {
    const job = etl.start({ url: '' });
    expectTypeOf(await job.output('extract')).toEqualTypeOf<Readonly<{ rows: string[] }>>();
    expectTypeOf(await job.output('log')).toEqualTypeOf<undefined>();
    // @ts-expect-error no task of this name
    job.output('extrct');
    // @ts-expect-error no task of this name
    job.task('extrct');
  });

  test('loggers of all kinds fit', () => {
    const winston = {
      error: (_message: string, ..._meta: unknown[]) => ({}),
      warn: (_message: string) => ({}),
      info: (_message: string) => ({}),
      debug: (_message: string) => ({}),
    };
    type LogFn = { (obj: unknown, msg?: string): void; (msg: string): void };
    const pino = {} as { debug: LogFn; info: LogFn; warn: LogFn; error: LogFn };
    for (const logger of [console, winston, pino]) etl.start({ url: '' }, { logger });
    // @ts-expect-error a logger has four levels
    etl.start({ url: '' }, { logger: { info: () => {} } });
  });
});

describe('graphs known only at run time', () => {
  test('read a loose context, or one that is given a type', async () => {
    jobFrom('job', [
      { name: 'a', run: ({ ctx }) => expectTypeOf(ctx).toEqualTypeOf<Readonly<Record<string, unknown>>>() as never },
    ]).start({ any: 1 });
    type Context = { base: number; sum: number };
    const specs: TaskSpec<Context>[] = [{ name: 'sum', run: ({ ctx }) => ({ sum: ctx.base + 1 }) }];
    const context = await run<Context>(specs, { ctx: { base: 1 } }).orThrow();
    expectTypeOf(context.sum).toEqualTypeOf<number | undefined>();
    jobFrom('job', specs).start({ base: 1, sum: 0 }).output('sum');
  });

  test('names known only at run time do not spoil the rest', () => {
    const name: string = 'x';
    defineJob('job')
      .task(name, () => ({ x: 1 }))
      .task('a', () => ({ a: 1 }))
      .task(name, () => ({ y: 1 }))
      .task('b', { dependsOn: ['a'] }, ({ ctx }) => expectTypeOf(ctx.a).toEqualTypeOf<number>() as never);
  });
});
