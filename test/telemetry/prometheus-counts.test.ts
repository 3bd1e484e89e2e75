import { createEngine, defineJob, memoryJournal } from 'tintype';
import { type PrometheusMetrics, prometheus } from 'tintype/prometheus';
import { virtualClock } from 'tintype/testing';
import { expect, test } from 'vitest';
import { samplesOf } from '../support/exposition.ts';

/** The samples of metrics whose names are like this, without those that are 0. */
const countsOf = async ({ register }: PrometheusMetrics, name: RegExp): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries(
    [...samplesOf(await register.metrics())].filter(([series, value]) => name.test(series) && value !== 0),
  );

const measured = (options: Parameters<typeof createEngine>[0] = {}) => {
  const engine = createEngine(options);
  const metrics = prometheus(engine);
  engine.events$.subscribe(metrics);
  return { engine, metrics };
};

const ATTEMPTS = /^tintype_(task_attempts_total|task_duration_seconds_count)/;

test('attempts are counted once, also if a job that is over is retried', async () => {
  let isWell = false;
  const definition = defineJob('load')
    .task('f', () => {
      if (!isWell) throw new Error('no');
    })
    .task('s', ({ signal }) => {
      if (!isWell) return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      return undefined;
    })
    .map('m', { dependsOn: ['f'], over: [1, 2] }, () => {})
    .seal();
  const { engine, metrics } = measured({ journal: memoryJournal(), definitions: [definition] });
  await engine.start(definition, {}, { jobId: 'r' });
  isWell = true;
  const { job } = await engine.retry('r');
  await job;
  expect(await countsOf(metrics, ATTEMPTS)).toEqual({
    'tintype_task_attempts_total{job_name="load",outcome="completed",task="f"}': 1,
    'tintype_task_attempts_total{job_name="load",outcome="failed",task="f"}': 1,
    'tintype_task_attempts_total{job_name="load",outcome="completed",task="m"}': 1,
    'tintype_task_attempts_total{job_name="load",outcome="completed",task="m[]"}': 2,
    'tintype_task_attempts_total{job_name="load",outcome="cancelled",task="s"}': 1,
    'tintype_task_attempts_total{job_name="load",outcome="completed",task="s"}': 1,
    'tintype_task_duration_seconds_count{job_name="load"}': 7,
  });
});

test('a job that is cancelled before it starts counts as started, so that no more end than start', async () => {
  const { engine, metrics } = measured();
  const job = engine.start(
    defineJob('early')
      .task('t', () => {})
      .seal(),
  );
  job.cancel();
  await job.result();
  expect(await countsOf(metrics, /^tintype_jobs_(started|ended)/)).toEqual({
    'tintype_jobs_ended_total{job_name="early",state="cancelled"}': 1,
    'tintype_jobs_started_total{job_name="early"}': 1,
  });
});

test('a job that close leaves to another engine has not ended here, and its attempt counts there', async () => {
  const journal = memoryJournal();
  let isLeft = false;
  const definition = defineJob('long')
    .task('f', ({ signal }) => {
      if (isLeft) return undefined;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    })
    .seal();
  const first = measured({ journal, definitions: [definition] });
  const job = first.engine.start(definition, {}, { jobId: 'r' });
  await job.saved();
  isLeft = true;
  await first.engine.close({ mode: 'abort', graceMs: 0 });
  const second = measured({ journal, definitions: [definition] });
  const { resumed } = await second.engine.recover();
  await resumed[0];
  const about = /^tintype_(jobs_ended_total|jobs_started_total|task_attempts_total)/;
  expect(await countsOf(first.metrics, about)).toEqual({ 'tintype_jobs_started_total{job_name="long"}': 1 });
  expect(await countsOf(second.metrics, about)).toEqual({
    'tintype_jobs_ended_total{job_name="long",state="completed"}': 1,
    'tintype_task_attempts_total{job_name="long",outcome="completed",task="f"}': 1,
    'tintype_task_attempts_total{job_name="long",outcome="interrupted",task="f"}': 1,
  });
});

test('what external tasks wait for somebody is no queue wait, be they claimed or not', async () => {
  const clock = virtualClock();
  const { engine, metrics } = measured({ clock });
  const job = engine.start(defineJob('ask').external('claimed').external('unclaimed').seal());
  await clock.advance(60_000);
  job.task('claimed').claim('w');
  await job.task('claimed').complete({});
  await job.task('unclaimed').complete({});
  await job;
  expect(await countsOf(metrics, /^tintype_task_queue_wait_seconds_(count|sum)/)).toEqual({});
});

test('a pool that is named as the label of the engine has a label of its own', async () => {
  const { metrics } = measured({ maxConcurrency: 2, pools: { '(engine)': 1 } });
  expect(await countsOf(metrics, /^tintype_slots.*size/)).toEqual({
    'tintype_slots{kind="size",pool="(engine)"}': 2,
    'tintype_slots{kind="size",pool="pool \\"(engine)\\" of the engine"}': 1,
  });
});
