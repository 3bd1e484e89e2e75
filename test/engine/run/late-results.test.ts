import { setTimeout as nodeTimeout } from 'node:timers/promises';
import { type Job, type JobEvent, run, type TaskScope, type TaskSpec } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

type Late = Extract<JobEvent, { type: 'task.lateResult' }>;

const lateOf = (job: Job<object>): Late[] => {
  const late: Late[] = [];
  job.events$.subscribe((event) => void (event.type === 'task.lateResult' && late.push(event)));
  return late;
};

/** A clock, a wait by it that hears no signal, and one that does. */
const kitchen = () => {
  const clock = virtualClock();
  const deaf = <Value>(ms: number, value: Value): Promise<Value> =>
    new Promise((resolve) => void clock.setTimer(() => resolve(value), ms));
  const polite = (ms: number, { signal }: TaskScope): Promise<void> =>
    new Promise((resolve, reject) => {
      const cancelTimer = clock.setTimer(resolve, ms);
      signal.addEventListener('abort', () => {
        cancelTimer();
        reject(signal.reason);
      });
    });
  /** Keeps the job open for a while. */
  const rest = (ms: number): TaskSpec => ({ name: 'rest', run: () => deaf(ms, undefined) });
  return { clock, deaf, polite, rest };
};

describe('a result that comes after the time limit of its attempt', () => {
  test('is dropped and counted once', async () => {
    const { clock, deaf, rest } = kitchen();
    const job = run(
      [{ name: 'dice', timeout: 5, continueOnFailure: true, run: () => deaf(10, { cubes: 4 }) }, rest(20)],
      { clock },
    );
    const late = lateOf(job);
    await clock.runAll();
    const { state, ctx, tasks } = await job;
    expect([state, ctx, tasks.dice?.state, tasks.dice?.reason]).toEqual(['completed', {}, 'failed', 'timeout']);
    expect(late).toEqual([expect.objectContaining({ task: 'dice', attempt: 1, outcome: 'succeeded', at: 10 })]);
    expect(job.task('dice').lateResults).toBe(1);
  });

  test('is dropped and counted too when it is an error', async () => {
    const { clock, deaf, rest } = kitchen();
    const dice = async (): Promise<never> => {
      await deaf(10, undefined);
      throw new Error('blunt');
    };
    const job = run([{ name: 'dice', timeout: 5, continueOnFailure: true, run: dice }, rest(20)], { clock });
    const late = lateOf(job);
    await clock.runAll();
    const { errors } = await job;
    expect(late).toEqual([expect.objectContaining({ task: 'dice', attempt: 1, outcome: 'failed' })]);
    expect(errors).toEqual([expect.objectContaining({ code: 'TASK_TIMEOUT' })]);
  });

  test('does not stand in for the next attempt, which runs or has brought its own', async () => {
    const { clock, deaf } = kitchen();
    const job = run(
      [
        {
          name: 'dice',
          timeout: 5,
          maxRetries: 2,
          run: ({ attempt }) => deaf([7, 8, 4][attempt - 1] as number, { cubes: attempt }),
        },
        { name: 'toss', dependsOn: ['dice'], run: () => deaf(10, undefined) },
      ],
      { clock },
    );
    const late = lateOf(job);
    await clock.runAll();
    const { state, ctx, tasks } = await job;
    expect([state, ctx, tasks.dice?.attempts]).toEqual(['completed', { cubes: 3 }, 3]);
    expect(late.map(({ attempt, outcome, at }) => [attempt, outcome, at])).toEqual([
      [1, 'succeeded', 7],
      [2, 'succeeded', 13],
    ]);
    expect(job.task('dice').lateResults).toBe(2);
  });

  test('does not merge even if the task is waiting out its backoff', async () => {
    const { clock, deaf } = kitchen();
    const job = run(
      [
        {
          name: 'dice',
          timeout: 5,
          maxRetries: 1,
          retry: { delayMs: 20 },
          run: ({ attempt }) => (attempt === 1 ? deaf(8, { first: true }) : { second: true }),
        },
      ],
      { clock },
    );
    const late = lateOf(job);
    await clock.runAll();
    expect((await job).ctx).toEqual({ second: true });
    expect(late).toHaveLength(1);
  });
});

test('a result that comes after the deadline of its task is dropped and counted', async () => {
  const { clock, deaf, rest } = kitchen();
  const job = run(
    [{ name: 'dice', deadline: 5, continueOnFailure: true, run: () => deaf(10, { cubes: 4 }) }, rest(20)],
    { clock },
  );
  const late = lateOf(job);
  await clock.runAll();
  expect((await job).ctx).toEqual({});
  expect(late).toEqual([expect.objectContaining({ task: 'dice', attempt: 1, outcome: 'succeeded' })]);
});

describe('a result that comes after the job was cancelled', () => {
  test('never merges, and is counted, though the stream has completed', async () => {
    const { clock, deaf } = kitchen();
    const job = run([{ name: 'dice', run: () => deaf(10, { cubes: 4 }) }], { clock });
    const late = lateOf(job);
    await clock.advance(5);
    const { state, ctx } = await job.cancel();
    expect([state, ctx, job.task('dice').lateResults]).toEqual(['cancelled', {}, 0]);
    await clock.runAll();
    expect([job.ctx, (await job).ctx, job.task('dice').lateResults]).toEqual([{}, {}, 1]);
    expect(late).toEqual([]);
  });

  test('never merges within the grace either, and is told before the job ends', async () => {
    const { clock, deaf } = kitchen();
    const job = run([{ name: 'dice', run: () => deaf(10, { cubes: 4 }) }], { clock, graceMs: 100 });
    const late = lateOf(job);
    await clock.advance(5);
    void job.cancel();
    await clock.runAll();
    const { state, ctx, tasks } = await job;
    expect([state, ctx, tasks.dice?.state]).toEqual(['cancelled', {}, 'cancelled']);
    expect(job.task('dice').lateResults).toBe(1);
    expect(late).toEqual([expect.objectContaining({ task: 'dice', attempt: 1, outcome: 'succeeded' })]);
  });

  test('never merges when a sibling failed', async () => {
    const { clock, deaf } = kitchen();
    const job = run(
      [
        { name: 'dice', run: () => deaf(10, { cubes: 4 }) },
        { name: 'peel', run: () => deaf(5, undefined).then(() => Promise.reject(new Error('blunt'))) },
      ],
      { clock },
    );
    await clock.runAll();
    const { state, ctx } = await job;
    expect([state, ctx, job.ctx, job.task('dice').lateResults]).toEqual(['failed', {}, {}, 1]);
  });
});

describe('what an attempt does because it was told to stop is no late result:', () => {
  test('it rejects with the reason of its signal', async () => {
    const { clock, polite, rest } = kitchen();
    const job = run(
      [
        { name: 'dice', timeout: 5, maxRetries: 1, continueOnFailure: true, run: (scope) => polite(10, scope) },
        rest(30),
      ],
      { clock },
    );
    const late = lateOf(job);
    await clock.runAll();
    expect((await job).tasks.dice).toMatchObject({ state: 'failed', attempts: 2, reason: 'timeout' });
    expect([late, job.task('dice').lateResults]).toEqual([[], 0]);
  });

  test('it throws from throwIfAborted', async () => {
    const { clock, deaf } = kitchen();
    const dice = async ({ signal }: TaskScope): Promise<object> => {
      await deaf(10, undefined);
      signal.throwIfAborted();
      return { cubes: 4 };
    };
    const job = run([{ name: 'dice', run: dice }], { clock, graceMs: 50 });
    const late = lateOf(job);
    await clock.advance(5);
    void job.cancel();
    await clock.runAll();
    expect((await job).ctx).toEqual({});
    expect([late, job.task('dice').lateResults]).toEqual([[], 0]);
  });

  test("Node's own functions reject with their AbortError", async () => {
    const { clock, rest } = kitchen();
    const dice = ({ signal }: TaskScope): Promise<void> => nodeTimeout(60_000, undefined, { signal });
    const job = run([{ name: 'dice', timeout: 5, continueOnFailure: true, run: dice }, rest(20)], { clock });
    const late = lateOf(job);
    await clock.runAll();
    expect((await job).tasks.dice).toMatchObject({ state: 'failed', reason: 'timeout' });
    expect([late, job.task('dice').lateResults]).toEqual([[], 0]);
  });

  test('but any other error is one, and so is any output', async () => {
    const { clock, rest } = kitchen();
    const stopped =
      (answer: (resolve: (output: object) => void, reject: (error: Error) => void) => void) =>
      ({ signal }: TaskScope): Promise<object> =>
        new Promise((resolve, reject) => signal.addEventListener('abort', () => answer(resolve, reject)));
    const job = run(
      [
        { name: 'dice', timeout: 5, continueOnFailure: true, run: stopped((resolve) => resolve({ cubes: 4 })) },
        { name: 'peel', timeout: 5, continueOnFailure: true, run: stopped((_, reject) => reject(new Error('cut'))) },
        rest(20),
      ],
      { clock },
    );
    const late = lateOf(job);
    await clock.runAll();
    expect((await job).ctx).toEqual({});
    expect(late.map(({ task, outcome }) => `${task} ${outcome}`)).toEqual(['dice succeeded', 'peel failed']);
  });
});

test('a result that comes in time is never counted', async () => {
  const { clock, deaf } = kitchen();
  const job = run([{ name: 'dice', timeout: 50, deadline: 60, run: () => deaf(10, { cubes: 4 }) }], {
    clock,
    timeout: 70,
  });
  const late = lateOf(job);
  await clock.runAll();
  expect(await job).toMatchObject({ state: 'completed', ctx: { cubes: 4 } });
  expect([late, job.task('dice').lateResults, clock.pending()]).toEqual([[], 0, 0]);
});
