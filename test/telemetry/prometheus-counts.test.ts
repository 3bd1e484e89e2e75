import { createEngine, defineJob, memoryJournal } from 'tintype';
import { type PrometheusMetrics, prometheus } from 'tintype/prometheus';
import { virtualClock } from 'tintype/testing';
import { expect, test } from 'vitest';

/** The lines of metrics whose name begins so, without those that are 0. */
const linesOf = async ({ register }: PrometheusMetrics, begin: RegExp): Promise<readonly string[]> =>
  (await register.metrics())
    .split('\n')
    .filter((line) => begin.test(line) && !line.endsWith(' 0'))
    .sort();

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
  expect(await linesOf(metrics, ATTEMPTS)).toEqual([
    'tintype_task_attempts_total{task="f",outcome="completed",job_name="load"} 1',
    'tintype_task_attempts_total{task="f",outcome="failed",job_name="load"} 1',
    'tintype_task_attempts_total{task="m",outcome="completed",job_name="load"} 1',
    'tintype_task_attempts_total{task="m[]",outcome="completed",job_name="load"} 2',
    'tintype_task_attempts_total{task="s",outcome="cancelled",job_name="load"} 1',
    'tintype_task_attempts_total{task="s",outcome="completed",job_name="load"} 1',
    'tintype_task_duration_seconds_count{job_name="load"} 7',
  ]);
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
  expect(await linesOf(metrics, /^tintype_jobs_(started|ended)/)).toEqual([
    'tintype_jobs_ended_total{state="cancelled",job_name="early"} 1',
    'tintype_jobs_started_total{job_name="early"} 1',
  ]);
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
  expect(await linesOf(first.metrics, about)).toEqual(['tintype_jobs_started_total{job_name="long"} 1']);
  expect(await linesOf(second.metrics, about)).toEqual([
    'tintype_jobs_ended_total{state="completed",job_name="long"} 1',
    'tintype_task_attempts_total{task="f",outcome="completed",job_name="long"} 1',
    'tintype_task_attempts_total{task="f",outcome="interrupted",job_name="long"} 1',
  ]);
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
  expect(await linesOf(metrics, /^tintype_task_queue_wait_seconds_(count|sum)/)).toEqual([]);
});

test('a pool that is named as the label of the engine has a label of its own', async () => {
  const { metrics } = measured({ maxConcurrency: 2, pools: { '(engine)': 1 } });
  expect(await linesOf(metrics, /^tintype_slots.*size/)).toEqual([
    'tintype_slots{pool="(engine)",kind="size"} 2',
    'tintype_slots{pool="pool \\"(engine)\\" of the engine",kind="size"} 1',
  ]);
});
