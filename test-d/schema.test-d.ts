import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import {
  branch,
  defineJob,
  expand,
  type JobDefinition,
  jobFrom,
  type NotReady,
  notReady,
  type Settled,
  type StandardSchema,
} from '../src/index.ts';

/** Each takes `{ url, at, retries? }` with `at` a text, and makes a number of `at` and a default of `retries`. */
const zodSchema = z.object({
  url: z.string(),
  at: z.string().transform((text) => text.length),
  retries: z.number().default(3),
});
const valibotSchema = v.object({
  url: v.string(),
  at: v.pipe(
    v.string(),
    v.transform((text) => text.length),
  ),
  retries: v.optional(v.number(), 3),
});
const arktypeSchema = type({
  url: 'string',
  at: type('string').pipe((text) => text.length),
  retries: 'number = 3',
});
declare const specSchema: StandardSchemaV1<
  { url: string; at: string; retries?: number },
  { url: string; at: number; retries: number }
>;

type Made = { readonly url: string; readonly at: number; readonly retries: number };
type WithLength = {
  readonly url: string;
  readonly at: number;
  readonly retries: number;
  readonly length: number;
};

const sometimes = (): boolean => Math.random() > 0.5;
const builder = defineJob('job');

describe('a Standard Schema', () => {
  test('is one of zod, valibot, arktype, or whatever implements the specification', () => {
    expectTypeOf(zodSchema).toExtend<StandardSchema>();
    expectTypeOf(valibotSchema).toExtend<StandardSchema>();
    expectTypeOf(arktypeSchema).toExtend<StandardSchema>();
    expectTypeOf<StandardSchemaV1>().toExtend<StandardSchema>();
    expectTypeOf<StandardSchemaV1<string, number>>().toExtend<StandardSchema<string, number>>();
  });

  test('is what the specification means by one, so that ours can be given to other libraries', () => {
    expectTypeOf<StandardSchema>().toExtend<StandardSchemaV1>();
    expectTypeOf<StandardSchema<string, number>>().toExtend<StandardSchemaV1<string, number>>();
  });

  test('is nothing else', () => {
    // @ts-expect-error a function that parses
    builder.task('a', { output: (value: unknown) => value }, () => ({}));
    // @ts-expect-error the JSON Schema of something
    builder.task('a', { output: { type: 'object' } }, () => ({}));
    // @ts-expect-error null
    builder.task('a', { output: null }, () => ({}));
    // @ts-expect-error a text
    defineJob('job', { input: 'url' });
    // @ts-expect-error the input's schema belongs to the definition
    builder.start({}, { input: zodSchema });
  });
});

describe('the schema of an input', () => {
  test('of zod types what start takes and what tasks read', async () => {
    const definition = defineJob('job', { input: zodSchema, maxConcurrency: 2 })
      .task('a', ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<Made>();
        return { length: ctx.at };
      })
      .seal();
    const job = definition.start({ url: 'u', at: 'text' });
    definition.start({ url: 'u', at: 'text', retries: 1 }, { maxConcurrency: 1 });
    expectTypeOf(await job.orThrow()).toEqualTypeOf<WithLength>();
    // @ts-expect-error the input is what the schema takes, not what it makes
    definition.start({ url: 'u', at: 4 });
    // @ts-expect-error "at" is missing
    definition.start({ url: 'u' });
    // @ts-expect-error an input is required
    definition.start();
  });

  test('of valibot does so too', () => {
    const definition = defineJob('job', { input: valibotSchema })
      .task('a', ({ ctx }) => expectTypeOf(ctx).toEqualTypeOf<Made>() as unknown as undefined)
      .seal();
    definition.start({ url: 'u', at: 'text' });
    // @ts-expect-error the input is what the schema takes, not what it makes
    definition.start({ url: 'u', at: 4 });
  });

  test('of arktype does so too', () => {
    const definition = defineJob('job', { input: arktypeSchema })
      .task('a', ({ ctx }) => expectTypeOf(ctx).toEqualTypeOf<Made>() as unknown as undefined)
      .seal();
    definition.start({ url: 'u', at: 'text' });
    // @ts-expect-error the input is what the schema takes, not what it makes
    definition.start({ url: 'u', at: 4 });
  });

  test('of any other library does so too', () => {
    const definition = defineJob('job', { input: specSchema })
      .task('a', ({ ctx }) => expectTypeOf(ctx).toEqualTypeOf<Made>() as unknown as undefined)
      .seal();
    definition.start({ url: 'u', at: 'text' });
    // @ts-expect-error the input is what the schema takes, not what it makes
    definition.start({ url: 'u', at: 4 });
  });

  test('lets the input be left out where it asks for nothing', () => {
    defineJob('job', { input: z.object({ retries: z.number().default(3) }) }).start();
    defineJob('job', { input: v.object({ retries: v.optional(v.number(), 3) }) }).start();
    defineJob('job', { input: type({ retries: 'number = 3' }) }).start();
  });

  test('says what a nested job takes', () => {
    const inner = defineJob('inner', { input: zodSchema })
      .task('a', ({ ctx }) => ({ length: ctx.at }))
      .seal();
    expectTypeOf(inner).toExtend<JobDefinition<Made, never, { url: string; at: string }>>;
    builder
      .job('inner', { input: () => ({ url: 'u', at: 'text' }) }, inner)
      .task('after', { dependsOn: ['inner'] }, ({ ctx }) => {
        expectTypeOf(ctx.inner.length).toEqualTypeOf<number>();
      });
    // @ts-expect-error the nested job takes what its schema takes
    builder.job('inner', { input: () => ({ url: 'u', at: 4 }) }, inner);
    // @ts-expect-error the context does not hold what the nested job takes
    builder.job('inner', {}, inner);
  });

  test('is an option of jobFrom too', () => {
    jobFrom('job', [{ name: 'a', run: () => ({}) }], { input: arktypeSchema });
    // @ts-expect-error no schema
    jobFrom('job', [{ name: 'a', run: () => ({}) }], { input: 'arktype' });
  });
});

describe('the schema of an output', () => {
  test('types what the downstream reads: what the schema makes, not what the task returns', async () => {
    const job = builder
      .task('zod', { output: zodSchema }, () => ({ url: 'u', at: 'text' }))
      .task('valibot', { output: valibotSchema }, async () => ({ url: 'u', at: 'text', retries: 1 }))
      .task('arktype', { output: arktypeSchema }, () => ({ url: 'u', at: 'text' }))
      .task('spec', { output: specSchema }, () => ({ url: 'u', at: 'text' }))
      .task('after', { dependsOn: ['zod', 'valibot', 'arktype', 'spec'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx).toEqualTypeOf<Made>();
        expectTypeOf(deps).toEqualTypeOf<{
          readonly zod: Made;
          readonly valibot: Made;
          readonly arktype: Made;
          readonly spec: Made;
        }>();
      })
      .start();
    expectTypeOf(await job.output('zod')).toEqualTypeOf<Made>();
    expectTypeOf(await job.output('arktype')).toEqualTypeOf<Made>();
  });

  test('lets a task return what is no object, where the schema makes one of it', () => {
    builder
      .task('list', { output: z.array(z.number()).transform((rows) => ({ rows })) }, () => [1, 2])
      .task('after', { dependsOn: ['list'] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<{ readonly rows: number[] }>();
      });
  });

  test('refuses a return that it does not take', () => {
    // @ts-expect-error a number instead of a text, by zod
    builder.task('a', { output: zodSchema }, () => ({ url: 'u', at: 4 }));
    // @ts-expect-error a number instead of a text, by valibot
    builder.task('a', { output: valibotSchema }, () => ({ url: 'u', at: 4 }));
    // @ts-expect-error a number instead of a text, by arktype
    builder.task('a', { output: arktypeSchema }, () => ({ url: 'u', at: 4 }));
    // @ts-expect-error a promise of the wrong
    builder.task('a', { output: zodSchema }, async () => ({ url: 'u', at: 4 }));
    // @ts-expect-error a key is missing
    builder.task('a', { output: zodSchema }, () => ({ url: 'u' }));
    // @ts-expect-error nothing at all
    builder.task('a', { output: zodSchema }, () => {});
    // @ts-expect-error the wrong, on one of two paths
    builder.task('a', { output: zodSchema }, () => (sometimes() ? { url: 'u', at: 'text' } : { url: 4, at: 'text' }));
  });

  test('lets answers pass, and checks the output within them', () => {
    builder.task('a', { output: zodSchema }, () => (sometimes() ? { url: 'u', at: 'text' } : notReady('later')));
    builder.task('a', { output: zodSchema }, (): NotReady => notReady('later'));
    builder.task('a', { output: zodSchema }, () => branch('b', { url: 'u', at: 'text' }));
    // @ts-expect-error a branch that puts out the wrong
    builder.task('a', { output: zodSchema }, () => branch('b', { url: 4 }));
    // @ts-expect-error an expansion that puts out the wrong
    builder.task('a', { output: zodSchema }, () => expand([], { url: 4 }));
  });

  test('of a sensor types what it finds', () => {
    builder
      .sensor('file', { output: zodSchema }, () => sometimes() && { url: 'u', at: 'text' })
      .task('after', { dependsOn: ['file'] }, ({ ctx }) => {
        expectTypeOf(ctx).toEqualTypeOf<Made>();
      });
    builder.sensor('file', { output: zodSchema }, () => {
      if (sometimes()) return false;
      return { url: 'u', at: 'text' };
    });
    builder.sensor('file', { output: zodSchema }, async () => notReady('later'));
    // @ts-expect-error true puts out nothing
    builder.sensor('file', { output: zodSchema }, () => true);
    builder.sensor('file', { output: z.undefined() }, () => true);
    // @ts-expect-error the wrong
    builder.sensor('file', { output: zodSchema }, () => ({ url: 4 }));
  });

  test('of an external task types what it is completed with', () => {
    builder.external('approval', { output: zodSchema }).task('after', { dependsOn: ['approval'] }, ({ ctx }) => {
      expectTypeOf(ctx).toEqualTypeOf<Made>();
    });
  });

  test('of a fan-out types each item, which may be anything', () => {
    builder
      .map('sizes', { over: ['a', 'b'], output: z.string().transform((text) => text.length) }, ({ item }) => item)
      .map('tolerant', { over: [1], output: zodSchema, continueOnFailure: true }, () => ({ url: 'u', at: 'text' }))
      .task('after', { dependsOn: ['sizes', 'tolerant'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.sizes).toEqualTypeOf<readonly number[]>();
        expectTypeOf(deps.tolerant).toExtend<readonly Settled<Made>[] | undefined>();
      });
    // @ts-expect-error a number instead of a text
    builder.map('sizes', { over: [1], output: z.string() }, ({ item }) => item);
  });

  test('that may fail or be skipped leaves the output in doubt', () => {
    builder
      .task('a', { output: zodSchema, continueOnFailure: true }, () => ({ url: 'u', at: 'text' }))
      .task('after', { dependsOn: ['a'] }, ({ ctx, deps }) => {
        expectTypeOf(ctx.at).toEqualTypeOf<number | undefined>();
        expectTypeOf(deps.a).toEqualTypeOf<Made | undefined>();
      });
  });

  test('undefined is no schema', () => {
    builder
      .task('a', { output: undefined }, () => ({ a: 1 }))
      .task('after', { dependsOn: ['a'] }, ({ ctx }) => {
        expectTypeOf(ctx.a).toEqualTypeOf<number>();
      });
  });
});

test('a schema that makes no object is refused where an object is needed', () => {
  // @ts-expect-error the first context is an object
  defineJob('job', { input: z.string() });
  // @ts-expect-error and no array
  defineJob('job', { input: z.array(z.string()) });
  // @ts-expect-error an output is merged into the context
  builder.task('a', { output: z.string() }, () => 'text');
  // @ts-expect-error and is no array
  builder.task('a', { output: z.array(z.string()) }, () => ['text']);
});

describe('enrich', () => {
  test('adds typed properties to the scope, beside those that are there', () => {
    builder
      .task('login', () => ({ token: 'secret' }))
      .task(
        'fetch',
        { dependsOn: ['login'], enrich: ({ ctx, attempt }) => ({ auth: `Bearer ${ctx.token}`, tries: [attempt] }) },
        (scope) => {
          expectTypeOf(scope.auth).toEqualTypeOf<string>();
          expectTypeOf(scope.tries).toEqualTypeOf<number[]>();
          expectTypeOf(scope.ctx.token).toEqualTypeOf<string>();
          // @ts-expect-error nobody added it
          void scope.other;
        },
      );
  });

  test('of sensors and fan-outs does so too', () => {
    builder.sensor('file', { enrich: () => ({ db: 1 }) }, ({ db }) => {
      expectTypeOf(db).toEqualTypeOf<number>();
      return true;
    });
    builder.map('m', { over: ['a'], enrich: () => ({ db: 1 }) }, ({ db, item }) => {
      expectTypeOf(db).toEqualTypeOf<number>();
      expectTypeOf(item).toEqualTypeOf<string>();
    });
  });

  test('of a fan-out reads the item', () => {
    builder.map('m', { over: ['a'], enrich: ({ item, index }) => ({ label: `${item} ${index}` }) }, ({ label }) => {
      expectTypeOf(label).toEqualTypeOf<string>();
    });
  });

  test('answers an object at once', () => {
    // @ts-expect-error null
    builder.task('a', { enrich: () => null }, () => {});
    // @ts-expect-error a text
    builder.task('a', { enrich: () => 'text' }, () => {});
    // @ts-expect-error later
    builder.task('a', { enrich: async () => ({ db: 1 }) }, () => {});
  });

  test('is not for tasks that run no function', () => {
    // @ts-expect-error an external task has no scope
    builder.external('e', { enrich: () => ({ db: 1 }) });
  });
});
