import { type AnyTaskSpec, type Job, jobFrom, notReady, type TaskFunction } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';
import { RULES } from '../../support/conditions.ts';
import { boom, fails, spec, start, statesOf, takes, within } from '../../support/dynamic-graph.ts';

const never = (): Promise<undefined> => new Promise(() => {});

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

  test('lengthen the chain of the tasks that they wait for, removed they shorten it: the order is that of one declaration', async () => {
    const chains = ['a', 'b', 'c', 'b1<b', 'c1<c', 'c2<c1'];
    const orderOf = async (declared: readonly string[], added: readonly string[], removed: readonly string[] = []) => {
      const clock = virtualClock();
      const order: string[] = [];
      const run: TaskFunction = ({ taskName }) => void order.push(taskName);
      const specs = (names: readonly string[]) => names.map((name) => spec(name, { run }));
      const first = spec('first', { priority: 9, run: takes(clock, 5) });
      const { job } = start([first, ...specs(declared)], { clock, maxConcurrency: 1 });
      await clock.advance(1);
      // One by one, and all behind tasks that wait in the queue already.
      for (const name of added) job.addTasks(specs([name]));
      for (const name of removed) job.removeTask(name);
      await clock.runAll();
      await job;
      return order;
    };
    const order = await orderOf(chains, []);
    expect(order).toEqual(['c', 'b', 'c1', 'a', 'b1', 'c2']);
    expect(await orderOf(chains.slice(0, 3), chains.slice(3))).toEqual(order);
    expect(
      await orderOf(chains.slice(0, 3), [...chains.slice(3), 'a1<a', 'a2<a1', 'a3<a2'], ['a3', 'a2', 'a1']),
    ).toEqual(order);
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
      { name: 'again', dependsOn: ['a', 'a'], run: () => {} },
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
      new Set([
        'DUPLICATE_TASK',
        'INVALID_NAME',
        'UNKNOWN_DEPENDENCY',
        'SELF_DEPENDENCY',
        'DUPLICATE_DEPENDENCY',
        'CYCLE',
        'INVALID_OPTION',
      ]),
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
