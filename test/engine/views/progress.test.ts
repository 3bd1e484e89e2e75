import { createEngine, defineJob, type Job, type JobProgress, jobFrom, memoryJournal } from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';
import { realWorkflows } from '../../support/real-workflows.ts';

const lasting = (clock: VirtualClock, ms: number) => () =>
  new Promise<void>((resolve) => {
    clock.setTimer(resolve, ms);
  });

/** What a job tells of its progress, each with when it was told. */
const told = (job: Job, clock: VirtualClock): (JobProgress & { readonly at: number })[] => {
  const heard: (JobProgress & { readonly at: number })[] = [];
  job.progress$.subscribe((progress) => heard.push({ at: clock.now(), ...progress }));
  return heard;
};

/** What is told of a job at a moment, by a subscription of its own. */
const now = (job: Job): JobProgress => {
  let latest: JobProgress | undefined;
  job.progress$
    .subscribe((progress) => {
      latest = progress;
    })
    .unsubscribe();
  return latest as JobProgress;
};

describe('job.progress$', () => {
  test('tells the fraction by the weight of the estimates, and the ms left', async () => {
    const clock = virtualClock();
    const job = jobFrom('load', [
      { name: 'extract', estimate: 6_000, run: lasting(clock, 6_000) },
      { name: 'load', dependsOn: ['extract'], estimate: 2_000, run: lasting(clock, 2_000) },
    ]).start({}, { clock });
    const heard = told(job, clock);
    await clock.runAll();
    expect(heard).toEqual([
      { at: 0, fraction: 0, leftMs: 8_000 },
      { at: 1_000, fraction: 1_000 / 8_000, leftMs: 7_000 },
      { at: 6_000, fraction: 0.75, leftMs: 2_000 },
      { at: 7_000, fraction: 7_000 / 8_000, leftMs: 1_000 },
      { at: 8_000, fraction: 1, leftMs: 0 },
    ]);
  });

  test('has the latest at once for whoever comes later, and the end for whoever comes after it', async () => {
    const clock = virtualClock();
    const job = jobFrom('one', [{ name: 'a', estimate: 10_000, run: lasting(clock, 10_000) }]).start({}, { clock });
    await clock.advance(4_000);
    expect(now(job)).toEqual({ fraction: 0.4, leftMs: 6_000 });
    const first = told(job, clock);
    const second = told(job, clock);
    expect([first, second]).toEqual([[{ at: 4_000, fraction: 0.4, leftMs: 6_000 }], first]);
    await clock.runAll();
    expect(told(job, clock)).toEqual([{ at: 10_000, fraction: 1, leftMs: 0 }]);
    expect(first.at(-1)).toEqual({ at: 10_000, fraction: 1, leftMs: 0 });
  });

  test('leaves no timer behind: none while nothing changes, none without a subscriber', async () => {
    const clock = virtualClock();
    const job = jobFrom('one', [{ name: 'a', estimate: 60_000, run: lasting(clock, 60_000) }]).start({}, { clock });
    await clock.advance(0);
    const own = clock.pending();
    const subscription = job.progress$.subscribe();
    await clock.advance(5_000);
    expect(clock.pending()).toBe(own);
    subscription.unsubscribe();
    expect(clock.pending()).toBe(own);
    await clock.runAll();
  });

  test('is told at most once a second, however much happens', async () => {
    const clock = virtualClock();
    const tasks = Array.from({ length: 300 }, (_, at) => ({ name: `t${at}`, estimate: 100, run: lasting(clock, 100) }));
    const job = jobFrom('many', tasks).start({}, { clock, maxConcurrency: 3 });
    const heard = told(job, clock);
    await clock.runAll();
    expect(heard.slice(0, -1).map(({ at }) => at / 1_000)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(heard.at(-1)).toEqual({ at: 10_000, fraction: 1, leftMs: 0 });
    expect(heard[5]?.fraction).toBeCloseTo(0.5, 2);
    expect(heard[5]?.leftMs).toBeCloseTo(5_000, -2);
  });

  test('where nothing is known, tells the share of tasks, and a time once three have completed', async () => {
    const clock = virtualClock();
    const tasks = Array.from({ length: 10 }, (_, at) => ({ name: `t${at}`, run: lasting(clock, 4_000) }));
    const job = jobFrom('unknown', tasks).start({}, { clock, sequential: true });
    await clock.advance(9_000);
    expect(now(job)).toEqual({ fraction: 0.2, leftMs: undefined });
    await clock.advance(4_000);
    expect(now(job)).toEqual({ fraction: (3 + 0.25) / 10, leftMs: 27_000 });
    await clock.runAll();
  });

  test('heeds pools, waits before retries, and what a task reports', async () => {
    const clock = virtualClock();
    let attempts = 0;
    const job = jobFrom('limited', [
      { name: 'q1', pool: 'db', estimate: 10_000, run: lasting(clock, 10_000) },
      { name: 'q2', pool: 'db', estimate: 10_000, run: lasting(clock, 10_000) },
      {
        name: 'flaky',
        estimate: 5_000,
        maxRetries: 1,
        retry: { delayMs: 60_000, jitter: 'none' },
        run: () => {
          attempts++;
          if (attempts === 1) throw new Error('not yet');
          return lasting(clock, 5_000)();
        },
      },
    ]).start({}, { clock, pools: { db: 1 } });
    expect(now(job).leftMs).toBe(20_000);
    await clock.advance(2_000);
    expect(now(job).leftMs).toBe(58_000 + 5_000);
    await clock.runAll();

    const reporting = jobFrom('reporting', [
      {
        name: 'copy',
        estimate: 1_000,
        run: async ({ progress }) => {
          await lasting(clock, 10_000)();
          progress(0.25);
          await lasting(clock, 30_000)();
        },
      },
    ]).start({}, { clock });
    await clock.advance(12_000);
    expect(now(reporting).leftMs).toBe(36_000);
    await clock.runAll();
  });

  test('counts what is inside nested jobs and fan-outs', async () => {
    const clock = virtualClock();
    const inner = jobFrom('inner', [
      { name: 'a', estimate: 3_000, run: lasting(clock, 3_000) },
      { name: 'b', dependsOn: ['a'], estimate: 4_000, run: lasting(clock, 4_000) },
    ]);
    const job = defineJob('outer')
      .job('nested', {}, inner)
      .map(
        'each',
        { dependsOn: ['nested'], over: [1, 2, 3, 4], concurrency: 2, estimate: 5_000 },
        lasting(clock, 5_000),
      )
      .seal()
      .start({}, { clock });
    expect(now(job as never).leftMs).toBe(12_000);
    await clock.advance(5_000);
    expect(now(job as never).leftMs).toBe(7_000);
    await clock.advance(3_000);
    expect(now(job as never)).toEqual({ fraction: (7_000 + 2_000) / 27_000, leftMs: 9_000 });
    await clock.runAll();
  });

  test('counts what is inside the jobs of a fan-out, here and as their events say', async () => {
    const clock = virtualClock();
    const journal = memoryJournal();
    const inner = jobFrom('inner', [
      { name: 'a', estimate: 3_000, run: lasting(clock, 3_000) },
      { name: 'b', dependsOn: ['a'], estimate: 4_000, run: lasting(clock, 4_000) },
    ]);
    const definition = defineJob('outer')
      .job('each', { over: [1, 2, 3] }, inner)
      .seal();
    const job = createEngine({ journal, clock }).start(definition, {}, { maxConcurrency: 2 });
    await clock.advance(1_000);
    const { fraction, leftMs } = now(job as never);
    expect([fraction, leftMs]).toEqual([2_000 / 21_000, 11_000 - 1_000]);
    const elsewhere = createEngine({ journal: { ...journal }, clock });
    expect((await elsewhere.find(job.id))?.progress().leftMs).toBeDefined();
    await clock.runAll();
  });

  test('of a job that a cancellation ends, what still runs is all that is left', async () => {
    const clock = virtualClock();
    const job = jobFrom('ending', [
      { name: 'a', estimate: 10_000, run: lasting(clock, 10_000) },
      { name: 'b', dependsOn: ['a'], estimate: 90_000, run: lasting(clock, 90_000) },
    ]).start({}, { clock });
    await clock.advance(2_000);
    job.cancel('enough', { mode: 'drain' });
    expect(now(job)).toEqual({ fraction: 0.2, leftMs: 8_000 });
    await clock.runAll();
  });

  test('is within × 1.5 of the truth in nine of ten moments, where the durations are known', async () => {
    let close = 0;
    let all = 0;
    for (const { tasks } of realWorkflows()) {
      for (const workers of [2, 8]) {
        const clock = virtualClock();
        const specs = tasks.map(({ ms, upstreams }, at) => ({
          name: `t${at}`,
          dependsOn: upstreams.map((one) => `t${one}`),
          estimate: ms,
          run: lasting(clock, ms),
        }));
        const definition = jobFrom('real', specs);
        const options = { clock, maxConcurrency: workers, freeze: false };
        const measure = definition.start({}, options);
        await clock.runAll();
        const { durationMs } = await measure;
        const job = definition.start({}, options);
        for (const part of [0.25, 0.5, 0.75]) {
          await clock.advance(durationMs * 0.25);
          const left = (1 - part) * durationMs;
          const { leftMs = 0 } = now(job);
          all++;
          if (Math.max(leftMs / left, left / leftMs) <= 1.5) close++;
        }
        await clock.runAll();
      }
    }
    expect(close / all).toBeGreaterThan(0.95);
  });

  test('of a job that another process runs follows from its events, and the estimates that were kept with it', async () => {
    const journal = memoryJournal();
    const clock = virtualClock();
    const define = () =>
      jobFrom('nightly', [
        { name: 'a', run: lasting(clock, 8_000) },
        { name: 'b', dependsOn: ['a'], run: lasting(clock, 4_000) },
      ]);
    const engine = createEngine({ journal, clock });
    const earlier = engine.start(define(), {});
    await clock.runAll();
    await earlier;
    const job = engine.start(define(), {}, { jobKey: 'today' });
    await clock.advance(2_000);
    const at2s = { fraction: 2_000 / 12_000, leftMs: 10_000 };
    expect(now(job as never)).toEqual(at2s);
    expect((await engine.find(job.id))?.progress()).toEqual(at2s);
    const elsewhere = createEngine({ journal: { ...journal }, clock });
    expect((await elsewhere.find(job.id))?.progress()).toEqual(at2s);
    const follower = elsewhere.start(define(), {}, { jobKey: 'today' });
    await vi.waitFor(() => expect(now(follower as never)).toEqual(at2s), 5_000);
    await clock.runAll();
    expect((await engine.find(job.id))?.progress()).toEqual({ fraction: 1, leftMs: 0 });
  });
});
