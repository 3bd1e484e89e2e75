import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { defineJob } from '../../src/engine/builder.ts';
import type { Journal } from '../../src/engine/durable/journal.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { jobFrom } from '../../src/engine/job-from.ts';
import { type Metrics, metrics } from '../../src/engine/views/metrics.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import type { Server } from '../../src/server/create-server.ts';
import type { DefinitionMetrics } from '../../src/server/view/definition-metrics.ts';
import { createDefinitionRuns } from '../../src/server/view/definition-runs.ts';
import { roundedMs } from '../../src/server/view/job-summary.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { comingFrom, testServer } from '../support/server.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

describe('the metrics of a definition', () => {
  test('are the durations, waits, attempts and failures of its last jobs', async () => {
    const clock = virtualClock(1_000);
    const nap = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
    type Input = { ms: number; fails?: boolean };
    const bake = jobFrom(
      'bake',
      [
        { name: 'knead', run: ({ ctx }) => nap((ctx as Input).ms) },
        {
          name: 'dice',
          maxRetries: 1,
          run: ({ attempt }) => {
            if (attempt === 1) throw new Error('blunt knife');
          },
        },
        {
          name: 'loaf',
          kind: 'map',
          dependsOn: ['knead'],
          over: [0, 1, 2],
          each: ({ ctx, item }) => {
            if ((ctx as Input).fails && item === 1) throw new Error('burnt');
          },
        },
        { name: 'serve', dependsOn: ['loaf'], run: () => {} },
      ],
      { maxConcurrency: 1, onFailure: 'continue' },
    );
    const { server, call } = await testServer({ clock, definitions: [bake] });
    servers.push(server);
    const ask = async (query = ''): Promise<DefinitionMetrics> =>
      (await call('GET', `/definitions/bake/metrics${query}`)).body as DefinitionMetrics;
    expect(await ask()).toEqual({
      jobs: [],
      states: {},
      durations: { count: 0 },
      waits: { count: 0 },
      attempts: 0,
      retries: 0,
      timeouts: 0,
      failures: 0,
      failing: [],
      otherFailures: 0,
      unread: 0,
    });
    let seen: Metrics | undefined;
    server.engine.events$.pipe(metrics()).subscribe((counted) => {
      seen = counted;
    });
    for (const [jobId, input] of Object.entries({
      j10: { ms: 10 },
      j30: { ms: 30 },
      bad: { ms: 20, fails: true },
      worse: { ms: 20, fails: true },
    })) {
      await call('POST', '/jobs', { body: { definition: 'bake', jobId, input } });
      await clock.advance(60_000);
    }
    const found = await ask();
    expect(found.jobs.map(({ id, state, failures }) => [id, state, failures])).toEqual([
      ['worse', 'failed', 2],
      ['bad', 'failed', 2],
      ['j30', 'completed', 1],
      ['j10', 'completed', 1],
    ]);
    expect(found.states).toEqual({ completed: 2, failed: 2 });
    const took = found.jobs.slice(2).map(({ startedAt, endedAt = 0 }) => endedAt - startedAt);
    expect(found.durations).toEqual({ count: 2, min: took[1], p50: took[1], p95: took[0], max: took[0] });
    expect(found).toMatchObject({
      attempts: seen?.attempts,
      retries: seen?.retries,
      timeouts: 0,
      failures: 6,
      unread: 0,
    });
    expect(found.waits.count).toBe(seen?.attempts);
    expect(seen?.waitMs).toBeGreaterThan(0);
    expect(found.waits.max).toBe(30);
    // The fan-out failed only because of what is inside.
    expect(found.failing).toEqual([
      { task: 'dice', failures: 4, failed: 0, jobs: 4, code: expect.any(String), jobId: 'worse' },
      { task: 'loaf[]', failures: 2, failed: 2, jobs: 2, code: 'TASK_FAILED', jobId: 'worse' },
    ]);
    expect(found.otherFailures).toBe(0);
    expect((await ask('?limit=1')).jobs.map(({ id }) => id)).toEqual(['worse']);
    const client = createClient({
      url: 'http://localhost',
      fetch: async (url, init) => server.fetch(new Request(url as string, init), comingFrom('127.0.0.1')),
    });
    expect(await client.definitions.metrics('bake', { limit: 4 })).toEqual(found);
    expect(await call('GET', '/definitions/none/metrics')).toMatchObject({
      status: 404,
      body: { code: 'DEFINITION_NOT_FOUND' },
    });
    expect(await call('GET', '/definitions/bake/metrics?limit=101')).toMatchObject({ status: 400 });
  });

  test('are there of jobs of another program, of which the server has no definition', async () => {
    const journal = memoryJournal();
    const engine = createEngine({ journal });
    await engine.start(
      defineJob('elsewhere')
        .task('one', () => {})
        .seal(),
      {},
      { jobId: 'e' },
    );
    await engine.close();
    const { server, call } = await testServer({ journal });
    servers.push(server);
    expect(await call('GET', '/definitions/elsewhere/metrics')).toMatchObject({
      status: 200,
      body: { jobs: [{ id: 'e' }], attempts: 1 },
    });
  });

  test('list ten failing tasks, and count the failures of the others', async () => {
    const tasks = Array.from({ length: 12 }, (_, at) => ({
      name: `t${String(at).padStart(2, '0')}`,
      run: () => {
        throw new Error('no');
      },
    }));
    const { server, call } = await testServer({ definitions: [jobFrom('hopeless', tasks, { onFailure: 'continue' })] });
    servers.push(server);
    await call('POST', '/jobs', { body: { definition: 'hopeless', jobId: 'one' } });
    await call('GET', '/jobs/one/result?waitMs=10000');
    const found = (await call('GET', '/definitions/hopeless/metrics')).body as DefinitionMetrics;
    expect(found.failing.map(({ task }) => task)).toEqual(tasks.slice(0, 10).map(({ name }) => name));
    expect(found).toMatchObject({ failures: 12, otherFailures: 2 });
  });

  test('count a nested job that is out of time, though a task inside had failed and was tolerated', async () => {
    const clock = virtualClock(0);
    const inner = defineJob('inner')
      .task('odd', { continueOnFailure: true }, () => {
        throw new Error('no');
      })
      .task(
        'slow',
        ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      )
      .seal();
    const outer = jobFrom('outer', [{ name: 'part', kind: 'job', definition: inner, timeout: 100 }]);
    const { server, call } = await testServer({ clock, definitions: [outer] });
    servers.push(server);
    await call('POST', '/jobs', { body: { definition: 'outer', jobId: 'late' } });
    await clock.advance(200);
    const found = (await call('GET', '/definitions/outer/metrics')).body as DefinitionMetrics;
    expect(found.failing.map(({ task, code }) => [task, code])).toEqual([
      ['part', 'TASK_TIMEOUT'],
      ['part/odd', 'TASK_FAILED'],
    ]);
    expect(found.timeouts).toBe(1);
  });
});

describe('the events of the last jobs', () => {
  const wide = jobFrom('wide', [
    { name: 'each', kind: 'map', over: Array.from({ length: 50 }, (_, at) => at), each: () => {} },
  ]);

  test('are read once for the metrics and the runs, and no more of them in one call than is allowed', async () => {
    const journal = memoryJournal();
    const engine = createEngine({ journal });
    for (const jobId of ['a', 'b', 'c']) await engine.start(wide, {}, { jobId });
    await engine.close();
    let read = 0;
    const counted: Pick<Journal, 'events' | 'jobs' | 'shape'> = {
      jobs: (filter) => journal.jobs(filter),
      shape: (fingerprint) => journal.shape(fingerprint),
      events: async (jobId, from, limit) => {
        const events = await journal.events(jobId, from, limit);
        read += events.length;
        return events;
      },
    };
    const runs = createDefinitionRuns({ journal: counted, maxEvents: 250 });
    const [first] = await Promise.all([runs.metrics('wide', undefined, 50), runs.of('wide', undefined, 50)]);
    expect(read).toBe(250);
    expect(first).toMatchObject({ unread: 2, attempts: 51, states: { completed: 3 }, durations: { count: 3 } });
    expect(first.jobs.map(({ attempts }) => attempts)).toEqual([51, undefined, undefined]);
    expect(await runs.metrics('wide', undefined, 50)).toMatchObject({ unread: 0, attempts: 153 });
    const before = read;
    await runs.metrics('wide', undefined, 50);
    await runs.of('wide', undefined, 50);
    expect(read).toBe(before);
  });

  test('may be damaged: then the job has its state and times alone', async () => {
    const journal = memoryJournal();
    const engine = createEngine({ journal });
    for (const jobId of ['a', 'b']) await engine.start(wide, {}, { jobId });
    await engine.close();
    const damaged: Pick<Journal, 'events' | 'jobs' | 'shape'> = {
      jobs: (filter) => journal.jobs(filter),
      shape: (fingerprint) => journal.shape(fingerprint),
      events: async (jobId, from, limit) => {
        const events = await journal.events(jobId, from, limit);
        return jobId === 'b' ? events.map(({ seq }) => ({ seq, data: '{}' })) : events;
      },
    };
    const found = await createDefinitionRuns({ journal: damaged }).metrics('wide', undefined, 50);
    expect(found.jobs.map(({ id, attempts }) => [id, attempts])).toEqual([
      ['b', undefined],
      ['a', 51],
    ]);
    expect(found).toMatchObject({ unread: 0, attempts: 51, states: { completed: 2 } });
  });
});

test('a wait is kept to 1.6 %, and exactly up to 64 ms', () => {
  for (let ms = 0; ms < 64; ms++) expect(roundedMs(ms)).toBe(ms);
  for (let ms = 64; ms < 1e9; ms = Math.ceil(ms * 1.0137))
    expect(Math.abs(roundedMs(ms) - ms) / ms, `of ${ms} ms`).toBeLessThanOrEqual(0.016);
});
