import fc from 'fast-check';
import {
  type AnyTaskSpec,
  type CommandErrorCode,
  createEngine,
  defineJob,
  type Job,
  type JobEvent,
  jobFrom,
  notReady,
  type StartOptions,
  type TaskState,
} from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { type Played, play, type RestlessJob, restlessJob } from '../../support/restless-job.ts';

/** `FC_SEED=… npx vitest run test/engine/run/pause.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

type Watched = Pick<Job, 'events$'>;

/** Transitions as lines: `10 a ready>paused #0 ann`, `10 JOB running>paused ann`. */
const linesOf = (job: Watched): string[] => {
  const lines: string[] = [];
  job.events$.subscribe((event) => {
    if (event.type !== 'job.transition' && event.type !== 'task.transition') return;
    const who = event.type === 'task.transition' ? event.task : 'JOB';
    const attempt = event.type === 'task.transition' ? ` #${event.attempt}` : '';
    const why = event.reason === undefined ? '' : ` ${event.reason}`;
    lines.push(`${event.at} ${who} ${event.from}>${event.to}${attempt}${why}`);
  });
  return lines;
};

/** Calls back within the event in which a task, or the job (`JOB`), comes to a state; the first time only. */
const when = (job: Watched, who: string, to: string, act: (event: JobEvent) => void): void => {
  let done = false;
  job.events$.subscribe((event) => {
    const about = event.type === 'job.transition' ? 'JOB' : event.type === 'task.transition' ? event.task : undefined;
    if (done || about !== who || !('to' in event) || event.to !== to) return;
    done = true;
    act(event);
  });
};

const napper =
  (clock: VirtualClock) =>
  <Value>(ms: number, value?: Value) =>
  (): Promise<Value | undefined> =>
    new Promise((resolve) => void clock.setTimer(() => resolve(value), ms));

/** Fails so many times, then succeeds. */
const failing = (times: number, output?: object) => {
  let runs = 0;
  return (): object | undefined => {
    if (runs++ < times) throw new Error(`failure ${runs}`);
    return output;
  };
};

/** Fails at first, and never ends then. */
const failingThenHanging = async ({ attempt }: { readonly attempt: number }): Promise<void> => {
  if (attempt === 1) throw new Error('x');
  await new Promise(() => {});
};

/** A job of these tasks, begun and advanced by `ms`. */
const begin = async (
  tasks: (nap: ReturnType<typeof napper>) => readonly AnyTaskSpec[],
  options: StartOptions = {},
  ms = 0,
) => {
  const clock = virtualClock();
  const nap = napper(clock);
  const job = jobFrom('work', tasks(nap)).start({}, { clock, ...options });
  const lines = linesOf(job);
  await clock.advance(ms);
  return { clock, nap, job, lines };
};

const refused = (code: CommandErrorCode) => expect.objectContaining({ name: 'CommandError', code });

describe('a paused job', () => {
  test('starts nothing new, lets what runs go on, and goes on where it stood', async () => {
    const { clock, job, lines } = await begin(
      (nap) => [
        { name: 'a', run: nap(10) },
        { name: 'b', dependsOn: ['a'], run: nap(10) },
      ],
      {},
      5,
    );
    job.pause('ann');
    expect(job.state).toBe('paused');
    await clock.advance(95);
    job.resume();
    await clock.runAll();
    expect((await job).state).toBe('completed');
    expect(lines).toEqual([
      '0 JOB idle>running',
      '0 a unscheduled>ready #0',
      '0 a ready>running #1',
      '5 JOB running>paused ann',
      '10 a running>completed #1',
      '10 b unscheduled>ready #0',
      '100 JOB paused>running',
      '100 b ready>running #1',
      '110 b running>completed #1',
      '110 JOB running>completed',
    ]);
  });

  test('runs what comes first by priority when it goes on, within its limits', async () => {
    const { clock, job, lines } = await begin(
      (nap) => [
        { name: 'first', priority: 9, run: nap(10) },
        { name: 'low', run: nap(1) },
        { name: 'high', priority: 1, run: nap(1) },
      ],
      { maxConcurrency: 1 },
      5,
    );
    job.pause();
    await clock.advance(20);
    job.resume();
    await clock.runAll();
    expect(lines.filter((line) => line.includes('ready>running'))).toEqual([
      '0 first ready>running #1',
      '25 high ready>running #1',
      '26 low ready>running #1',
    ]);
  });

  test('ends, still paused, when its last task ends', async () => {
    const { clock, job, lines } = await begin((nap) => [{ name: 'a', run: nap(10) }], {}, 5);
    job.pause();
    await clock.runAll();
    expect((await job).state).toBe('completed');
    expect(lines.at(-1)).toBe('10 JOB paused>completed');
  });

  test.each(['abort', 'drain', 'continue'] as const)('fails, still paused, by its policy %s', async (onFailure) => {
    const { clock, job } = await begin(
      (nap) => [
        { name: 'a', run: () => nap(10)().then(() => Promise.reject(new Error('x'))) },
        { name: 'b', dependsOn: ['a'], run: () => {} },
      ],
      { onFailure },
      5,
    );
    job.pause();
    await clock.runAll();
    const { state, tasks } = await job;
    expect([state, tasks.a?.state]).toEqual(['failed', 'failed']);
  });

  test('lets a backoff end: the task is ready, and waits', async () => {
    const { clock, job, lines } = await begin(
      () => [{ name: 'a', maxRetries: 1, retry: { delayMs: 10 }, run: failing(1) }],
      {},
      5,
    );
    job.pause();
    await clock.advance(20);
    expect(lines.slice(-1)).toEqual(['10 a retrying>ready #1']);
    job.resume();
    await clock.runAll();
    expect((await job).tasks.a).toMatchObject({ state: 'completed', attempts: 2 });
  });

  test('may be paused again and again', async () => {
    const { clock, job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: nap(10) },
    ]);
    for (let round = 0; round < 3; round++) {
      job.pause();
      await clock.advance(7);
      job.resume();
    }
    await clock.runAll();
    expect((await job).tasks.b).toMatchObject({ state: 'completed', startedAt: 14 });
  });

  test('publishes one event for two pauses and one for two resumes; the first who paused stays', async () => {
    const { job, lines } = await begin(() => [{ kind: 'external', name: 'a' }]);
    job.pause('ann');
    job.pause('bob');
    job.resume();
    job.resume();
    expect(lines.slice(2)).toEqual(['0 JOB running>paused ann', '0 JOB paused>running']);
  });

  test('says who paused it, and "the program" where nobody is named', async () => {
    const { job, lines } = await begin(() => [{ kind: 'external', name: 'a' }]);
    job.pause();
    expect(lines.at(-1)).toBe('0 JOB running>paused the program');
  });

  test.each([null, '', 5, {}])('can not be paused by %s', async (by) => {
    const { job } = await begin(() => [{ kind: 'external', name: 'a' }]);
    expect(() => job.pause(by as string)).toThrow(/as text/);
    expect(() => job.task('a').pause(by as string)).toThrow(/as text/);
    expect([job.state, job.task('a').state]).toEqual(['running', 'ready']);
  });

  test('may be one that has not begun: it begins, and is paused at once', async () => {
    const clock = virtualClock();
    const job = jobFrom('work', [{ name: 'a', run: () => {} }]).start({}, { clock, timeout: 10 });
    const lines = linesOf(job);
    job.pause('ann');
    expect(job.state).toBe('idle');
    await clock.advance(100);
    expect(lines.slice(0, 2)).toEqual(['0 JOB idle>running', '0 JOB running>paused ann']);
    expect(job.task('a').state).not.toBe('running');
    job.resume();
    await clock.runAll();
    expect(lines.at(-1)).toBe('100 JOB running>completed');
  });

  test('that has not begun and is let go begins as if nothing had been', async () => {
    const clock = virtualClock();
    const job = jobFrom('work', [{ name: 'a', run: () => {} }]).start({}, { clock });
    const lines = linesOf(job);
    job.pause();
    job.resume();
    await clock.runAll();
    expect(lines[1]).toBe('0 a unscheduled>ready #0');
    expect(job.state).toBe('completed');
  });

  test('can not be one that is over, or ending', async () => {
    const clock = virtualClock();
    const job = jobFrom('work', [{ name: 'a', run: napper(clock)(10) }]).start({}, { clock });
    await clock.advance(5);
    void job.cancel('enough', { mode: 'drain' });
    expect(() => job.pause()).toThrow(refused('INVALID_STATE'));
    expect(() => job.pause()).toThrow(/is ending/);
    await clock.runAll();
    expect(() => job.pause()).toThrow(/is cancelled: only a running job can be paused/);
    expect(() => job.resume()).not.toThrow();
  });

  test.each(['abort', 'drain'] as const)('is cancelled (%s) without being resumed', async (mode) => {
    const { clock, job, lines } = await begin(
      (nap) => [
        { name: 'a', run: nap(10) },
        { name: 'b', dependsOn: ['a'], run: () => {} },
      ],
      { timeout: 50 },
      5,
    );
    job.pause();
    await clock.advance(100);
    void job.cancel('enough', { mode });
    await job;
    expect(lines.slice(-2)).toEqual(['105 b ready>cancelled #0 jobCancelled', '105 JOB paused>cancelled enough']);
    expect(clock.pending()).toBe(0);
  });

  test('does its clean-up without being resumed', async () => {
    const { clock, job, lines } = await begin(
      () => [
        { kind: 'external', name: 'a' },
        { name: 'sweep', dependsOn: ['a'], trigger: 'always', run: () => {} },
      ],
      {},
      5,
    );
    job.pause();
    void job.cancel('enough');
    await clock.runAll();
    expect(lines.slice(-5)).toEqual([
      '5 a ready>cancelled #0 jobCancelled',
      '5 sweep unscheduled>ready #0',
      '5 sweep ready>running #1',
      '5 sweep running>completed #1',
      '5 JOB paused>cancelled enough',
    ]);
  });

  test('keeps nobody waiting in another job of its engine', async () => {
    const clock = virtualClock();
    const engine = createEngine({ clock, maxConcurrency: 1 });
    const definition = jobFrom('work', [
      { name: 'a', run: napper(clock)(10) },
      { name: 'b', dependsOn: ['a'], run: napper(clock)(10) },
    ]);
    const [one, two] = [engine.start(definition), engine.start(definition)];
    await clock.advance(5);
    one.pause();
    await clock.advance(95);
    expect([one.state, one.task('b').state, two.state]).toEqual(['paused', 'ready', 'completed']);
    one.resume();
    await clock.runAll();
    expect((await one).durationMs).toBe(110);
    await engine.close();
  });

  test('takes more tasks, which wait', async () => {
    const { clock, job } = await begin(() => [{ kind: 'external', name: 'a' }]);
    job.pause();
    job.addTasks([{ name: 'b', run: () => {} }]);
    await clock.advance(5);
    expect(job.task('b' as 'a').state).toBe('ready');
    job.resume();
    await clock.advance(0);
    expect(job.task('b' as 'a').state).toBe('completed');
  });
});

describe('paused time counts towards no time limit', () => {
  test('of the job', async () => {
    const { clock, job, lines } = await begin(() => [{ kind: 'external', name: 'a' }], { timeout: 50 }, 20);
    job.pause();
    await clock.advance(1_000);
    job.resume();
    await clock.advance(10);
    job.pause();
    await clock.advance(1_000);
    job.resume();
    await clock.runAll();
    expect(lines.at(-1)).toBe('2050 JOB running>timedOut');
  });

  test('of a task over all its attempts', async () => {
    const { clock, job, lines } = await begin(
      () => [{ name: 'a', deadline: 50, maxRetries: 99, retry: { delayMs: 10 }, run: failing(99) }],
      {},
      25,
    );
    job.pause();
    await clock.advance(1_000);
    job.resume();
    await clock.runAll();
    expect(lines.slice(-2)).toEqual(['1050 a retrying>failed #6 deadline', '1050 JOB running>failed']);
  });

  test('but what a function does goes on, and so does the timeout of its attempt', async () => {
    const { clock, job, lines } = await begin(
      () => [{ name: 'a', timeout: 20, run: () => new Promise(() => {}) }],
      {},
      5,
    );
    job.pause();
    await clock.runAll();
    expect(lines.slice(-2)).toEqual(['20 a running>failed #1 timeout', '20 JOB paused>failed']);
  });

  test('of a task that becomes ready while the job is paused', async () => {
    const { clock, job, lines } = await begin(
      (nap) => [
        { name: 'a', run: nap(10) },
        { name: 'b', dependsOn: ['a'], deadline: 20, run: () => new Promise(() => {}) },
      ],
      {},
      5,
    );
    job.pause();
    await clock.advance(95);
    job.resume();
    await clock.runAll();
    expect(lines.at(-2)).toBe('120 b running>failed #1 deadline');
  });

  test('of a task that is paused itself', async () => {
    const { clock, job, lines } = await begin(
      (nap) => [
        { name: 'a', priority: 1, run: nap(10) },
        { name: 'b', deadline: 30, run: () => new Promise(() => {}) },
      ],
      { maxConcurrency: 1 },
      5,
    );
    job.task('b').pause();
    await clock.advance(95);
    job.task('b').resume();
    await clock.runAll();
    expect(lines.at(-2)).toBe('125 b running>failed #1 deadline');
  });

  test('whichever of the job and the task is resumed first', async () => {
    for (const order of ['job first', 'task first']) {
      const { clock, job, lines } = await begin(() => [{ kind: 'external', name: 'a', deadline: 10 }], {}, 5);
      job.task('a').pause();
      job.pause();
      await clock.advance(95);
      const resume = [() => job.resume(), () => job.task('a').resume()];
      if (order === 'task first') resume.reverse();
      resume[0]?.();
      await clock.advance(100);
      resume[1]?.();
      await clock.runAll();
      expect(lines.at(-2), order).toBe('205 a ready>failed #0 deadline');
    }
  });

  test('of jobs in jobs, at every depth', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner').external('a', { deadline: 30, heartbeatTimeout: 25 }).seal();
    const middle = defineJob('middle').job('in', { timeout: 100 }, inner).seal();
    const job = defineJob('outer').job('mid', { deadline: 200 }, middle).start({}, { clock });
    const lines = linesOf(job);
    await clock.advance(10);
    job.task('mid/in/a').claim('ann');
    job.pause();
    await clock.advance(1_000);
    job.resume();
    await clock.runAll();
    expect(lines.find((line) => line.includes('mid/in/a running>failed'))).toBe(
      '1030 mid/in/a running>failed #1 deadline',
    );
  });
});

describe('a job that is paused or resumed by a subscriber, within an event', () => {
  test('keeps its time limit when it is paused as it begins', async () => {
    const clock = virtualClock();
    const job = jobFrom('work', [{ kind: 'external', name: 'a' }]).start({}, { clock, timeout: 10 });
    const lines = linesOf(job);
    when(job, 'JOB', 'running', () => job.pause());
    await clock.advance(5);
    expect(job.state).toBe('paused');
    job.resume();
    await clock.runAll();
    expect(lines.at(-1)).toBe('15 JOB running>timedOut');
  });

  test('keeps its time limits when it is resumed at once', async () => {
    const { clock, job, lines } = await begin(() => [{ kind: 'external', name: 'a' }], { timeout: 10 }, 5);
    when(job, 'JOB', 'paused', () => job.resume());
    job.pause();
    await clock.runAll();
    expect(lines.at(-1)).toBe('10 JOB running>timedOut');
  });

  test('keeps the deadline of a task that is resumed at once', async () => {
    const { clock, job, lines } = await begin(() => [{ kind: 'external', name: 'a', deadline: 10 }], {}, 5);
    when(job, 'a', 'paused', () => job.task('a').resume());
    job.task('a').pause();
    await clock.runAll();
    expect(lines.at(-2)).toBe('10 a ready>failed #0 deadline');
  });

  test('keeps the deadline of a task that is tried again as soon as its retries are used up', async () => {
    const clock = virtualClock();
    const job = jobFrom('work', [{ name: 'a', deadline: 10, onExhausted: 'pause', run: failingThenHanging }]).start(
      {},
      { clock },
    );
    const lines = linesOf(job);
    when(job, 'a', 'paused', () => job.retry('a'));
    await clock.runAll();
    expect(lines.at(-2)).toBe('10 a running>failed #2 deadline');
  });

  test('does not lose a task that is held, and let go as it becomes ready', async () => {
    const clock = virtualClock();
    const job = jobFrom('work', [
      { name: 'x', run: () => {} },
      { name: 'a', run: () => {} },
    ]).start({}, { clock });
    when(job, 'JOB', 'running', () => job.task('a').pause());
    when(job, 'a', 'ready', () => job.task('a').resume());
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('starts nothing that has not started when a task ends in the event', async () => {
    const { clock, job, lines } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    when(job, 'a', 'completed', () => job.pause());
    await clock.advance(20);
    expect([job.state, job.task('b').state]).toEqual(['paused', 'ready']);
    job.resume();
    await clock.runAll();
    expect(lines.at(-1)).toBe('20 JOB running>completed');
  });
});

describe('a paused task', () => {
  test('that is unscheduled is held when it is ready', async () => {
    const { clock, job, lines } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    job.task('b').pause('ann');
    expect(job.task('b').state).toBe('unscheduled');
    await clock.advance(50);
    expect(lines.slice(-2)).toEqual(['10 b unscheduled>ready #0', '10 b ready>paused #0 ann']);
    expect(job.state).toBe('running');
    job.task('b').resume();
    await clock.runAll();
    expect(lines.slice(-4)).toEqual([
      '50 b paused>ready #0',
      '50 b ready>running #1',
      '50 b running>completed #1',
      '50 JOB running>completed',
    ]);
  });

  test('that was unscheduled and is let go before it is ready runs as if nothing had been', async () => {
    const { clock, job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    job.task('b').pause();
    job.task('b').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('before the job begins is held too', async () => {
    const clock = virtualClock();
    const job = jobFrom('work', [{ name: 'a', run: () => {} }]).start({}, { clock });
    const lines = linesOf(job);
    job.task('a').pause('ann');
    await clock.advance(5);
    expect(lines).toEqual(['0 JOB idle>running', '0 a unscheduled>ready #0', '0 a ready>paused #0 ann']);
    job.task('a').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('lets others pass, and takes its turn by its rank when it goes on', async () => {
    const { clock, job, lines } = await begin(
      (nap) => [
        { name: 'now', priority: 9, run: nap(10) },
        { name: 'held', priority: 5, run: nap(10) },
        { name: 'next', run: nap(10) },
        { name: 'last', run: nap(10) },
      ],
      { maxConcurrency: 1 },
    );
    job.task('held').pause();
    await clock.advance(15);
    job.task('held').resume();
    await clock.runAll();
    expect(lines.filter((line) => line.includes('ready>running'))).toEqual([
      '0 now ready>running #1',
      '10 next ready>running #1',
      '20 held ready>running #1',
      '30 last ready>running #1',
    ]);
  });

  test('that waits to be tried again is held when its backoff is over', async () => {
    const { clock, job, lines } = await begin(
      () => [{ name: 'a', maxRetries: 1, retry: { delayMs: 10 }, run: failing(1) }],
      {},
      5,
    );
    job.task('a').pause();
    await clock.advance(50);
    expect(lines.slice(-2)).toEqual(['10 a retrying>ready #1', '10 a ready>paused #1 the program']);
    job.task('a').resume();
    await clock.runAll();
    expect((await job).tasks.a).toMatchObject({ state: 'completed', attempts: 2 });
  });

  test('holds no slot', async () => {
    const { clock, job } = await begin(
      (nap) => [
        { name: 'a', priority: 1, pool: 'db', run: nap(10) },
        { name: 'b', pool: 'db', run: nap(10) },
      ],
      { pools: { db: 1 } },
    );
    job.task('b').pause();
    await clock.advance(20);
    job.addTasks([{ name: 'c', pool: 'db', run: () => {} }]);
    await clock.advance(0);
    expect(job.task('c' as 'a').state).toBe('completed');
    job.task('b').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('can not be a function that runs: it says so, and runs on', async () => {
    const { clock, job } = await begin((nap) => [{ name: 'a', run: nap(10) }], {}, 5);
    expect(() => job.task('a').pause()).toThrow(refused('NOT_PAUSABLE'));
    expect(() => job.task('a').pause()).toThrow(/a running function can't be paused/);
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('can be an external one that runs', async () => {
    const { job, lines } = await begin(() => [{ kind: 'external', name: 'a' }]);
    job.task('a').claim('ann');
    job.task('a').pause('bob');
    job.task('a').resume();
    expect(lines.slice(-3)).toEqual([
      '0 a ready>running #1 claimed by ann',
      '0 a running>paused #1 bob',
      '0 a paused>running #1',
    ]);
  });

  test('publishes one event when it is paused twice', async () => {
    const { job, lines } = await begin(() => [{ kind: 'external', name: 'a' }]);
    job.task('a').pause('ann');
    job.task('a').pause('bob');
    job.task('a').resume();
    job.task('a').resume();
    expect(lines.slice(2)).toEqual(['0 a ready>paused #0 ann', '0 a paused>ready #0']);
  });

  test.each<[state: TaskState, name: string]>([
    ['completed', 'done'],
    ['failed', 'bad'],
    ['skipped', 'after'],
  ])('can not be one that has settled: %s', async (state, name) => {
    const { job } = await begin(
      () => [
        { name: 'done', run: () => {} },
        { name: 'bad', run: failing(1) },
        { name: 'after', dependsOn: ['bad'], run: () => {} },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    expect(job.task(name).state).toBe(state);
    expect(() => job.task(name).pause()).toThrow(refused('INVALID_STATE'));
  });

  test('can not be one of a job that is over', async () => {
    const { job } = await begin(() => [{ name: 'a', run: () => {} }]);
    expect(() => job.task('a').pause()).toThrow(refused('INVALID_STATE'));
    expect(() => job.task('a').resume()).toThrow(refused('INVALID_STATE'));
  });

  test.each(['abort', 'drain'] as const)('is cancelled with its job (%s)', async (mode) => {
    const { clock, job, lines } = await begin(() => [{ kind: 'external', name: 'a', deadline: 10 }]);
    job.task('a').pause();
    void job.cancel('enough', { mode });
    await job;
    expect(lines.slice(-2)).toEqual(['0 a paused>cancelled #0 jobCancelled', '0 JOB running>cancelled enough']);
    expect(clock.pending()).toBe(0);
  });

  test('that is clean-up is let go when the job ends', async () => {
    const { clock, job } = await begin(() => [
      { kind: 'external', name: 'a' },
      { name: 'sweep', dependsOn: ['a'], trigger: 'always', run: () => ({ swept: true }) },
    ]);
    job.task('sweep').pause();
    void job.cancel('enough');
    await clock.runAll();
    expect(await job).toMatchObject({ state: 'cancelled', ctx: { swept: true } });
  });
});

describe('a task that is held', () => {
  test('may be removed', async () => {
    const { clock, job } = await begin((nap) => [
      { name: 'a', run: nap(10) },
      { name: 'b', dependsOn: ['a'], run: () => {} },
    ]);
    job.task('b').pause();
    job.removeTask('b');
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('may be skipped all the same', async () => {
    const { clock, job } = await begin(
      (nap) => [
        { name: 'a', run: () => nap(10)().then(() => Promise.reject(new Error('x'))) },
        { name: 'b', dependsOn: ['a'], run: () => {} },
      ],
      { onFailure: 'continue' },
    );
    job.task('b').pause();
    await clock.runAll();
    expect((await job).tasks.b?.state).toBe('skipped');
  });

  test('is one of many, all of them paused and let go again and again, and none is lost', async () => {
    const names = Array.from({ length: 50 }, (_, at) => `t${at}`);
    const { clock, job } = await begin((nap) => names.map((name) => ({ name, run: nap(10) })), { maxConcurrency: 3 });
    for (let round = 0; round < 20; round++) {
      for (const name of names) {
        const { state } = job.task(name);
        if (state === 'ready') job.task(name).pause();
        else if (state === 'paused') job.task(name).resume();
      }
      await clock.advance(3);
    }
    for (const name of names) job.task(name).resume();
    await clock.runAll();
    expect(await job).toMatchObject({ state: 'completed' });
  });
});

describe('a nested job or a fan-out whose task is paused', () => {
  const nested = (clock: VirtualClock, options: StartOptions = {}) => {
    const nap = napper(clock);
    const inner = defineJob('inner')
      .task('a', nap(10, { a: 1 }))
      .task('b', { dependsOn: ['a'] }, nap(10, { b: 2 }))
      .seal();
    const job = defineJob('outer')
      .job('in', {}, inner)
      .start({}, { clock, ...options });
    return { job, lines: linesOf(job) };
  };

  test('starts nothing new; what runs in it goes on', async () => {
    const clock = virtualClock();
    const { job, lines } = nested(clock);
    await clock.advance(5);
    job.task('in').pause('ann');
    await clock.advance(95);
    expect(lines.slice(-3)).toEqual([
      '5 in running>paused #1 ann',
      '10 in/a running>completed #1',
      '10 in/b unscheduled>ready #0',
    ]);
    job.task('in').resume();
    await clock.runAll();
    expect(lines.slice(-5)).toEqual([
      '100 in paused>running #1',
      '100 in/b ready>running #1',
      '110 in/b running>completed #1',
      '110 in running>completed #1',
      '110 JOB running>completed',
    ]);
  });

  test('completes though the last of its tasks ended while it was paused', async () => {
    const clock = virtualClock();
    const { job } = nested(clock);
    await clock.advance(15);
    job.task('in').pause();
    await clock.advance(20);
    job.task('in').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
    expect((await job).ctx).toEqual({ in: { a: 1, b: 2 } });
  });

  test.each([
    ['fails', () => Promise.reject(new Error('x')), 'failed'],
    ['is not ready', () => notReady('x'), 'notReady'],
  ] as const)('ends though it %s while it is paused', async (_, answer, state) => {
    const clock = virtualClock();
    const inner = defineJob('inner')
      .task('a', () => napper(clock)(10)().then(answer))
      .seal();
    const job = defineJob('outer').job('in', {}, inner).start({}, { clock });
    await clock.advance(5);
    job.task('in').pause();
    await clock.advance(20);
    if (job.state === 'running') job.task('in').resume();
    await clock.runAll();
    expect((await job).state).toBe(state);
  });

  test('completes a fan-out whose last instance ended while it was paused', async () => {
    const clock = virtualClock();
    const job = defineJob('outer')
      .map('each', { over: [10, 20, 30], concurrency: 2 }, ({ item }) => napper(clock)(item, { item })())
      .start({}, { clock });
    await clock.advance(15);
    job.task('each').pause();
    await clock.advance(100);
    expect(job.task('each[2]').state).toBe('completed');
    job.task('each').resume();
    await clock.runAll();
    expect((await job).ctx).toEqual({ each: [{ item: 10 }, { item: 20 }, { item: 30 }] });
  });

  test('starts no instance while it is paused', async () => {
    const clock = virtualClock();
    const job = defineJob('outer')
      .map('each', { over: [10, 10, 10], concurrency: 1 }, ({ item }) => napper(clock)(item)())
      .start({}, { clock });
    await clock.advance(5);
    job.task('each').pause();
    await clock.advance(100);
    expect([0, 1, 2].map((at) => job.task(`each[${at}]`).state)).toEqual(['completed', 'ready', 'ready']);
    job.task('each').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('is held as a whole while its parent is paused', async () => {
    const clock = virtualClock();
    const { job, lines } = nested(clock, { timeout: 30 });
    await clock.advance(5);
    job.pause();
    await clock.advance(95);
    expect(job.task('in/b').state).toBe('ready');
    job.resume();
    await clock.runAll();
    expect(lines.at(-1)).toBe('110 JOB running>completed');
  });

  test('needs both its own resume and its parent’s', async () => {
    const clock = virtualClock();
    const { job } = nested(clock);
    await clock.advance(5);
    job.pause();
    job.task('in').pause();
    job.resume();
    await clock.advance(95);
    expect(job.task('in/b').state).toBe('ready');
    job.task('in').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('keeps a task of its own that is paused, whoever else goes on', async () => {
    const clock = virtualClock();
    const { job } = nested(clock);
    await clock.advance(5);
    job.task('in/b').pause('ann');
    job.pause();
    await clock.advance(20);
    job.resume();
    await clock.advance(20);
    expect(job.task('in/b').state).toBe('paused');
    job.task('in/b').resume();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test.each(['job', 'task'] as const)('cleans up when the job is cancelled while its %s is paused', async (what) => {
    for (const mode of ['abort', 'drain'] as const) {
      const clock = virtualClock();
      const inner = defineJob('inner')
        .task('a', napper(clock)(10))
        .task('sweep', { dependsOn: ['a'], trigger: 'always' }, () => {})
        .seal();
      const job = defineJob('outer').job('in', {}, inner).start({}, { clock });
      const lines = linesOf(job);
      await clock.advance(5);
      if (what === 'job') job.pause();
      else job.task('in').pause();
      void job.cancel('enough', { mode });
      await clock.runAll();
      expect(job.state, mode).toBe('cancelled');
      expect(
        lines.some((line) => line.includes('in/sweep running>completed')),
        mode,
      ).toBe(true);
    }
  });
});

test('a nested job that has ended while its task was paused is concluded when the task goes on', async () => {
  const clock = virtualClock();
  const inner = defineJob('inner').task('a', napper(clock)(10)).seal();
  const job = defineJob('outer').job('in', { deadline: 20 }, inner).start({}, { clock });
  const lines = linesOf(job);
  await clock.advance(5);
  job.task('in').pause();
  await clock.advance(95);
  expect([job.task('in').state, job.task('in/a').state]).toEqual(['paused', 'completed']);
  job.task('in').resume();
  expect(lines.slice(-3)).toEqual([
    '100 in paused>running #1',
    '100 in running>completed #1',
    '100 JOB running>completed',
  ]);
});

describe('onExhausted: pause', () => {
  test('holds the task when no retry is left, and the job goes on around it', async () => {
    const { clock, job, lines } = await begin((nap) => [
      { name: 'a', maxRetries: 1, onExhausted: 'pause', run: failing(2, { a: 1 }) },
      { name: 'b', run: nap(10) },
    ]);
    await clock.advance(50);
    expect(lines.filter((line) => line.includes(' a '))).toEqual([
      '0 a unscheduled>ready #0',
      '0 a ready>running #1',
      '0 a running>retrying #1 error',
      '0 a retrying>ready #1',
      '0 a ready>running #2',
      '0 a running>paused #2 error',
    ]);
    expect([job.state, job.task('a').state, job.task('b').state]).toEqual(['running', 'paused', 'completed']);
    expect(job.task('a').error).toMatchObject({ code: 'TASK_FAILED', attempt: 2 });
    job.retry();
    await clock.runAll();
    const { state, ctx, errors, tasks } = await job;
    expect([state, ctx, errors, tasks.a?.attempts]).toEqual(['completed', { a: 1 }, [], 3]);
  });

  test.each<[string, (job: Job) => void]>([
    ['job.retry()', (job) => job.retry()],
    ['job.retry(task)', (job) => job.retry('a' as never)],
    ['job.task(name).retry()', (job) => job.task('a' as never).retry()],
    ['job.task(name).resume()', (job) => job.task('a' as never).resume()],
  ])('%s gives all retries anew', async (_, act) => {
    const { clock, job } = await begin(() => [{ name: 'a', maxRetries: 2, onExhausted: 'pause', run: failing(99) }]);
    expect(job.task('a').attempts).toBe(3);
    act(job as unknown as Job);
    await clock.advance(0);
    expect([job.task('a').state, job.task('a').attempts]).toEqual(['paused', 6]);
    act(job as unknown as Job);
    await clock.advance(0);
    expect(job.task('a').attempts).toBe(9);
    await job.cancel();
  });

  test('starts the backoff anew too', async () => {
    const { clock, job, lines } = await begin(() => [
      {
        name: 'a',
        maxRetries: 2,
        retry: { backoff: 'exponential', delayMs: 10 },
        onExhausted: 'pause',
        run: failing(99),
      },
    ]);
    await clock.advance(100);
    job.retry();
    await clock.runAll();
    expect(lines.filter((line) => line.includes('ready>running')).map((line) => line.split(' ')[0])).toEqual([
      '0',
      '10',
      '30',
      '100',
      '110',
      '130',
    ]);
    await job.cancel();
  });

  test('of the job holds for tasks that do not say', async () => {
    const { job } = await begin(
      () => [
        { name: 'a', run: failing(1) },
        { name: 'b', onExhausted: 'fail', continueOnFailure: true, run: failing(1) },
      ],
      { onExhausted: 'pause' },
    );
    expect([job.task('a').state, job.task('b').state]).toEqual(['paused', 'failed']);
  });

  test('comes after a timeout and a missed heartbeat as well', async () => {
    const { clock, job } = await begin(() => [
      { name: 'slow', timeout: 5, onExhausted: 'pause', run: () => new Promise(() => {}) },
      { kind: 'external', name: 'review', heartbeatTimeout: 5, onExhausted: 'pause' },
    ]);
    job.task('review').claim('ann');
    await clock.advance(10);
    expect([job.task('slow').state, job.task('review').state]).toEqual(['paused', 'paused']);
    job.retry('review');
    job.task('review').complete();
    expect(job.task('review').state).toBe('completed');
  });

  test('does not hold what no retry would mend: an error that says so, an output that is none, retryIf, a deadline', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'a', onExhausted: 'pause', run: () => [] as unknown as object },
        { name: 'b', onExhausted: 'pause', retry: { retryIf: () => false }, run: failing(1) },
        { name: 'c', onExhausted: 'pause', deadline: 5, run: () => new Promise(() => {}) },
      ],
      { onFailure: 'continue' },
    );
    await clock.runAll();
    const { tasks } = await job;
    expect(['a', 'b', 'c'].map((name) => tasks[name]?.state)).toEqual(['failed', 'failed', 'failed']);
  });

  test('stands its deadline still', async () => {
    const { clock, job, lines } = await begin(() => [
      {
        name: 'a',
        deadline: 20,
        onExhausted: 'pause',
        run: ({ attempt }) => (attempt > 1 ? new Promise(() => {}) : Promise.reject(new Error('x'))),
      },
    ]);
    await clock.advance(100);
    job.retry();
    await clock.runAll();
    expect(lines.at(-2)).toBe('120 a running>failed #2 deadline');
  });

  test('holds nothing when the job is draining', async () => {
    const { clock, job } = await begin(
      (nap) => [{ name: 'a', onExhausted: 'pause', run: () => nap(10)().then(() => Promise.reject(new Error('x'))) }],
      {},
      5,
    );
    void job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    expect((await job).tasks.a?.state).toBe('failed');
  });

  test('reaches the tasks of nested jobs and the instances of fan-outs, and so does job.retry()', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner', { onExhausted: 'pause' }).task('a', failing(1)).seal();
    const job = defineJob('outer')
      .job('in', {}, inner)
      .map('each', { over: [failing(1), failing(0)], onExhausted: 'pause' }, ({ item }) => item())
      .start({}, { clock });
    await clock.advance(0);
    expect([job.task('in/a').state, job.task('each[0]').state]).toEqual(['paused', 'paused']);
    job.retry();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });
});

describe('retry of a failed task', () => {
  const chain = (fails: number): readonly AnyTaskSpec[] => [
    { name: 'a', run: failing(fails, { a: 1 }) },
    { name: 'b', dependsOn: ['a'], run: ({ ctx }) => ({ b: ctx.a }) },
    { name: 'c', dependsOn: ['b'], run: () => ({ c: 3 }) },
    { kind: 'external', name: 'rest' },
  ];

  test('brings back what was skipped because of it', async () => {
    const { clock, job, lines } = await begin(() => chain(1), { onFailure: 'continue' });
    expect(['a', 'b', 'c'].map((name) => job.task(name).state)).toEqual(['failed', 'skipped', 'skipped']);
    const before = lines.length;
    job.retry('a');
    expect(lines.slice(before, before + 3)).toEqual([
      '0 a failed>ready #1',
      '0 b skipped>unscheduled #0',
      '0 c skipped>unscheduled #0',
    ]);
    await clock.advance(0);
    job.task('rest').complete();
    const { state, ctx, errors, error, tasks } = await job;
    expect([state, errors, error]).toEqual(['completed', [], undefined]);
    expect(ctx).toEqual({ a: 1, b: 1, c: 3 });
    expect(tasks.a).toMatchObject({ state: 'completed', attempts: 2, error: undefined, reason: undefined });
    expect(tasks.b).toMatchObject({ state: 'completed', error: undefined, reason: undefined });
  });

  test('that fails again skips them again, and the errors tell of the last failure alone', async () => {
    const { clock, job } = await begin(() => chain(2), { onFailure: 'continue' });
    job.retry('a');
    await clock.advance(0);
    expect(['a', 'b', 'c'].map((name) => job.task(name).state)).toEqual(['failed', 'skipped', 'skipped']);
    job.task('rest').complete();
    const { state, errors } = await job;
    expect([state, errors.length, errors[0]?.attempt]).toEqual(['failed', 1, 2]);
    expect((errors[0]?.cause as Error).message).toBe('failure 2');
  });

  test('has all its retries anew', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'a', maxRetries: 1, run: failing(99) },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    expect(job.task('a').attempts).toBe(2);
    job.retry('a');
    await clock.advance(0);
    expect([job.task('a').state, job.task('a').attempts]).toEqual(['failed', 4]);
  });

  test('of one of two failed upstreams leaves the common downstream skipped, of both brings it back', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'left', run: failing(1) },
        { name: 'right', run: failing(1) },
        { name: 'join', dependsOn: ['left', 'right'], run: () => ({ joined: true }) },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    job.retry('left');
    await clock.advance(0);
    expect([job.task('left').state, job.task('join').state]).toEqual(['completed', 'skipped']);
    expect(job.task('join').error?.message).toContain('"right" upstream of it failed');
    job.retry('right');
    await clock.advance(0);
    expect(job.task('join').state).toBe('completed');
    job.task('rest').complete();
    expect(await job).toMatchObject({ state: 'completed', ctx: { joined: true } });
  });

  test('of both at once, by job.retry()', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'left', run: failing(1) },
        { name: 'right', run: failing(1) },
        { name: 'join', dependsOn: ['left', 'right'], run: () => {} },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    job.retry();
    await clock.advance(0);
    expect(['left', 'right', 'join'].map((name) => job.task(name).state)).toEqual(Array(3).fill('completed'));
  });

  test('brings back only what was skipped because of it: a skip by a condition is decided anew', async () => {
    const { clock, job } = await begin(
      () => [
        { name: 'a', run: failing(1) },
        { name: 'never', dependsOn: ['a'], when: () => false, run: () => {} },
        { name: 'after', dependsOn: ['never'], trigger: 'allDone', run: () => {} },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    expect(job.task('after').state).toBe('completed');
    expect(() => job.retry('a')).toThrow(refused('INVALID_STATE'));
    await clock.advance(0);
  });

  test('is refused where something has acted on the failure: nothing changes', async () => {
    const { job, lines } = await begin(
      () => [
        { name: 'a', run: failing(1) },
        { name: 'mail', dependsOn: ['a'], trigger: 'allFailed', run: () => {} },
        { kind: 'external', name: 'rest' },
      ],
      { onFailure: 'continue' },
    );
    const before = lines.length;
    expect(() => job.retry('a')).toThrow(/its failure has been acted on, "mail" is completed/);
    expect(() => job.retry('a')).toThrow(refused('INVALID_STATE'));
    expect([lines.length, job.task('a').state]).toEqual([before, 'failed']);
  });

  test('job.retry() passes over failures that have been acted on, tolerated ones for instance', async () => {
    const { clock, job } = await begin(() => [
      { name: 'tolerated', continueOnFailure: true, run: failing(1) },
      { name: 'after', dependsOn: ['tolerated'], run: () => {} },
      { name: 'a', onExhausted: 'pause', run: failing(1) },
    ]);
    job.retry();
    await clock.runAll();
    expect(job.state).toBe('completed');
  });

  test('job.retry() is refused where there is nothing to try again', async () => {
    const { job } = await begin(() => [{ kind: 'external', name: 'a' }]);
    expect(() => job.retry()).toThrow(refused('INVALID_STATE'));
    job.task('a').pause();
    expect(() => job.retry()).toThrow(refused('INVALID_STATE'));
    expect(job.task('a').state).toBe('paused');
  });

  test.each<[state: TaskState, name: string]>([
    ['completed', 'done'],
    ['skipped', 'after'],
    ['running', 'runs'],
    ['ready', 'review'],
    ['unscheduled', 'later'],
    ['notReady', 'waits'],
  ])('is refused for one that is %s', async (state, name) => {
    const { job } = await begin(
      () => [
        { name: 'done', run: () => {} },
        { name: 'bad', run: failing(1) },
        { name: 'after', dependsOn: ['bad'], run: () => {} },
        { name: 'runs', run: () => new Promise(() => {}) },
        { kind: 'external', name: 'review' },
        { name: 'later', dependsOn: ['review'], run: () => {} },
        { name: 'waits', run: () => notReady('x') },
      ],
      { onFailure: 'continue' },
    );
    expect(job.task(name).state).toBe(state);
    expect(() => job.retry(name)).toThrow(refused('INVALID_STATE'));
  });

  test('of a job that is over goes on in a handle of its own', async () => {
    const { job } = await begin(() => [{ name: 'a', run: failing(1) }]);
    expect(() => job.task('a').retry()).toThrow(refused('INVALID_STATE'));
    const again = job.retry('a');
    expect([again.id, (await again).state, job.state]).toEqual([job.id, 'completed', 'failed']);
  });

  test('is refused while the job is ending', async () => {
    const { clock, job } = await begin(
      (nap) => [
        { name: 'a', run: failing(1) },
        { name: 'b', run: nap(10) },
      ],
      { onFailure: 'drain' },
    );
    expect(() => job.retry('a')).toThrow(/its job is ending/);
    await clock.runAll();
  });

  test.each([
    'abort',
    'drain',
    'continue',
  ] as const)('within its own event keeps the job from acting on it (%s)', async (onFailure) => {
    const clock = virtualClock();
    const job = jobFrom('work', [
      { name: 'a', run: failing(1, { a: 1 }) },
      { name: 'b', dependsOn: ['a'], run: ({ ctx }) => ({ b: ctx.a }) },
      { name: 'c', dependsOn: ['a'], trigger: 'allDone', run: ({ ctx }) => ({ c: ctx.a }) },
      { name: 'd', dependsOn: ['a'], trigger: 'oneFailed', run: () => ({ d: 1 }) },
    ]).start({}, { clock, onFailure });
    when(job, 'a', 'failed', () => job.retry('a'));
    await clock.runAll();
    const { state, ctx, errors, tasks } = await job;
    expect([state, errors.length, tasks.d?.state]).toEqual(['completed', 0, 'skipped']);
    expect(ctx).toEqual({ a: 1, b: 1, c: 1 });
  });

  test('waits in a paused job', async () => {
    const { clock, job } = await begin(() => chain(1), { onFailure: 'continue' });
    job.pause();
    job.retry('a');
    await clock.advance(5);
    expect(job.task('a').state).toBe('ready');
    job.resume();
    await clock.advance(0);
    expect(job.task('c').state).toBe('completed');
  });

  test('lets job.output(task) be asked again', async () => {
    const { clock, job } = await begin(() => chain(1), { onFailure: 'continue' });
    await expect(job.output('b')).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    job.retry('a');
    const again = job.output('b');
    await clock.advance(0);
    expect(await again).toEqual({ b: 1 });
  });

  test('ends a backoff at once', async () => {
    const { clock, job } = await begin(
      () => [{ name: 'a', maxRetries: 1, retry: { delayMs: 1_000 }, run: failing(1) }],
      {},
      5,
    );
    job.retry('a');
    await clock.advance(0);
    expect([job.state, clock.pending()]).toEqual(['completed', 0]);
  });

  test('within the event that tells of the failure leaves no deadline running', async () => {
    const clock = virtualClock();
    let tries = 0;
    const run = () => {
      if (++tries === 1) throw new Error('not yet');
    };
    const job = jobFrom('j', [{ name: 'a', deadline: 5, run }]).start({}, { clock });
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'failed') job.retry('a');
    });
    await clock.advance(0);
    expect([job.state, clock.pending()]).toEqual(['completed', 0]);
  });

  test('of a task in a nested job goes by its path', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner', { onFailure: 'continue' })
      .task('a', failing(1))
      .task('b', { dependsOn: ['a'] }, () => {})
      .external('rest')
      .seal();
    const job = defineJob('outer').job('in', {}, inner).start({}, { clock });
    await clock.advance(0);
    job.retry('in/a');
    await clock.advance(0);
    expect(job.task('in/b').state).toBe('completed');
    job.task('in/rest').complete();
    expect((await job).state).toBe('completed');
  });
});

/** What may follow on what, for every kind of task and all that people may do. */
const WAYS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  unscheduled: ['ready', 'skipped'],
  ready: ['running', 'paused', 'failed', 'cancelled'],
  running: ['completed', 'failed', 'retrying', 'polling', 'paused', 'notReady', 'cancelled'],
  retrying: ['ready', 'failed', 'cancelled'],
  polling: ['ready', 'failed', 'cancelled'],
  paused: ['ready', 'running', 'cancelled'],
  completed: [],
  failed: ['ready'],
  notReady: [],
  skipped: ['unscheduled'],
  cancelled: [],
};

const holds = (what: boolean, otherwise: string): void => {
  if (!what) throw new Error(otherwise);
};

/** The tasks around one: of `t1/a` and `t1[0]` it is `t1`. */
const around = (path: string): string | undefined => /^(.*?)(\/|\[\d+\]$)/.exec(path)?.[1];

const keepsPromises = ({ tasks, options }: RestlessJob, { events, result, timersLeft }: Played): void => {
  const states = new Map<string, TaskState>();
  let jobState = 'idle';
  let slots = 0;
  for (const event of events) {
    if (event.type === 'job.transition') {
      holds(event.from === jobState, `the job was ${jobState}, and its event says ${event.from} -> ${event.to}`);
      jobState = event.to;
    }
    if (event.type !== 'task.transition') continue;
    const { task, from, to } = event;
    const was = states.get(task) ?? 'unscheduled';
    // A nested job that is tried again begins anew, and so do its tasks.
    const anew = around(task) !== undefined && from === 'unscheduled';
    holds(was === from || anew, `"${task}" was ${was}, and its event says ${from} -> ${to}`);
    holds(WAYS[from].includes(to), `"${task}" went ${from} -> ${to}`);
    states.set(task, to);
    const spec = tasks[Number(/\d+/.exec(task)?.[0])];
    const outer = around(task);
    const cleansUp = spec?.trigger === 'always';
    if (from === 'ready' && to === 'running' && !cleansUp) {
      holds(jobState === 'running', `"${task}" began to run in a job that is ${jobState}`);
      holds(
        outer === undefined || states.get(outer) === 'running',
        `"${task}" began to run in one that is not running`,
      );
    }
    const takesSlot = outer !== undefined || spec?.kind === 'task' || spec?.kind === 'sensor';
    if (takesSlot) slots += Number(to === 'running') - Number(from === 'running');
    const cap = options.sequential ? 1 : (options.maxConcurrency ?? Number.POSITIVE_INFINITY);
    holds(slots <= cap, `${slots} run at once, of ${cap}`);
  }
  holds(slots === 0, `${slots} slots are held after the end`);
  holds(jobState === result.state, `the job is ${jobState}, its result says ${result.state}`);
  holds(timersLeft === 0, `${timersLeft} timers are left`);
  for (const [at, { seq }] of events.entries()) holds(seq === at, `event ${at} has the seq ${seq}`);
  const failed = tasks.filter((_, at) => states.get(`t${at}`) === 'failed');
  expect(result.errors.length).toBe(failed.length);
  if (result.state === 'completed') expect(failed).toEqual([]);
  for (const [at] of tasks.entries()) {
    const state = states.get(`t${at}`) ?? 'unscheduled';
    expect(result.tasks[`t${at}`]?.state).toBe(state);
    holds(['completed', 'failed', 'skipped', 'cancelled', 'unscheduled'].includes(state), `"t${at}" is left ${state}`);
  }
};

test('random jobs that are paused, resumed and tried again at any moment all end, with no timer left', {
  timeout: 60_000,
}, async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(restlessJob(), async (spec) => {
      const played = await play(spec, () => {});
      for (const event of played.events)
        if (event.type === 'task.transition' || event.type === 'job.transition')
          seen.add(`${event.from} -> ${event.to}`);
      keepsPromises(spec, played);
    }),
    { numRuns: 500, ...seeded },
  );
  const wanted = ['ready -> paused', 'running -> paused', 'paused -> ready', 'paused -> running', 'failed -> ready'];
  expect([...wanted, 'skipped -> unscheduled'].filter((way) => !seen.has(way))).toEqual([]);
});
