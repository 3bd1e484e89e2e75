import { type CommandErrorCode, createEngine, defineJob, jobFrom } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { begin, failing, linesOf, napper, when } from '../../support/pausing.ts';

/** Fails at first, and never ends then. */
const failingThenHanging = async ({ attempt }: { readonly attempt: number }): Promise<void> => {
  if (attempt === 1) throw new Error('x');
  await new Promise(() => {});
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
