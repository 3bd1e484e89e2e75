import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { defineJob } from '../../src/engine/builder.ts';
import type { Journal } from '../../src/engine/durable/journal.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { jobFrom } from '../../src/engine/job-from.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import type { Server } from '../../src/server/create-server.ts';
import { createDefinitionRuns, type Runs } from '../../src/server/view/definition-runs.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import type { JobColumns } from '../../src/wire/job-columns.ts';
import { tableOf } from '../../src/wire/job-table.ts';
import { comingFrom, testServer } from '../support/server.ts';
import { turns } from '../support/turns.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

describe('the last jobs of a definition', () => {
  test('have the states of their outer tasks, those of other forms of it too, and the times that these took', async () => {
    const clock = virtualClock(1_000);
    const nap = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
    const journal = memoryJournal();
    const before = createEngine({ journal, clock });
    const old = defineJob('etl')
      .task('gone', () => {})
      .task('get', { dependsOn: ['gone'] }, () => {})
      .seal();
    await before.start(old, {}, { jobId: 'old' });
    const etl = jobFrom('etl', [
      { name: 'get', run: ({ ctx }) => nap((ctx as { ms: number }).ms) },
      { name: 'each', kind: 'map', dependsOn: ['get'], over: [1, 2], each: () => nap(10) },
      {
        name: 'check',
        dependsOn: ['get'],
        run: ({ ctx }) => {
          if ((ctx as { ms: number }).ms === 40) throw new Error('no');
        },
      },
      {
        name: 'part',
        kind: 'job',
        dependsOn: ['check'],
        definition: jobFrom('part', [{ name: 'get', run: () => {} }]),
      },
      { name: 'approve', kind: 'external', dependsOn: ['part'] },
    ]);
    const { server, call } = await testServer({ journal, clock, definitions: [etl] });
    servers.push(server);
    for (const ms of [10, 20, 30, 40]) {
      const body = { definition: 'etl', jobId: `j${ms}`, input: { ms }, options: { onFailure: 'continue' } };
      await clock.advance(1);
      await call('POST', '/jobs', { body });
      await clock.advance(100);
    }
    void server.engine.job('j10')?.task('approve').complete({});
    await clock.advance(5);
    const runs = async (query = ''): Promise<Runs> => (await call('GET', `/definitions/etl/runs${query}`)).body as Runs;
    const found = await runs();
    expect(found.tasks).toEqual([
      { name: 'get', p50: 20, p95: 40 },
      { name: 'each', p50: 10, p95: 10 },
      { name: 'check', p50: 0, p95: 0 },
      { name: 'part', p50: 0, p95: 0 },
      // Completed without a claim.
      { name: 'approve', p50: 0, p95: 0 },
    ]);
    expect(found.jobs.map(({ id, state, states }) => [id, state, states])).toEqual([
      ['j40', 'failed', 'ccfss'],
      ['j30', 'running', 'ccccw'],
      ['j20', 'running', 'ccccw'],
      ['j10', 'completed', 'ccccc'],
      ['old', 'completed', 'c----'],
    ]);
    expect(found).toMatchObject({ moreTasks: 0, unread: 0 });
    for (const { id, states, startedAt, endedAt } of found.jobs.slice(0, 4)) {
      const { job, ...columns } = (await call('GET', `/jobs/${id}/view`)).body as JobColumns;
      const { names, parent, state } = tableOf({ job, ...columns });
      const outer = (name: string) => names.findIndex((one, index) => one === name && parent[index] === -1);
      expect(found.tasks.map(({ name }) => state[outer(name)]).join('')).toBe(states);
      expect([startedAt, endedAt]).toEqual([job.startedAt, job.endedAt]);
    }
    // What happens later is seen.
    void server.engine.job('j20')?.task('approve').complete({});
    await clock.advance(5);
    await call('POST', '/jobs/j40/retry');
    await clock.advance(1);
    expect((await runs('?limit=3')).jobs.map(({ id, states }) => [id, states])).toEqual([
      ['j40', 'ccfss'],
      ['j30', 'ccccw'],
      ['j20', 'ccccc'],
    ]);
    const client = createClient({
      url: 'http://localhost',
      fetch: async (url, init) => server.fetch(new Request(url as string, init), comingFrom('127.0.0.1')),
    });
    expect((await client.definitions.runs('etl', { limit: 1 })).jobs.map(({ id }) => id)).toEqual(['j40']);
    expect(await call('GET', '/definitions/none/runs')).toMatchObject({
      status: 404,
      body: { code: 'DEFINITION_NOT_FOUND' },
    });
    for (const id of ['j30', 'j40']) await call('POST', `/jobs/${id}/cancel`);
    await before.close();
  });

  test('are none before the first one; of many outer tasks, the first 500 are shown', async () => {
    const specs = Array.from({ length: 510 }, (_, at) => ({ name: `t${at}`, run: () => {} }));
    const { server, call } = await testServer({ definitions: [jobFrom('wide', specs)] });
    servers.push(server);
    const runs = async (): Promise<Runs> => (await call('GET', '/definitions/wide/runs')).body as Runs;
    expect(await runs()).toMatchObject({ jobs: [], moreTasks: 10, unread: 0 });
    await call('POST', '/jobs', { body: { definition: 'wide', jobId: 'w' } });
    await call('GET', '/jobs/w/result?waitMs=10000');
    const { tasks, jobs } = await runs();
    expect(tasks.map(({ name }) => name)).toEqual(specs.slice(0, 500).map(({ name }) => name));
    expect(jobs).toMatchObject([{ id: 'w', states: 'c'.repeat(500) }]);
  });
});

describe('the events of the last jobs', () => {
  const wide = jobFrom('wide', [
    { name: 'each', kind: 'map', over: Array.from({ length: 50 }, (_, at) => at), each: () => {} },
    { name: 'approve', kind: 'external', dependsOn: ['each'] },
  ]);

  /** Three jobs that are over, and one that waits; a journal that counts what is read of it. */
  const stocked = async () => {
    const journal = memoryJournal();
    const engine = createEngine({ journal });
    for (const jobId of ['a', 'b', 'c', 'd']) {
      const job = engine.start(wide, {}, { jobId });
      await turns();
      if (jobId !== 'd') {
        void job.task('approve').complete({});
        await job;
      }
      await job.saved();
    }
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
    const taken = (): number => {
      const before = read;
      read = 0;
      return before;
    };
    return { engine, journal, counted, taken };
  };

  test('are read once, and of a job that runs then those that are new; no more in one call than is allowed', async () => {
    const { engine, counted, taken } = await stocked();
    const runs = createDefinitionRuns({ journal: counted, maxEvents: 200 });
    const told: string[][] = [];
    const totals: number[] = [];
    for (let call = 0; call < 5; call++) {
      const { jobs, unread } = await runs.of('wide', undefined, 50);
      told.push(jobs.map(({ id, states }) => `${id} ${states}`));
      expect(unread).toBe(jobs.filter(({ states }) => states === '').length);
      totals.push(taken());
    }
    expect(told[0]).toEqual(['d wc', 'c ', 'b ', 'a ']);
    expect(told[3]).toEqual(['d wc', 'c cc', 'b cc', 'a cc']);
    expect(Math.max(...totals)).toBe(200);
    expect(totals.at(-1)).toBe(0);
    const job = engine.job('d');
    void job?.task('approve').complete({});
    await job;
    const { jobs } = await runs.of('wide', undefined, 50);
    expect(jobs[0]).toMatchObject({ id: 'd', state: 'completed', states: 'cc' });
    expect(taken()).toBeLessThan(6);
    await engine.close();
  });

  test('are read once for all who ask at the same time', async () => {
    const { engine, counted, taken } = await stocked();
    const runs = createDefinitionRuns({ journal: counted });
    const [one, other] = await Promise.all([runs.of('wide', undefined, 50), runs.of('wide', undefined, 50)]);
    expect(one).toEqual(other);
    const total = taken();
    await createDefinitionRuns({ journal: counted }).of('wide', undefined, 50);
    expect(total).toBe(taken());
    void engine.job('d')?.cancel();
    await engine.close();
  });

  test('may be damaged: then that job alone has no states', async () => {
    const { engine, counted } = await stocked();
    const damaged: typeof counted = {
      ...counted,
      events: async (jobId, from, limit) => {
        const events = await counted.events(jobId, from, limit);
        return jobId === 'b' ? events.map(({ seq }) => ({ seq, data: '{}' })) : events;
      },
    };
    const runs = createDefinitionRuns({ journal: damaged });
    for (let call = 0; call < 2; call++) {
      const { jobs, unread } = await runs.of('wide', ['approve'], 50);
      expect(jobs.map(({ id, states }) => `${id} ${states}`)).toEqual(['d w', 'c c', 'b ', 'a c']);
      expect(unread).toBe(0);
    }
    void engine.job('d')?.cancel();
    await engine.close();
  });
});
