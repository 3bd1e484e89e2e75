import {
  type AnyTaskSpec,
  createEngine,
  type Job,
  type JobState,
  jobFrom,
  notReady,
  type StartOptions,
  type TaskScope,
} from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begin, expectOrder, failsAt10, type MakeTasks, raise, statesOf, works } from '../../support/clean-up.ts';

const nothing = (): void => {};
const never = (): Promise<void> => new Promise(() => {});

const task = (job: Job, name: string) => job.task(name as never);
const times = (lines: readonly string[], line: string): number => lines.filter((each) => each === line).length;

type WayOut = {
  readonly state: JobState;
  readonly code?: string;
  readonly options?: StartOptions;
  /** What `trouble` does, beside `work`. */
  readonly trouble?: (clock: VirtualClock) => (scope: TaskScope) => unknown;
  readonly act?: (job: Job, parent: AbortController) => void;
};

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
