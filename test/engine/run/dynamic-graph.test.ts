import fc from 'fast-check';
import {
  type AnyTaskSpec,
  type Clock,
  defineJob,
  expand,
  type Job,
  type JobEvent,
  jobFrom,
  notReady,
  type StartOptions,
  type TaskFunction,
  type TriggerRule,
  UnknownTaskError,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';

/** `FC_SEED=… npx vitest run test/engine/run/dynamic-graph.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const boom = new Error('boom');
const fails = (): never => {
  throw boom;
};
const never = (): Promise<undefined> => new Promise(() => {});

/** Puts out its own name under its own name. */
const tells: TaskFunction = ({ taskName }) => ({ [taskName]: taskName });

/** `'b<a'` is a task b that depends on a. */
const spec = (text: string, more: object = {}): AnyTaskSpec => {
  const [name = '', needs] = text.split('<');
  return { name, run: tells, dependsOn: needs ? needs.split(',') : [], ...more };
};

const takes =
  (clock: Clock, ms: number): TaskFunction =>
  ({ taskName }) =>
    new Promise((resolve) => clock.setTimer(() => resolve({ [taskName]: taskName }), ms));

const line = (event: JobEvent): string => {
  if (event.type === 'job.transition') return `JOB ${event.from}>${event.to}`;
  if (event.type === 'task.transition') return `${event.task} ${event.from}>${event.to}`;
  return `${event.type} ${'task' in event ? event.task : 'key' in event ? event.key : ''}`;
};

const start = (tasks: readonly AnyTaskSpec[], options?: StartOptions) => {
  const job = jobFrom('job', tasks).start({}, options);
  const lines: string[] = [];
  job.events$.subscribe((event) => lines.push(line(event)));
  return { job, lines };
};

/** Does something in the event that reads so. */
const within = (job: Job<object>, text: string, deed: () => void): void => {
  let done = false;
  job.events$.subscribe((event) => {
    if (done || line(event) !== text) return;
    done = true;
    deed();
  });
};

const statesOf = (tasks: Readonly<Record<string, { readonly state: string }>>) =>
  Object.fromEntries(Object.entries(tasks).map(([name, { state }]) => [name, state]));

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('tasks added to a job', () => {
  test('before it starts run as if they had been there', async () => {
    const { job, lines } = start([spec('a')]);
    job.addTasks([spec('b<a'), spec('c')]);
    expect((await job).ctx).toEqual({ a: 'a', c: 'c', b: 'b' });
    expect(lines).toEqual(
      [
        'task.added b',
        'task.added c',
        'JOB idle>running',
        'a unscheduled>ready',
        'c unscheduled>ready',
        'a ready>running',
        'c ready>running',
        'a running>completed',
        'b unscheduled>ready',
        'b ready>running',
        'c running>completed',
        'b running>completed',
        'JOB running>completed',
      ].sort((x, y) => lines.indexOf(x) - lines.indexOf(y)),
    );
    expect(lines).toHaveLength(13);
  });

  test('while it runs are told first and ready next, all before one of them runs', async () => {
    const { job, lines } = start([spec('gate', { kind: 'external', run: undefined })]);
    await tick();
    const before = lines.length;
    job.addTasks([spec('b<a'), spec('a'), spec('c')]);
    job.task('gate').complete();
    await job;
    expect(lines.slice(before, before + 7)).toEqual([
      'task.added b',
      'task.added a',
      'task.added c',
      'a unscheduled>ready',
      'c unscheduled>ready',
      'a ready>running',
      'c ready>running',
    ]);
  });

  test('from a subscriber, even in the event of the last task that was left', async () => {
    const { job, lines } = start([spec('a')]);
    within(job, 'a running>completed', () => job.addTasks([spec('b<a')]));
    within(job, 'b running>completed', () => job.addTasks([spec('c<a,b')]));
    expect((await job).ctx).toEqual({ a: 'a', b: 'b', c: 'c' });
    expect(lines.at(-1)).toBe('JOB running>completed');
  });

  test('in the event that one of their upstreams completed wait for the others all the same', async () => {
    const clock = virtualClock();
    const { job } = start([spec('x'), spec('y', { run: takes(clock, 10) })], { clock });
    const seen: Record<string, unknown> = {};
    const run: TaskFunction = ({ taskName, deps }) => {
      seen[taskName] = { ...deps };
    };
    within(job, 'x running>completed', () =>
      job.addTasks([
        { name: 'n', dependsOn: ['x', 'y'], run },
        { name: 'd', dependsOn: ['x', 'y'], trigger: 'allDone', run },
      ]),
    );
    await clock.runAll();
    const all = { x: { x: 'x' }, y: { y: 'y' } };
    expect([(await job).state, seen]).toEqual(['completed', { n: all, d: all }]);
  });

  test('from inside a task of the job, and from what it calls: when, over, input', async () => {
    const job: Job<object> = jobFrom('job', [
      { name: 'a', run: () => job.addTasks([spec('fromRun<a')]) },
      { name: 'b', when: () => job.addTasks([spec('fromWhen<b')]) === undefined, run: () => {} },
      { kind: 'map', name: 'm', over: () => [job.addTasks([spec('fromOver<m')])], each: () => {} },
      {
        kind: 'job',
        name: 'n',
        input: () => ({ input: job.addTasks([spec('fromInput<n')]) }),
        definition: jobFrom('child', [spec('t')]),
      },
    ]).start() as unknown as Job<object>;
    const { state, tasks } = await job;
    expect([state, Object.values(statesOf(tasks)).every((each) => each === 'completed')]).toEqual(['completed', true]);
    expect(Object.keys(tasks)).toHaveLength(8);
  });

  test('several times, each time upon those added before', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined })]);
    await tick();
    for (let at = 0; at < 50; at++) job.addTasks([spec(at === 0 ? 't0<gate' : `t${at}<t${at - 1},gate`)]);
    job.addTasks([]);
    job.task('gate').complete();
    const { state, tasks } = await job;
    expect([state, Object.keys(tasks).length, tasks.t49?.state]).toEqual(['completed', 51, 'completed']);
  });

  test('may be of every kind', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined })]);
    await tick();
    let looks = 0;
    job.addTasks([
      { kind: 'sensor', name: 's', interval: 1, check: () => ++looks > 1 },
      { kind: 'external', name: 'x' },
      { kind: 'map', name: 'm', over: [1, 2], each: ({ item }) => item },
      { kind: 'job', name: 'j', dependsOn: ['m'], definition: jobFrom('child', [spec('t')]) },
    ]);
    job.task('x').complete({ x: 1 });
    job.task('gate').complete();
    expect((await job).ctx).toEqual({ x: 1, m: [1, 2], j: { 'j/t': 'j/t' } });
    expect(job.task('j/t').state).toBe('completed');
  });

  test('10,000 in one go, and 2,000 one by one, in a reasonable time', { timeout: 30_000 }, async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined })]);
    await tick();
    const nothing = (): void => {};
    job.addTasks(
      Array.from({ length: 10_000 }, (_, at) => spec(`a${at}<${at ? `a${at - 1}` : 'gate'}`, { run: nothing })),
    );
    for (let at = 0; at < 2_000; at++) job.addTasks([spec(`b${at}<gate`, { run: nothing })]);
    job.task('gate').complete();
    const { state, tasks } = await job;
    expect([state, Object.keys(tasks).length]).toEqual(['completed', 12_001]);
  });

  test('wait while the job is paused', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined })]);
    await tick();
    job.pause();
    job.addTasks([spec('a')]);
    await tick();
    expect([job.task('a').state, job.task('a').attempts]).toEqual(['ready', 0]);
    job.resume();
    job.task('gate').complete();
    expect((await job).ctx).toEqual({ a: 'a' });
  });

  test('take the defaults and the limits of the job', async () => {
    const clock = virtualClock();
    let calls = 0;
    const { job, lines } = start([spec('a', { run: takes(clock, 10) })], {
      clock,
      maxConcurrency: 1,
      maxRetries: 2,
      pools: { db: 1 },
    });
    await clock.advance(1);
    job.addTasks([spec('b', { pool: 'db', run: () => (++calls < 3 ? fails() : { b: 1 }) })]);
    await clock.advance(1);
    expect(job.task('b').state).toBe('ready');
    await clock.runAll();
    expect([(await job).state, calls]).toEqual(['completed', 3]);
    expect(lines.indexOf('b ready>running')).toBeGreaterThan(lines.indexOf('a running>completed'));
  });

  test('run in the order of their priority, their chain, then their declaration, among those that wait', async () => {
    const clock = virtualClock();
    const order: string[] = [];
    const run: TaskFunction = ({ taskName }) => void order.push(taskName);
    const { job } = start(
      [spec('first', { priority: 9, run: takes(clock, 5) }), spec('old', { run }), spec('older', { run, priority: 1 })],
      { clock, maxConcurrency: 1 },
    );
    await clock.advance(1);
    job.addTasks([
      spec('low', { run, priority: -1 }),
      spec('plain', { run }),
      spec('chain', { run }),
      spec('link<chain', { run }),
      spec('high', { run, priority: 2 }),
    ]);
    await clock.runAll();
    await job;
    expect(order).toEqual(['high', 'older', 'chain', 'old', 'plain', 'link', 'low']);
  });

  test('run in topological order in a sequential job', async () => {
    const order: string[] = [];
    const run: TaskFunction = ({ taskName }) => void order.push(taskName);
    const { job } = start([spec('b<a', { run }), spec('a', { run })], { sequential: true });
    job.addTasks([spec('d<c', { run }), spec('c', { run, priority: 9 })]);
    await job;
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  test('come later in topological order than all that were there: their keys win, whoever is first', async () => {
    const clock = virtualClock();
    const { job, lines } = start(
      [
        spec('slow', {
          run: async () => ({ key: await takes(clock, 50)({ taskName: 'slow' } as never), from: 'slow' }),
        }),
      ],
      { clock },
    );
    await clock.advance(1);
    job.addTasks([spec('quick', { run: () => ({ from: 'quick' }) })]);
    await clock.advance(1);
    job.addTasks([spec('late', { run: () => ({ from: 'late' }) })]);
    await clock.runAll();
    expect((await job).ctx.from).toBe('late');
    expect(lines.filter((text) => text.startsWith('context.conflict'))).toHaveLength(2);
  });
});

describe('tasks added below one that has ended', () => {
  const RULES: TriggerRule[] = [
    'allSuccess',
    'allDone',
    'allFailed',
    'oneSuccess',
    'oneFailed',
    'oneDone',
    'noneFailed',
    'noneFailedMinOneSuccess',
    'noneSkipped',
    'always',
  ];
  const ENDED: AnyTaskSpec[] = [
    spec('completed'),
    spec('failed', { run: fails }),
    spec('tolerated', { run: fails, continueOnFailure: true }),
    spec('skipped', { when: () => false }),
    spec('notReady', { run: () => notReady('no') }),
    spec('below<failed'),
  ];
  const probes = RULES.flatMap((trigger) => ENDED.map(({ name }) => spec(`${trigger}-${name}<${name}`, { trigger })));

  test('are judged as they would have been from the beginning, by every rule', async () => {
    const whole = await start([...ENDED, ...probes], { onFailure: 'continue' }).job;
    const { job } = start([...ENDED, spec('gate', { kind: 'external', run: undefined })], { onFailure: 'continue' });
    await tick();
    job.addTasks(probes);
    job.task('gate').complete();
    const { tasks } = await job;
    const told = (result: typeof tasks) =>
      Object.fromEntries(
        probes.map(({ name }) => [name, [result[name]?.state, result[name]?.reason, result[name]?.error?.code]]),
      );
    expect(told(tasks)).toEqual(told(whole.tasks));
    expect(tasks['allSuccess-completed']?.state).toBe('completed');
    expect(tasks['allSuccess-below']?.error?.rootCause()).toBe(boom);
  });

  test('in the very event of its end, in which nothing else has acted on it yet', async () => {
    for (const { name } of ENDED) {
      const { job } = start([...ENDED, spec('gate', { kind: 'external', run: undefined })], { onFailure: 'continue' });
      job.events$.subscribe((event) => {
        if (event.type !== 'task.transition' || event.task !== name || job.task(name).state === 'running') return;
        if (!['completed', 'failed', 'skipped', 'notReady'].includes(event.to)) return;
        job.addTasks(RULES.map((trigger) => spec(`${trigger}<${name},gate`, { trigger })));
      });
      await tick();
      const early = statesOf(Object.fromEntries(RULES.map((rule) => [rule, job.task(rule)])));
      for (const rule of ['allDone', 'always', 'noneSkipped'] as const)
        if (early[rule] !== 'skipped') expect([name, rule, early[rule]]).toEqual([name, rule, 'unscheduled']);
      job.task('gate').complete();
      await job;
    }
  });
});

describe('what is wrong with added tasks', () => {
  test('is told all together, as of a definition, and nothing is added', async () => {
    const { job, lines } = start([spec('a'), spec('gate', { kind: 'external', run: undefined })]);
    await tick();
    const before = lines.length;
    const bad = [
      spec('a'),
      spec('twin'),
      spec('twin'),
      spec('b/c'),
      spec(''),
      spec('lost<nobody'),
      spec('self<self'),
      spec('one<two'),
      spec('two<one'),
      spec('odd', { maxRetries: -1 }),
      spec('odder', { dependson: ['a'] }),
      spec('idle', { run: undefined }),
      spec('kind', { kind: 'robot' }),
      spec('pooled', { pool: 'db' }),
      null,
      5,
    ] as unknown as AnyTaskSpec[];
    let thrown: { problems: { code: string; tasks: string[] }[] } | undefined;
    try {
      job.addTasks(bad);
    } catch (error) {
      thrown = error as typeof thrown;
    }
    const codes = thrown?.problems.map(({ code }) => code);
    expect(new Set(codes)).toEqual(
      new Set(['DUPLICATE_TASK', 'INVALID_NAME', 'UNKNOWN_DEPENDENCY', 'SELF_DEPENDENCY', 'CYCLE', 'INVALID_OPTION']),
    );
    expect(codes?.filter((code) => code === 'DUPLICATE_TASK')).toHaveLength(2);
    expect(lines).toHaveLength(before);
    expect(() => job.task('twin')).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
    job.addTasks([spec('twin'), spec('lost<twin')]);
    job.task('gate').complete();
    expect((await job).ctx).toEqual({ a: 'a', twin: 'twin', lost: 'lost' });
  });

  test.each([
    ['a pool that there is not', { pool: 'api' }],
    ['more slots than the pool has', { pool: 'db', slots: 3 }],
  ])('may be %s', (_, options) => {
    const { job } = start([spec('a')], { pools: { db: 2 } });
    expect(() => job.addTasks([spec('b', options)])).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    job.cancel();
  });

  test.each([[null], [undefined], ['a'], [{}], [5]])('may be that they are no list: %j', (tasks) => {
    const { job } = start([spec('a')]);
    expect(() => job.addTasks(tasks as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    job.cancel();
  });

  test('may be that the job is over, or is ending: INVALID_STATE', async () => {
    const clock = virtualClock();
    const refused = expect.objectContaining({ name: 'CommandError', code: 'INVALID_STATE' });
    const { job } = start([spec('a', { run: takes(clock, 10) })], { clock });
    await clock.advance(1);
    job.cancel('enough', { mode: 'drain' });
    expect(() => job.addTasks([spec('b')])).toThrow(refused);
    expect(() => job.removeTask('a')).toThrow(refused);
    await clock.runAll();
    expect(() => job.addTasks([spec('b')])).toThrow(refused);
    expect(() => job.removeTask('a')).toThrow(refused);
    const quick = start([spec('a')]).job;
    const last = vi.fn(() => quick.addTasks([spec('b')]));
    within(quick, 'JOB running>completed', () => expect(last).toThrow(refused));
    await quick;
    expect(last).toHaveBeenCalledOnce();
  });
});

describe('a job that has grown', () => {
  test('shows what was added everywhere', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined })]);
    await tick();
    job.addTasks([spec('new<gate'), spec('newer<new')]);
    expect(job.toDot()).toContain('"newer"');
    expect(job.toMermaid()).toContain('newer');
    expect(job.explain('newer')).toMatchObject([
      { task: 'newer', state: 'unscheduled', reasons: [{ kind: 'upstream', tasks: ['new'] }] },
    ]);
    expect(job.explain().map(({ task }) => task)).toEqual(['gate', 'new', 'newer']);
    expect(job.frontier()).toMatchObject([{ task: 'gate', subtree: ['gate', 'new', 'newer'] }]);
    const waiting = job.output('newer');
    job.task('gate').complete();
    expect(await waiting).toEqual({ newer: 'newer' });
    const result = await job;
    expect(Object.keys(result.tasks)).toEqual(['gate', 'new', 'newer']);
    expect(result.frontier()).toEqual([]);
    expect(job.toGantt()).toContain('newer');
  });

  test('leaves its definition, and other jobs of it, as they were', async () => {
    const clock = virtualClock();
    const definition = jobFrom('job', [spec('a', { run: takes(clock, 5) }), spec('b<a')]);
    const before = [
      definition.fingerprint,
      definition.topologicalOrder(),
      definition.toDot(),
      definition.downstream('a'),
    ];
    const [one, two] = [definition.start({}, { clock }), definition.start({}, { clock })];
    await clock.advance(1);
    one.addTasks([spec('c<a'), spec('d<b')]);
    two.removeTask('b');
    await clock.runAll();
    const three = definition.start({}, { clock });
    await clock.runAll();
    expect([
      definition.fingerprint,
      definition.topologicalOrder(),
      definition.toDot(),
      definition.downstream('a'),
    ]).toEqual(before);
    expect([one, two, three].map((job) => Object.keys(job.ctx as object))).toEqual([
      ['a', 'b', 'c', 'd'],
      ['a'],
      ['a', 'b'],
    ]);
    expect(() => two.task('c')).toThrow();
  });

  test('runs added clean-up on every way out', async () => {
    const { job } = start([spec('work', { run: never })]);
    await tick();
    job.addTasks([spec('clean<work', { trigger: 'always' })]);
    job.cancel();
    expect(statesOf((await job).tasks)).toEqual({ work: 'cancelled', clean: 'completed' });
  });

  test('skips what was added below a failure, and fails by what was added', async () => {
    const { job } = start([spec('bad', { run: fails }), spec('gate', { kind: 'external', run: undefined })], {
      onFailure: 'continue',
    });
    await tick();
    job.addTasks([spec('below<bad'), spec('worse', { run: fails }), spec('last<gate')]);
    job.task('gate').complete();
    const { state, tasks, errors } = await job;
    expect([state, errors.map(({ taskName }) => taskName)]).toEqual(['failed', ['bad', 'worse']]);
    expect(statesOf(tasks)).toEqual({
      bad: 'failed',
      gate: 'completed',
      below: 'skipped',
      worse: 'failed',
      last: 'completed',
    });
  });
});

describe('a task taken out of a job', () => {
  /** What each state is brought about by, and whether a task in it can be removed. */
  const STATES: [state: string, task: object, removable: boolean][] = [
    ['unscheduled', { dependsOn: ['gate'] }, true],
    ['ready', {}, true],
    ['ready external', { kind: 'external', run: undefined }, true],
    ['paused', {}, true],
    ['running', { priority: 1, run: never }, false],
    ['claimed external', { kind: 'external', run: undefined }, false],
    ['retrying', { priority: 1, maxRetries: 1, retry: { delayMs: 1_000 }, run: fails }, false],
    ['polling', { priority: 1, kind: 'sensor', run: undefined, check: () => false }, false],
    ['completed', { priority: 1 }, false],
    ['failed', { priority: 1, run: fails }, false],
    ['skipped', { when: () => false }, false],
  ];

  test.each(STATES)('that is %s', async (state, task, removable) => {
    const clock = virtualClock();
    const { job, lines } = start([spec('gate', { run: takes(clock, 100) }), spec('it', task)], {
      clock,
      maxConcurrency: 1,
      onFailure: 'continue',
    });
    await clock.advance(1);
    if (state === 'paused') job.task('it').pause();
    if (state === 'claimed external') job.task('it').claim('me');
    expect(state.startsWith(job.task('it').state) || state === 'claimed external').toBe(true);
    if (removable) {
      job.removeTask('it');
      expect(() => job.task('it')).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
      expect(lines).toContain('task.removed it');
      await clock.runAll();
      const { tasks, state: end } = await job;
      expect([end, Object.keys(tasks)]).toEqual(['completed', ['gate']]);
      expect(lines).not.toContain('it ready>running');
    } else {
      const told = { code: 'INVALID_STATE', taskName: 'it' };
      expect(() => job.removeTask('it')).toThrow(expect.objectContaining(told));
      expect(lines).not.toContain('task.removed it');
    }
    job.cancel();
    await job;
  });

  test('before the job starts never runs', async () => {
    const ran: string[] = [];
    const run: TaskFunction = ({ taskName }) => void ran.push(taskName);
    const { job, lines } = start([spec('a', { run }), spec('b', { run }), spec('c<b', { run })]);
    job.removeTask('c');
    job.removeTask('a');
    expect(statesOf((await job).tasks)).toEqual({ b: 'completed' });
    expect([ran, lines.filter((text) => text.startsWith('a '))]).toEqual([['b'], []]);
  });

  test('may be the last one, before the start too: the job completes', async () => {
    const { job } = start([spec('a'), spec('b')]);
    job.removeTask('a');
    job.removeTask('b');
    const { state, tasks, ctx } = await job;
    expect([state, tasks, ctx]).toEqual(['completed', {}, {}]);
    const gate = start([spec('a'), spec('x', { kind: 'external', run: undefined })]);
    await tick();
    expect(gate.job.state).toBe('running');
    gate.job.removeTask('x');
    expect((await gate.job).state).toBe('completed');
    expect(gate.lines.at(-1)).toBe('JOB running>completed');
  });

  test('on which others depend is refused, with each of them', async () => {
    const { job } = start([
      spec('gate', { kind: 'external', run: undefined }),
      spec('a<gate'),
      spec('b<a'),
      spec('c<a'),
    ]);
    await tick();
    expect(() => job.removeTask('a')).toThrow(
      expect.objectContaining({
        problems: [
          expect.objectContaining({ code: 'UNKNOWN_DEPENDENCY', tasks: ['b', 'a'] }),
          expect.objectContaining({ tasks: ['c', 'a'] }),
        ],
      }),
    );
    job.removeTask('c');
    job.removeTask('b');
    job.removeTask('a');
    job.task('gate').complete();
    expect(Object.keys((await job).tasks)).toEqual(['gate']);
  });

  test.each([
    'nobody',
    '',
    'outer/inner',
    'each[0]',
    '__proto__',
  ])('must be there: %j is UNKNOWN_TASK', async (name) => {
    const { job } = start([
      { kind: 'job', name: 'outer', definition: jobFrom('child', [spec('inner')]) },
      { kind: 'map', name: 'each', over: [1], each: () => {} },
    ]);
    expect(() => job.removeTask(name)).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
    await job;
  });

  test('leaves its name free for another', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined }), spec('it<gate')]);
    await tick();
    job.removeTask('it');
    expect(() => job.addTasks([spec('x<it')])).toThrow(expect.objectContaining({ code: 'UNKNOWN_DEPENDENCY' }));
    job.addTasks([spec('it', { run: () => ({ it: 'another' }) })]);
    job.task('gate').complete();
    const { ctx, tasks } = await job;
    expect([ctx, Object.keys(tasks)]).toEqual([{ it: 'another' }, ['gate', 'it']]);
  });

  test('is gone from every view', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined }), spec('it<gate')]);
    await tick();
    job.removeTask('it');
    expect(job.explain().map(({ task }) => task)).toEqual(['gate']);
    expect(job.toDot()).not.toContain('"it"');
    expect(job.frontier()).toMatchObject([{ task: 'gate', subtree: ['gate'] }]);
    job.task('gate').complete();
    await job;
  });

  test('tells those who wait for its output, at once', async () => {
    const { job } = start([spec('gate', { kind: 'external', run: undefined }), spec('it<gate')]);
    await tick();
    const waiting = job.output('it').catch((error: { code: string }) => error.code);
    job.removeTask('it');
    expect(await Promise.race([waiting, tick().then(() => 'still waits')])).toMatch(/TASK_CANCELLED|UNKNOWN_TASK/);
    job.cancel();
  });

  test('in the event of its upstream, or of its own `ready`, never runs', async () => {
    const first = start([spec('a'), spec('it<a')]);
    within(first.job, 'a running>completed', () => first.job.removeTask('it'));
    expect(Object.keys((await first.job).tasks)).toEqual(['a']);
    const clock = virtualClock();
    const second = start([spec('a'), spec('long', { run: takes(clock, 10) }), spec('it<a', { deadline: 1_000 })], {
      clock,
      maxConcurrency: 1,
    });
    within(second.job, 'it unscheduled>ready', () => second.job.removeTask('it'));
    await clock.runAll();
    const { state, tasks } = await second.job;
    expect([state, Object.keys(tasks), second.lines.includes('it ready>running')]).toEqual([
      'completed',
      ['a', 'long'],
      false,
    ]);
    expect(clock.now()).toBe(10);
  });

  test('gives back nothing that it did not hold: limits stay right', async () => {
    const clock = virtualClock();
    const names = Array.from({ length: 20 }, (_, at) => `t${at}`);
    const { job } = start(
      names.map((name) => spec(name, { pool: 'db', run: takes(clock, 10) })),
      { clock, pools: { db: 2 } },
    );
    await clock.advance(1);
    for (const name of names.slice(2, 10)) job.removeTask(name);
    await clock.runAll();
    const { state, tasks } = await job;
    expect([state, Object.keys(tasks).length, clock.now()]).toEqual(['completed', 12, 60]);
  });
});

describe('expand', () => {
  test('adds tasks when its task completes; they may depend on it, on others and on one another', async () => {
    const { job, lines } = start([
      spec('list', { run: () => expand([spec('x<list'), spec('y<x,other')], { count: 2 }) }),
      spec('other'),
    ]);
    expect((await job).ctx).toEqual({ count: 2, other: 'other', x: 'x', y: 'y' });
    expect(lines.filter((text) => text.startsWith('task.added'))).toEqual(['task.added x', 'task.added y']);
    expect(lines.indexOf('list running>completed')).toBeLessThan(lines.indexOf('x unscheduled>ready'));
  });

  test('without an output puts out nothing, and without tasks adds none', async () => {
    const { job } = start([
      spec('list', { run: () => expand([]) }),
      spec('more', { run: async () => expand([spec('x<more')]) }),
    ]);
    expect((await job).ctx).toEqual({ x: 'x' });
    expect(await job.output('list')).toBeUndefined();
  });

  test('of what was added by expand, 1,000 times', async () => {
    const step = (at: number): AnyTaskSpec => ({
      name: `s${at}`,
      run: () => (at < 1_000 ? expand([step(at + 1)], { at }) : { last: true }),
    });
    const { ctx, tasks } = await start([step(0)]).job;
    expect([ctx.at, ctx.last, Object.keys(tasks).length]).toEqual([999, true, 1_001]);
  });

  test('from a task of a nested job adds to that job', async () => {
    const child = jobFrom('child', [
      {
        name: 'list',
        run: () =>
          expand([spec('x<list', { run: ({ taskName }: { taskName: string }) => ({ x: taskName }) })], { count: 1 }),
      },
    ]);
    const { job, lines } = start([{ kind: 'job', name: 'outer', definition: child }]);
    const before = child.fingerprint;
    expect((await job).ctx.outer).toEqual({ count: 1, x: 'outer/x' });
    expect(lines).toContain('task.added outer/x');
    expect(job.task('outer/x').state).toBe('completed');
    expect([child.fingerprint, child.tasks.length]).toEqual([before, 1]);
  });

  test.each([
    ['a name that is taken', [spec('list')], 'list'],
    ['a name twice', [spec('x'), spec('x')], 'x'],
    ['an unknown dependency', [spec('x<nobody')], 'nobody'],
    ['a cycle', [spec('x<y'), spec('y<x')], 'x'],
    ['no function', [{ name: 'x' }], 'x'],
    ['what is no task', [null, 5], 'name'],
  ])('of %s is INVALID_OUTPUT: not tried again, nothing added', async (_, tasks, told) => {
    const { job, lines } = start([
      spec('list', { maxRetries: 3, run: () => expand(tasks as AnyTaskSpec[], { count: 1 }) }),
    ]);
    const { state, ctx, errors } = await job;
    expect([state, ctx]).toEqual(['failed', {}]);
    expect(errors[0]).toMatchObject({
      code: 'INVALID_OUTPUT',
      attempt: 1,
      message: expect.stringContaining(told),
      cause: { name: 'JobDefinitionError' },
    });
    expect(lines.filter((text) => text.startsWith('task.added'))).toEqual([]);
  });

  test('with an output that is none adds nothing either', async () => {
    for (const output of [5, [], null, 'text']) {
      const { job } = start([spec('list', { run: () => expand([spec('x')], output as never) })], {
        onFailure: 'continue',
      });
      const { errors, tasks } = await job;
      expect([errors[0]?.code, Object.keys(tasks)]).toEqual(['INVALID_OUTPUT', ['list']]);
    }
  });

  test('from an attempt that failed before adds once', async () => {
    const { job } = start([
      spec('list', {
        maxRetries: 1,
        run: ({ attempt }: { attempt: number }) => (attempt === 1 ? fails() : expand([spec('x')])),
      }),
    ]);
    expect(Object.keys((await job).tasks)).toEqual(['list', 'x']);
  });

  test('in a job that is ending adds nothing, and keeps the output', async () => {
    const clock = virtualClock();
    const { job } = start(
      [
        spec('list', {
          run: () => new Promise((resolve) => clock.setTimer(() => resolve(expand([spec('x')], { count: 1 })), 10)),
        }),
      ],
      { clock },
    );
    await clock.advance(1);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    expect([(await job).ctx, Object.keys((await job).tasks)]).toEqual([{ count: 1 }, ['list']]);
  });

  test('from a late attempt adds nothing', async () => {
    const clock = virtualClock();
    const late = () => new Promise((resolve) => clock.setTimer(() => resolve(expand([spec('x')])), 20));
    const { job, lines } = start(
      [spec('list', { timeout: 10, continueOnFailure: true, run: late }), spec('wait', { run: takes(clock, 30) })],
      { clock },
    );
    await clock.runAll();
    expect(Object.keys((await job).tasks)).toEqual(['list', 'wait']);
    expect(lines).toContain('task.lateResult list');
  });

  test('reads in types as its output', async () => {
    const job = defineJob('job')
      .task('list', () => expand([spec('x')], { count: 1 }))
      .task('after', { dependsOn: ['list'] }, ({ ctx }) => ({ twice: ctx.count * 2 }))
      .start();
    expect((await job.orThrow()).twice).toBe(2);
  });
});

describe('a job that grows and shrinks at random moments', { timeout: 60_000 }, () => {
  const RULES: readonly TriggerRule[] = [
    'allSuccess',
    'allDone',
    'allFailed',
    'oneSuccess',
    'oneFailed',
    'oneDone',
    'noneFailed',
    'noneFailedMinOneSuccess',
    'noneSkipped',
    'always',
  ];
  type Node = {
    readonly needs: readonly number[];
    readonly rule: TriggerRule;
    readonly ending: 'ok' | 'fails' | 'tolerated' | 'notReady' | 'when';
    readonly ms: number;
    /** In the event of which number it is added; 0: from the beginning. */
    readonly addedAt: number;
    readonly by: 'addTasks' | 'expand';
  };
  const node = fc.record<Node>({
    needs: fc.array(fc.nat(20), { maxLength: 3 }),
    rule: fc.oneof({ weight: 2, arbitrary: fc.constant<TriggerRule>('allSuccess') }, fc.constantFrom(...RULES)),
    ending: fc.constantFrom('ok', 'ok', 'ok', 'fails', 'tolerated', 'notReady', 'when'),
    ms: fc.nat(3),
    addedAt: fc.oneof(fc.constant(0), fc.nat(40)),
    by: fc.constantFrom('addTasks', 'addTasks', 'expand'),
  });
  const plays = fc.record({
    nodes: fc.array(node, { minLength: 1, maxLength: 14 }),
    maxConcurrency: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
    /** In the event of which number a task that nobody needs comes and, two events later, goes. */
    removedAt: fc.nat(30),
  });

  /** Rules to which it is all one whether an upstream failed or was skipped: which of these a skip counts as may depend on timing. */
  const EVEN: ReadonlySet<TriggerRule> = new Set(['allSuccess', 'allDone', 'oneSuccess', 'always']);

  const specOf = (clock: Clock, nodes: readonly Node[], at: number): AnyTaskSpec => {
    const { needs, rule, ending, ms } = nodes[at] as Node;
    const upstream = at === 0 ? [] : [...new Set(needs.map((need) => need % at))];
    const belowRoots = upstream.every((index) => index === 0 || nodes[index]?.needs.length === 0);
    return {
      name: `t${at}`,
      dependsOn: upstream.map((index) => `t${index}`),
      trigger: EVEN.has(rule) || belowRoots ? rule : 'allSuccess',
      continueOnFailure: ending === 'tolerated',
      ...(ending === 'when' && { when: () => false }),
      run: async () => {
        if (ms > 0) await new Promise<void>((resolve) => clock.setTimer(resolve, ms));
        if (ending === 'fails' || ending === 'tolerated') fails();
        return ending === 'notReady' ? notReady('no') : { [`t${at}`]: at };
      },
    };
  };

  const whole = async (nodes: readonly Node[]) => {
    const clock = virtualClock();
    const { job } = start(
      nodes.map((_, at) => specOf(clock, nodes, at)),
      { clock, onFailure: 'continue' },
    );
    await clock.runAll();
    const { tasks, ctx } = await job;
    return { states: statesOf(tasks), ctx };
  };

  const grown = async (nodes: readonly Node[], maxConcurrency: number, removedAt: number) => {
    const clock = virtualClock();
    const specs = nodes.map((_, at) => specOf(clock, nodes, at));
    const isLate = nodes.map(({ addedAt }) => addedAt > 0);
    for (const [at, { dependsOn = [] }] of specs.entries())
      isLate[at] ||= dependsOn.some((need) => isLate[Number(need.slice(1))]);
    const first = specs.filter((_, at) => !isLate[at]);
    const due = new Set([...specs.keys()].filter((at) => isLate[at]));
    const known = new Set(first.map(({ name }) => name));
    const { job } = start([...first, { kind: 'external', name: 'gate' }], {
      clock,
      maxConcurrency,
      onFailure: 'continue',
    });
    /** Adds what is due by now and has all it needs. */
    const join = (now: number): void => {
      const batch = { addTasks: new Map<string, AnyTaskSpec>(), expand: new Map<string, AnyTaskSpec>() };
      for (const at of due) {
        const [{ addedAt, by }, each] = [nodes[at] as Node, specs[at] as AnyTaskSpec];
        if (addedAt > now || !each.dependsOn?.every((need) => known.has(need) || batch[by].has(need))) continue;
        batch[by].set(each.name, each);
        due.delete(at);
      }
      if (batch.addTasks.size > 0) job.addTasks([...batch.addTasks.values()]);
      const grown = [...batch.expand.values()];
      if (grown.length > 0) job.addTasks([{ name: `grower of ${grown[0]?.name}`, run: () => expand(grown) }]);
    };
    let seq = 0;
    let closing = false;
    job.events$.subscribe((event) => {
      if (event.type === 'job.transition' && event.to !== 'running') return;
      seq = event.seq;
      if (event.type === 'task.added') known.add(event.task);
      if (closing) return;
      if (event.seq === removedAt) job.addTasks([spec('guest<gate')]);
      if (event.seq === removedAt + 2) ifThere(() => job.removeTask('guest'));
      join(event.seq);
    });
    await clock.runAll();
    while (due.size > 0) {
      join(Number.POSITIVE_INFINITY);
      await clock.runAll();
    }
    closing = true;
    ifThere(() => job.removeTask('guest'));
    job.task('gate').complete();
    await clock.runAll();
    expect([job.state === 'running', seq > 0, clock.pending()]).toEqual([false, true, 0]);
    const { tasks, ctx } = await job;
    const states = Object.entries(statesOf(tasks)).filter(([name]) => name.startsWith('t'));
    return { states: Object.fromEntries(states), ctx };
  };

  const ifThere = (command: () => void): void => {
    try {
      command();
    } catch (error) {
      if (!(error instanceof UnknownTaskError)) throw error;
    }
  };

  test('ends as if all had been there from the beginning', async () => {
    await fc.assert(
      fc.asyncProperty(plays, async ({ nodes, maxConcurrency, removedAt }) => {
        expect(await grown(nodes, maxConcurrency, removedAt)).toEqual(await whole(nodes));
      }),
      { numRuns: 500, ...seeded },
    );
  });
});
