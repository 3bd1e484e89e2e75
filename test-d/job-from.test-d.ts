import { describe, expectTypeOf, test } from 'vitest';
import { type JobDefinition, jobFrom, run, type TaskSpec } from '../src/index.ts';

type Loose = Readonly<Record<string, unknown>>;

describe('a graph known only at run time', () => {
  test('reads and ends with a loose context', async () => {
    const definition = jobFrom('job', [
      { name: 'a', run: ({ ctx }) => ({ a: expectTypeOf(ctx).toEqualTypeOf<Loose>() }) },
      { name: 'b', dependsOn: ['a'], run: ({ deps }) => expectTypeOf(deps).toEqualTypeOf<Loose>() as unknown },
    ]);
    expectTypeOf(definition).toExtend<JobDefinition>();
    const job = definition.start({ any: 1 });
    expectTypeOf(await job.output('a')).toEqualTypeOf<Loose | undefined>();
    expectTypeOf(await job.orThrow()).toEqualTypeOf<Loose>();
    definition.start();
    job.task('a');
  });

  test('reads a context that is given a type, starts from a part of it and ends with all of it', async () => {
    type Context = { readonly base: number; readonly sum: number };
    const specs: TaskSpec<Context>[] = [{ name: 'sum', run: ({ ctx }) => ({ sum: ctx.base + 1 }) }];
    for (const job of [jobFrom<Context>('job', specs).start({ base: 1 }), run<Context>(specs, { ctx: { base: 1 } })]) {
      expectTypeOf(await job.orThrow()).toEqualTypeOf<Context>();
      expectTypeOf(job.ctx).toEqualTypeOf<{ readonly base?: number; readonly sum?: number }>();
      const result = await job;
      if (result.state === 'failed') expectTypeOf(result.ctx.sum).toEqualTypeOf<number | undefined>();
      expectTypeOf(await job.output('sum')).toEqualTypeOf<Loose | undefined>();
      expectTypeOf(result.tasks.sum).toExtend<object | undefined>();
    }
    // @ts-expect-error the base is a number
    run<Context>(specs, { ctx: { base: 'one' } });
    // @ts-expect-error no part of the context
    jobFrom<Context>('job', specs).start({ bass: 1 });
  });

  test('is made of tasks with a name and a function', () => {
    // @ts-expect-error the function is missing
    jobFrom('job', [{ name: 'a' }]);
    // @ts-expect-error the name is missing
    run([{ run: () => {} }]);
    // @ts-expect-error no such option
    run([{ name: 'a', run: () => {}, dependson: ['b'] }]);
    // @ts-expect-error no such option
    run([{ name: 'a', run: () => {} }], { input: {} });
    run([{ name: 'a', run: () => {} }], { name: 'job', timeout: 1_000 });
  });
});
