import { describe, expectTypeOf, test } from 'vitest';
import { type Branch, branch, defineJob, notReady, type SkipReason, type TriggerRule } from '../src/index.ts';

const sometimes = (): boolean => Math.random() > 0.5;
const start = () => defineJob<{ url: string }>('job').task('a', () => ({ a: 1 }));

describe('a condition', () => {
  test('reads the input and the outputs of its dependencies, as its task does', () => {
    start().task(
      'b',
      {
        dependsOn: ['a'],
        when: ({ ctx, deps, jobId, taskName }) => {
          expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly a: number }>();
          expectTypeOf(deps).toEqualTypeOf<{ readonly a: Readonly<{ a: number }> }>();
          expectTypeOf(jobId).toEqualTypeOf<string>();
          expectTypeOf(taskName).toEqualTypeOf<string>();
          // @ts-expect-error the context is immutable
          ctx.a = 2;
          return deps.a.a > 0;
        },
      },
      ({ ctx }) => ({ b: ctx.a }),
    );
  });

  test('has no attempt, and thus no signal, no log and no progress', () => {
    start().task(
      'b',
      {
        when: (scope) => {
          // @ts-expect-error there is no attempt yet
          scope.signal;
          // @ts-expect-error there is no attempt yet
          scope.log;
          return true;
        },
      },
      () => {},
    );
  });

  test('answers a boolean, at once', () => {
    // @ts-expect-error a text is no answer
    start().task('b', { when: () => 'yes' }, () => {});
    // @ts-expect-error a promise would always count as yes
    start().task('b', { when: async () => true }, () => {});
    // @ts-expect-error it answers nothing
    start().task('b', { when: () => {} }, () => {});
    // @ts-expect-error it is no function
    start().task('b', { when: true }, () => {});
  });

  test('leaves its output certain downstream, and makes what depends on it uncertain at the end', async () => {
    const job = start()
      .task('b', { dependsOn: ['a'], when: sometimes }, () => ({ b: 1 }))
      .task('c', { dependsOn: ['a', 'b'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly a: number; readonly b: number }>();
        expectTypeOf(deps).toEqualTypeOf<{
          readonly a: Readonly<{ a: number }>;
          readonly b: Readonly<{ b: number }>;
        }>();
        return { c: 1 };
      })
      .task('d', { dependsOn: ['c'] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly c: number }>();
        return { d: 1 };
      })
      .task('e', { dependsOn: ['a'] }, () => ({ e: 1 }))
      .start({ url: '' });
    expectTypeOf(await job.orThrow()).toEqualTypeOf<{
      readonly url: string;
      readonly a: number;
      readonly e: number;
      readonly b?: number;
      readonly c?: number;
      readonly d?: number;
    }>();
  });

  test('makes its output optional where the rule of what depends on it allows a skip, or its failure is tolerated', () => {
    start()
      .task('b', { dependsOn: ['a'], when: sometimes }, () => ({ b: 1 }))
      .task('t', { when: sometimes, continueOnFailure: true }, () => ({ t: 1 }))
      .task('c', { dependsOn: ['b'], trigger: 'noneFailed' }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly b?: number }>();
        expectTypeOf(deps.b).toEqualTypeOf<Readonly<{ b: number }> | undefined>();
        // @ts-expect-error it may have been skipped
        deps.b.b;
      })
      .task('d', { dependsOn: ['t'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly t?: number }>();
        expectTypeOf(deps.t).toEqualTypeOf<Readonly<{ t: number }> | undefined>();
      })
      .task('e', { dependsOn: ['b', 't'], when: ({ ctx }) => ctx.b > 0 }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly b: number; readonly t?: number }>();
      });
  });

  test('of every kind of task', async () => {
    const inner = defineJob('inner')
      .task('x', () => ({ x: 1 }))
      .seal();
    const job = start()
      .sensor('look', { when: sometimes }, () => ({ seen: 1 }))
      .external('ask', { when: sometimes })
      .job('nest', { when: sometimes, input: () => ({}) }, inner)
      .map('each', { over: [1, 2], when: sometimes }, ({ item }) => ({ item }))
      .task('last', { dependsOn: ['look', 'ask', 'nest', 'each'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.seen).toEqualTypeOf<number>();
        expectTypeOf(ctx.nest).toEqualTypeOf<{ readonly x: number }>();
        expectTypeOf(ctx.each).toEqualTypeOf<readonly { item: number }[]>();
        expectTypeOf(deps.look.seen).toEqualTypeOf<number>();
      })
      .task('any', { dependsOn: ['look', 'ask', 'nest', 'each'], trigger: 'allDone' }, ({ ctx, deps }) => {
        expectTypeOf(ctx.nest).toEqualTypeOf<{ readonly x: number } | undefined>();
        expectTypeOf(deps.nest).toEqualTypeOf<{ readonly x: number } | undefined>();
        expectTypeOf(deps.each).toEqualTypeOf<readonly { item: number }[] | undefined>();
        // @ts-expect-error it may have been skipped
        deps.look.seen;
      })
      .start({ url: '' });
    const final = await job.orThrow();
    expectTypeOf(final.seen).toEqualTypeOf<number | undefined>();
    expectTypeOf(final.a).toEqualTypeOf<number>();
  });
});

describe('a tolerated failure', () => {
  test('makes the output optional downstream, but not what depends on it', async () => {
    const job = start()
      .task('b', { dependsOn: ['a'], continueOnFailure: true }, () => ({ b: 1 }))
      .task('c', { dependsOn: ['b'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly b?: number }>();
        expectTypeOf(deps.b).toEqualTypeOf<Readonly<{ b: number }> | undefined>();
        return { c: 1 };
      })
      .start({ url: '' });
    expectTypeOf(await job.orThrow()).toEqualTypeOf<{
      readonly url: string;
      readonly a: number;
      readonly c: number;
      readonly b?: number;
    }>();
  });
});

describe('a rule', () => {
  test('other than allSuccess promises no output of any dependency, to the task and to its condition', () => {
    const rules = <const Rule extends Exclude<TriggerRule, 'allSuccess'>>(trigger: Rule) =>
      start()
        .task('b', () => ({ b: 1 }))
        .task('c', { dependsOn: ['a', 'b'], trigger }, () => {});
    rules('always');
    start()
      .task('b', () => ({ b: 1 }))
      .task(
        'c',
        {
          dependsOn: ['a', 'b'],
          trigger: 'oneSuccess',
          when: ({ ctx, deps }) => {
            expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly a?: number; readonly b?: number }>();
            return deps.a !== undefined;
          },
        },
        ({ ctx, deps }) => {
          expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly a?: number; readonly b?: number }>();
          expectTypeOf(deps).toEqualTypeOf<{
            readonly a: Readonly<{ a: number }> | undefined;
            readonly b: Readonly<{ b: number }> | undefined;
          }>();
        },
      );
    for (const rule of ['allDone', 'allFailed', 'oneFailed', 'oneDone', 'noneFailed', 'allSkipped'] as const) {
      start().task('c', { dependsOn: ['a'], trigger: rule }, ({ deps }) => {
        expectTypeOf(deps.a).toEqualTypeOf<Readonly<{ a: number }> | undefined>();
      });
    }
    start().task('c', { dependsOn: ['a'], trigger: 'noneSkipped' }, ({ deps }) => {
      expectTypeOf(deps.a).toEqualTypeOf<Readonly<{ a: number }> | undefined>();
    });
  });

  test('allSuccess, said or not, promises all; a rule known only at run time promises none', () => {
    start().task('c', { dependsOn: ['a'], trigger: 'allSuccess' }, ({ deps }) => {
      expectTypeOf(deps.a).toEqualTypeOf<Readonly<{ a: number }>>();
    });
    start().task('c', { dependsOn: ['a'], trigger: sometimes() ? 'allSuccess' : 'oneFailed' }, ({ deps }) => {
      expectTypeOf(deps.a).toEqualTypeOf<Readonly<{ a: number }> | undefined>();
    });
  });

  test('that runs in every completed job leaves its output certain; another does not, nor what depends on it', async () => {
    const job = start()
      .task('allDone', { dependsOn: ['a'], trigger: 'allDone' }, () => ({ allDone: 1 }))
      .task('noneFailed', { dependsOn: ['a'], trigger: 'noneFailed' }, () => ({ noneFailed: 1 }))
      .task('always', { dependsOn: ['a'], trigger: 'always' }, () => ({ always: 1 }))
      .task('one', { dependsOn: ['a'], trigger: 'oneSuccess' }, () => ({ one: 1 }))
      .task('failed', { dependsOn: ['a'], trigger: 'oneFailed' }, () => ({ failed: 1 }))
      .task('next', { dependsOn: ['one'] }, ({ deps }) => ({ next: deps.one.one }))
      .task('after', { dependsOn: ['next'], trigger: 'allDone' }, () => ({ after: 1 }))
      .start({ url: '' });
    expectTypeOf(await job.orThrow()).toEqualTypeOf<{
      readonly url: string;
      readonly a: number;
      readonly allDone: number;
      readonly noneFailed: number;
      readonly always: number;
      readonly after: number;
      readonly one?: number;
      readonly failed?: number;
      readonly next?: number;
    }>();
  });

  test('that there is not is refused', () => {
    // @ts-expect-error it is oneSuccess
    start().task('c', { dependsOn: ['a'], trigger: 'oneSucces' }, () => {});
    // @ts-expect-error Airflow's own spelling is not taken
    start().task('c', { dependsOn: ['a'], trigger: 'all_success' }, () => {});
    // @ts-expect-error it is no text
    start().task('c', { dependsOn: ['a'], trigger: true }, () => {});
    // @ts-expect-error a sensor has the same rules
    start().sensor('c', { dependsOn: ['a'], trigger: 'one' }, () => true);
    expectTypeOf<TriggerRule>().toEqualTypeOf<
      | 'allSuccess'
      | 'allDone'
      | 'allFailed'
      | 'oneSuccess'
      | 'oneFailed'
      | 'oneDone'
      | 'noneFailed'
      | 'noneFailedMinOneSuccess'
      | 'noneSkipped'
      | 'allSkipped'
      | 'always'
    >();
    expectTypeOf<SkipReason>().toEqualTypeOf<
      | 'upstreamFailed'
      | 'upstreamNotReady'
      | 'upstreamSkipped'
      | 'branch'
      | 'triggerRule'
      | 'when'
      | 'deadline'
      | 'timeout'
    >();
  });
});

describe('a branch', () => {
  test('puts out what it is given, or nothing', async () => {
    expectTypeOf(branch('a')).toEqualTypeOf<Branch<undefined>>();
    const job = defineJob('job')
      .task('none', () => branch('left'))
      .task('some', async () => branch(['left', 'right'], { rows: [1, 2] as number[] }))
      .task('either', () => (sometimes() ? branch('left', { n: 1 as number }) : { m: 'text' }))
      .task('later', () => (sometimes() ? branch('left', { l: 1 as number }) : notReady('later')))
      .start();
    expectTypeOf(await job.output('none')).toEqualTypeOf<undefined>();
    expectTypeOf((await job.output('some')).rows).toEqualTypeOf<number[]>();
    expectTypeOf(await job.output('either')).toExtend<{ readonly n: number } | { readonly m: string }>();
    expectTypeOf((await job.output('later')).l).toEqualTypeOf<number>();
  });

  test('takes names, one or several', () => {
    // @ts-expect-error a number is no name
    branch(1);
    // @ts-expect-error nor are numbers
    branch([1]);
    // @ts-expect-error an output is a plain object, or nothing
    branch('left', 'text');
  });

  test('makes what is downstream of it uncertain at the end, but not its own output to that', async () => {
    const job = defineJob('job')
      .task('fork', () => branch('left', { rows: 1 as number }))
      .task('left', { dependsOn: ['fork'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.rows).toEqualTypeOf<number>();
        expectTypeOf(deps.fork.rows).toEqualTypeOf<number>();
        return { left: 1 };
      })
      .task('right', { dependsOn: ['fork'] }, () => ({ right: 1 }))
      .task('far', { dependsOn: ['right'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.right).toEqualTypeOf<number>();
        expectTypeOf(deps.right).toEqualTypeOf<Readonly<{ right: number }>>();
        return { far: 1 };
      })
      .task('join', { dependsOn: ['left', 'right'], trigger: 'noneFailed' }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly left?: number; readonly right?: number }>();
        expectTypeOf(deps.left).toEqualTypeOf<Readonly<{ left: number }> | undefined>();
        return { join: 1 };
      })
      .start();
    const final = await job.orThrow();
    expectTypeOf(final.left).toEqualTypeOf<number | undefined>();
    expectTypeOf(final.right).toEqualTypeOf<number | undefined>();
    expectTypeOf(final.far).toEqualTypeOf<number | undefined>();
    expectTypeOf(final.join).toEqualTypeOf<number>();
    expectTypeOf(final.rows).toEqualTypeOf<number>();
  });

  test('puts out for certain, unless it may itself be skipped or fail', async () => {
    const fork = () => (sometimes() ? branch('left', { n: 1 as number }) : { n: 2 });
    const job = defineJob('job')
      .task('one', fork)
      .task('two', { when: sometimes }, () => branch('left', { two: 1 as number }))
      .task('three', { continueOnFailure: true }, () => branch('left', { three: 1 as number }))
      .task('four', { dependsOn: ['one'] }, () => branch('left', { four: 1 as number }))
      .start();
    const final = await job.orThrow();
    expectTypeOf(final.n).toEqualTypeOf<number>();
    expectTypeOf(final.two).toEqualTypeOf<number | undefined>();
    expectTypeOf(final.three).toEqualTypeOf<number | undefined>();
    expectTypeOf(final.four).toEqualTypeOf<number | undefined>();
  });

  test('made by a sensor puts out its output, and makes what is downstream uncertain, all the same', async () => {
    const job = defineJob('job')
      .sensor('look', {}, () => (sometimes() ? branch('left', { seen: 1 as number }) : false))
      .task('left', { dependsOn: ['look'] }, ({ ctx }) => {
        expectTypeOf(ctx.seen).toEqualTypeOf<number>();
        return { left: 1 };
      })
      .start();
    expectTypeOf((await job.orThrow()).left).toEqualTypeOf<number | undefined>();
  });
});
