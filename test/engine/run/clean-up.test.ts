import fc from 'fast-check';
import {
  type AnyTaskSpec,
  createEngine,
  type Job,
  type JobEvent,
  type JobResult,
  type JobState,
  jobFrom,
  notReady,
  type StartOptions,
  type TaskScope,
  type TaskState,
  type TriggerRule,
} from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

/** `FC_SEED=… npx vitest run test/engine/run/clean-up.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

type Begun = {
  readonly clock: VirtualClock;
  readonly job: Job;
  readonly events: readonly JobEvent[];
  /** `name state` of each transition of a task, and `JOB state`. */
  readonly lines: readonly string[];
};

/** Makes tasks with the clock of their job, and the job itself for later. */
type MakeTasks = (clock: VirtualClock, job: () => Job) => readonly AnyTaskSpec[];

const begin = (tasks: MakeTasks, options: StartOptions = {}): Begun => {
  const clock = virtualClock();
  const specs = tasks(clock, () => job);
  const job = jobFrom('job', specs).start({}, { clock, ...options }) as unknown as Job;
  const events: JobEvent[] = [];
  const lines: string[] = [];
  job.events$.subscribe((event) => {
    events.push(event);
    if (event.type === 'task.transition') lines.push(`${event.task} ${event.to}`);
    if (event.type === 'job.transition') lines.push(`JOB ${event.to}`);
  });
  return { clock, job, events, lines };
};

const nothing = (): void => {};
const never = (): Promise<void> => new Promise(() => {});
const raise = (message: string): never => {
  throw new Error(message);
};

/** Works for so long, and stops at once when told to. */
const works =
  (clock: VirtualClock, ms: number, output?: object) =>
  ({ signal }: Pick<TaskScope, 'signal'>) =>
    new Promise<object | undefined>((resolve, reject) => {
      const callOff = clock.setTimer(() => resolve(output), ms);
      signal.addEventListener('abort', () => {
        callOff();
        reject(signal.reason);
      });
    });

const task = (job: Job, name: string) => job.task(name as never);
const statesOf = ({ tasks }: JobResult): Readonly<Record<string, TaskState>> =>
  Object.fromEntries(Object.entries(tasks).map(([name, { state }]) => [name, state]));
const times = (lines: readonly string[], line: string): number => lines.filter((each) => each === line).length;
const expectOrder = (lines: readonly string[], first: string, second: string): void => {
  expect(lines).toContain(first);
  expect(lines).toContain(second);
  expect(lines.indexOf(first), `${first} before ${second}`).toBeLessThan(lines.indexOf(second));
};

type WayOut = {
  readonly state: JobState;
  readonly code?: string;
  readonly options?: StartOptions;
  /** What `trouble` does, beside `work`. */
  readonly trouble?: (clock: VirtualClock) => (scope: TaskScope) => unknown;
  readonly act?: (job: Job, parent: AbortController) => void;
};

const failsAt10 = (clock: VirtualClock) => () =>
  new Promise((_, reject) => clock.setTimer(() => reject(new Error('trouble')), 10));

/** Every way in which a job can end, while `work` takes from 5 to 25 ms. */
const WAYS_OUT: Readonly<Record<string, WayOut>> = {
  completion: { state: 'completed' },
  'a task that is not ready': { state: 'notReady', trouble: () => () => notReady('later') },
  'a failure (abort)': { state: 'failed', code: 'JOB_FAILED', trouble: failsAt10 },
  'a failure (drain)': { state: 'failed', code: 'JOB_FAILED', trouble: failsAt10, options: { onFailure: 'drain' } },
  'a failure (continue)': {
    state: 'failed',
    code: 'JOB_FAILED',
    trouble: failsAt10,
    options: { onFailure: 'continue' },
  },
  'a context conflict': {
    state: 'failed',
    code: 'CONTEXT_CONFLICT',
    options: { contextConflict: 'error' },
    trouble: (clock) => works(clock, 10, { opened: 'too' }),
  },
  'the time limit': { state: 'timedOut', code: 'JOB_TIMEOUT', options: { timeout: 15 } },
  'a cancellation (abort)': { state: 'cancelled', code: 'JOB_CANCELLED', act: (job) => void job.cancel('enough') },
  'a cancellation (drain)': {
    state: 'cancelled',
    code: 'JOB_CANCELLED',
    act: (job) => void job.cancel('enough', { mode: 'drain' }),
  },
  'the parent signal': { state: 'cancelled', code: 'JOB_CANCELLED', act: (_, parent) => parent.abort('enough') },
};

describe.each(Object.entries(WAYS_OUT))('after %s', (_, { state, code, options, trouble, act }) => {
  const play = async (cleanUps: MakeTasks, more: StartOptions = {}) => {
    const parent = new AbortController();
    const begun = begin(
      (clock, job) => [
        { name: 'open', run: works(clock, 5, { opened: 1 }) },
        { name: 'work', dependsOn: ['open'], run: works(clock, 20) },
        { name: 'trouble', run: trouble?.(clock) ?? nothing },
        { name: 'later', dependsOn: ['work', 'trouble'], run: nothing },
        ...cleanUps(clock, job),
      ],
      { signal: parent.signal, ...options, ...more },
    );
    await begun.clock.advance(12);
    act?.(begun.job, parent);
    await begun.clock.runAll();
    return { ...begun, result: await begun.job };
  };
  const ends = ({ result, events, lines }: Awaited<ReturnType<typeof play>>): void => {
    expect(result.state).toBe(state);
    expect(result.error?.code).toBe(code);
    expect(events.at(-1)).toMatchObject({ type: 'job.transition', to: state });
    expect(lines.filter((line) => /^JOB (?!running|paused)/.test(line))).toHaveLength(1);
    if (state !== 'completed') expect(lines).not.toContain('later running');
  };

  test.each([
    0, 8,
  ])('clean-up runs once, when its upstreams have ended, and the job ends after it (grace %d ms)', async (graceMs) => {
    const seen: unknown[] = [];
    const played = await play(
      (clock) => [
        {
          name: 'close',
          dependsOn: ['open', 'work'],
          trigger: 'always',
          run: async ({ ctx, deps, signal, isActive }) => {
            await new Promise<void>((resolve) => clock.setTimer(resolve, 30));
            seen.push(ctx.opened, deps.open, signal.aborted, isActive());
            return { closed: true };
          },
        },
        { name: 'say', dependsOn: ['close'], trigger: 'always', run: ({ deps }) => void seen.push(deps.close) },
      ],
      { graceMs },
    );
    ends(played);
    const { lines, result } = played;
    const workEnded = lines.find((line) => /^work (completed|cancelled|failed)/.test(line)) as string;
    expectOrder(lines, workEnded, 'close ready');
    expectOrder(lines, 'close completed', 'say ready');
    expectOrder(lines, 'say completed', `JOB ${state}`);
    expect([times(lines, 'close running'), times(lines, 'say running')]).toEqual([1, 1]);
    const opened = code === 'CONTEXT_CONFLICT' ? expect.anything() : 1;
    expect(seen).toEqual([opened, { opened: 1 }, false, true, { closed: true }]);
    expect(result.ctx).toMatchObject({ closed: true });
  });

  test('clean-up that fails is tried again as it says, and does not change how the job ended', async () => {
    const played = await play((clock) => [
      {
        name: 'close',
        dependsOn: ['work'],
        trigger: 'always',
        maxRetries: 2,
        retry: { delayMs: 100 },
        timeout: 50,
        continueOnFailure: true,
        run: async (scope) => {
          await (scope.attempt === 2 ? never() : works(clock, 10)(scope));
          raise('stuck');
        },
      },
      { name: 'say', dependsOn: ['close'], trigger: 'always', run: nothing },
    ]);
    ends(played);
    const { lines, result } = played;
    expect(result.tasks.close).toMatchObject({ state: 'failed', attempts: 3, reason: 'error' });
    expect(times(lines, 'close retrying')).toBe(2);
    expect(result.tasks.say?.state).toBe('completed');
  });

  test.each(['sensor', 'job', 'map', 'external'] as const)('clean-up may be a %s', async (kind) => {
    let looks = 0;
    const played = await play((clock, job) => {
      const common = { name: 'close', dependsOn: ['work'], trigger: 'always' } as const;
      const inner = jobFrom('inner', [
        { name: 'a', run: works(clock, 10, { a: 1 }) },
        {
          name: 'b',
          dependsOn: ['a'],
          maxRetries: 1,
          run: ({ attempt }) => (attempt === 1 ? raise('once') : { b: 2 }),
        },
      ]);
      const specs: Readonly<Record<typeof kind, AnyTaskSpec>> = {
        sensor: { ...common, kind: 'sensor', interval: 10, check: () => ++looks === 3 },
        job: { ...common, kind: 'job', definition: inner },
        map: { ...common, kind: 'map', over: [1, 2, 3], concurrency: 1, each: works(clock, 10, { item: 1 }) },
        external: { ...common, kind: 'external' },
      };
      if (kind === 'external') clock.setTimer(() => task(job(), 'close').complete({ by: 'hand' }), 200);
      return [specs[kind], { name: 'say', dependsOn: ['close'], trigger: 'always', run: nothing }];
    });
    ends(played);
    expect(played.result.tasks.close).toMatchObject({ state: 'completed', attempts: 1 });
    expect(played.result.tasks.say?.state).toBe('completed');
    if (kind === 'job') expect(played.result.ctx).toMatchObject({ close: { a: 1, b: 2 } });
    if (kind === 'map') expect(played.result.ctx).toMatchObject({ close: [{ item: 1 }, { item: 1 }, { item: 1 }] });
    if (kind === 'external') expect(played.result.ctx).toMatchObject({ by: 'hand' });
  });

  test('clean-up whose condition does not hold is skipped; one whose condition throws fails', async () => {
    const asked: string[] = [];
    const when = (name: string, answer: () => boolean) => () => {
      asked.push(name);
      return answer();
    };
    const common = { dependsOn: ['work'], trigger: 'always', run: nothing } as const;
    const played = await play(() => [
      { ...common, name: 'no', when: when('no', () => false) },
      { ...common, name: 'yes', when: when('yes', () => true) },
      { ...common, name: 'throws', when: when('throws', () => raise('boo')), continueOnFailure: true },
      { ...common, name: 'behind', dependsOn: ['no'] },
    ]);
    ends(played);
    expect(statesOf(played.result)).toMatchObject({
      no: 'skipped',
      yes: 'completed',
      throws: 'failed',
      behind: 'completed',
    });
    expect(asked.sort()).toEqual(['no', 'throws', 'yes']);
  });
});

describe('clean-up of a job that is being stopped', () => {
  const always = { trigger: 'always' } as const;

  test('goes in the order of its dependencies; what is ready in one go is ready before the first of it runs', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'work', run: works(clock, 100) },
      { name: 'last', dependsOn: ['one', 'two'], ...always, run: nothing },
      { name: 'one', dependsOn: ['work'], ...always, run: works(clock, 10) },
      { name: 'two', dependsOn: ['work'], ...always, run: works(clock, 20) },
    ]);
    await clock.advance(1);
    job.cancel();
    await clock.runAll();
    expect(lines.slice(lines.indexOf('work cancelled'))).toEqual([
      'work cancelled',
      'one ready',
      'two ready',
      'one running',
      'two running',
      'one completed',
      'two completed',
      'last ready',
      'last running',
      'last completed',
      'JOB cancelled',
    ]);
  });

  test('waits for what runs further up, though a task between never starts (drain)', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'open', run: works(clock, 50) },
      { name: 'work', dependsOn: ['open'], run: nothing },
      { name: 'close', dependsOn: ['work'], ...always, run: nothing },
    ]);
    await clock.advance(10);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    expectOrder(lines, 'open completed', 'close ready');
    expect(lines).not.toContain('work ready');
  });

  test('waits for what runs further up, though a task between never starts (grace)', async () => {
    const { clock, job, lines } = begin(
      (clock) => [
        { name: 'open', run: () => new Promise<void>((resolve) => clock.setTimer(resolve, 50)) },
        { name: 'work', dependsOn: ['open'], run: nothing },
        { name: 'close', dependsOn: ['work'], ...always, run: nothing },
      ],
      { graceMs: 100 },
    );
    await clock.advance(10);
    job.cancel();
    await clock.runAll();
    expectOrder(lines, 'open cancelled', 'close ready');
  });

  test('waits for clean-up further up, though a task between never starts', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'work', run: never },
      { name: 'drop', dependsOn: ['work'], ...always, run: works(clock, 10) },
      { name: 'report', dependsOn: ['drop'], run: nothing },
      { name: 'close', dependsOn: ['report'], ...always, run: nothing },
    ]);
    await clock.advance(1);
    job.cancel();
    await clock.runAll();
    expectOrder(lines, 'drop completed', 'close ready');
    expect(lines).not.toContain('report ready');
  });

  test('sees what was put out before the end, and nothing of what did not complete', async () => {
    let seen: unknown;
    const { clock, job } = begin((clock) => [
      { name: 'done', run: () => ({ done: 1 }) },
      { name: 'runs', run: works(clock, 10, { runs: 1 }) },
      { name: 'later', dependsOn: ['runs'], run: () => ({ later: 1 }) },
      {
        name: 'close',
        dependsOn: ['done', 'runs', 'later'],
        ...always,
        run: ({ ctx, deps }) => {
          seen = { ctx: { ...ctx }, deps };
        },
      },
    ]);
    await clock.advance(1);
    await job.cancel();
    expect(seen).toEqual({ ctx: { done: 1 }, deps: { done: { done: 1 }, runs: undefined, later: undefined } });
  });

  test('is not aborted by it: what runs already goes on, is tried again, looks again', async () => {
    let looks = 0;
    const { clock, job, lines } = begin((clock) => [
      { name: 'work', run: works(clock, 100) },
      { name: 'runs', ...always, run: works(clock, 20) },
      {
        name: 'retries',
        ...always,
        maxRetries: 1,
        retry: { delayMs: 20 },
        run: ({ attempt }) => (attempt === 1 ? raise('once') : undefined),
      },
      { name: 'polls', ...always, kind: 'sensor', interval: 20, check: () => ++looks === 2 },
    ]);
    await clock.advance(10);
    job.cancel();
    expect(lines).toContain('work cancelled');
    expect(job.state).toBe('running');
    await clock.runAll();
    expect(statesOf(await job)).toEqual({
      work: 'cancelled',
      runs: 'completed',
      retries: 'completed',
      polls: 'completed',
    });
  });

  test('that has run already does not run again', async () => {
    let ran = 0;
    const { clock, job } = begin((clock) => [
      { name: 'a', run: nothing },
      { name: 'close', dependsOn: ['a'], ...always, run: () => void ran++ },
      { name: 'work', run: works(clock, 100) },
    ]);
    await clock.advance(10);
    await job.cancel();
    expect(ran).toBe(1);
  });

  test('may fail or be not ready: the rest of it runs, and the job ends as it was going to', async () => {
    for (const [options, act, state] of [
      [{}, (job: Job) => void job.cancel(), 'cancelled'],
      [{ timeout: 20 }, nothing, 'timedOut'],
    ] as const) {
      const { clock, job } = begin(
        (clock) => [
          { name: 'work', run: works(clock, 100) },
          { name: 'fails', dependsOn: ['work'], ...always, run: () => raise('stuck') },
          { name: 'waits', dependsOn: ['work'], ...always, run: () => notReady('later') },
          { name: 'runs', dependsOn: ['work'], ...always, run: works(clock, 10) },
          { name: 'behind', dependsOn: ['fails', 'waits'], ...always, run: nothing },
        ],
        options,
      );
      await clock.advance(10);
      act(job);
      await clock.runAll();
      const result = await job;
      expect(result.state).toBe(state);
      expect(statesOf(result)).toEqual({
        work: 'cancelled',
        fails: 'failed',
        waits: 'notReady',
        runs: 'completed',
        behind: 'completed',
      });
      expect(result.errors.map(({ taskName }) => taskName)).toEqual(['fails']);
    }
  });

  test('that fails in a job in which nothing else went wrong fails the job', async () => {
    const { job } = begin(() => [
      { name: 'work', run: nothing },
      { name: 'close', dependsOn: ['work'], ...always, run: () => raise('stuck') },
    ]);
    const result = await job;
    expect(result.state).toBe('failed');
    expect(result.error).toMatchObject({ code: 'JOB_FAILED', failedTask: 'close' });
  });

  test('keeps to its time limit and its deadline; without any it may take for ever', async () => {
    const { clock, job } = begin(() => [
      { name: 'work', run: never },
      { name: 'limited', dependsOn: ['work'], ...always, timeout: 30, run: never },
      { name: 'dated', dependsOn: ['work'], ...always, deadline: 40, kind: 'external' },
    ]);
    await clock.advance(10);
    job.cancel();
    await clock.advance(39);
    expect(job.state).toBe('running');
    await clock.advance(1);
    const { tasks } = await job;
    expect([tasks.limited?.reason, tasks.dated?.reason]).toEqual(['timeout', 'deadline']);
  });

  test('waits for a slot like any task', async () => {
    const { clock, job, lines } = begin(
      (clock) => [
        { name: 'work', run: works(clock, 100) },
        { name: 'one', dependsOn: ['work'], ...always, run: works(clock, 10) },
        { name: 'two', dependsOn: ['work'], ...always, run: works(clock, 10), priority: 1, pool: 'db' },
        { name: 'three', dependsOn: ['work'], ...always, run: works(clock, 10), pool: 'db' },
      ],
      { maxConcurrency: 1, pools: { db: 1 } },
    );
    await clock.advance(10);
    job.cancel();
    await clock.runAll();
    expect(lines.filter((line) => /^(one|two|three) (running|completed)$/.test(line))).toEqual([
      'two running',
      'two completed',
      'one running',
      'one completed',
      'three running',
      'three completed',
    ]);
    expect(job.state).toBe('cancelled');
  });

  test('starts no task but itself, and takes none on', async () => {
    const refused: unknown[] = [];
    const { clock, job, lines } = begin((clock, job) => [
      { name: 'work', run: works(clock, 100) },
      {
        name: 'close',
        dependsOn: ['work'],
        ...always,
        run: () => {
          try {
            job().addTasks([{ name: 'more', run: nothing }]);
          } catch (error) {
            refused.push((error as { code: string }).code);
          }
        },
      },
      { name: 'after', dependsOn: ['close'], run: nothing },
      { name: 'anyway', dependsOn: ['close'], trigger: 'allDone', run: nothing },
    ]);
    await clock.advance(1);
    const result = await job.cancel();
    expect(statesOf(result)).toMatchObject({ close: 'completed', after: 'unscheduled', anyway: 'unscheduled' });
    expect(refused).toEqual(['INVALID_STATE']);
    expect(lines.at(-1)).toBe('JOB cancelled');
  });

  test('is explained: it waits for what runs', async () => {
    const { clock, job } = begin((clock) => [
      { name: 'work', run: never },
      { name: 'next', dependsOn: ['work'], run: nothing },
      { name: 'one', dependsOn: ['work'], ...always, run: works(clock, 10) },
      { name: 'two', dependsOn: ['next', 'one'], ...always, run: nothing },
    ]);
    await clock.advance(1);
    job.cancel();
    await clock.advance(1);
    expect(job.explain('two' as never)[0]?.reasons).toMatchObject([{ kind: 'upstream', tasks: ['one'] }]);
    expect(job.explain('next' as never)[0]?.reasons).toMatchObject([{ kind: 'job' }]);
  });
});

describe('cancelled again while it cleans up, a job', () => {
  const cleaning = async (options: StartOptions = {}): Promise<Begun> => {
    const begun = begin(
      (clock) => [
        { name: 'work', run: works(clock, 100) },
        { name: 'deaf', run: () => new Promise<void>((resolve) => clock.setTimer(resolve, 200)) },
        { name: 'one', dependsOn: ['work'], trigger: 'always', run: works(clock, 30) },
        { name: 'two', dependsOn: ['one', 'deaf'], trigger: 'always', run: works(clock, 30) },
      ],
      options,
    );
    await begun.clock.advance(10);
    return begun;
  };

  test('finishes its clean-up, and keeps the first reason', async () => {
    const { clock, job, lines } = await cleaning();
    job.cancel('first');
    await clock.advance(10);
    job.cancel('second');
    await clock.advance(30);
    job.cancel('third', { mode: 'drain' });
    await clock.runAll();
    const result = await job;
    expect(result.error?.cause).toBe('first');
    expect([times(lines, 'one running'), times(lines, 'two running')]).toEqual([1, 1]);
    expect(statesOf(result)).toEqual({ work: 'cancelled', deaf: 'cancelled', one: 'completed', two: 'completed' });
  });

  test('that drains is aborted, but for its clean-up', async () => {
    const { clock, job } = await cleaning();
    job.cancel('first', { mode: 'drain' });
    await clock.advance(95);
    expect(task(job, 'one').state).toBe('running');
    job.cancel('second');
    await clock.advance(80);
    expect(job.state).toBe('cancelled');
    expect(statesOf(await job)).toEqual({ work: 'completed', deaf: 'cancelled', one: 'completed', two: 'completed' });
  });

  test('keeps its grace, and ends without what does not stop', async () => {
    const { clock, job } = await cleaning({ graceMs: 50 });
    job.cancel('first');
    await clock.advance(40);
    job.cancel('second');
    expect(task(job, 'deaf').state).toBe('running');
    expect(task(job, 'two').state).toBe('unscheduled');
    await clock.advance(10);
    expect(task(job, 'deaf').state).toBe('cancelled');
    await clock.advance(30);
    expect(job.state).toBe('cancelled');
    expect(task(job, 'two').state).toBe('completed');
  });

  test('that failed is cancelled; one that timed out stays timed out', async () => {
    const failed = begin((clock) => [
      { name: 'work', run: () => raise('stuck') },
      { name: 'close', dependsOn: ['work'], trigger: 'always', run: works(clock, 30) },
    ]);
    await failed.clock.advance(10);
    failed.job.cancel('by hand');
    await failed.clock.runAll();
    expect((await failed.job).error).toMatchObject({ code: 'JOB_CANCELLED', failedTask: 'work', cause: 'by hand' });
    const late = await cleaning({ timeout: 20 });
    await late.clock.advance(15);
    late.job.cancel('by hand');
    await late.clock.runAll();
    expect((await late.job).state).toBe('timedOut');
  });

  test('within any of its events ends all the same', async () => {
    for (let at = 0; at < 20; at++) {
      const begun = begin((clock) => [
        { name: 'a', run: works(clock, 5) },
        { name: 'b', dependsOn: ['a'], run: works(clock, 5) },
        { name: 'one', dependsOn: ['b'], trigger: 'always', run: works(clock, 5) },
        { name: 'two', dependsOn: ['one', 'a'], trigger: 'always', when: () => true, run: works(clock, 5) },
      ]);
      const { clock, job, lines, events } = begun;
      job.events$.subscribe(({ seq }) => {
        if (seq >= at) job.cancel();
      });
      await clock.runAll();
      expect([at, job.state]).toEqual([at, events.length > at + 1 || at < 13 ? 'cancelled' : 'completed']);
      expect([at, times(lines, 'one running'), times(lines, 'two running')]).toEqual([at, 1, 1]);
    }
  });
});

describe('a failure while a job is drained', () => {
  const drain = async (bad: 'task' | 'clean-up', onFailure: StartOptions['onFailure']): Promise<JobResult> => {
    const { clock, job } = begin(
      (clock) => [
        { name: 'slow', run: works(clock, 50, { slow: 1 }) },
        { name: 'quick', run: works(clock, 20) },
        { name: 'bad', run: bad === 'task' ? failsAt10(clock) : nothing },
        {
          name: 'close',
          dependsOn: ['quick'],
          trigger: 'always',
          run: () => (bad === 'clean-up' ? raise('stuck') : undefined),
        },
      ],
      { onFailure },
    );
    await clock.advance(5);
    job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    return job;
  };

  test.each([
    ['clean-up', 'abort', 'completed'],
    ['clean-up', 'drain', 'completed'],
    ['clean-up', 'continue', 'completed'],
    ['task', 'drain', 'completed'],
    ['task', 'continue', 'completed'],
    ['task', 'abort', 'cancelled'],
  ] as const)('of %s, with onFailure %s: the rest is %s', async (bad, onFailure, rest) => {
    const result = await drain(bad, onFailure);
    expect([result.state, result.tasks.slow?.state]).toEqual(['cancelled', rest]);
    expect(result.tasks.close?.state).toBe(bad === 'task' ? 'completed' : 'failed');
    expect(result.errors).toHaveLength(1);
  });
});

describe('a job that is cancelled before it starts', () => {
  const specs: MakeTasks = () => [
    { name: 'work', run: () => raise('ran') },
    { name: 'close', dependsOn: ['work'], trigger: 'always', run: () => raise('ran') },
    { name: 'alone', trigger: 'always', when: () => raise('asked'), run: () => raise('ran') },
  ];

  test('has nothing to clean up: one event, idle -> cancelled', async () => {
    const { clock, job, events } = begin(specs);
    job.cancel('changed my mind');
    await clock.runAll();
    expect(events).toMatchObject([{ type: 'job.transition', from: 'idle', to: 'cancelled', seq: 0 }]);
    expect(statesOf(await job)).toEqual({ work: 'unscheduled', close: 'unscheduled', alone: 'unscheduled' });
  });

  test('by a signal that has aborted: the same', async () => {
    const { clock, job, events } = begin(specs, { signal: AbortSignal.abort('too late') });
    await clock.runAll();
    expect(events).toMatchObject([{ type: 'job.transition', from: 'idle', to: 'cancelled', reason: 'too late' }]);
    expect((await job).state).toBe('cancelled');
  });

  test('within the event of its start it has begun, and cleans up', async () => {
    const { clock, job, lines } = begin(() => [
      { name: 'work', run: nothing },
      { name: 'close', dependsOn: ['work'], trigger: 'always', run: nothing },
    ]);
    job.events$.subscribe(({ seq }) => {
      if (seq === 0) job.cancel();
    });
    await clock.runAll();
    expect(lines).toEqual(['JOB running', 'close ready', 'close running', 'close completed', 'JOB cancelled']);
  });
});

describe('paused', () => {
  test('a job that is cancelled cleans up, and starts nothing else', async () => {
    const { clock, job, lines } = begin(
      (clock) => [
        { name: 'work', run: works(clock, 50) },
        { name: 'waits', run: nothing },
        { name: 'close', dependsOn: ['work'], trigger: 'always', run: works(clock, 10) },
      ],
      { maxConcurrency: 1 },
    );
    await clock.advance(10);
    job.pause('an operator');
    job.cancel();
    await clock.runAll();
    expectOrder(lines, 'work cancelled', 'close ready');
    expectOrder(lines, 'waits cancelled', 'close ready');
    expectOrder(lines, 'close completed', 'JOB cancelled');
    expect(lines).not.toContain('waits running');
  });

  test('a job without clean-up ends as it stands', async () => {
    const { clock, job, lines } = begin((clock) => [{ name: 'work', run: works(clock, 50) }]);
    await clock.advance(10);
    job.pause();
    job.cancel();
    await clock.runAll();
    expect(lines.slice(-3)).toEqual(['JOB paused', 'work cancelled', 'JOB cancelled']);
  });

  test.each([
    ['before it is ready', { dependsOn: ['work'] }],
    ['while it waits for a slot', {}],
    ['while its next attempt is due', { priority: 1, maxRetries: 1, retry: { delayMs: 1_000 } }],
    ['because its retries are used up', { priority: 1, onExhausted: 'pause' }],
  ] as const)('clean-up that is paused %s runs when its job is stopped', async (moment, options) => {
    const { clock, job } = begin(
      (clock) => [
        { name: 'work', run: works(clock, 50) },
        {
          name: 'close',
          trigger: 'always',
          ...options,
          run: ({ attempt }) => ('priority' in options && attempt === 1 ? raise('once') : undefined),
        },
      ],
      { maxConcurrency: 1 },
    );
    await clock.advance(10);
    if (moment !== 'because its retries are used up') task(job, 'close').pause();
    await clock.advance(1);
    job.cancel();
    await clock.runAll();
    expect(job.state).toBe('cancelled');
    expect(task(job, 'close').state).toBe('completed');
  });

  const nest = (clock: VirtualClock): AnyTaskSpec => ({
    name: 'outer',
    kind: 'job',
    definition: jobFrom('inner', [
      { name: 'work', run: works(clock, 50) },
      { name: 'close', dependsOn: ['work'], trigger: 'always', run: works(clock, 10) },
    ]),
  });

  test.each([
    ['its job', (job: Job) => job.pause()],
    ['it', (job: Job) => task(job, 'outer').pause()],
    [
      'both',
      (job: Job) => {
        task(job, 'outer').pause();
        job.pause();
      },
    ],
  ])('a nested job cleans up when it is cancelled while %s is paused', async (_, pause) => {
    const { clock, job, lines } = begin((clock) => [nest(clock)]);
    await clock.advance(10);
    pause(job);
    job.cancel();
    await clock.runAll();
    expect(job.state).toBe('cancelled');
    expectOrder(lines, 'outer/close completed', 'outer cancelled');
  });

  test('a nested job in a nested job cleans up when it is cancelled while the outermost is paused', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'top', kind: 'job', definition: jobFrom('middle', [nest(clock)]) },
    ]);
    await clock.advance(10);
    job.pause();
    job.cancel();
    await clock.runAll();
    expect(job.state).toBe('cancelled');
    expectOrder(lines, 'top/outer/close completed', 'top cancelled');
  });
});

describe('a nested job', () => {
  const nested = (clock: VirtualClock, more: object = {}): AnyTaskSpec => ({
    name: 'outer',
    kind: 'job',
    definition: jobFrom('inner', [
      { name: 'work', run: works(clock, 50) },
      { name: 'later', dependsOn: ['work'], run: nothing },
      { name: 'close', dependsOn: ['later'], trigger: 'always', run: works(clock, 10) },
    ]),
    ...more,
  });
  const closesOuter: AnyTaskSpec = { name: 'close', dependsOn: ['outer'], trigger: 'always', run: nothing };

  test.each(['abort', 'drain'] as const)('cleans up before the clean-up of the job around it (%s)', async (mode) => {
    const { clock, job, lines } = begin((clock) => [nested(clock), closesOuter]);
    await clock.advance(10);
    job.cancel('enough', { mode });
    await clock.runAll();
    expect(lines.slice(lines.indexOf(mode === 'abort' ? 'outer/work cancelled' : 'outer/work completed'))).toEqual([
      mode === 'abort' ? 'outer/work cancelled' : 'outer/work completed',
      'outer/close ready',
      'outer/close running',
      'outer/close completed',
      'outer cancelled',
      'close ready',
      'close running',
      'close completed',
      'JOB cancelled',
    ]);
  });

  test.each([
    ['timeout', 'timeout'],
    ['deadline', 'deadline'],
  ])('cleans up when the %s of its task is over, which then has failed', async (limit, reason) => {
    const { clock, job, lines } = begin((clock) => [nested(clock, { [limit]: 20 }), closesOuter]);
    await clock.runAll();
    const result = await job;
    expectOrder(lines, 'outer/close completed', 'outer failed');
    expect(result.tasks.outer).toMatchObject({ state: 'failed', reason });
    expect(result.tasks.close?.state).toBe('completed');
  });

  test('cleans up in each attempt', async () => {
    const { clock, job, lines } = begin((clock) => [nested(clock, { timeout: 20, maxRetries: 2 })]);
    await clock.runAll();
    expect((await job).state).toBe('failed');
    expect(times(lines, 'outer/close completed')).toBe(3);
  });

  test('that is clean-up has clean-up of its own, and failures of its own', async () => {
    const { clock, job, lines } = begin((clock) => [
      { name: 'work', run: works(clock, 100) },
      {
        name: 'tidy',
        kind: 'job',
        dependsOn: ['work'],
        trigger: 'always',
        definition: jobFrom('inner', [
          { name: 'fails', priority: 1, run: () => raise('stuck') },
          { name: 'runs', run: works(clock, 20) },
          { name: 'close', dependsOn: ['runs'], trigger: 'always', run: works(clock, 10) },
        ]),
      },
      { name: 'last', dependsOn: ['tidy'], trigger: 'always', run: nothing },
    ]);
    await clock.advance(1);
    job.cancel();
    await clock.advance(5);
    job.cancel();
    await clock.runAll();
    expect(lines.slice(lines.indexOf('tidy running'))).toEqual([
      'tidy running',
      'tidy/fails ready',
      'tidy/runs ready',
      'tidy/fails running',
      'tidy/runs running',
      'tidy/fails failed',
      'tidy/runs cancelled',
      'tidy/close ready',
      'tidy/close running',
      'tidy/close completed',
      'tidy failed',
      'last ready',
      'last running',
      'last completed',
      'JOB cancelled',
    ]);
  });
});

test('a task of the rule always without upstreams is clean-up for nothing: it runs at the start', async () => {
  const { clock, job, lines } = begin((clock) => [
    { name: 'alone', trigger: 'always', run: nothing },
    { name: 'work', run: works(clock, 10) },
  ]);
  await clock.runAll();
  await job;
  expectOrder(lines, 'alone completed', 'work completed');
});

test('clean-up that is removed from the running job does not run', async () => {
  const { clock, job, lines } = begin((clock) => [
    { name: 'work', run: works(clock, 10) },
    { name: 'close', dependsOn: ['work'], trigger: 'always', run: nothing },
  ]);
  await clock.advance(1);
  job.removeTask('close');
  await job.cancel();
  expect(lines).not.toContain('close ready');
});

test('clean-up that is added to the running job runs', async () => {
  const { clock, job, lines } = begin((clock) => [{ name: 'work', run: works(clock, 10) }]);
  await clock.advance(1);
  job.addTasks([
    { name: 'last', dependsOn: ['close'], trigger: 'always', run: nothing },
    { name: 'close', dependsOn: ['work'], trigger: 'always', run: works(clock, 10) },
  ]);
  job.cancel();
  await clock.runAll();
  expect(lines.slice(-7)).toEqual([
    'close ready',
    'close running',
    'close completed',
    'last ready',
    'last running',
    'last completed',
    'JOB cancelled',
  ]);
});

test('await using waits for clean-up', async () => {
  const { clock, job } = begin((clock) => [
    { name: 'work', run: works(clock, 100) },
    { name: 'close', dependsOn: ['work'], trigger: 'always', run: works(clock, 10, { closed: 1 }) },
  ]);
  await clock.advance(1);
  const disposed = job[Symbol.asyncDispose]();
  await clock.runAll();
  await disposed;
  expect(job.ctx).toEqual({ closed: 1 });
});

test.each(['drain', 'abort'] as const)('an engine that closes waits for clean-up (%s)', async (mode) => {
  const clock = virtualClock();
  const engine = createEngine({ clock });
  const definition = jobFrom('job', [
    { name: 'work', run: works(clock, 20) },
    { name: 'next', dependsOn: ['work'], run: nothing },
    { name: 'close', dependsOn: ['next'], trigger: 'always', run: works(clock, 10, { closed: 1 }) },
  ]);
  const job = engine.start(definition);
  await clock.advance(1);
  const closed = engine.close({ mode });
  await clock.runAll();
  await closed;
  expect((await job).ctx).toMatchObject({ closed: 1 });
});

test('4,000 tasks with a clean-up each are cancelled and cleaned up', async () => {
  const names = Array.from({ length: 4_000 }, (_, at) => `t${at}`);
  const { clock, job, lines } = begin(() =>
    names.flatMap((name): AnyTaskSpec[] => [
      { name, run: never },
      { name: `close ${name}`, dependsOn: [name], trigger: 'always', run: nothing },
    ]),
  );
  await clock.advance(1);
  await job.cancel();
  expect(lines.filter((line) => /^close .* completed$/.test(line))).toHaveLength(4_000);
});

describe('of random jobs with clean-up', { timeout: 60_000 }, () => {
  test('each ends, each clean-up settles, once, after its upstreams, and nothing else starts', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(randomJob, async (spec) => {
        const played = await play(spec);
        for (const line of played.lines) seen.add(line.replace(/^t\d+/, 'task'));
        keepsPromises(spec, played);
      }),
      { numRuns: 600, ...seeded },
    );
    const sights = ['completed', 'failed', 'cancelled', 'timedOut', 'notReady', 'paused'].map(
      (state) => `JOB ${state}`,
    );
    const more = ['skipped', 'retrying', 'failed', 'notReady', 'cancelled'].map((state) => `task ${state}`);
    expect([...sights, ...more].filter((sight) => !seen.has(sight))).toEqual([]);
  });
});

type RandomTask = {
  readonly needs: readonly number[];
  readonly trigger: TriggerRule;
  readonly deed: 'succeed' | 'throw' | 'notReady' | 'throwOnce';
  readonly ms: number;
  readonly deaf: boolean;
  readonly when: 'true' | 'false' | 'throws';
  readonly priority: number;
};
type Act = 'abort' | 'drain' | 'pause' | 'resume';
type RandomJob = {
  readonly tasks: readonly RandomTask[];
  readonly options: StartOptions;
  /** What is done to the job, and in which event, or when. */
  readonly acts: readonly { readonly act: Act; readonly at: number; readonly inEvent: boolean }[];
};

const oneIn = <Value>(n: number, usual: Value, ...others: Value[]): fc.Arbitrary<Value> =>
  fc.oneof({ weight: n - 1, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const randomJob: fc.Arbitrary<RandomJob> = fc.record({
  tasks: fc.array(
    fc.record({
      needs: fc.array(fc.nat(1_000), { maxLength: 3 }),
      trigger: fc.constantFrom<TriggerRule>('allSuccess', 'allDone', 'oneSuccess', 'noneFailed', 'always', 'always'),
      deed: oneIn<RandomTask['deed']>(4, 'succeed', 'throw', 'notReady', 'throwOnce'),
      ms: fc.nat(20),
      deaf: oneIn(4, false, true),
      when: oneIn<RandomTask['when']>(5, 'true', 'false', 'throws'),
      priority: fc.nat(2),
    }),
    { minLength: 1, maxLength: 10 },
  ),
  options: fc.record({
    onFailure: fc.constantFrom('abort', 'drain', 'continue'),
    graceMs: fc.constantFrom(0, 7),
    timeout: oneIn<number | undefined>(4, undefined, 25),
    maxConcurrency: fc.constantFrom(1, 2, Infinity),
    sequential: oneIn(8, false, true),
  }),
  acts: fc.array(
    fc.record({
      act: fc.constantFrom<Act>('abort', 'drain', 'pause', 'resume'),
      at: fc.nat(40),
      inEvent: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
});

type Played = Begun & {
  readonly result: JobResult;
  /** Which task's function was entered, in which attempt, after how many events. */
  readonly entries: readonly { readonly name: string; readonly attempt: number; readonly after: number }[];
  readonly asked: readonly string[];
  /** After how many events the job was first cancelled by hand, while it was not over. */
  readonly cancelledAfter: number | undefined;
};

const needsOf = (spec: RandomTask, at: number): readonly string[] =>
  at === 0 ? [] : [...new Set(spec.needs.map((need) => `t${need % at}`))];

const play = async ({ tasks, options, acts }: RandomJob): Promise<Played> => {
  const entries: { name: string; attempt: number; after: number }[] = [];
  const asked: string[] = [];
  let cancelledAfter: number | undefined;
  const begun = begin(
    (clock) =>
      tasks.map((spec, at): AnyTaskSpec => {
        const name = `t${at}`;
        const { trigger, priority, deed, ms, deaf, when } = spec;
        return {
          name,
          trigger,
          priority,
          dependsOn: needsOf(spec, at),
          maxRetries: 1,
          retry: { delayMs: 3, retryIf: () => deed === 'throwOnce' },
          when: () => {
            asked.push(name);
            return when === 'throws' ? raise('asked') : when === 'true';
          },
          run: async ({ attempt, signal }) => {
            entries.push({ name, attempt, after: events.length });
            await (deaf ? new Promise<void>((resolve) => clock.setTimer(resolve, ms)) : works(clock, ms)({ signal }));
            if (deed === 'throw' || (deed === 'throwOnce' && attempt === 1)) raise(name);
            return deed === 'notReady' ? notReady('later') : { [name]: attempt };
          },
        };
      }),
    options,
  );
  const { clock, job, events } = begun;
  const perform = (act: Act): void => {
    if (act === 'abort' || act === 'drain') {
      if (!job.state.match(/running|paused|idle/)) return;
      cancelledAfter ??= events.length;
      job.cancel(act, { mode: act });
      return;
    }
    try {
      job[act]();
    } catch {
      // A job that is idle, over or ending can't be paused.
    }
  };
  for (const { act, at, inEvent } of acts) {
    if (!inEvent) clock.setTimer(() => perform(act), at);
    else job.events$.subscribe((event) => event.seq === at && perform(act));
  }
  await clock.runAll();
  // A subscriber may pause it again. A job that is being stopped has to end without.
  for (let left = 9; left > 0 && job.state === 'paused' && cancelledAfter === undefined; left--) {
    job.resume();
    await clock.runAll();
  }
  if (job.state === 'running' || job.state === 'paused') raise(`the job hangs after ${begun.lines.join(', ')}`);
  return { ...begun, result: await job, entries, asked, cancelledAfter };
};

const keepsPromises = ({ tasks, options }: RandomJob, played: Played): void => {
  const { result, events, lines, entries, asked, cancelledAfter } = played;
  const changes = (name: string): number[] =>
    events.flatMap((event, at) => (event.type === 'task.transition' && event.task === name ? [at] : []));
  const began = lines.includes('JOB running');
  expect(lines.at(-1)).toBe(`JOB ${result.state}`);
  if (cancelledAfter !== undefined) expect(result.state).toMatch(/^(cancelled|timedOut)$/);
  expect(new Set(asked).size, 'each condition is asked once').toBe(asked.length);
  for (const [at, spec] of tasks.entries()) {
    const name = `t${at}`;
    const { state, reason, attempts } = result.tasks[name] ?? raise(name);
    const mine = entries.filter((entry) => entry.name === name);
    expect(mine.map(({ attempt }) => attempt)).toEqual(mine.map((_, index) => index + 1));
    if (spec.trigger !== 'always') {
      for (const { after } of mine) if (cancelledAfter !== undefined) expect(after).toBeLessThanOrEqual(cancelledAfter);
      continue;
    }
    const expected: readonly TaskState[] = began ? ['completed', 'failed', 'notReady', 'skipped'] : ['unscheduled'];
    expect(expected, `${name}, which is clean-up`).toContain(state);
    if (state === 'skipped') expect([reason, spec.when]).toEqual(['when', 'false']);
    if (state === 'completed') expect(attempts).toBe(spec.deed === 'throwOnce' ? 2 : 1);
    const first = changes(name)[0] ?? Infinity;
    for (const need of needsOf(spec, at))
      expect(Math.max(-1, ...changes(need)), `${need} before ${name}`).toBeLessThan(first);
  }
  const failed = Object.values(result.tasks).some(({ state }) => state === 'failed');
  if (result.state === 'failed') expect(failed).toBe(true);
  if (failed && cancelledAfter === undefined && options.timeout === undefined) expect(result.state).toBe('failed');
};
