import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { defineJob } from '../../src/engine/builder.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { jobFrom } from '../../src/engine/job-from.ts';
import type { Server } from '../../src/server/create-server.ts';
import { MAX_QUEUED_BYTES } from '../../src/server/feed/client-stream.ts';
import { PING_MS } from '../../src/server/feed/listeners.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import type { TaskAttempts } from '../../src/wire/attempts.ts';
import type { JobColumns } from '../../src/wire/job-columns.ts';
import { applyEvent, columnsOf, emptyTable, type JobTable, pathOf, tableOf } from '../../src/wire/job-table.ts';
import { PATCH_BYTES, PATCH_MS, type PatchEvent, type PatchHistory } from '../../src/wire/patches.ts';
import { type Frame, listen } from '../support/event-stream.ts';
import { comingFrom, testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';
import { turns } from '../support/turns.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

const leaf = defineJob('leaf')
  .task('read', () => ({}))
  .external('approve', { dependsOn: ['read'], owner: 'clerk' })
  .seal();

/** A task of each kind; it waits for somebody who approves. */
const tree = jobFrom('tree', [
  { name: 'get', run: () => ({}) },
  { name: 'each', kind: 'map', dependsOn: ['get'], over: [1, 2], each: () => ({}) },
  { name: 'look', kind: 'sensor', interval: 5, check: () => true },
  { name: 'part', kind: 'job', definition: leaf },
  {
    name: 'late',
    dependsOn: ['part'],
    maxRetries: 1,
    retry: { delayMs: 50, jitter: 'none' },
    run: ({ attempt }) => {
      if (attempt === 1) throw Object.assign(new TypeError('not yet'), { code: 'E' });
      return {};
    },
  },
]);

const started = async (more: object = {}) => {
  const made = await testServer({ definitions: [tree], ...more });
  servers.push(made.server);
  const start = async (jobId: string): Promise<void> => {
    await made.call('POST', '/jobs', { body: { definition: 'tree', jobId } });
    await turns();
  };
  const view = async (jobId: string): Promise<JobColumns> =>
    (await made.call('GET', `/jobs/${jobId}/view`)).body as JobColumns;
  const approve = async (jobId: string): Promise<void> => {
    void made.server.engine.job(jobId)?.task('part/approve').complete({});
    await made.call('GET', `/jobs/${jobId}/result?waitMs=10000`);
  };
  return { ...made, start, view, approve };
};

const pathsIn = (columns: JobColumns): string[] => {
  const table = tableOf(columns);
  return table.names.map((_, index) => pathOf(table, index));
};

const apply = (table: JobTable, frames: readonly Frame[]): void => {
  for (const { id, type, data } of frames) applyEvent(table, { type, seq: id, data } as PatchEvent);
};

/** What does not depend on when and of whom the columns were asked. */
const lasting = ({ now: _, job: { runs: __, labels: ___, ...job }, ...columns }: JobColumns) => ({ ...columns, job });

describe('a job in columns', () => {
  test('has all tasks, with what is around and before them, their kind and state', async () => {
    const { start, view } = await started();
    await start('a');
    const columns = await view('a');
    const paths = pathsIn(columns);
    expect(paths).toEqual(['each', 'get', 'late', 'look', 'part', 'part/approve', 'part/read', 'each[0]', 'each[1]']);
    expect(columns.parent).toEqual([-1, -1, -1, -1, -1, 4, 4, 0, 0]);
    expect(columns.kind).toBe('mffsjefii');
    expect(columns.up).toEqual([[1], [], [4], [], [], [6], [], [], []]);
    expect(columns.state).toBe('ccucrwccc');
    expect(columns.job).toMatchObject({ id: 'a', name: 'tree', state: 'running', runs: 'here', labels: {} });
    expect(columns.startAt[2]).toBe(-1);
    expect(columns.endAt[0]).toBeGreaterThanOrEqual(0);
  });

  test('is the same of a job that is over, in another server, and of one that another process runs', async () => {
    const file = newFile();
    const journal = opened(file, { synchronous: 'normal' });
    const one = await started({ journal });
    const definitions = [tree];
    const outside = createEngine({ journal: opened(file, { synchronous: 'normal' }), definitions });
    await one.start('a');
    const { job } = { job: outside.start(tree, {}, { jobId: 'b' }) };
    await job.saved();
    await turns();
    const running = await one.view('b');
    expect(running).toMatchObject({ state: 'ccucrwccc', kind: 'mffsjefii', job: { runs: 'elsewhere' } });
    void job.task('part/approve').complete({});
    await job;
    expect(await one.view('b')).toMatchObject({
      state: 'ccccccccc',
      epoch: running.epoch,
      job: { state: 'completed' },
    });
    await one.approve('a');
    const before = [await one.view('a'), await one.view('b')];
    await one.server.close();
    const two = await started({ journal });
    expect([await two.view('a'), await two.view('b')].map(lasting)).toEqual(before.map(lasting));
    await outside.close();
  });

  test('comes zipped to those who take that, and not again if it is over and known', async () => {
    const { server, start, view, approve, call } = await started();
    await start('a');
    const ask = (headers: Record<string, string>): Response | Promise<Response> =>
      server.fetch(new Request('http://localhost/api/v1/jobs/a/view', { headers }), comingFrom('127.0.0.1'));
    const zipped = await ask({ 'accept-encoding': 'br, gzip' });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(zipped.headers.get('vary')).toMatch(/accept-encoding/i);
    expect(zipped.headers.get('etag')).toBeNull();
    const text = gunzipSync(Buffer.from(await zipped.arrayBuffer())).toString();
    expect(lasting(JSON.parse(text))).toEqual(lasting(await view('a')));
    expect((await ask({ 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding')).toBeNull();
    await approve('a');
    const etag = (await call('GET', '/jobs/a/view')).headers.get('etag') as string;
    expect((await ask({ 'if-none-match': etag })).status).toBe(304);
    await call('PATCH', '/jobs/a', { body: { labels: { of: 'ann' } } });
    expect((await ask({ 'if-none-match': etag })).status).toBe(200);
    expect((await view('a')).job.labels).toEqual({ of: 'ann' });
    expect((await call('GET', '/jobs/none/view')).status).toBe(404);
  });
});

describe('the patches of a job', () => {
  test('lead from the columns to those at its end, and stop there', async () => {
    const clock = virtualClock();
    const { server, start, view, call } = await started({ clock });
    await start('a');
    const table = tableOf(await view('a'));
    const patches = await listen(server, `/jobs/a/patches?after=${table.seq}&epoch=${table.epoch}`);
    expect(patches.headers.get('content-type')).toMatch('text/event-stream');
    void server.engine.job('a')?.task('part/approve').complete({});
    for (let round = 0; round < 100; round++) await clock.advance(PATCH_MS);
    const frames = await patches.rest();
    expect(patches.text()).toMatch(/^retry: [1-4]\d{3}\n\n/);
    expect(frames.at(-1)).toMatchObject({ type: 'end', data: { state: 'completed' } });
    apply(table, frames);
    expect(lasting(columnsOf(table, 0))).toEqual(lasting(await view('a')));
    // Both attempts are told, in their order.
    const late = table.names.indexOf('late');
    const told = frames.flatMap(({ type, data }) => (type === 'patch' ? (data as (number | string)[]) : []));
    const ofLate = told.flatMap((value, at) => (at % 4 === 0 && value === late ? [[told[at + 1], told[at + 3]]] : []));
    expect(ofLate.map(([state]) => state).join('')).toBe('wrtwrc');
    expect(ofLate.map(([, attempt]) => attempt)).toEqual([0, 1, 1, 1, 2, 2]);
    const { body } = await call('GET', '/jobs/a/attempts?tasks=late&tasks=part/approve');
    const [late1, approve] = (body as { items: TaskAttempts[] }).items;
    expect(late1?.attempts).toMatchObject([
      {
        number: 1,
        outcome: 'failed',
        error: { name: 'TaskError', message: 'Task "late" failed in attempt 1: not yet' },
      },
      { number: 2, outcome: 'completed' },
    ]);
    expect(late1?.attempts[0]?.endAt).toBeLessThan(late1?.attempts[1]?.startAt as number);
    expect(approve).toMatchObject({
      task: 'part/approve',
      omitted: 0,
      attempts: [{ number: 1, outcome: 'completed' }],
    });
    expect((await call('GET', '/jobs/a/attempts?tasks=none')).status).toBe(404);
    expect((await call('GET', '/jobs/a/attempts')).status).toBe(400);
    expect((await listen(server, '/jobs/a/patches', { id: frames.at(-1)?.id })).status).toBe(204);
    expect((await listen(server, '/jobs/none/patches')).status).toBe(404);
  });

  test('of 100 ms come together, all of them; a quiet stream has a ping', async () => {
    const clock = virtualClock();
    const { server, start, view } = await started({ clock });
    await start('a');
    const { seq } = await view('a');
    const patches = await listen(server, `/jobs/a/patches?after=${seq}`);
    const unit = server.engine.job('a')?.task('part/approve');
    unit?.claim('ann');
    unit?.progress(0.2, 'begun');
    unit?.progress(0.5);
    void unit?.release();
    unit?.claim('bob');
    await clock.advance(PATCH_MS);
    const [first, second] = await patches.take(2);
    expect((first?.data as string[]).filter((_, at) => at % 4 === 1).join('')).toBe('rwr');
    expect(second).toMatchObject({ type: 'progress', id: undefined, data: [[5, 1, 0.5]] });
    await clock.advance(PING_MS);
    const more = patches.next();
    await turns();
    await patches.close();
    await more;
    expect(patches.text()).toMatch(/\n\nevent: ping\ndata: {}\n\n$/);
  });

  test('are reset if the columns are not those of the job', async () => {
    const { server, start, view } = await started();
    await start('a');
    const { seq, epoch } = await view('a');
    const resetOf = async (query: string) => (await listen(server, `/jobs/a/patches?${query}`)).rest();
    expect(await resetOf(`after=${seq}&epoch=other`)).toEqual([
      { id: undefined, type: 'reset', data: { reason: 'epoch' } },
    ]);
    expect(await resetOf(`after=${seq + 1}&epoch=${epoch}`)).toMatchObject([{ data: { reason: 'after' } }]);
  });

  test('are reset for a client that does not read, after what it was sent', async () => {
    const clock = virtualClock();
    const chatter = async ({ progress }: { readonly progress: (part: number, text: string) => void }) => {
      for (let round = 1; round < 6; round++) {
        progress(round / 6, 'x'.repeat(490));
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 2 * PATCH_MS));
      }
    };
    const over = Array.from({ length: 1_000 }, (_, at) => at);
    const wide = jobFrom('wide', [
      { name: 'go', kind: 'external' },
      { name: 'each', kind: 'map', dependsOn: ['go'], over, each: chatter },
    ]);
    const { server, view, call } = await started({ clock, definitions: [wide] });
    await call('POST', '/jobs', { body: { definition: 'wide', jobId: 'a' } });
    await turns();
    const { seq } = await view('a');
    const patches = await listen(server, `/jobs/a/patches?after=${seq}`);
    void server.engine.job('a')?.task('go').complete({});
    for (let round = 0; round < 15; round++) {
      await turns(20);
      await clock.advance(PATCH_MS);
    }
    const frames = await patches.rest();
    expect(frames.at(-1)).toEqual({ id: undefined, type: 'reset', data: { reason: 'slow' } });
    expect(patches.text().length).toBeLessThan(MAX_QUEUED_BYTES * 2);
    for (const frame of patches.text().split('\n\n')) expect(frame.length).toBeLessThanOrEqual(PATCH_BYTES);
  });

  test('can be iterated by a client', async () => {
    const { server, start, approve } = await started();
    await start('a');
    const client = createClient({
      url: 'http://localhost',
      fetch: async (url, init) => server.fetch(new Request(url as string, init), comingFrom('127.0.0.1')),
    });
    const columns = await client.jobs.view('a');
    const table = tableOf(columns);
    const reading = (async () => {
      for await (const event of client.jobs.patches('a', { after: columns.seq, epoch: columns.epoch }))
        applyEvent(table, event);
    })();
    await turns();
    await approve('a');
    await reading;
    expect(lasting(columnsOf(table, 0))).toEqual(lasting(await client.jobs.view('a')));
    expect((await client.jobs.attempts('a', ['late'])).items[0]?.attempts).toHaveLength(2);
  });
});

describe('the history of a job', () => {
  test('makes the columns of an empty table, zipped to those who take that', async () => {
    const { server, start, view, approve, call } = await started();
    await start('a');
    const then = await view('a');
    await approve('a');
    const now = await view('a');
    const history = async (query: string): Promise<PatchHistory> =>
      (await call('GET', `/jobs/a/patches?${query}`)).body as PatchHistory;
    const applied = ({ epoch, startedAt, events }: PatchHistory): JobColumns => {
      const table = emptyTable(epoch, startedAt, { ...now.job, startedAt: undefined, endedAt: undefined });
      for (const event of events) applyEvent(table, event);
      return columnsOf(table, 0);
    };
    expect(lasting(applied(await history('after=-1')))).toEqual(lasting(now));
    const before = await history(`until=${then.seq}`);
    expect(before).toMatchObject({ seq: then.seq, more: false, epoch: now.epoch });
    expect(tasksOf(applied(before))).toEqual(tasksOf(then));
    const table = tableOf(then);
    for (const event of (await history(`after=${then.seq}&epoch=${then.epoch}`)).events) applyEvent(table, event);
    expect(lasting(columnsOf(table, 0))).toEqual(lasting(now));
    const zipped = await server.fetch(
      new Request('http://localhost/api/v1/jobs/a/patches', { headers: { 'accept-encoding': 'gzip' } }),
      comingFrom('127.0.0.1'),
    );
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(JSON.parse(gunzipSync(Buffer.from(await zipped.arrayBuffer())).toString())).toEqual(await history(''));
  });

  test('is refused to those whose columns are of another job, or definition', async () => {
    const { start, view, call } = await started();
    await start('a');
    const { seq } = await view('a');
    for (const query of [`after=${seq + 1}`, 'epoch=other'])
      expect(await call('GET', `/jobs/a/patches?${query}`)).toMatchObject({
        status: 409,
        body: { code: 'COLUMNS_CHANGED' },
      });
    expect((await call('GET', '/jobs/none/patches')).status).toBe(404);
    expect((await call('GET', `/jobs/a/patches?after=${seq}`)).body).toMatchObject({ events: [], seq, more: false });
  });

  test('can be asked for by a client', async () => {
    const { server, start } = await started();
    await start('a');
    const client = createClient({
      url: 'http://localhost',
      fetch: async (url, init) => server.fetch(new Request(url as string, init), comingFrom('127.0.0.1')),
    });
    const { seq } = await client.jobs.view('a');
    const { events } = await client.jobs.history('a', { until: 0 });
    expect(events.map(({ type }) => type)).toEqual(['tasks', 'patch', 'job']);
    expect((await client.jobs.history('a')).seq).toBe(seq);
  });
});

const tasksOf = ({ job: _, now: __, ...tasks }: JobColumns) => tasks;
