import { createEngine, defineJob, type JobEvent, jobFrom, memoryJournal, type TaskScope } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begun, ended } from '../../support/resumed-job.ts';

const square = defineJob<{ n: number }>('square')
  .task('squared', ({ ctx }) => ({ squared: ctx.n * ctx.n }))
  .task('text', { dependsOn: ['squared'] }, ({ ctx }) => ({ text: `${ctx.n}² = ${ctx.squared}` }))
  .seal();

const transitions = (events: readonly JobEvent[], to: string): string[] =>
  events.flatMap((event) => (event.type === 'task.transition' && event.to === to ? event.task : []));

const recorded = (job: { readonly events$: { subscribe(next: (event: JobEvent) => void): unknown } }): JobEvent[] => {
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return events;
};

describe('a nested job over items', () => {
  const squares = defineJob('squares')
    .task('list', () => ({ list: [1, 2, 3] }))
    .job('each', { dependsOn: ['list'], over: ({ ctx }) => ctx.list, input: ({ item }) => ({ n: item }) }, square);

  test('runs once for each, and puts out the list of their outputs, under its name', async () => {
    const { ctx } = await squares
      .task('end', { dependsOn: ['each'] }, ({ deps }) => ({ end: deps.each.map(({ text }) => text).join(', ') }))
      .start()
      .orThrow()
      .then((ctx) => ({ ctx }));
    expect(ctx.end).toBe('1² = 1, 2² = 4, 3² = 9');
    expect(ctx.each[2]).toEqual({ squared: 9, text: '3² = 9' });
  });

  test('puts out what its output makes of each', async () => {
    const job = defineJob('a')
      .job(
        'each',
        { over: [4, 5], input: ({ item, index }) => ({ n: item + index }), output: ({ text }) => ({ text }) },
        square,
      )
      .start();
    expect(await job.output('each')).toEqual([{ text: '4² = 16' }, { text: '6² = 36' }]);
  });

  test('has each in its events, views and paths as a nested job of its own', async () => {
    const job = jobFrom('a', [
      { kind: 'job', name: 'each', over: [1, 2], input: ({ item }) => ({ n: item }), definition: square },
    ]).start();
    const events = recorded(job);
    await job;
    expect(transitions(events, 'completed').sort()).toEqual([
      ...['each', 'each[0]', 'each[0]/squared', 'each[0]/text', 'each[1]', 'each[1]/squared', 'each[1]/text'],
    ]);
    const { tasks } = job.view({ outputs: true, under: 'each[1]' });
    expect(tasks.map(({ output }) => output)).toContainEqual({ text: '2² = 4' });
    expect(job.view().tasks.map(({ path, kind, dependsOn }) => [path, kind, ...dependsOn])).toEqual([
      ['each', 'map'],
      ['each[0]', 'job'],
      ['each[0]/squared', 'task'],
      ['each[0]/text', 'task', 'each[0]/squared'],
      ['each[1]', 'job'],
      ['each[1]/squared', 'task'],
      ['each[1]/text', 'task', 'each[1]/squared'],
    ]);
  });

  test('without an input, works on the context of its task, and in its item', async () => {
    const seen: unknown[] = [];
    const inner = jobFrom('inner', [
      {
        name: 'see',
        when: (scope) => (scope as unknown as { index: number }).index !== 1,
        run: (scope) => void seen.push([scope.ctx.given, (scope as unknown as { item: string }).item]),
      },
      { kind: 'map', name: 'own', over: ['own'], each: ({ item }) => void seen.push(item) },
    ]);
    const apart = jobFrom('apart', [{ name: 'see', run: (scope) => void seen.push('item' in scope) }]);
    await jobFrom('a', [
      { kind: 'job', name: 'each', over: ['x', 'y', 'z'], concurrency: 1, definition: inner },
      { kind: 'job', name: 'apart', dependsOn: ['each'], over: ['x'], input: () => ({}), definition: apart },
    ]).start({ given: 1 });
    expect(seen).toEqual([[1, 'x'], 'own', 'own', [1, 'z'], 'own', false]);
  });

  test('fails if one of them fails, or with continueOnFailure puts out what became of each', async () => {
    const inner = defineJob<{ n: number }>('inner').task('half', ({ ctx }) => {
      if (ctx.n % 2 === 1) throw new RangeError(`${ctx.n} is odd`);
      return { half: ctx.n / 2 };
    });
    const strict = await defineJob('a')
      .job('each', { over: [1, 2], input: ({ item }) => ({ n: item }) }, inner.seal())
      .start();
    expect(strict.state).toBe('failed');
    expect(strict.errors.map(({ message }) => message)[0]).toMatch(/each.*1 is odd/);
    const job = defineJob('a')
      .job('each', { over: [1, 2], input: ({ item }) => ({ n: item }), continueOnFailure: true }, inner.seal())
      .start();
    expect(await job.output('each')).toEqual([
      { status: 'rejected', reason: expect.objectContaining({ taskName: 'each[0]' }) },
      { status: 'fulfilled', value: { half: 1 } },
    ]);
  });

  test('tries each again on its own', async () => {
    let calls = 0;
    const inner = jobFrom('inner', [
      { name: 'a', run: () => ({ a: 1 }) },
      {
        name: 'b',
        dependsOn: ['a'],
        run: ({ taskName }) => {
          if (taskName === 'each[1]/b' && ++calls === 1) throw new Error('once');
        },
      },
    ]);
    const job = jobFrom('a', [{ kind: 'job', name: 'each', over: [1, 2], maxRetries: 1, definition: inner }]).start();
    expect((await job).state).toBe('completed');
    expect([job.task('each').attempts, job.task('each[0]').attempts, job.task('each[1]').attempts]).toEqual([1, 1, 2]);
  });
});

describe('the concurrency of nested jobs over items', () => {
  const steps = (clock: ReturnType<typeof virtualClock>, running: Set<string>, most: { value: number }) => {
    const run = async ({ taskName }: TaskScope): Promise<undefined> => {
      running.add(taskName);
      most.value = Math.max(most.value, running.size);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
      running.delete(taskName);
    };
    return jobFrom('steps', [
      { name: 'a', run },
      { name: 'b', run },
      { name: 'c', dependsOn: ['a', 'b'], run },
    ]);
  };

  test('bounds whole instances, whose tasks take the slots of the job', async () => {
    const clock = virtualClock();
    const most = { value: 0 };
    const definition = steps(clock, new Set(), most);
    const start = (maxConcurrency?: number) =>
      jobFrom('a', [{ kind: 'job', name: 'each', over: [1, 2, 3], concurrency: 2, definition }]).start(
        {},
        { clock, maxConcurrency },
      );
    const job = start();
    await clock.advance(5);
    expect(most.value).toBe(4);
    expect(job.explain('each[2]')[0]?.reasons.map(({ text }) => text)).toEqual([
      'the concurrency of the task "each" is full: 2/2 held by each[0], each[1]',
    ]);
    await clock.advance(16);
    expect(job.task('each[2]').state).toBe('running');
    await clock.runAll();
    expect(job.state).toBe('completed');
    most.value = 0;
    const narrow = start(3);
    await clock.runAll();
    expect([narrow.state, most.value]).toEqual(['completed', 3]);
  });

  test('and their rate bound when whole instances start', async () => {
    const clock = virtualClock();
    const definition = steps(clock, new Set(), { value: 0 });
    const rateLimit = { limit: 1, periodMs: 100 };
    const job = jobFrom('a', [{ kind: 'job', name: 'each', over: [1, 2, 3], rateLimit, definition }]).start(
      {},
      { clock },
    );
    const starts: number[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && /^each\[\d\]$/.test(event.task) && event.to === 'running')
        starts.push(event.at);
    });
    await clock.runAll();
    expect(starts).toEqual([0, 100, 200]);
    expect(job.state).toBe('completed');
  });

  test('waits for nobody in a job that is sequential', async () => {
    const clock = virtualClock();
    const most = { value: 0 };
    const definition = steps(clock, new Set(), most);
    const job = jobFrom('a', [{ kind: 'job', name: 'each', over: [1, 2], definition }], { sequential: true }).start(
      {},
      { clock },
    );
    await clock.runAll();
    expect([job.state, most.value]).toEqual(['completed', 1]);
  });
});

describe('what somebody does to nested jobs over items', () => {
  const slow = (clock: ReturnType<typeof virtualClock>) => {
    const run = ({ signal }: TaskScope): Promise<undefined> =>
      new Promise((resolve, reject) => {
        clock.setTimer(() => resolve(undefined), 10);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    return jobFrom('slow', [
      { name: 'a', run },
      { name: 'b', dependsOn: ['a'], run },
      { name: 'clean', dependsOn: ['b'], trigger: 'always', run: () => {} },
    ]);
  };

  test('a cancel ends all of them, and runs their clean-up', async () => {
    const clock = virtualClock();
    const job = jobFrom('a', [{ kind: 'job', name: 'each', over: [1, 2], definition: slow(clock) }]).start(
      {},
      { clock },
    );
    await clock.advance(5);
    void job.cancel('enough');
    await clock.runAll();
    expect(job.state).toBe('cancelled');
    expect(['each[0]', 'each[1]/a', 'each[1]/b', 'each[1]/clean'].map((path) => job.task(path as never).state)).toEqual(
      [...['cancelled', 'cancelled', 'unscheduled', 'completed']],
    );
  });

  test('a pause holds one of them, and all in it', async () => {
    const clock = virtualClock();
    const job = jobFrom('a', [{ kind: 'job', name: 'each', over: [1, 2], definition: slow(clock) }]).start(
      {},
      { clock },
    );
    await clock.advance(5);
    job.task('each[1]').pause('ann');
    await clock.advance(100);
    expect([job.task('each[0]').state, job.task('each[1]').state, job.task('each[1]/b').state]).toEqual([
      ...['completed', 'paused', 'ready'],
    ]);
    job.task('each[1]').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  const failing = (calls: string[], fails: () => boolean) =>
    jobFrom('a', [
      {
        kind: 'job',
        name: 'each',
        over: [1, 2],
        definition: jobFrom('inner', [
          { name: 'a', run: ({ taskName }) => void calls.push(taskName) },
          {
            name: 'b',
            dependsOn: ['a'],
            run: ({ taskName }) => {
              calls.push(taskName);
              if (taskName === 'each[1]/b' && fails()) throw new Error('it fails');
            },
          },
        ]),
      },
    ]);

  test.each(['retry', 'rerun'] as const)('a %s runs again what failed inside, and nothing else', async (how) => {
    const calls: string[] = [];
    let isBroken = true;
    const engine = createEngine({ journal: memoryJournal() });
    const definition = failing(calls, () => isBroken);
    const job = engine.start(definition, {}, { onFailure: 'continue' });
    expect((await job).state).toBe('failed');
    isBroken = false;
    calls.length = 0;
    const preview = how === 'retry' ? job.previewRetry() : job.previewRerun();
    expect(preview.runs).toEqual(['each', 'each[1]', 'each[1]/b']);
    const again = how === 'retry' ? job.retry() : job.rerun();
    expect((await again).state).toBe('completed');
    expect(calls).toEqual(['each[1]/b']);
  });

  test.each(['retry', 'rerun'] as const)('a %s of a path runs that part again', async (how) => {
    const calls: string[] = [];
    const engine = createEngine({ journal: memoryJournal() });
    const job = engine.start(
      failing(calls, () => false),
      {},
    );
    await job;
    calls.length = 0;
    await (how === 'retry' ? job.retry({ tasks: ['each[0]/b'] as never }) : job.rerun({ from: 'each[0]/b' as never }));
    expect(calls).toEqual(['each[0]/b']);
  });
});

test('a resume goes on inside of each, with the context that its fan-out began with', async () => {
  const seen: unknown[] = [];
  let stuck = true;
  const inner = jobFrom('inner', [
    { name: 'a', run: ({ taskName, ctx }) => void seen.push([taskName, ctx.early]) },
    {
      name: 'b',
      dependsOn: ['a'],
      run: ({ taskName, ctx }) => (stuck ? new Promise(() => {}) : void seen.push([taskName, ctx.early])),
    },
  ]);
  const definition = jobFrom('a', [
    { name: 'early', run: () => ({ early: 'yes' }) },
    { kind: 'job', name: 'each', dependsOn: ['early'], over: () => [1, 2], definition: inner },
  ]);
  const { store, job, die } = begun(definition);
  while (job.task('each[1]/b' as never).state !== 'running') await new Promise(setImmediate);
  await job.saved();
  die();
  stuck = false;
  seen.length = 0;
  const again = await ended(store, definition);
  expect(again.state).toBe('completed');
  expect(seen).toEqual([
    ['each[0]/b', 'yes'],
    ['each[1]/b', 'yes'],
  ]);
});

describe('a sensor over items', () => {
  test('looks for each on its own, and puts out the list', async () => {
    const clock = virtualClock();
    const looks = new Map<string, number>();
    const job = defineJob('a')
      .sensor('files', { over: ['x', 'y'], interval: 10 }, ({ item, index }) => {
        looks.set(item, (looks.get(item) ?? 0) + 1);
        return clock.now() >= index * 10 ? { seen: item } : false;
      })
      .start({}, { clock });
    const events = recorded(job);
    await clock.runAll();
    expect(await job.output('files')).toEqual([{ seen: 'x' }, { seen: 'y' }]);
    expect(looks).toEqual(
      new Map([
        ['x', 1],
        ['y', 2],
      ]),
    );
    expect(transitions(events, 'polling')).toEqual(['files[1]']);
    expect(job.view().tasks.map(({ path, kind }) => [path, kind])).toEqual([
      ['files', 'map'],
      ['files[0]', 'sensor'],
      ['files[1]', 'sensor'],
    ]);
  });
});

test('limits of a fan-out are refused without one', () => {
  const problems = defineJob('a')
    .job('b', { concurrency: 2, input: () => ({ n: 1 }) }, square)
    .validate();
  expect(problems.map(({ message }) => message)).toEqual([
    'Task "b" has concurrency without "over": only a fan-out has items to limit.',
  ]);
});

test('a definition whose items become something else is another one', async () => {
  const store = memoryJournal();
  const { job, die } = begun(jobFrom('a', [{ kind: 'map', name: 'm', over: [1], each: () => new Promise(() => {}) }]), {
    journal: store,
  });
  await job.saved();
  die();
  const changed = jobFrom('a', [{ kind: 'sensor', name: 'm', over: [1], check: () => true }]);
  await expect(ended(store, changed)).rejects.toThrow('"m" runs a sensor for each item instead of a function');
});
