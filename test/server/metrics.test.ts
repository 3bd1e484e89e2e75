import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sumOf, typesOf } from '../support/exposition.ts';
import { type ObservedServer, observedServer } from '../support/observed-scenario.ts';
import { describeWithPrometheus, promtoolCheck } from '../support/promtool.ts';
import { sampleExposition } from '../support/sample-exposition.ts';
import { testServer } from '../support/server.ts';

describe('a server whose jobs do everything', () => {
  let observed: ObservedServer;
  let text: string;
  let samples: ReadonlyMap<string, number>;

  beforeAll(async () => {
    observed = await observedServer();
    await observed.play();
    text = await (await fetch(`${observed.url}/metrics`)).text();
    samples = await observed.scrape();
  }, 60_000);
  afterAll(() => observed?.close());

  test('has all metrics that the dashboard and the alerts know, of the same types', () => {
    expect(typesOf(text)).toEqual(typesOf(sampleExposition(1)));
  });

  test('has a value of each', () => {
    const names = new Set([...samples.keys()].map((series) => series.split('{', 1)[0]));
    for (const [name, type] of Object.entries(typesOf(text)))
      expect(names, name).toContain(type === 'histogram' ? `${name}_count` : name);
  });

  test('agrees with metrics() and the journal', async () => {
    const { attempts, timeouts, lateResults, conflicts } = observed.counted();
    // The attempt whose end could not be stored ends again, interrupted, when its job is taken up.
    expect(sumOf(samples, 'tintype_task_attempts_total')).toBe(attempts + 1);
    expect(sumOf(samples, 'tintype_task_attempts_total', /timedOut/)).toBe(timeouts);
    expect(sumOf(samples, 'tintype_late_results_total')).toBe(lateResults);
    expect(sumOf(samples, 'tintype_context_conflicts_total')).toBe(conflicts);
    expect([timeouts, lateResults, conflicts]).toEqual([1, 1, 1]);
    expect(samples.get('tintype_journal_events_total')).toBe(await observed.stored());
  });

  test.each([
    ['tintype_jobs_ended_total{job_name="nightly",state="completed"}', 1],
    ['tintype_jobs_ended_total{job_name="broken",state="failed"}', 1],
    ['tintype_jobs_resumed_total{job_name="long"}', 1],
    ['tintype_task_attempts_total{job_name="nightly",outcome="failed",task="load"}', 1],
    ['tintype_task_attempts_total{job_name="nightly",outcome="completed",task="resize[]"}', 3],
    ['tintype_task_attempts_total{job_name="print",outcome="interrupted",task="proofread"}', 1],
    ['tintype_unit_claims_total{owner="press"}', 2],
    ['tintype_unit_leases_lost_total{owner="press"}', 1],
    ['tintype_unit_commands_total{owner="press",status="200",type="progress"}', 1],
    ['tintype_unit_commands_total{owner="press",status="200",type="success"}', 1],
    ['tintype_unit_commands_total{owner="press",status="409",type="success"}', 1],
    ['tintype_units_ready{owner="press"}', 0],
    ['tintype_units_ready{owner="office"}', 1],
    ['tintype_units_claimed{owner="press"}', 0],
    ['tintype_unit_polls_waiting', 0],
    ['tintype_journal_errors_total{code="JOURNAL_LOCKED"}', 2],
    ['tintype_http_request_duration_seconds_count{method="POST",route="/jobs",status="503"}', 1],
    ['tintype_sse_clients', 1],
    ['tintype_sse_clients_cut_total', 0],
    ['tintype_schedule_runs_total{outcome="missed",schedule="each-minute"}', 2],
    ['tintype_http_request_duration_seconds_count{method="POST",route="/units/claim",status="200"}', 1],
    ['tintype_http_request_duration_seconds_count{method="POST",route="/units/claim:wait",status="200"}', 1],
    ['tintype_http_request_duration_seconds_count{method="GET",route="/events:wait",status="200"}', 1],
    ['tintype_http_request_duration_seconds_count{method="GET",route="/jobs/{jobId}",status="404"}', 1],
    ['tintype_slots{kind="size",pool="(engine)"}', 8],
    ['tintype_slots{kind="size",pool="db"}', 2],
  ])('has %s', (series, value) => {
    expect(samples.get(series)).toBe(value);
  });

  test('knows since when units are ready, how large the database is, and how late events are sent', () => {
    expect(samples.get('tintype_units_oldest_ready_seconds{owner="office"}')).toBeGreaterThan(60);
    expect(samples.get('tintype_units_oldest_ready_seconds{owner="press"}')).toBe(0);
    expect(samples.get('tintype_journal_size_bytes')).toBeGreaterThan(10_000);
    expect(samples.get('tintype_journal_append_seconds_count')).toBeGreaterThan(10);
    expect(samples.get('tintype_event_lag_seconds_count')).toBeGreaterThan(10);
    expect(samples.get('tintype_slot_busy_seconds_total{pool="db"}')).toBeCloseTo(0.08);
    expect(samples.get('tintype_schedule_runs_total{outcome="started",schedule="each-minute"}')).toBeGreaterThan(1);
  });

  test('counts on when it happens again', async () => {
    await observed.play();
    const later = await observed.scrape();
    for (const series of [
      'tintype_jobs_ended_total{job_name="broken",state="failed"}',
      'tintype_unit_leases_lost_total{owner="press"}',
      'tintype_journal_errors_total{code="JOURNAL_LOCKED"}',
      'tintype_schedule_runs_total{outcome="missed",schedule="each-minute"}',
    ])
      expect(later.get(series), series).toBe(2 * (samples.get(series) ?? Number.NaN));
  });
});

describeWithPrometheus('promtool', () => {
  test('has no complaint about the metrics of a server', async () => {
    const { call } = await testServer();
    const { body } = await call('GET', '!/metrics');
    expect(promtoolCheck(body as string)).toEqual({ code: 0, out: '' });
  });
});

describe('who may read them', () => {
  test('with a token that has the role viewer, once there are tokens', async () => {
    const { server, call } = await testServer();
    expect((await call('GET', '!/metrics')).headers.get('content-type')).toBe(
      'text/plain; version=0.0.4; charset=utf-8',
    );
    const viewer = await server.tokens.create({ name: 'prometheus', roles: ['viewer'] });
    const worker = await server.tokens.create({ name: 'w', roles: ['worker'], owners: ['press'] });
    const statuses = [undefined, worker.secret, viewer.secret].map(
      async (token) => (await call('GET', '!/metrics', { token })).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 403, 200]);
  });

  test('everybody, with metricsOpen', async () => {
    const { server, call } = await testServer({ metricsOpen: true });
    await server.tokens.create({ name: 'any', roles: ['admin'] });
    expect((await call('GET', '!/metrics', { from: null })).status).toBe(200);
  });

  test('those of Node.js are there with nodeMetrics', async () => {
    const { call } = await testServer({ nodeMetrics: true });
    const types = typesOf((await call('GET', '!/metrics')).body as string);
    expect(types).toMatchObject({ process_cpu_seconds_total: 'counter', nodejs_eventloop_lag_p99_seconds: 'gauge' });
    expect(Object.keys(types)).toContain('tintype_jobs');
    const { call: without } = await testServer();
    expect((await without('GET', '!/metrics')).body).not.toContain('nodejs_');
  });
});
