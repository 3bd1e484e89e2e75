import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Assignment,
  createEngine,
  defineJob,
  encodedOutput,
  errorFromData,
  errorToData,
  expand,
  InterruptedError,
  type JobEvent,
  jobFrom,
  memoryJournal,
  NonRetryableError,
  notReady,
  OptionError,
  outputText,
  RetryAfterError,
  type TaskError,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { distantExecutor } from '../../support/distant-executor.ts';
import { slow } from '../../support/slow-journal.ts';

const ONE = [{ name: 'anna', slots: 1 }];

/** What is performed answers when the test says so. */
const byHand = () => {
  const answers = new Map<string, { resolve: (value?: unknown) => void; reject: (error: unknown) => void }>();
  const perform = ({ task, attempt }: Assignment): Promise<unknown> =>
    new Promise((resolve, reject) => answers.set(attempt === 1 ? task : `${task} ${attempt}`, { resolve, reject }));
  const answerTo = (name: string) => vi.waitUntil(() => answers.get(name), { timeout: 1_000, interval: 1 });
  return { perform, answers, answerTo };
};

const transitions = (events: readonly JobEvent[], task: string): string[] =>
  events.flatMap((event) =>
    event.type === 'task.transition' && event.task === task
      ? [`${event.from} -> ${event.to}${event.reason === undefined ? '' : ` ${event.reason}`}`]
      : [],
  );

describe('an executor', () => {
  test('performs the functions of tasks and items, the checks of sensors and "over", of nested jobs too', async () => {
    const { executor, seen, taken } = distantExecutor([{ name: 'anna', slots: 2 }]);
    const drink = defineJob('drink')
      .task('press', ({ ctx }) => ({ juice: ctx }))
      .seal();
    const smoothie = defineJob<{ fruit: string }>('smoothie')
      .task('dice', ({ ctx }) => ({ pieces: `${ctx.fruit}s` }))
      .job('drink', { dependsOn: ['dice'], input: ({ deps }) => ({ of: deps.dice.pieces }) }, drink)
      .map('glass', { dependsOn: ['dice'], over: () => ['a', 'b'] }, ({ item, index }) => `${item}${index}`)
      .sensor('cold', {}, () => true)
      .seal();
    const engine = createEngine({ executor });
    const job = engine.start(smoothie, { fruit: 'kiwi' });
    const { ctx, state } = await job;
    expect(state).toBe('completed');
    expect(ctx).toEqual({
      fruit: 'kiwi',
      pieces: 'kiwis',
      drink: { juice: { of: 'kiwis' } },
      glass: ['a0', 'b1'],
    });
    const told = seen.performed.map(({ task, names, call, attempt, added }) => ({ task, names, call, attempt, added }));
    const of = (task: string, names: string[], call: string) => ({ task, names, call, attempt: 1, added: false });
    expect(told.sort((a, b) => (a.task < b.task ? -1 : 1))).toEqual([
      of('cold', ['cold'], 'check'),
      of('dice', ['dice'], 'run'),
      of('drink/press', ['drink', 'press'], 'run'),
      of('glass', ['glass'], 'over'),
      of('glass[0]', ['glass'], 'run'),
      of('glass[1]', ['glass'], 'run'),
    ]);
    const press = seen.performed.find(({ task }) => task === 'drink/press');
    expect(press?.definition).toEqual({ name: 'smoothie', fingerprint: smoothie.fingerprint });
    expect(press?.input).toEqual({ of: 'kiwis' });
    expect(taken()).toBe(0);
    await engine.close();
  });

  test('is told what the function would get', async () => {
    const { executor, seen } = distantExecutor(ONE);
    const job = createEngine({ executor }).start(
      defineJob<{ fruit: string }>('smoothie')
        .task('dice', () => ({ pieces: 3 }))
        .map('glass', { dependsOn: ['dice'], over: ['a'] }, () => undefined)
        .seal(),
      { fruit: 'kiwi' },
      { jobId: 'j1' },
    );
    await job;
    const glass = seen.performed.find(({ task }) => task === 'glass[0]') as Assignment;
    const { deps, ctx, item, index, idempotencyKey, attempt, trace } = glass.scope;
    expect({ deps, ctx, item, index, idempotencyKey, attempt, trace }).toEqual({
      deps: { dice: { pieces: 3 } },
      ctx: { fruit: 'kiwi', pieces: 3 },
      item: 'a',
      index: 0,
      idempotencyKey: 'j1/glass[0]',
      attempt: 1,
      trace: undefined,
    });
    expect([glass.jobId, glass.input, glass.contextVersion]).toEqual(['j1', { fruit: 'kiwi' }, 1]);
  });

  test('reports progress, logs and checkpoints as a function does', async () => {
    const saved: unknown[] = [];
    const { executor } = distantExecutor(ONE, {
      perform: async ({ scope, attempt }) => {
        scope.progress(0.5, 'half');
        scope.log.info('diced', { by: 'anna' });
        saved.push(scope.checkpoint().last);
        await scope.checkpoint().save({ at: attempt });
        if (attempt === 1) throw new Error('blunt');
        return undefined;
      },
    });
    const job = createEngine({ executor, journal: memoryJournal() }).start(
      jobFrom('smoothie', [{ name: 'dice', maxRetries: 1, run: () => {} }]),
    );
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => events.push(event));
    await job;
    expect(saved).toEqual([undefined, { at: 1 }]);
    expect(events).toContainEqual(expect.objectContaining({ type: 'task.progress', fraction: 0.5, message: 'half' }));
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'task.log', message: 'diced', data: { by: 'anna' } }),
    );
  });

  test('does not get what it does not take, nor what was added as data of the program', async () => {
    const { executor, seen } = distantExecutor(ONE, { takes: ({ task, added }) => task !== 'taste' && !added });
    const ran: string[] = [];
    const job = createEngine({ executor }).start(
      jobFrom('smoothie', [
        { name: 'dice', run: () => expand([{ name: 'extra', run: () => void ran.push('extra') }]) },
        { name: 'taste', run: () => void ran.push('taste') },
      ]),
    );
    expect((await job).state).toBe('completed');
    expect(seen.performed.map(({ task }) => task)).toEqual(['dice']);
    expect(ran.sort()).toEqual(['extra', 'taste']);
  });

  test('is asked once whether it takes a task, however often that is tried', async () => {
    const takes = vi.fn(() => true);
    const { executor } = distantExecutor(ONE, {
      takes,
      perform: ({ attempt }) => (attempt < 3 ? Promise.reject(new Error('blunt')) : undefined),
    });
    const engine = createEngine({ executor, maxConcurrency: 4 });
    const job = engine.start(jobFrom('smoothie', [{ name: 'dice', maxRetries: 2, run: () => {} }]));
    engine.setLimits({ maxConcurrency: 3 });
    expect((await job).state).toBe('completed');
    expect(takes).toHaveBeenCalledTimes(1);
  });

  test('says who works: in the event, and by the handle of the task', async () => {
    const { perform, answerTo } = byHand();
    const { executor } = distantExecutor(ONE, { perform });
    const job = createEngine({ executor }).start(jobFrom('smoothie', [{ name: 'dice', run: () => {} }]));
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => events.push(event));
    const dice = await answerTo('dice');
    expect(job.task('dice').worker).toBe('anna');
    dice.resolve();
    await job;
    expect(events).toContainEqual(expect.objectContaining({ task: 'dice', to: 'running', worker: 'anna' }));
  });

  test('is performed within the interceptor of the job, whose trace it gets', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { executor, seen } = distantExecutor(ONE);
    const job = createEngine({
      executor,
      intercept: (scope, run) => {
        scope.trace = { traceparent };
        return run();
      },
    }).start(jobFrom('smoothie', [{ name: 'dice', enrich: () => ({ knife: 1 }), run: (scope) => ({ ...scope }) }]));
    const { ctx } = await job;
    expect(seen.performed[0]?.scope.trace).toEqual({ traceparent });
    expect(ctx).toMatchObject({ knife: 1, trace: { traceparent } });
  });

  test('performs nothing for an interceptor that calls when its attempt is over', async () => {
    const clock = virtualClock();
    const { executor, seen, taken } = distantExecutor(ONE, {
      perform: () => new Promise<void>((resolve) => clock.setTimer(resolve, 5)),
    });
    const { journal } = slow(memoryJournal());
    const job = createEngine({
      executor,
      clock,
      journal,
      intercept: async ({ attempt, signal }, run) => {
        if (attempt === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return run();
      },
    }).start(jobFrom('smoothie', [{ name: 'dice', timeout: 10, maxRetries: 1, run: () => {} }]));
    await clock.runAll();
    expect((await job).tasks.dice).toMatchObject({ state: 'completed', attempts: 2 });
    expect(seen.performed.map(({ attempt }) => attempt)).toEqual([2]);
    expect([seen.released, taken()]).toEqual([1, 0]);
  });

  test('that throws in "takes" is not asked again for the task: the process warns, and the engine performs it', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { executor, seen } = distantExecutor(ONE, {
      takes: () => {
        throw new Error('no list of workers');
      },
    });
    const job = createEngine({ executor }).start(jobFrom('smoothie', [{ name: 'dice', run: () => ({ pieces: 3 }) }]));
    expect((await job).ctx).toEqual({ pieces: 3 });
    expect(seen.performed).toEqual([]);
    expect(warned).toHaveBeenCalledWith(expect.stringContaining('no list of workers'), expect.anything());
    warned.mockRestore();
  });

  test('that lacks a function is refused', () => {
    expect(() => createEngine({ executor: { takes: () => true } as never })).toThrow(OptionError);
    expect(() => createEngine({ executor: {} as never })).toThrow(/takes, room, reserve, onRoom/);
  });
});

describe('room', () => {
  test('holds tasks back as ready, in order of priority', async () => {
    const { perform, answers, answerTo } = byHand();
    const { executor } = distantExecutor([{ name: 'anna', slots: 2 }], { perform });
    const job = createEngine({ executor }).start(
      jobFrom(
        'smoothie',
        [1, 5, 3, 4, 2].map((priority) => ({ name: `p${priority}`, priority, run: () => {} })),
      ),
    );
    await answerTo('p4');
    expect([...answers.keys()]).toEqual(['p5', 'p4']);
    expect(job.task('p3').state).toBe('ready');
    for (const [name, next] of [
      ['p5', 'p3'],
      ['p3', 'p2'],
      ['p4', 'p1'],
    ] as const) {
      (await answerTo(name)).resolve();
      await answerTo(next);
    }
    expect([...answers.keys()]).toEqual(['p5', 'p4', 'p3', 'p2', 'p1']);
    for (const name of ['p2', 'p1']) (await answerTo(name)).resolve();
    expect((await job).state).toBe('completed');
  });

  test('is that of workers with the tags of a task; explain says which are wanted', async () => {
    const { perform, answers, answerTo } = byHand();
    const { executor, join } = distantExecutor([{ name: 'anna', slots: 1 }], { perform });
    const gpu = { tags: ['gpu'] };
    const job = createEngine({ executor }).start(
      jobFrom('training', [
        { name: 'load', run: () => {} },
        { name: 'train', worker: gpu, priority: 9, run: () => {} },
        { name: 'judge', worker: gpu, run: () => {} },
        { name: 'far', worker: { tags: ['gpu', 'eu', 'gpu'] }, run: () => {} },
        { name: 'store', run: () => {} },
      ]),
    );
    await answerTo('load');
    const reasonOf = (task: string) => job.explain(task)[0]?.reasons[0];
    expect(reasonOf('train')).toEqual({
      kind: 'worker',
      text: 'no worker with tag gpu',
      tags: ['gpu'],
      size: 0,
      taken: 0,
      ahead: 0,
      before: [],
    });
    expect(reasonOf('far')?.text).toBe('no worker with tags eu, gpu');
    expect(reasonOf('store')?.text).toBe('the only slot of workers is taken');
    join({ name: 'greta', tags: ['gpu'], slots: 1 });
    await answerTo('train');
    expect(reasonOf('judge')?.text).toBe('the only slot of workers with tag gpu is taken');
    expect(reasonOf('store')?.text).toBe('all 2 slots of workers are taken');
    (await answerTo('train')).resolve();
    await answerTo('judge');
    expect(reasonOf('far')?.kind).toBe('worker');
    join({ name: 'emil', tags: ['eu', 'gpu'], slots: 1 });
    for (const name of ['far', 'load', 'judge', 'store']) (await answerTo(name)).resolve();
    expect((await job).state).toBe('completed');
    expect([...answers.keys()].slice(0, 3)).toEqual(['load', 'train', 'judge']);
  });

  test('of items of a fan-out is that of its tags, and so is that of its "over"', async () => {
    const { executor, seen } = distantExecutor([
      { name: 'anna', slots: 1 },
      { name: 'greta', tags: ['gpu'], slots: 1 },
    ]);
    const job = createEngine({ executor }).start(
      defineJob('training')
        .map('fold', { over: () => [1, 2, 3], worker: { tags: ['gpu'] } }, ({ item }) => item)
        .task('count', { dependsOn: ['fold'] }, ({ deps }) => ({ count: deps.fold.length }))
        .seal(),
    );
    const who = new Map<string, string | undefined>();
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'running') who.set(event.task, event.worker);
    });
    expect((await job).ctx).toMatchObject({ count: 3 });
    expect(Object.fromEntries(who)).toEqual({
      fold: 'greta',
      'fold[0]': 'greta',
      'fold[1]': 'greta',
      'fold[2]': 'greta',
      count: 'anna',
    });
    expect(seen.most).toBe(1);
  });

  test('goes with pools and concurrency: all must have some', async () => {
    const { executor, seen } = distantExecutor([{ name: 'anna', slots: 5 }], { perform: () => sleep(1) });
    const tasks = (pool: string | undefined, count: number) =>
      Array.from({ length: count }, (_, at) => ({ name: `${pool}${at}`, pool, run: () => {} }));
    const engine = createEngine({ executor, maxConcurrency: 3, pools: { db: 1 } });
    let [db, mostDb] = [0, 0];
    engine.events$.subscribe((event) => {
      if (event.type !== 'task.transition' || !event.task.startsWith('db')) return;
      if (event.to === 'running') mostDb = Math.max(mostDb, ++db);
      if (event.from === 'running') db--;
    });
    const job = engine.start(jobFrom('smoothie', [...tasks('db', 5), ...tasks(undefined, 10)]));
    expect((await job).state).toBe('completed');
    expect([seen.most, mostDb]).toEqual([3, 1]);
  });

  test('is not taken by the work that the engine performs itself, nor by tasks of a paused job', async () => {
    const { perform, answerTo, answers } = byHand();
    const { executor, taken } = distantExecutor(ONE, { perform, takes: ({ task }) => task !== 'taste' });
    const job = createEngine({ executor }).start(
      jobFrom('smoothie', [
        { name: 'dice', run: () => {} },
        { name: 'taste', run: () => {} },
        { name: 'press', run: () => {} },
      ]),
    );
    await answerTo('dice');
    job.pause();
    (await answerTo('dice')).resolve();
    await vi.waitUntil(() => job.task('dice').state === 'completed');
    expect([job.task('taste').state, job.task('press').state, taken()]).toEqual(['completed', 'ready', 0]);
    job.resume();
    (await answerTo('press')).resolve();
    expect((await job).state).toBe('completed');
    expect([...answers.keys()]).toEqual(['dice', 'press']);
  });

  test('of tags has no effect without an executor', async () => {
    const job = defineJob('training')
      .task('train', { worker: { tags: ['gpu'] } }, () => ({ loss: 0 }))
      .start();
    expect((await job).ctx).toEqual({ loss: 0 });
  });

  test.each([
    [['g pu']],
    [['']],
    ['gpu'],
    [[1]],
    [Array.from({ length: 17 }, (_, at) => `t${at}`)],
  ])('of tags that are none is refused: %j', (tags) => {
    const define = () => jobFrom('training', [{ name: 'train', worker: { tags } as never, run: () => {} }]);
    expect(define).toThrow(/"train" has worker\.tags = .*expected an array of at most 16 tags/);
  });
});

describe('an output', () => {
  const startWith = (value: unknown, options: object = {}, journal = memoryJournal()) => {
    const { executor } = distantExecutor(ONE, { perform: () => value });
    const engine = createEngine({ executor, journal });
    const job = engine.start(jobFrom('smoothie', [{ name: 'dice', maxRetries: 2, run: () => {}, ...options }]));
    return { job, journal };
  };

  test('that comes as text is merged, and kept by the journal as it is', async () => {
    const text = '{ "pieces" : 3, "at" : {"$tintype":"Date","value":"2026-01-02T03:04:05.678Z"} }';
    const { job, journal } = startWith(encodedOutput(text));
    expect((await job).ctx).toEqual({ pieces: 3, at: new Date('2026-01-02T03:04:05.678Z') });
    const stored = await journal.events(job.id);
    expect(stored.find(({ output }) => output !== undefined)?.output).toBe(text);
  });

  test('of outputText comes out as it went in', async () => {
    const output = { at: new Date(5), big: 7n, set: new Set([1]), none: undefined };
    const { job } = startWith(encodedOutput(outputText(output)));
    expect((await job).ctx).toEqual(output);
    expect(() => outputText({ run: () => {} })).toThrow(/a function/);
  });

  test('that comes as text is checked by the schema of the task, and what that makes of it is kept', async () => {
    const output = z.object({ pieces: z.string().transform(Number) });
    const { job, journal } = startWith(encodedOutput('{"pieces":"3"}'), { output });
    expect((await job).ctx).toEqual({ pieces: 3 });
    const stored = await journal.events(job.id);
    expect(stored.find((event) => event.output !== undefined)?.output).toBe('{"pieces":3}');
    const { job: wrong } = startWith(encodedOutput('{"pieces":3}'), { output });
    expect((await wrong).error?.cause).toMatchObject({ code: 'INVALID_OUTPUT', attempt: 1 });
  });

  test.each([
    ['{"pieces":', /that can't be read/],
    ['[1]', /an array/],
    ['null', /null/],
    ['{"pieces":{"$tintype":"Output","value":3}}', /damaged/],
  ])('that is no output fails the task without a retry: %s', async (text, message) => {
    const { job } = startWith(encodedOutput(text));
    const { error } = await job;
    expect(error?.cause).toMatchObject({ code: 'INVALID_OUTPUT', attempt: 1 });
    expect((error?.cause as Error).message).toMatch(message);
  });

  test('of text that is none is refused at once', () => {
    expect(() => encodedOutput({} as never)).toThrow(TypeError);
  });

  test('that is larger than the journal takes fails the task', async () => {
    const { job } = startWith(encodedOutput(`{"a":"${'x'.repeat(100)}"}`), {}, memoryJournal({ maxOutputBytes: 50 }));
    expect((await job).error?.cause).toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
  });

  test('may be any value for an item of a fan-out, and a list for "over"', async () => {
    const { executor } = distantExecutor(ONE, {
      perform: ({ call, scope }) => encodedOutput(call === 'over' ? '[1,2]' : JSON.stringify([scope.item])),
    });
    const job = createEngine({ executor, journal: memoryJournal() }).start(
      defineJob('smoothie')
        .map('glass', { over: () => [] as number[] }, () => [0])
        .seal(),
    );
    expect((await job).ctx).toEqual({ glass: [[1], [2]] });
  });

  test('may be a directive, or the answer of a sensor', async () => {
    const looks = [false, notReady('too warm'), encodedOutput('false'), encodedOutput('true')];
    const clock = virtualClock();
    const { executor } = distantExecutor([{ name: 'anna', slots: 2 }], {
      perform: ({ task }) => (task === 'dice' ? notReady('no fruit') : looks.shift()),
    });
    const job = createEngine({ executor, clock }).start(
      jobFrom('smoothie', [
        { name: 'dice', run: () => {} },
        { name: 'cold', kind: 'sensor', check: () => true },
      ]),
    );
    await clock.runAll();
    const { tasks } = await job;
    expect([tasks.dice?.state, tasks.dice?.reason]).toEqual(['notReady', 'no fruit']);
    expect([tasks.cold?.state, looks.length]).toEqual(['completed', 0]);
  });
});

describe('an error', () => {
  const startWith = (errors: readonly unknown[], clock = virtualClock()) => {
    const { executor } = distantExecutor(ONE, { perform: ({ attempt }) => Promise.reject(errors[attempt - 1]) });
    const job = createEngine({ executor, clock }).start(
      jobFrom('smoothie', [{ name: 'dice', maxRetries: 1, run: () => {} }]),
    );
    return { job, clock };
  };
  const sent = (error: unknown): Error => errorFromData(JSON.parse(JSON.stringify(errorToData(error))));

  test('of a worker has its name, code, stack and causes', async () => {
    const thrown = Object.assign(new TypeError('blunt', { cause: new RangeError('knife') }), { code: 'E_KNIFE' });
    const { job } = startWith([sent(thrown), sent(thrown)]);
    const { cause } = (await job).error?.cause as TaskError;
    expect(cause).toMatchObject({ name: 'TypeError', message: 'blunt', code: 'E_KNIFE', stack: thrown.stack });
    expect((cause as Error).cause).toMatchObject({ name: 'RangeError', message: 'knife' });
    expect((await job).tasks.dice?.attempts).toBe(2);
  });

  test('that must not be retried is not', async () => {
    const { job } = startWith([sent(new NonRetryableError('rotten'))]);
    const { error, tasks } = await job;
    expect(tasks.dice?.attempts).toBe(1);
    expect((error?.cause as TaskError).cause).toBeInstanceOf(NonRetryableError);
  });

  test('that asks for a wait gets it', async () => {
    const { job, clock } = startWith([sent(new RetryAfterError(5_000)), sent(new Error('blunt'))]);
    await clock.runAll();
    await job;
    expect(clock.now()).toBe(5_000);
  });

  test.each([
    { name: 'RetryAfterError', message: '', code: 'RETRY_AFTER', delayMs: -1 },
  ])('that says nonsense is a plain one: %j', (data) => {
    expect(errorFromData(data)).not.toBeInstanceOf(RetryAfterError);
  });

  test('thrown by the executor itself fails the attempt', async () => {
    const { executor } = distantExecutor(ONE);
    const reserve = () => {
      throw new Error('no route to anna');
    };
    const job = createEngine({ executor: { ...executor, reserve } }).start(
      jobFrom('smoothie', [{ name: 'dice', run: () => {} }]),
    );
    expect(((await job).error?.cause as Error).message).toContain('no route to anna');
  });
});

describe('an interrupted attempt', () => {
  const died = (): Promise<never> => Promise.reject(new InterruptedError('Worker anna was lost.'));

  test('is repeated without using up a retry', async () => {
    const { executor } = distantExecutor(ONE, {
      perform: ({ attempt }) => (attempt < 4 ? died() : { attempt }),
    });
    const journal = memoryJournal();
    const engine = createEngine({ executor, journal });
    const job = engine.start(jobFrom('smoothie', [{ name: 'dice', run: () => {} }]));
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => events.push(event));
    const { ctx, tasks } = await job;
    expect([ctx, tasks.dice?.attempts]).toEqual([{ attempt: 4 }, 4]);
    expect(transitions(events, 'dice').slice(0, 5)).toEqual([
      'unscheduled -> ready',
      'ready -> running',
      'running -> retrying interrupted',
      'retrying -> ready',
      'ready -> running',
    ]);
    const found = await engine.find(job.id);
    expect(found?.state).toBe('completed');
  });

  test('fails the task when that happens more often than maxInterruptions allows', async () => {
    const { executor } = distantExecutor(ONE, { perform: died });
    const job = createEngine({ executor }).start(
      jobFrom('smoothie', [{ name: 'dice', maxRetries: 5, maxInterruptions: 2, run: () => {} }]),
    );
    const { error, tasks } = await job;
    expect(tasks.dice?.attempts).toBe(3);
    expect(error?.cause).toMatchObject({ code: 'TASK_INTERRUPTED' });
    expect((error?.cause as Error).message).toBe(
      'Task "dice" was interrupted 3 times, the last time in attempt 3: Worker anna was lost. It is not tried again, since it may be what its workers die of. maxInterruptions (in a workflow file max_interruptions) allows more.',
    );
  });

  test('keeps its place: what is ready again runs by its rank', async () => {
    const order: string[] = [];
    const { executor } = distantExecutor(ONE, {
      perform: ({ task, attempt }) => {
        order.push(`${task} ${attempt}`);
        return task === 'first' && attempt === 1 ? died() : undefined;
      },
    });
    const job = createEngine({ executor }).start(
      jobFrom('smoothie', [
        { name: 'first', run: () => {} },
        { name: 'second', run: () => {} },
      ]),
    );
    await job;
    expect(order).toEqual(['first 1', 'first 2', 'second 1']);
  });

  test('of an "over" function is repeated too', async () => {
    const { executor } = distantExecutor(ONE, {
      perform: ({ call, attempt, run }) => (call === 'over' && attempt === 1 ? died() : run()),
    });
    const job = createEngine({ executor }).start(
      defineJob('smoothie')
        .map('glass', { over: () => [1, 2] }, ({ item }) => item)
        .seal(),
    );
    const { ctx, tasks } = await job;
    expect([ctx, tasks.glass?.attempts]).toEqual([{ glass: [1, 2] }, 2]);
  });

  test('of a job that is being stopped is not repeated', async () => {
    const { perform, answerTo } = byHand();
    const { executor } = distantExecutor(ONE, { perform });
    const job = createEngine({ executor }).start(jobFrom('smoothie', [{ name: 'dice', run: () => {} }]));
    const dice = await answerTo('dice');
    job.cancel('enough', { mode: 'drain' });
    dice.reject(new InterruptedError('Worker anna was lost.'));
    const { state, tasks } = await job;
    expect([state, tasks.dice?.state, tasks.dice?.attempts]).toEqual(['cancelled', 'cancelled', 1]);
  });

  test('is counted together with those that died with their process', async () => {
    const journal = memoryJournal();
    const definition = jobFrom('smoothie', [{ name: 'dice', maxInterruptions: 2, run: () => {} }]);
    const { perform, answerTo } = byHand();
    const first = createEngine({ journal, executor: distantExecutor(ONE, { perform }).executor });
    const started = first.start(definition, {}, { jobId: 'j1' });
    (await answerTo('dice')).reject(new InterruptedError('Worker anna was lost.'));
    await answerTo('dice 2');
    await first.close({ mode: 'abort' });
    await started;
    const second = createEngine({ journal, executor: distantExecutor(ONE, { perform: died }).executor });
    const { job } = await second.resume('j1', { definition });
    const { error, tasks } = await job;
    expect(error?.cause).toMatchObject({ code: 'TASK_INTERRUPTED' });
    expect(tasks.dice?.attempts).toBe(3);
  });

  test('whose result comes after all says so', async () => {
    const { executor } = distantExecutor(ONE, {
      perform: async (assignment) => {
        if (assignment.attempt > 1) return undefined;
        assignment.lateResult('succeeded'); // Too early: the attempt lasts.
        void sleep(5).then(() => assignment.lateResult('succeeded'));
        return died();
      },
    });
    const job = createEngine({ executor }).start(
      jobFrom('smoothie', [
        { name: 'dice', run: () => {} },
        { name: 'rest', dependsOn: ['dice'], kind: 'external' },
      ]),
    );
    const late: JobEvent[] = [];
    job.events$.subscribe((event) => void (event.type === 'task.lateResult' && late.push(event)));
    await vi.waitUntil(() => late.length > 0);
    await job.task('rest').complete();
    await job;
    expect(late).toEqual([expect.objectContaining({ task: 'dice', attempt: 1, outcome: 'succeeded' })]);
    expect(job.task('dice').lateResults).toBe(1);
  });
});

describe('an attempt that has to stop', () => {
  const task = (options: object = {}) => jobFrom('smoothie', [{ name: 'dice', run: () => {}, ...options }]);

  /** Notes why attempts are aborted. `answers` ms after that, each rejects with the reason. */
  const listening = (clock: ReturnType<typeof virtualClock>, answers: number) => {
    const aborts: string[] = [];
    const perform = ({ onAbort }: Assignment): Promise<never> =>
      new Promise((_, reject) => {
        onAbort((reason) => {
          aborts.push(`${reason.code} at ${clock.now()}`);
          clock.setTimer(() => reject(reason), answers);
        });
      });
    return { aborts, perform };
  };

  test.each([
    [0, 0],
    [50, 20],
    [50, 100],
  ])('is told of a cancellation, and has graceMs (%d) to answer, here after %d ms', async (graceMs, answers) => {
    const clock = virtualClock();
    const { aborts, perform } = listening(clock, answers);
    const { executor, taken } = distantExecutor(ONE, { perform });
    const job = createEngine({ executor, clock }).start(task(), {}, { graceMs });
    await clock.advance(10);
    job.cancel();
    let endedAt = -1;
    job.events$.subscribe({ complete: () => (endedAt = clock.now()) });
    await clock.runAll();
    expect((await job).state).toBe('cancelled');
    expect([aborts, endedAt]).toEqual([['JOB_CANCELLED at 10'], 10 + Math.min(graceMs, answers)]);
    expect(taken()).toBe(0);
  });

  test('is told of its time limit; its result is late, and its slot is free when it has answered', async () => {
    const clock = virtualClock();
    let free = (): number => 0;
    const { executor, taken } = distantExecutor(ONE, {
      perform: () => new Promise((resolve) => clock.setTimer(() => resolve({ pieces: 3 }), 30)),
    });
    free = taken;
    const job = createEngine({ executor, clock }).start(task({ timeout: 10, continueOnFailure: true }));
    const late: number[] = [];
    const engineRest = createEngine({ clock }).start(jobFrom('rest', [{ name: 'rest', kind: 'external' }]));
    job.events$.subscribe((event) => void (event.type === 'task.lateResult' && late.push(event.at)));
    await clock.advance(15);
    expect([job.task('dice').state, job.task('dice').error?.code, free()]).toEqual(['failed', 'TASK_TIMEOUT', 1]);
    await clock.advance(30);
    expect(free()).toBe(0);
    engineRest.cancel();
  });

  test.each([
    'cancel',
    'close',
  ] as const)('gives its slot back if it has not begun, since the journal is slow (%s)', async (how) => {
    const { journal, hold } = slow(memoryJournal());
    const { executor, seen, taken } = distantExecutor(ONE);
    const engine = createEngine({ executor, journal });
    const letGo = hold('append');
    const job = engine.start(task());
    await vi.waitUntil(() => job.task('dice').state === 'running');
    expect([taken(), seen.performed.length]).toEqual([1, 0]);
    const ended = how === 'cancel' ? job.cancel() : engine.close();
    if (how === 'cancel') expect([taken(), seen.released]).toEqual([0, 1]);
    letGo();
    await ended;
    await job;
    expect([taken(), seen.released, seen.performed.length]).toEqual([0, 1, 0]);
  });

  test('hears of its abort once, even if it asks afterwards, until it no longer wants to', async () => {
    const heard: string[] = [];
    const { executor } = distantExecutor(ONE, {
      perform: ({ onAbort, scope }) =>
        new Promise((_, reject) => {
          onAbort(() => heard.push('stopped'))();
          onAbort((reason) => {
            heard.push('first');
            onAbort(() => heard.push('second'));
            expect(scope.signal.aborted).toBe(true);
            reject(reason);
          });
        }),
    });
    const job = createEngine({ executor }).start(task());
    await vi.waitUntil(() => job.task('dice').state === 'running');
    await sleep(1);
    job.cancel();
    await job;
    expect(heard).toEqual(['first', 'second']);
  });
});

describe('an engine that closes', () => {
  const definition = jobFrom('smoothie', [
    { name: 'dice', run: () => {} },
    { name: 'press', dependsOn: ['dice'], run: () => {} },
  ]);

  test.each([
    ['drain', ['completed', 'cancelled']],
    ['abort', ['cancelled', 'unscheduled']],
  ] as const)('waits for what is performed elsewhere, or stops it (%s), and listens no more', async (mode, states) => {
    const { perform, answerTo } = byHand();
    const { executor, listeners, taken } = distantExecutor(ONE, {
      perform: (assignment) => {
        assignment.onAbort((reason) => void answerTo(assignment.task).then(({ reject }) => reject(reason)));
        return perform(assignment);
      },
    });
    const engine = createEngine({ executor });
    const job = engine.start(definition);
    const dice = await answerTo('dice');
    expect(listeners.size).toBe(1);
    const closing = engine.close({ mode });
    if (mode === 'drain') dice.resolve();
    await closing;
    const { tasks } = await job;
    expect([tasks.dice?.state, tasks.press?.state ?? 'unscheduled']).toEqual(
      mode === 'drain' ? ['completed', 'unscheduled'] : states,
    );
    await vi.waitUntil(() => taken() === 0);
    expect(listeners.size).toBe(0);
  });

  test('hands its jobs over: what was performed elsewhere is interrupted, and goes on with the next', async () => {
    const journal = memoryJournal();
    const { perform, answerTo } = byHand();
    const first = distantExecutor(ONE, { perform });
    const engine = createEngine({ executor: first.executor, journal });
    engine.start(definition, {}, { jobId: 'j1' });
    await answerTo('dice');
    await engine.close({ mode: 'abort' });
    const second = distantExecutor(ONE);
    const { job } = await createEngine({ executor: second.executor, journal }).resume('j1', { definition });
    expect((await job).state).toBe('completed');
    expect(second.seen.performed.map(({ task, attempt }) => `${task} ${attempt}`)).toEqual(['dice 2', 'press 1']);
  });
});
