import fc from 'fast-check';
import { Registry } from 'prom-client';
import { from, lastValueFrom } from 'rxjs';
import { createEngine, defineJob, jobFrom, memoryJournal, metrics, notReady, OptionError } from 'tintype';
import { prometheus } from 'tintype/prometheus';
import { seededRandom, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { samplesOf, sumOf, typesOf } from '../support/exposition.ts';
import { describeWithPrometheus, promtoolCheck } from '../support/promtool.ts';
import { play, restlessJob } from '../support/restless-job.ts';

type Options = NonNullable<Parameters<typeof prometheus>[1]>;

/** An engine with metrics, and a clock to turn. */
const measured = (limits: Parameters<typeof createEngine>[0] = {}, options: Options = {}) => {
  const clock = virtualClock(1_000);
  const engine = createEngine({ clock, random: seededRandom(1), ...limits });
  const { next, register } = prometheus(engine, options);
  engine.events$.subscribe({ next });
  const wait = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
  const scrape = async () => samplesOf(await register.metrics());
  return { clock, engine, register, wait, scrape };
};

/** The samples whose series begin so, without those of buckets. */
const of = (samples: ReadonlyMap<string, number>, prefix: string) =>
  Object.fromEntries([...samples].filter(([series]) => series.startsWith(prefix) && !series.includes('_bucket')));

/** A job with retries, a time-out and its late result, a conflict, instances and nested tasks. */
const busy = ({ wait }: { readonly wait: (ms: number) => Promise<void> }) => {
  let tries = 0;
  const inner = defineJob('inner')
    .task('step', () => wait(3))
    .seal();
  return defineJob('nightly')
    .task('load', { maxRetries: 1, retry: { delayMs: 10, jitter: 'none' }, pool: 'db', slots: 2 }, async () => {
      await wait(40);
      if (++tries === 1) throw new Error('no route to host');
    })
    .task('slow', { timeout: 20, continueOnFailure: true }, () => wait(30))
    .task('asks', { continueOnFailure: true }, () => notReady('no file yet'))
    .task('one', () => ({ key: 1 }))
    .task('two', () => ({ key: 2 }))
    .map('resize', { over: () => [1, 2, 3], dependsOn: ['load'] }, () => wait(2))
    .job('report', { dependsOn: ['load'] }, inner)
    .seal();
};

describe('the metrics of an engine', () => {
  test('count jobs, attempts by outcome, transitions, late results, conflicts and slots', async () => {
    const kit = measured({ maxConcurrency: 10, pools: { db: 4 } });
    const job = kit.engine.start(busy(kit));
    await kit.clock.advance(5);
    const early = await kit.scrape();
    expect(of(early, 'tintype_jobs{')).toEqual({
      'tintype_jobs{job_name="nightly",state="running"}': 1,
      'tintype_jobs{job_name="nightly",state="paused"}': 0,
    });
    expect(early.get('tintype_tasks{job_name="nightly",state="running"}')).toBe(2);
    expect(early.get('tintype_tasks{job_name="nightly",state="ready"}')).toBe(0);
    expect(of(early, 'tintype_slots{')).toEqual({
      'tintype_slots{kind="size",pool="(engine)"}': 10,
      'tintype_slots{kind="taken",pool="(engine)"}': 2,
      'tintype_slots{kind="waiting",pool="(engine)"}': 0,
      'tintype_slots{kind="size",pool="db"}': 4,
      'tintype_slots{kind="taken",pool="db"}': 2,
      'tintype_slots{kind="waiting",pool="db"}': 0,
    });
    await kit.clock.runAll();
    expect((await job).state).toBe('notReady');
    const samples = await kit.scrape();
    expect(of(samples, 'tintype_task_attempts_total')).toEqual({
      'tintype_task_attempts_total{job_name="nightly",outcome="completed",task="load"}': 1,
      'tintype_task_attempts_total{job_name="nightly",outcome="failed",task="load"}': 1,
      'tintype_task_attempts_total{job_name="nightly",outcome="timedOut",task="slow"}': 1,
      'tintype_task_attempts_total{job_name="nightly",outcome="notReady",task="asks"}': 1,
      'tintype_task_attempts_total{job_name="nightly",outcome="completed",task="one"}': 1,
      'tintype_task_attempts_total{job_name="nightly",outcome="completed",task="two"}': 1,
      'tintype_task_attempts_total{job_name="nightly",outcome="completed",task="resize"}': 1,
      'tintype_task_attempts_total{job_name="nightly",outcome="completed",task="resize[]"}': 3,
      'tintype_task_attempts_total{job_name="nightly",outcome="completed",task="report"}': 1,
      'tintype_task_attempts_total{job_name="nightly",outcome="completed",task="report/step"}': 1,
    });
    expect(of(samples, 'tintype_jobs')).toEqual({
      'tintype_jobs{job_name="nightly",state="running"}': 0,
      'tintype_jobs{job_name="nightly",state="paused"}': 0,
      'tintype_jobs_started_total{job_name="nightly"}': 1,
      'tintype_jobs_resumed_total{job_name="nightly"}': 0,
      'tintype_jobs_ended_total{job_name="nightly",state="completed"}': 0,
      'tintype_jobs_ended_total{job_name="nightly",state="failed"}': 0,
      'tintype_jobs_ended_total{job_name="nightly",state="timedOut"}': 0,
      'tintype_jobs_ended_total{job_name="nightly",state="cancelled"}': 0,
      'tintype_jobs_ended_total{job_name="nightly",state="notReady"}': 1,
    });
    expect(samples.get('tintype_late_results_total{job_name="nightly"}')).toBe(1);
    expect(samples.get('tintype_context_conflicts_total{job_name="nightly"}')).toBe(1);
    expect(samples.get('tintype_tasks{job_name="nightly",state="running"}')).toBe(0);
    // 40 ms, 10 ms of waiting, 40 ms, then 3.
    expect(samples.get('tintype_job_duration_seconds_sum{job_name="nightly",state="notReady"}')).toBeCloseTo(0.093);
    expect(samples.get('tintype_job_duration_seconds_bucket{job_name="nightly",le="0.025",state="notReady"}')).toBe(0);
    expect(samples.get('tintype_job_duration_seconds_bucket{job_name="nightly",le="0.1",state="notReady"}')).toBe(1);
    expect(samples.get('tintype_job_duration_seconds_bucket{job_name="nightly",le="+Inf",state="notReady"}')).toBe(1);
    // Two slots for 2 × 40 ms.
    expect(samples.get('tintype_slot_busy_seconds_total{pool="db"}')).toBeCloseTo(0.16);
    expect(samples.get('tintype_info{version="0.1.0"}')).toBe(1);
  });

  test('know how long tasks were ready before they ran', async () => {
    const { engine, clock, wait, scrape } = measured({ maxConcurrency: 1 });
    engine.start(
      jobFrom(
        'queue',
        [1, 2, 3].map((at) => ({ name: `t${at}`, run: () => wait(1_000) })),
      ),
    );
    await clock.advance(100);
    expect((await scrape()).get('tintype_slots{kind="waiting",pool="(engine)"}')).toBe(2);
    await clock.runAll();
    const samples = await scrape();
    expect(samples.get('tintype_task_queue_wait_seconds_sum{job_name="queue"}')).toBe(3);
    expect(samples.get('tintype_task_queue_wait_seconds_count{job_name="queue"}')).toBe(3);
    expect(samples.get('tintype_task_duration_seconds_sum{job_name="queue"}')).toBe(3);
    expect(samples.get('tintype_slot_busy_seconds_total{pool="(engine)"}')).toBe(3);
  });

  test('know of jobs that began before them, and of those that another process continues', async () => {
    const journal = memoryJournal();
    const clock = virtualClock();
    const definition = jobFrom('long', [
      { name: 'first', run: () => ({ done: true }) },
      { name: 'hangs', dependsOn: ['first'], run: () => new Promise(() => {}) },
    ]);
    const before = createEngine({ clock, journal, definitions: [definition] });
    before.start(definition, {}, { jobId: 'l1' });
    await clock.advance(10);
    const { next, register } = prometheus(before);
    before.events$.subscribe({ next });
    const early = samplesOf(await register.metrics());
    expect(of(early, 'tintype_tasks')).toEqual({
      'tintype_tasks{job_name="long",state="completed"}': 1,
      'tintype_tasks{job_name="long",state="running"}': 1,
    });
    void before.close({ mode: 'abort' });
    await clock.advance(20_000);
    expect(sumOf(samplesOf(await register.metrics()), 'tintype_jobs')).toBe(0);

    const after = createEngine({ clock, journal, definitions: [definition] });
    const later = prometheus(after);
    after.events$.subscribe(later);
    await after.recover();
    await clock.advance(10);
    const samples = samplesOf(await later.register.metrics());
    expect(of(samples, 'tintype_jobs_')).toMatchObject({
      'tintype_jobs_resumed_total{job_name="long"}': 1,
      'tintype_jobs_started_total{job_name="long"}': 0,
    });
    expect(samples.get('tintype_jobs{job_name="long",state="running"}')).toBe(1);
    expect(samples.get('tintype_tasks{job_name="long",state="completed"}')).toBe(1);
    void after.close({ mode: 'abort' });
    await clock.advance(20_000);
  });

  test('do not count the wait of an external task for its claim as one in the queue', async () => {
    const { engine, clock, scrape } = measured();
    const definition = defineJob('approval')
      .external('approve', { owner: 'boss' })
      .task('file', () => {})
      .seal();
    const job = engine.start(definition);
    await clock.advance(60_000);
    job.task('approve').claim('ann');
    await clock.advance(1);
    const samples = await scrape();
    expect(samples.get('tintype_tasks{job_name="approval",state="running"}')).toBe(1);
    expect(samples.get('tintype_task_queue_wait_seconds_count{job_name="approval"}')).toBe(1);
    expect(samples.get('tintype_task_queue_wait_seconds_sum{job_name="approval"}')).toBe(0);
  });

  test('agree with metrics() about random jobs', async () => {
    const { FC_SEED } = process.env;
    await fc.assert(
      fc.asyncProperty(restlessJob(), async (description) => {
        const { events } = await play(description, () => {});
        const counts = await lastValueFrom(from(events).pipe(metrics()));
        const measures = prometheus(createEngine());
        for (const event of events) measures.next(event);
        const samples = samplesOf(await measures.register.metrics());
        const moves = events.filter((event) => event.type === 'task.transition');
        // metrics() has the waits of external tasks for a claim, too.
        const forClaims = moves.reduce(
          (sum, { worker, at, readyAt }) => sum + (worker === undefined ? 0 : at - (readyAt ?? at)),
          0,
        );
        expect({
          attempts: sumOf(samples, 'tintype_task_attempts_total'),
          measured: sumOf(samples, 'tintype_task_duration_seconds_count'),
          timeouts: sumOf(samples, 'tintype_task_attempts_total', /outcome="timedOut"/),
          lateResults: sumOf(samples, 'tintype_late_results_total'),
          conflicts: sumOf(samples, 'tintype_context_conflicts_total'),
          waitMs: Math.round(1000 * sumOf(samples, 'tintype_task_queue_wait_seconds_sum')),
          transitions: sumOf(samples, 'tintype_task_transitions_total'),
        }).toEqual({
          attempts: counts.attempts,
          measured: counts.attempts,
          timeouts: counts.timeouts,
          lateResults: counts.lateResults,
          conflicts: counts.conflicts,
          waitMs: counts.waitMs - forClaims,
          transitions: moves.length,
        });
      }),
      { numRuns: 60, ...(FC_SEED !== undefined && { seed: Number(FC_SEED) }) },
    );
  });
});

describe('too many names', () => {
  test('count as other, and the number of series stays below the ceiling that the docs tell', async () => {
    const { engine, clock, scrape } = measured({}, { maxNames: 20, maxTasks: 50 });
    const random = seededRandom(7);
    const any = () => random().toString(36).slice(2);
    for (let at = 0; at < 10_000; at += 50) {
      for (let one = 0; one < 50; one++) engine.start(jobFrom(any(), [{ name: any(), run: () => {} }]));
      await clock.runAll();
    }
    const samples = await scrape();
    expect(samples.get('tintype_jobs_started_total{job_name="other"}')).toBe(9_980);
    expect(sumOf(samples, 'tintype_jobs_started_total')).toBe(10_000);
    expect(samples.get('tintype_task_attempts_total{job_name="other",outcome="completed",task="other"}')).toBe(9_980);
    expect(sumOf(samples, 'tintype_task_attempts_total')).toBe(10_000);
    expect(samples.get('tintype_dropped_series_total{metric="tintype_jobs_started_total"}')).toBe(9_980);
    expect(samples.get('tintype_dropped_series_total{metric="tintype_task_attempts_total"}')).toBe(9_980);
    expect(samples.size).toBeLessThan(ceiling(20, 50));
  });

  test('of tasks count as other of their job', async () => {
    const { engine, clock, scrape } = measured({}, { maxTasks: 3 });
    for (const name of ['a', 'b'])
      engine.start(
        jobFrom(
          name,
          [1, 2].map((at) => ({ name: `t${at}`, run: () => {} })),
        ),
      );
    await clock.runAll();
    const samples = await scrape();
    expect(of(samples, 'tintype_task_attempts_total')).toEqual({
      'tintype_task_attempts_total{job_name="a",outcome="completed",task="t1"}': 1,
      'tintype_task_attempts_total{job_name="a",outcome="completed",task="t2"}': 1,
      'tintype_task_attempts_total{job_name="b",outcome="completed",task="t1"}': 1,
      'tintype_task_attempts_total{job_name="b",outcome="completed",task="other"}': 1,
    });
  });

  test('do not collide with a job and a task that are named other, nor with quotes and line breaks', async () => {
    const { engine, clock, scrape } = measured({}, { maxNames: 2 });
    for (const name of ['other', 'say "hi"', 'a\\b', 'third'])
      engine.start(jobFrom(name, [{ name: 'other', run: () => {} }]));
    await clock.runAll();
    const samples = await scrape();
    expect(of(samples, 'tintype_jobs_started_total')).toEqual({
      'tintype_jobs_started_total{job_name="other"}': 2,
      'tintype_jobs_started_total{job_name="say \\"hi\\""}': 1,
      'tintype_jobs_started_total{job_name="a\\\\b"}': 1,
    });
  });
});

/** The largest number of series: for each name, `other` too, and for each task. See docs/metrics.md. */
const ceiling = (names: number, tasks: number): number => 132 * (names + 1) + 6 * (tasks + names + 1) + 11;

describe('the registry', () => {
  test('can be that of the program, which has metrics of its own', async () => {
    const register = new Registry();
    const { engine } = measured({}, { register });
    const types = typesOf(await register.metrics());
    expect(types.tintype_jobs_started_total).toBe('counter');
    expect(() => prometheus(engine, { register })).toThrowError(
      /registry has a metric tintype_info already.*registry of its own/,
    );
    expect(await register.getMetricsAsJSON()).toContainEqual(
      expect.objectContaining({
        name: 'tintype_info',
        values: [expect.objectContaining({ labels: { version: '0.1.0' } })],
      }),
    );
  });

  test('may be one for OpenMetrics', async () => {
    const register = new Registry();
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    const { engine, clock } = measured({}, { register });
    engine.start(jobFrom('one', [{ name: 'a', run: () => {} }]));
    await clock.runAll();
    const text = await register.metrics();
    expect(text).toContain('# TYPE tintype_jobs_started counter\ntintype_jobs_started_total{job_name="one"} 1');
    expect(await register.metrics()).toBe(text);
  });

  test.each([
    [{ maxNames: 0 }, 'prometheus has maxNames = 0: expected a whole number, 1 or more.'],
    [{ buckets: [1, 1] }, 'prometheus has buckets = [1,1]: expected finite numbers of seconds, ascending.'],
    [{ registry: {} }, 'prometheus has no option "registry". Did you mean "register"?'],
    [{ register: {} }, 'prometheus has register = {}: expected a registry of prom-client with the methods'],
  ])('refuses %j', (options, message) => {
    expect(() => prometheus(createEngine(), options as never)).toThrowError(OptionError);
    expect(() => prometheus(createEngine(), options as never)).toThrowError(message);
  });
});

describeWithPrometheus('promtool', () => {
  test('has no complaint about the exposition', async () => {
    const kit = measured({ maxConcurrency: 10, pools: { db: 4 } });
    kit.engine.start(busy(kit));
    await kit.clock.runAll();
    expect(promtoolCheck(await kit.register.metrics())).toEqual({ code: 0, out: '' });
  });
});
