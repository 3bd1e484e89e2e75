import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  type AnyTaskSpec,
  branch,
  defineJob,
  expand,
  type ItemScope,
  type JobDefinition,
  type JobSpec,
  jobFrom,
  type MapSpec,
  notReady,
  type SensorSpec,
  type Settled,
  type TaskError,
  type TaskHandle,
  type TaskScope,
} from '../src/index.ts';

const child = defineJob<{ url: string }>('child')
  .task('fetch', ({ ctx }) => ({ page: ctx.url }))
  .task('extra', { continueOnFailure: true }, () => ({ extra: 1 }))
  .task('silent', () => {})
  .seal();

describe('.job', () => {
  test('takes the context of its task where that fits', async () => {
    const parent = defineJob<{ url: string; other: number }>('parent').job('page', {}, child).seal();
    const { page } = await parent.start({ url: '', other: 1 }).orThrow();
    expectTypeOf(page).toEqualTypeOf<{ readonly page: string; readonly extra?: number }>();
    defineJob('parent')
      .task('first', () => ({ url: '' }))
      .job('page', { dependsOn: ['first'] }, child);
  });

  test('refuses a context that does not fit: input(scope) is missing', () => {
    // @ts-expect-error the child needs a url, and the parent has none
    defineJob('parent').job('page', {}, child);
    // @ts-expect-error the url is a number
    defineJob<{ url: number }>('parent').job('page', {}, child);
    const uncertain = defineJob('parent').task('first', { continueOnFailure: true }, () => ({ url: '' }));
    // @ts-expect-error the url may be missing, since its task may fail
    uncertain.job('page', { dependsOn: ['first'] }, child);
    const unrelated = defineJob('parent').task('first', () => ({ url: '' }));
    // @ts-expect-error it does not depend on the task that puts out the url
    unrelated.job('page', {}, child);
  });

  test('takes what input(scope) makes, which must fit', () => {
    const parent = defineJob<{ host: string }>('parent').task('path', () => ({ path: 'p' }));
    parent.job(
      'page',
      {
        dependsOn: ['path'],
        input: ({ ctx, deps, attempt }) => {
          expectTypeOf(ctx).toEqualTypeOf<{ readonly host: string; readonly path: string }>();
          expectTypeOf(deps.path).toEqualTypeOf<Readonly<{ path: string }>>();
          expectTypeOf(attempt).toEqualTypeOf<number>();
          return { url: ctx.host + deps.path.path };
        },
      },
      child,
    );
    parent
      .job('both', { input: ({ ctx }) => ({ url: ctx.host }), output: ({ page }) => ({ both: page }) }, child)
      .task('after', { dependsOn: ['both'] }, ({ ctx }) => expectTypeOf(ctx.both).toEqualTypeOf<string>() && undefined);
    // @ts-expect-error the url is a number
    parent.job('other', { input: () => ({ url: 1 }) }, child);
    // @ts-expect-error the url is missing
    parent.job('other', { input: () => ({}) }, child);
  });

  test('puts out what the tasks inside do, under its name; or what output(ctx) makes', async () => {
    const job = defineJob<{ url: string }>('parent')
      .job('page', {}, child)
      .job(
        'short',
        {
          output: (ctx) => {
            expectTypeOf(ctx).toEqualTypeOf<{ readonly url: string; readonly page: string; readonly extra?: number }>();
            return { size: ctx.page.length };
          },
        },
        child,
      )
      .task('after', { dependsOn: ['page', 'short'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.page.page).toEqualTypeOf<string>();
        expectTypeOf(deps.page).toEqualTypeOf<{ readonly page: string; readonly extra?: number }>();
        expectTypeOf(ctx.size).toEqualTypeOf<number>();
        expectTypeOf(deps.short).toEqualTypeOf<Readonly<{ size: number }>>();
        // @ts-expect-error it stands under the name of the nested job
        ctx.extra;
      })
      .start({ url: '' });
    expectTypeOf(await job.output('short')).toEqualTypeOf<Readonly<{ size: number }>>();
    expectTypeOf(await job.output('page')).toEqualTypeOf<{ readonly page: string; readonly extra?: number }>();
    // @ts-expect-error an output is an object
    defineJob<{ url: string }>('parent').job('page', { output: () => 5 }, child);
  });

  test('may be uncertain like any task', () => {
    defineJob<{ url: string }>('parent')
      .job('page', { continueOnFailure: true }, child)
      .task('after', { dependsOn: ['page'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.page).toEqualTypeOf<{ readonly page: string; readonly extra?: number } | undefined>();
        expectTypeOf(deps.page).toEqualTypeOf<typeof ctx.page>();
      });
  });

  test('takes what the input schema of its definition takes, not what that makes of it', () => {
    const schema = z.object({ port: z.string().transform(Number) });
    const strict = defineJob('strict', { input: schema })
      .task('t', ({ ctx }) => ({ next: ctx.port + 1 }))
      .seal();
    defineJob<{ port: string }>('parent')
      .job('strict', {}, strict)
      .task('after', { dependsOn: ['strict'] }, ({ ctx }) => {
        expectTypeOf(ctx.strict.next).toEqualTypeOf<number>();
      });
    // @ts-expect-error the schema takes a text
    defineJob<{ port: number }>('parent').job('strict', {}, strict);
  });

  test('takes neither a builder nor the options of a function', () => {
    // @ts-expect-error seal it first
    defineJob('parent').job('page', {}, defineJob('child'));
    // @ts-expect-error a nested job takes no slot of its own
    defineJob<{ url: string }>('parent').job('page', { pool: 'db' }, child);
    // @ts-expect-error no task of this name
    defineJob<{ url: string }>('parent').job('page', { dependsOn: ['nobody'] }, child);
    const taken = defineJob<{ url: string }>('parent').task('page', () => {});
    // @ts-expect-error the name is taken
    taken.job('page', {}, child);
  });

  test('of a graph known only at run time puts out anything', async () => {
    const loose = jobFrom('loose', [{ name: 't', run: () => ({ t: 1 }) }]);
    const parent = defineJob<{ url: string }>('parent').job('loose', {}, loose).seal();
    expectTypeOf((await parent.start({ url: '' }).orThrow()).loose).toExtend<object>();
  });
});

describe('.map', () => {
  test('with maxFailures puts out settled results, and nothing without collect', async () => {
    const job = defineJob('job')
      .map('bounded', { over: [1], maxFailures: 3 }, ({ item }) => item)
      .map('share', { over: [1], maxFailures: '5%' }, ({ item }) => item)
      .map('dropped', { over: [1], collect: false }, ({ item }) => item)
      .map('kept', { over: [1], collect: true }, ({ item }) => item)
      .task('next', { dependsOn: ['bounded', 'share', 'dropped', 'kept'] }, ({ deps }) => {
        expectTypeOf(deps).toEqualTypeOf<{
          readonly bounded: readonly Settled<number>[];
          readonly share: readonly Settled<number>[];
          readonly dropped: undefined;
          readonly kept: readonly number[];
        }>();
      })
      .start();
    expectTypeOf(await job.orThrow()).toEqualTypeOf<{
      readonly bounded: readonly Settled<number>[];
      readonly share: readonly Settled<number>[];
      readonly kept: readonly number[];
    }>();
    const mapped = defineJob('job')
      .job('nested', { over: [1], maxFailures: 1, input: () => ({ url: '' }), output: () => ({ n: 1 }) }, child)
      .sensor('sensed', { over: [1], maxFailures: '5%' }, () => ({ ready: 1 }))
      .sensor('dropped', { over: [1], collect: false }, () => ({ ready: 1 }))
      .start();
    expectTypeOf(await mapped.orThrow()).toEqualTypeOf<{
      readonly nested: readonly Settled<{ n: number }>[];
      readonly sensed: readonly Settled<{ ready: number }>[];
    }>();
    // @ts-expect-error a share is a percentage
    defineJob('job').map('wrong', { over: [1], maxFailures: 'five' }, () => {});
    // @ts-expect-error only a fan-out has items
    defineJob('job').task('wrong', { maxFailures: 1 }, () => {});
  });

  const files = defineJob<{ files: string[] }>('files');

  test('knows its items, and puts out a readonly list in their order', async () => {
    const job = files
      .map('sizes', { over: ({ ctx }) => ctx.files }, ({ item, index, ctx, deps, taskName }) => {
        expectTypeOf(item).toEqualTypeOf<string>();
        expectTypeOf(index).toEqualTypeOf<number>();
        expectTypeOf(ctx).toEqualTypeOf<{ readonly files: string[] }>();
        expectTypeOf<keyof typeof deps>().toBeNever();
        expectTypeOf(taskName).toEqualTypeOf<string>();
        return item.length;
      })
      .task('sum', { dependsOn: ['sizes'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.sizes).toEqualTypeOf<readonly number[]>();
        expectTypeOf(deps.sizes).toEqualTypeOf<readonly number[]>();
        // @ts-expect-error the list is readonly
        ctx.sizes.push(1);
      })
      .start({ files: [] });
    expectTypeOf((await job.orThrow()).sizes).toEqualTypeOf<readonly number[]>();
    expectTypeOf(await job.output('sizes')).toEqualTypeOf<readonly number[]>();
  });

  test('takes items from anything that can be iterated over, now or later, but a text', () => {
    const job = () => defineJob('job');
    job().map('m', { over: [1, 2] }, ({ item }) => expectTypeOf(item).toEqualTypeOf<number>());
    job().map('m', { over: ['a', 1] as const }, ({ item }) => expectTypeOf(item).toEqualTypeOf<'a' | 1>());
    job().map('m', { over: new Set(['a']) }, ({ item }) => expectTypeOf(item).toEqualTypeOf<string>());
    job().map('m', { over: new Map([['a', 1]]) }, ({ item }) => expectTypeOf(item).toEqualTypeOf<[string, number]>());
    job().map('m', { over: async () => [{ a: 1 }] }, ({ item }) => expectTypeOf(item).toEqualTypeOf<{ a: number }>());
    job().map(
      'm',
      {
        *over() {
          yield 1;
        },
      },
      ({ item }) => expectTypeOf(item).toEqualTypeOf<number>(),
    );
    // @ts-expect-error a text is no list of items
    job().map('m', { over: 'abc' }, () => {});
    // @ts-expect-error nor what a function gives
    job().map('m', { over: () => 'abc' }, () => {});
    // @ts-expect-error nor a number
    job().map('m', { over: async () => 5 }, () => {});
    // @ts-expect-error over is missing
    job().map('m', {}, () => {});
  });

  test('puts out any value for each item, or nothing', async () => {
    const job = defineJob('job')
      .map('none', { over: [1] }, () => {})
      .map('nulls', { over: [1] }, () => null)
      .map('later', { over: [1] }, async ({ item }) => [item])
      .map('perhaps', { over: [1] }, ({ item }) => (item > 1 ? notReady('later') : item))
      .start();
    const ctx = await job.orThrow();
    expectTypeOf(ctx.none).toEqualTypeOf<readonly undefined[]>();
    expectTypeOf(ctx.nulls).toEqualTypeOf<readonly null[]>();
    expectTypeOf(ctx.later).toEqualTypeOf<readonly number[][]>();
    expectTypeOf(ctx.perhaps).toEqualTypeOf<readonly number[]>();
    // @ts-expect-error an item picks no tasks
    defineJob('job').map('forks', { over: [1] }, ({ item }) => (item > 1 ? branch('left') : item));
    // @ts-expect-error nor adds any
    defineJob('job').map('grows', { over: [1] }, async () => expand([]));
    defineJob('job').map('any', { over: [1] }, () => JSON.parse('1'));
  });

  test('puts out settled results with continueOnFailure, though not for certain', () => {
    files
      .map('sizes', { over: ({ ctx }) => ctx.files, continueOnFailure: true }, ({ item }) => item.length)
      .task('sum', { dependsOn: ['sizes'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.sizes).toEqualTypeOf<readonly Settled<number>[] | undefined>();
        expectTypeOf(deps.sizes).toEqualTypeOf<typeof ctx.sizes>();
        for (const size of ctx.sizes ?? []) {
          if (size.status === 'fulfilled') expectTypeOf(size.value).toEqualTypeOf<number>();
          else expectTypeOf(size.reason).toEqualTypeOf<unknown>();
        }
      });
  });

  test('checks each output by the schema, which types it', async () => {
    const schema = z.object({ size: z.string().transform(Number) });
    const job = defineJob('job')
      .map('m', { over: [1], output: schema }, () => ({ size: '1' }))
      .start();
    expectTypeOf((await job.orThrow()).m).toEqualTypeOf<readonly { size: number }[]>();
  });

  test('adds to the scope of each what enrich gives', () => {
    defineJob('job').map('m', { over: [1], enrich: () => ({ tag: 'x' }) }, ({ tag, item }) => {
      expectTypeOf(tag).toEqualTypeOf<string>();
      expectTypeOf(item).toEqualTypeOf<number>();
    });
  });
});

describe('.sensor and .external', () => {
  test('a sensor puts out what its check answers when it is ready', async () => {
    const job = defineJob('job')
      .sensor('when', {}, () => Math.random() > 0.5)
      .sensor('what', { interval: 5 }, async () => (Math.random() > 0.5 ? { found: 1 } : notReady('not yet')))
      .sensor('either', {}, () => (Math.random() > 0.5 ? { found: '' } : false))
      .task('after', { dependsOn: ['what', 'when'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.found).toEqualTypeOf<number>();
        expectTypeOf(deps.when).toEqualTypeOf<undefined>();
      })
      .start();
    expectTypeOf(await job.output('either')).toEqualTypeOf<Readonly<{ found: string }>>();
  });

  test('a check that answers true on one path and an output on another may put out nothing', async () => {
    const ready = (): boolean => Math.random() > 0.5;
    const job = defineJob('job')
      .sensor('either', {}, () => (ready() ? { found: 1 as number } : true))
      .sensor('later', {}, async () => (ready() ? { seen: 1 as number } : ready()))
      .sensor('waits', {}, async () => {
        if (!ready()) return false;
        if (ready()) return notReady('soon');
        return { sure: 1 as number };
      })
      .task('after', { dependsOn: ['either', 'later', 'waits'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly found?: number; readonly seen?: number; readonly sure: number }>();
        expectTypeOf(deps.either).toEqualTypeOf<Readonly<{ found: number }> | undefined>();
        expectTypeOf(deps.later).toEqualTypeOf<Readonly<{ seen: number }> | undefined>();
      })
      .start();
    expectTypeOf((await job.orThrow()).found).toEqualTypeOf<number | undefined>();
  });

  test('a check that answers neither a boolean nor an output is refused, with a schema or not', () => {
    const text = (): string => 'yes';
    const either = (): string | number => 5;
    // @ts-expect-error a number is no answer
    defineJob('job').sensor('s', {}, () => 5);
    // @ts-expect-error a text is none
    defineJob('job').sensor('s', {}, () => text());
    // @ts-expect-error a text is none
    defineJob('job').sensor('s', {}, async () => 'yes');
    // @ts-expect-error a text may be one answer
    defineJob('job').sensor('s', {}, () => text() || true);
    // @ts-expect-error the schema takes a number alone
    defineJob('job').sensor('s', { output: z.object({ found: z.number() }) }, () => ({ found: either() }));
  });

  test('a check that may return undefined is refused, on whichever path, at once or later, with a schema or not', () => {
    const ready = (): boolean => Math.random() > 0.5;
    // @ts-expect-error it answers nothing
    defineJob('job').sensor('s', {}, () => {});
    // @ts-expect-error it answers nothing where it is not ready
    defineJob('job').sensor('s', {}, () => (ready() ? { found: 1 } : undefined));
    // @ts-expect-error it answers nothing where it is not ready
    defineJob('job').sensor('s', {}, async () => {
      if (ready()) return true;
      return undefined;
    });
    const found = z.object({ found: z.number() }).optional();
    // @ts-expect-error a schema makes no answer of nothing
    defineJob('job').sensor('s', { output: found }, () => (ready() ? { found: 1 } : undefined));
    defineJob('job').sensor('s', {}, () => JSON.parse('true'));
    defineJob('job').sensor('s', {}, () => {
      throw new Error('never answers');
    });
  });

  test('an external task puts out what its schema says, or any object or nothing', async () => {
    const job = defineJob('job')
      .external('free')
      .external('checked', { output: z.object({ ok: z.boolean() }) })
      .task('after', { dependsOn: ['checked', 'free'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.ok).toEqualTypeOf<boolean>();
        expectTypeOf(deps.free).toEqualTypeOf<Readonly<object> | undefined>();
      })
      .start();
    expectTypeOf((await job.orThrow()).ok).toEqualTypeOf<boolean>();
    // @ts-expect-error an external task has no pool
    defineJob('job').external('x', { pool: 'db' });
    defineJob('job').external('x', { owner: 'legal', data: { pages: [1, 2] } });
    defineJob('job').external('x', { heartbeatTimeout: 5, onMissedHeartbeat: 'release' });
    // @ts-expect-error it fails or releases
    defineJob('job').external('x', { onMissedHeartbeat: 'retry' });
    // @ts-expect-error an owner is text
    defineJob('job').external('x', { owner: 5 });
    // @ts-expect-error a task that is performed by its job has no owner
    defineJob('job').task('x', { owner: 'legal' }, () => {});
  });
});

describe('the handle of an external task', () => {
  test('tells whom it is for, who works on it and until when', () => {
    const free = job.task('free');
    expectTypeOf(free.owner).toEqualTypeOf<string | undefined>();
    expectTypeOf(free.data).toEqualTypeOf<unknown>();
    expectTypeOf(free.worker).toEqualTypeOf<string | undefined>();
    expectTypeOf(free.leaseEndsAt).toEqualTypeOf<number | undefined>();
  });

  const ok = z.object({ ok: z.string().transform(Boolean) });
  const job = defineJob('job')
    .task('plain', () => ({ plain: 1 }))
    .external('free')
    .external('checked', { output: ok })
    .external('perhaps', { output: ok.optional() })
    .job('inner', {}, defineJob('inner').external('deep').seal())
    .start();

  test('takes what the schema takes, or where there is none any object or nothing', () => {
    const [free, checked, perhaps] = [job.task('free'), job.task('checked'), job.task('perhaps')];
    expectTypeOf(checked).toEqualTypeOf<TaskHandle<{ ok: string }>>();
    free.complete();
    free.complete({ any: 1 }, 'token');
    checked.complete({ ok: 'yes' }, 'token');
    checked.complete(notReady('ann is on holiday'));
    perhaps.complete();
    perhaps.complete({ ok: 'yes' });
    // @ts-expect-error a number is no object
    free.complete(5);
    // @ts-expect-error the schema takes a text
    checked.complete({ ok: true });
    // @ts-expect-error the schema does not take nothing
    checked.complete();
    // @ts-expect-error the schema does not know this key
    perhaps.complete({ ok: 'yes', by: 'ann' });
  });

  test('of a task inside, or of a name known only at run time, takes any object or nothing', () => {
    const name: string = 'free';
    job.task('inner/deep').complete({ any: 1 });
    defineJob('job').external(name).start().task(name).complete({ any: 1 });
    jobFrom('job', [{ kind: 'external', name }])
      .start()
      .task(name)
      .complete();
    const take = (handle: TaskHandle): string => handle.name;
    take(job.task('checked'));
    take(job.task('plain'));
  });

  test('of a task that is not external completes nothing', () => {
    // @ts-expect-error its function completes it
    job.task('plain').complete();
    // @ts-expect-error its function completes it
    job.task('plain').complete({ plain: 2 });
  });
});

describe('what is inside is addressed', () => {
  const job = defineJob<{ url: string }>('parent')
    .job('page', {}, child)
    .map('each', { over: [1] }, () => 1)
    .start({ url: '' });

  test('by outer/inner and name[3]', () => {
    job.task('page/fetch');
    job.task('each[0]');
    job.task('page/deeper/each[3]');
    job.explain('page/fetch');
    job.retry('each[0]');
    // @ts-expect-error no task of this name
    job.task('pagee/fetch');
    // @ts-expect-error no path
    job.task('fetch');
    // @ts-expect-error the output of a task inside is part of that of the outer one
    job.output('page/fetch');
  });

  test('and its results stand under its outer task', async () => {
    const { tasks } = await job;
    expectTypeOf(tasks.page.tasks?.fetch?.state).toExtend<string | undefined>();
    expectTypeOf(tasks.each.tasks?.['[0]']?.error).toEqualTypeOf<TaskError | undefined>();
  });
});

describe('specs', () => {
  test('of every kind, for jobFrom, addTasks and expand', () => {
    const specs: AnyTaskSpec[] = [
      { name: 'a', run: () => ({ a: 1 }) },
      { kind: 'task', name: 'b', run: ({ attempt }) => ({ attempt }) },
      { kind: 'sensor', name: 'c', interval: 5, check: () => true },
      { kind: 'external', name: 'd', heartbeatTimeout: 5 },
      { kind: 'job', name: 'e', definition: child, input: ({ ctx }) => ({ url: ctx.url }) },
      { kind: 'map', name: 'f', over: [1], concurrency: 1, each: ({ index }) => index },
    ];
    const job = jobFrom('job', specs).start();
    job.addTasks(specs);
    expand(specs, { count: 1 });
    expectTypeOf(jobFrom('job', specs)).toExtend<JobDefinition>();
  });

  test('tell what each kind lacks, and what it does not know', () => {
    // @ts-expect-error a sensor has a check
    jobFrom('job', [{ kind: 'sensor', name: 'c', run: () => true }]);
    // @ts-expect-error a map has items
    jobFrom('job', [{ kind: 'map', name: 'f', each: () => 1 }]);
    // @ts-expect-error a map has a function for each
    jobFrom('job', [{ kind: 'map', name: 'f', over: [1], run: () => 1 }]);
    // @ts-expect-error a nested job has a definition
    jobFrom('job', [{ kind: 'job', name: 'e' }]);
    // @ts-expect-error an external task runs nothing
    jobFrom('job', [{ kind: 'external', name: 'd', run: () => {} }]);
    // @ts-expect-error no such kind
    jobFrom('job', [{ kind: 'robot', name: 'd', run: () => {} }]);
  });

  test('read the context that they are given a type for', () => {
    type Context = { readonly urls: readonly string[]; readonly pages: readonly string[] };
    const map: MapSpec<Context> = {
      kind: 'map',
      name: 'pages',
      over: ({ ctx }) => ctx.urls,
      each: ({ ctx, item }: TaskScope<Context> & ItemScope<string>) => ctx.urls.indexOf(item),
    };
    const sensor: SensorSpec<Context> = { kind: 'sensor', name: 's', check: ({ ctx }) => ctx.pages.length > 0 };
    const nested: JobSpec<Context> = {
      kind: 'job',
      name: 'n',
      definition: child,
      input: ({ ctx }) => ({ url: ctx.urls[0] }),
    };
    expectTypeOf(
      jobFrom<Context>('job', [map, sensor, nested]).start({ urls: [] }).orThrow(),
    ).resolves.toEqualTypeOf<Context>();
  });

  test('over items put out a list, and give each its item', () => {
    const strict = defineJob('strict')
      .task('x', () => ({ x: 1 }))
      .seal();
    const needs = defineJob<{ url: string }>('needs')
      .task('got', ({ ctx }) => ({ got: ctx.url.length }))
      .seal();
    defineJob('job')
      .task('list', () => ({ urls: ['a', 'b'] }))
      .job(
        'each',
        {
          dependsOn: ['list'],
          over: ({ ctx }) => ctx.urls,
          input: ({ item, index }) => {
            expectTypeOf(item).toEqualTypeOf<string>();
            expectTypeOf(index).toEqualTypeOf<number>();
            return { url: item };
          },
        },
        needs,
      )
      .job('settled', { over: [1, 2], continueOnFailure: true, output: ({ x }) => ({ y: x }) }, strict)
      .sensor('seen', { over: ['p'], interval: 10 }, ({ item }) => (item === 'p' ? { item } : false))
      .sensor('one', {}, (scope) => {
        // @ts-expect-error there are no items
        scope.item;
        return { one: 1 };
      })
      .task('end', { dependsOn: ['each', 'settled', 'seen', 'one'] }, ({ deps, ctx }) => {
        expectTypeOf(deps.each).toEqualTypeOf<readonly { readonly got: number }[]>();
        expectTypeOf(ctx.each).toEqualTypeOf<readonly { readonly got: number }[]>();
        expectTypeOf(deps.settled).toEqualTypeOf<readonly Settled<{ y: number }>[] | undefined>();
        expectTypeOf(deps.seen).toEqualTypeOf<readonly { item: string }[]>();
        expectTypeOf(deps.one).toEqualTypeOf<Readonly<{ one: number }>>();
      });
    // @ts-expect-error the context does not fit the input
    defineJob('job').job('each', { over: [1] }, needs);
    // @ts-expect-error an input needs a url
    defineJob('job').job('each', { over: [1], input: ({ item }) => ({ uri: item }) }, needs);
    jobFrom('job', [
      { kind: 'job', name: 'a', over: [1], input: ({ item, index }) => ({ item, index }), definition: needs },
      { kind: 'sensor', name: 'b', over: [1], check: ({ item }: ItemScope<number>) => item > 0 },
    ]);
  });

  test('expand puts out its output, for what comes after', () => {
    defineJob('job')
      .task('list', () => expand([{ name: 'x', run: () => {} }], { count: 1 }))
      .task('bare', async () => expand([]))
      .task('after', { dependsOn: ['list', 'bare'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.count).toEqualTypeOf<1>();
        expectTypeOf(deps.bare).toEqualTypeOf<undefined>();
      });
    // @ts-expect-error an output is an object
    expand([], 5);
    // @ts-expect-error a list of specs
    expand({ name: 'x', run: () => {} });
  });
});
