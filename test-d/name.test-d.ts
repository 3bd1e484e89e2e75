import { describe, expectTypeOf, test } from 'vitest';
import type { NewName } from '../src/engine/definition/infer.ts';
import { defineJob } from '../src/index.ts';

const builder = defineJob('job')
  .task('extract', () => ({ rows: 1 }))
  .task('load', { dependsOn: ['extract'] }, () => ({ loaded: true }));

describe('the names of tasks', () => {
  test('are taken once, and the error says so', () => {
    // @ts-expect-error a task of this name is already defined
    builder.task('extract', () => {});
    // @ts-expect-error a task of this name is already defined
    builder.task('load', { dependsOn: ['extract'] }, () => {});
    expectTypeOf<NewName<'extract' | 'load', 'extract'>>().toEqualTypeOf<'A task named "extract" is already defined'>();
  });

  test('are depended on only once they are defined', () => {
    // @ts-expect-error no task of this name
    builder.task('check', { dependsOn: ['extrct'] }, () => {});
    // @ts-expect-error one of the two is unknown
    builder.task('check', { dependsOn: ['extract', 'late'] }, () => {}).task('late', () => {});
    // @ts-expect-error a task can't wait on itself
    builder.task('self', { dependsOn: ['self'] }, () => {});
    // @ts-expect-error the first task has nothing to wait on
    defineJob('job').task('first', { dependsOn: ['extract'] }, () => {});
    // @ts-expect-error dependencies are a list
    builder.task('check', { dependsOn: 'extract' }, () => {});
  });

  test('may be listed elsewhere, as constants', () => {
    const needs = ['extract', 'load'] as const;
    builder.task('check', { dependsOn: needs }, ({ ctx }) => {
      expectTypeOf(ctx).toEqualTypeOf<{ readonly rows: number; readonly loaded: boolean }>();
    });
    const both = { dependsOn: needs, maxRetries: 1 };
    builder.task('check', both, ({ ctx }) => expectTypeOf(ctx.rows).toEqualTypeOf<number>() as unknown);
  });
});

describe('names known only at run time', () => {
  const name: string = 'x';
  const region: string = 'eu';

  test('do not spoil the names and types that are known', () => {
    defineJob<{ url: string }>('job')
      .task(name, () => ({ x: 1 }))
      .task('a', () => ({ a: 1 }))
      .task(name, () => ({ y: 1 }))
      .task('b', { dependsOn: ['a'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly a: number }>();
        expectTypeOf(deps.a).toEqualTypeOf<Readonly<{ a: number }>>();
      });
  });

  test('may be depended on; what any task puts out may be there or not', () => {
    defineJob<{ url: string }>('job')
      .task(name, () => ({ x: 1 }))
      .task('a', () => ({ a: 1 }))
      .task('b', { dependsOn: [name] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly x?: number; readonly a?: number }>();
        expectTypeOf(deps[name]).toEqualTypeOf<Readonly<Record<string, unknown>> | undefined>();
      });
  });

  test('may follow a pattern', () => {
    defineJob('job')
      .task(`clean-${region}`, () => ({ rows: 1 }))
      .task(`clean-${name}`, () => ({ rows: 1 }))
      .task('b', { dependsOn: [`clean-${region}`] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly rows?: number }>();
      })
      // @ts-expect-error no task is named like this
      .task('c', { dependsOn: [`dirty-${region}`] }, () => {});
  });

  test('fill a builder in a loop', () => {
    let loop = defineJob<{ url: string }>('job');
    for (const each of ['a', 'b']) loop = loop.task(each, () => ({ done: true }));
    const job = loop.start({ url: '' });
    job.task('a');
    expectTypeOf(job.output('a')).resolves.toEqualTypeOf<Readonly<Record<string, unknown>> | undefined>();
  });
});
