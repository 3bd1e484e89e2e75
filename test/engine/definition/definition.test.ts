import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defineJob, JobDefinitionError, jobFrom, type Problem, run } from '../../../src/index.ts';

const nothing = (): void => {};
const spec = (name: string, ...dependsOn: string[]) => ({ name, dependsOn, run: nothing });

const problemsOf = (define: () => unknown): readonly Problem[] => {
  try {
    define();
  } catch (error) {
    if (error instanceof JobDefinitionError) return error.problems;
    throw error;
  }
  throw new Error('The definition was accepted.');
};

describe('problems', () => {
  test('all of them are reported together, each with its code, its culprit and the way out', () => {
    const problems = problemsOf(() =>
      jobFrom('etl', [
        spec('extract'),
        spec('extract'),
        spec('transform', 'extrct'),
        spec('load', 'load'),
        spec('a', 'b'),
        spec('b', 'a'),
        { name: 'slow', run: nothing, timeout: -1, maxRetries: 1.5 },
        spec('x/y'),
      ]),
    );
    expect(problems.map(({ code, tasks }) => [code, ...tasks])).toEqual([
      ['DUPLICATE_TASK', 'extract'],
      ['UNKNOWN_DEPENDENCY', 'transform', 'extrct'],
      ['SELF_DEPENDENCY', 'load'],
      ['INVALID_OPTION', 'slow'],
      ['INVALID_OPTION', 'slow'],
      ['INVALID_NAME', 'x/y'],
      ['CYCLE', 'a', 'b'],
    ]);
    const text = problems.map(({ message }) => message).join('\n');
    expect(text).toContain('Did you mean "extract"?');
    expect(text).toContain('a → b → a');
    expect(text).toContain('timeout = -1: expected a number of milliseconds above 0');
  });

  test('the message of the error holds every problem, its code is that of the first', () => {
    const define = () => jobFrom('etl', [spec('a', 'nobody'), spec('b', 'b')]);
    expect(define).toThrow(expect.objectContaining({ name: 'JobDefinitionError', code: 'UNKNOWN_DEPENDENCY' }));
    expect(define).toThrow(/"nobody"[\s\S]*waits on itself/);
  });

  test('cycles that share tasks are all reported', () => {
    const problems = problemsOf(() =>
      jobFrom('loops', [spec('a', 'b', 'c'), spec('b', 'a'), spec('c', 'a'), spec('d', 'c', 'e'), spec('e', 'd')]),
    );
    expect(problems.map(({ path }) => path?.join(' → '))).toEqual(['a → b → a', 'a → c → a', 'd → e → d']);
  });

  test('reported cycles are cycles, each once; a graph without their dependencies has none', () => {
    const graphs = fc.array(fc.uniqueArray(fc.nat(7), { maxLength: 4 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(graphs, (needs) => {
        let edges = needs.map((of, task) => of.filter((need) => need < needs.length && need !== task));
        const cyclesOf = () => {
          try {
            jobFrom(
              'random',
              edges.map((of, task) => spec(`t${task}`, ...of.map((need) => `t${need}`))),
            );
            return [];
          } catch (error) {
            return (error as JobDefinitionError).problems.map(({ path = [] }) => path);
          }
        };
        const cycles = cyclesOf();
        expect(new Set(cycles.map(String)).size).toBe(cycles.length);
        for (const path of cycles) {
          for (const [at, task] of path.slice(0, -1).entries())
            expect(edges[Number(task.slice(1))]).toContain(Number(path[at + 1]?.slice(1)));
        }
        edges = edges.map((of, task) =>
          of.filter((need) => !cycles.some((path) => path.join().includes(`t${task},t${need}`))),
        );
        expect(cyclesOf()).toEqual([]);
      }),
    );
  });

  test('of 300 tasks that all wait on one another, 150 separate cycles and 20 others are the most that is reported', () => {
    const names = Array.from({ length: 300 }, (_, at) => `t${at}`);
    const problems = problemsOf(() =>
      jobFrom(
        'knot',
        names.map((name) => spec(name, ...names.filter((other) => other !== name))),
      ),
    );
    expect(problems.length).toBeLessThanOrEqual(170);
  });

  test('a cycle is found from any declaration order, with its closed path', () => {
    // A root that feeds two ways into a cycle: r → d, r → c, c → d → e → c.
    const tasks = [spec('r'), spec('c', 'r', 'e'), spec('d', 'r', 'c'), spec('e', 'd')];
    fc.assert(
      fc.property(fc.shuffledSubarray(tasks, { minLength: tasks.length }), (shuffled) => {
        const [problem, ...others] = problemsOf(() => jobFrom('loop', shuffled));
        expect(others).toEqual([]);
        expect(problem?.code).toBe('CYCLE');
        const path = problem?.path ?? [];
        expect(path[0]).toBe(path.at(-1));
        expect([...path.slice(1)].sort()).toEqual(['c', 'd', 'e']);
        const needs = new Map(tasks.map(({ name, dependsOn }) => [name, dependsOn]));
        for (const [at, name] of path.slice(0, -1).entries()) expect(needs.get(name)).toContain(path[at + 1]);
      }),
    );
  });

  test('two cycles are both reported, and what only waits on them is not blamed', () => {
    const problems = problemsOf(() =>
      jobFrom('loops', [spec('a', 'b'), spec('b', 'a'), spec('x', 'y'), spec('y', 'x'), spec('last', 'a', 'y')]),
    );
    expect(problems.map(({ path }) => path)).toEqual([
      ['a', 'b', 'a'],
      ['x', 'y', 'x'],
    ]);
  });

  test('a cycle of 50,000 tasks is reported, not a stack overflow', () => {
    const count = 50_000;
    const tasks = Array.from({ length: count }, (_, index) => spec(`t${index}`, `t${(index + 1) % count}`));
    expect(problemsOf(() => jobFrom('ring', tasks))[0]?.path).toHaveLength(count + 1);
  });

  test.each([
    ['', /empty name/],
    ['  ', /empty name/],
    ['a\u202eb', /has the name/],
    ['x'.repeat(201), /201 characters/],
    ['a\nb', /"a\\nb"/],
    ['outer/inner', /outer\/inner/],
    ['name[3]', /name\[3\]/],
  ])('the name %j is refused, for a task and for a job', (name, message) => {
    expect(() => jobFrom('job', [spec(name)])).toThrow(message);
    expect(() => jobFrom(name, [])).toThrow(message);
  });

  test.each([
    [{ timeout: 0 }, 'timeout'],
    [{ timeout: Number.NaN }, 'timeout'],
    [{ timeout: '5s' }, 'timeout'],
    [{ deadline: -5 }, 'deadline'],
    [{ maxRetries: -1 }, 'maxRetries'],
    [{ retry: { backoff: 'expo' } }, 'retry.backoff'],
    [{ retry: { delay: 5 } }, 'retry.delay'],
    [{ retry: 3 }, 'retry'],
    [{ dependsOn: 'extract' }, 'dependsOn'],
    [{ continueOnFailure: 'yes' }, 'continueOnFailure'],
    [{ priority: Number.POSITIVE_INFINITY }, 'priority'],
    [{ dependOn: [] }, 'dependOn'],
  ])('the task option %j is refused by name', (options, option) => {
    const [problem] = problemsOf(() => jobFrom('job', [{ name: 'a', run: nothing, ...(options as object) }]));
    expect(problem).toMatchObject({ code: 'INVALID_OPTION', tasks: ['a'], option });
  });

  test('an unknown option is answered with the one that was meant', () => {
    const [problem] = problemsOf(() => jobFrom('job', [{ name: 'a', run: nothing, ...({ maxRetrys: 1 } as object) }]));
    expect(problem?.message).toContain('Did you mean "maxRetries"? Known are dependsOn, trigger, when, ');
  });

  test('a task without a function is refused', () => {
    const [problem] = problemsOf(() => jobFrom('job', [{ name: 'a', run: undefined as never }]));
    expect(problem).toMatchObject({ code: 'INVALID_OPTION', option: 'run', tasks: ['a'] });
  });

  test('names and dependencies that are no text are problems like any other', () => {
    const odd = [Symbol('x'), Object.create(null), null, 5, {}] as unknown as string[];
    for (const name of odd) {
      expect(problemsOf(() => jobFrom('job', [spec(name), spec('a', 'nobody')])).map(({ code }) => code)).toEqual([
        'INVALID_NAME',
        'UNKNOWN_DEPENDENCY',
      ]);
      expect(problemsOf(() => jobFrom('job', [spec('a', name)]))).toMatchObject([
        { code: 'INVALID_OPTION', option: 'dependsOn' },
      ]);
      expect(problemsOf(() => jobFrom(name, []))).toMatchObject([{ code: 'INVALID_NAME' }]);
    }
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
    const holed = [, spec('a')] as ReturnType<typeof spec>[];
    expect(problemsOf(() => jobFrom('job', holed))[0]).toMatchObject({
      code: 'INVALID_NAME',
      message: expect.stringContaining('Task number 1'),
    });
  });

  test('tasks that are no list of tasks are refused', () => {
    expect(() => jobFrom('job', undefined as never)).toThrow(/expected an array/);
    expect(() => jobFrom('job', [null as never])).toThrow(JobDefinitionError);
  });

  test.each([
    [{ maxConcurrency: 0 }, 'maxConcurrency'],
    [{ onFailure: 'stop' }, 'onFailure'],
    [{ graceMs: Number.POSITIVE_INFINITY }, 'graceMs'],
    [{ jobId: '' }, 'jobId'],
    [{ signal: {} }, 'signal'],
    [{ logger: { info: nothing } }, 'logger'],
    [{ clock: Date }, 'clock'],
    [{ maxConcurency: 2 }, 'maxConcurency'],
  ])('the start option %j is refused before anything runs', async (options, option) => {
    let ran = false;
    const job = jobFrom('job', [
      {
        name: 'a',
        run: () => {
          ran = true;
        },
      },
    ]);
    expect(() => job.start({}, options as object)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', problems: [expect.objectContaining({ option })] }),
    );
    await Promise.resolve();
    expect(ran).toBe(false);
  });

  test('an input that is no plain object is refused', () => {
    const job = jobFrom('job', []);
    for (const input of [[], 5, 'text', null, new Map()]) {
      expect(() => job.start(input as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    }
  });
});

describe('the builder', () => {
  test('seals once: then it refuses tasks, and answers the same definition again', () => {
    const builder = defineJob('job').task('a', nothing);
    expect(builder.sealed).toBe(false);
    const definition = builder.seal();
    expect(builder.sealed).toBe(true);
    expect(builder.seal()).toBe(definition);
    expect(() => builder.task('b', nothing)).toThrow(expect.objectContaining({ code: 'SEALED' }));
    expect(definition.tasks.map(({ name }) => name)).toEqual(['a']);
  });

  test('tells its problems at any time without throwing', () => {
    const builder = defineJob('job').task('a', { dependsOn: ['b' as never] }, nothing);
    expect(builder.validate().map(({ code }) => code)).toEqual(['UNKNOWN_DEPENDENCY']);
    expect(defineJob('job').validate()).toEqual([]);
  });

  test('a definition that was refused can be mended', () => {
    const builder = defineJob('job').task('a', { dependsOn: ['b' as never] }, nothing);
    expect(() => builder.seal()).toThrow(JobDefinitionError);
    expect(builder.task('b', nothing).seal().topologicalOrder()).toEqual(['b', 'a']);
  });

  test('a sealed definition is frozen through and through', () => {
    const definition = defineJob('job').task('a', { maxRetries: 1 }, nothing).seal();
    expect(() => Object.assign(definition, { name: 'other' })).toThrow(TypeError);
    expect(() => (definition.tasks as unknown[]).push(1)).toThrow(TypeError);
    expect(() => Object.assign(definition.tasks[0] as object, { maxRetries: 9 })).toThrow(TypeError);
  });

  test('start seals', async () => {
    const builder = defineJob('job').task('a', () => ({ done: true }));
    expect(await builder.start().orThrow()).toEqual({ done: true });
    expect(builder.sealed).toBe(true);
  });
});

describe('what a definition knows of its graph', () => {
  const diamond = jobFrom('diamond', [
    spec('last', 'left', 'right'),
    spec('right', 'first'),
    spec('left', 'middle'),
    spec('middle', 'first'),
    spec('first'),
    spec('alone'),
  ]);

  test('topological order: the earliest declared first among tasks that are free', () => {
    expect(diamond.topologicalOrder()).toEqual(['first', 'right', 'middle', 'left', 'last', 'alone']);
  });

  test('ancestors and downstream, the task itself left out', () => {
    expect(diamond.ancestors('left')).toEqual(['middle', 'first']);
    expect(diamond.downstream('first')).toEqual(['last', 'right', 'left', 'middle']);
    expect(diamond.downstream('alone')).toEqual([]);
    expect(() => diamond.ancestors('lst')).toThrow(
      'no task "lst". Did you mean "last"? Known are last, right, left, middle, first, alone.',
    );
  });

  test('the critical path is the longest chain', () => {
    expect(diamond.criticalPath()).toEqual(['first', 'middle', 'left', 'last']);
    expect(jobFrom('empty', []).criticalPath()).toEqual([]);
  });

  test('the fingerprint is that of the graph, in whatever order it was declared, and of nothing else', () => {
    const print = (...tasks: ReturnType<typeof spec>[]) => jobFrom('job', tasks).fingerprint;
    const plain = print(spec('a'), spec('b', 'a'), spec('c', 'a', 'b'));
    expect(plain).toMatch(/^[0-9a-f]{64}$/);
    expect(print(spec('c', 'b', 'a'), spec('b', 'a'), spec('a'))).toBe(plain);
    expect(print({ ...spec('a'), ...{ timeout: 5 } }, spec('b', 'a'), spec('c', 'a', 'b'))).toBe(plain);
    expect(print(spec('a'), spec('b', 'a'), spec('c', 'b'))).not.toBe(plain);
    expect(print(spec('a'), spec('b'), spec('c', 'a', 'b'))).not.toBe(plain);
  });

  test('a chain of 20,000 tasks is sorted without running out of stack', () => {
    const chain = Array.from({ length: 20_000 }, (_, at) => spec(`t${at}`, ...(at > 0 ? [`t${at - 1}`] : [])));
    const definition = jobFrom('chain', chain.reverse());
    expect(definition.topologicalOrder()[19_999]).toBe('t19999');
    expect(definition.criticalPath()).toHaveLength(20_000);
    expect(definition.ancestors('t19999')).toHaveLength(19_999);
  });
});

describe('jobs of one definition', () => {
  test('run at once without sharing any state', async () => {
    const definition = defineJob<{ start: number }>('count')
      .task('double', async ({ ctx }) => ({ doubled: ctx.start * 2 }))
      .task('add', { dependsOn: ['double'] }, ({ ctx }) => ({ sum: ctx.start + ctx.doubled }))
      .seal();
    const jobs = Array.from({ length: 100 }, (_, start) => definition.start({ start }));
    const sums = await Promise.all(jobs.map(async (job) => (await job.orThrow()).sum));
    expect(sums).toEqual(Array.from({ length: 100 }, (_, start) => start * 3));
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(100);
  });

  test('an empty job completes at once', async () => {
    const result = await defineJob('empty').start();
    expect(result.state).toBe('completed');
    expect(result.tasks).toEqual({});
    expect(result.ctx).toEqual({});
  });

  test('a repeated dependency is one problem, however often it is repeated', () => {
    const problems = problemsOf(() => jobFrom('job', [spec('a'), spec('b', 'a', 'a', 'a', 'c', 'c'), spec('c')]));
    expect(problems).toEqual([
      {
        code: 'DUPLICATE_DEPENDENCY',
        message: 'Task "b" names "a" in its dependsOn more than once. Remove the repetition.',
        tasks: ['b', 'a'],
      },
      expect.objectContaining({ code: 'DUPLICATE_DEPENDENCY', tasks: ['b', 'c'] }),
    ]);
  });

  test('run defines and starts in one go', async () => {
    const job = run<{ base: number; sum: number }>([{ name: 'sum', run: ({ ctx }) => ({ sum: ctx.base + 1 }) }], {
      ctx: { base: 41 },
      name: 'quick',
    });
    expect(job.name).toBe('quick');
    expect(await job.orThrow()).toEqual({ base: 41, sum: 42 });
  });
});
