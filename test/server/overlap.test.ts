import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createEngine } from '../../src/engine/engine.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { sqliteJournal } from '../../src/journal/sqlite-journal.ts';
import type { ServerOptions } from '../../src/server/service/server-options.ts';
import { storeOf } from '../../src/server/store/store-of.ts';
import { loadWorkflow } from '../../src/workflow/workflow.ts';
import { type Answer, type Call, testServer } from '../support/server.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A folder with a file whose jobs run until they are cancelled, and a journal beside it. */
const project = (overlap: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-overlap-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'nightly.yaml');
  writeFileSync(file, `name: nightly\noverlap: ${overlap}\ntasks:\n  - { name: load, type: external }\n`);
  const open = () => {
    const journal = sqliteJournal(join(folder, 'jobs.db'));
    undo.push(() => journal.close());
    return journal;
  };
  return { workflows: folder, file, open };
};

const serving = async (options: Partial<ServerOptions>) => {
  const { server, call } = await testServer(options);
  undo.push(() => server.close());
  return { server, ...clientOf(call) };
};

const clientOf = (call: Call) => ({
  call,
  start: (body: object = {}, headers: Readonly<Record<string, string>> = {}) =>
    call('POST', '/jobs', { body: { definition: 'nightly', ...body }, headers }),
  /** The states of jobs, by id. */
  states: async (...ids: readonly string[]) =>
    Promise.all(ids.map(async (id) => ((await call('GET', `/jobs/${id}`)).body as { state: string }).state)),
  cancel: (id: string) => call('POST', `/jobs/${id}/cancel`, { body: {} }),
});

const idOf = ({ body }: Answer): string => (body as { id: string }).id;

describe.each([
  ['in memory', () => memoryJournal()],
  ['in SQLite', (made: ReturnType<typeof project>) => made.open()],
])('a start by request, with jobs %s', (_, journalOf) => {
  const served = (overlap: string) => {
    const made = project(overlap);
    return serving({ workflows: made.workflows, journal: journalOf(made) });
  };

  test('skip: is refused while a job of the name is not over, which is named', async () => {
    const { start, cancel, states, server } = await served('skip');
    const events: string[] = [];
    server.engine.events$.subscribe(({ jobId }) => events.push(jobId));
    const first = idOf(await start());
    const refused = await start();
    expect(refused).toMatchObject({
      status: 409,
      body: {
        code: 'JOB_NOT_OVER',
        detail: `Not started (overlap: skip): the job "${first}" of "nightly" is not over. Wait until it is, or cancel it.`,
        remedy: expect.stringContaining(`POST /api/v1/jobs/${first}/cancel`),
      },
    });
    // The one that was not started has left nothing.
    expect(new Set(events)).toEqual(new Set([first]));
    await cancel(first);
    await vi.waitFor(async () => expect(await states(first)).toEqual(['cancelled']));
    expect((await start()).status).toBe(201);
  });

  test('skip: a start that finds its job by a key is none beside it', async () => {
    const { start, cancel } = await served('skip');
    const keyed = await start({ jobKey: 'monday' });
    expect(await start({ jobKey: 'monday' })).toMatchObject({ status: 200, body: { id: idOf(keyed) } });
    expect(await start({ jobKey: 'tuesday' })).toMatchObject({ status: 409, body: { code: 'JOB_NOT_OVER' } });
    await cancel(idOf(keyed));
    const once = await vi.waitFor(async () => {
      const answer = await start({}, { 'idempotency-key': 'a' });
      expect(answer.status).toBe(201);
      return answer;
    });
    expect(await start({}, { 'idempotency-key': 'a' })).toMatchObject({ status: 201, body: { id: idOf(once) } });
    expect((await start({}, { 'idempotency-key': 'b' })).status).toBe(409);
  });

  test('skip: of many at once one begins', async () => {
    const { start } = await served('skip');
    const answers = await Promise.all(Array.from({ length: 8 }, () => start()));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
  });

  test('queue: is answered at once, stands paused, and begins after those before it', async () => {
    const { call, start, states, cancel } = await served('queue');
    const first = idOf(await start());
    const second = await start({ jobKey: 'b' });
    expect(second.status).toBe(201);
    const third = idOf(await start());
    const ids = [first, idOf(second), third] as const;
    expect(await states(...ids)).toEqual(['running', 'paused', 'paused']);
    expect((await call('GET', `/jobs/${ids[1]}`)).body).toMatchObject({
      pausedBy: `its overlap, until the job ${first} is over`,
    });
    await cancel(first);
    await vi.waitFor(async () => expect(await states(...ids)).toEqual(['cancelled', 'running', 'paused']));
    await cancel(ids[1]);
    await vi.waitFor(async () => expect(await states(...ids)).toEqual(['cancelled', 'cancelled', 'running']));
  });

  test('queue: of many at once one runs, and a job that waits may be cancelled or begun by hand', async () => {
    const { call, start, states, cancel } = await served('queue');
    const ids = (await Promise.all(Array.from({ length: 4 }, () => start()))).map(idOf);
    expect((await states(...ids)).sort()).toEqual(['paused', 'paused', 'paused', 'running']);
    const all = await states(...ids);
    const [a = '', b = '', c = ''] = ids.filter((_, index) => all[index] === 'paused');
    await cancel(a);
    expect((await call('POST', `/jobs/${b}/resume`, { body: {} })).status).toBe(200);
    await vi.waitFor(async () => expect(await states(a, b, c)).toEqual(['cancelled', 'running', 'paused']));
    await call('POST', `/jobs/${b}/pause`, { body: {} });
    await cancel(ids[all.indexOf('running')] as string);
    await cancel(c);
    await vi.waitFor(async () => expect(await states(c)).toEqual(['cancelled']));
    // What a person has paused is left to them.
    expect(await states(b)).toEqual(['paused']);
  });

  test('cancel: cancels those before it, and begins once they are over', async () => {
    const { call, start, states } = await served('cancel');
    const first = idOf(await start());
    const second = idOf(await start());
    await vi.waitFor(async () => expect(await states(first, second)).toEqual(['cancelled', 'running']));
    expect((await call('GET', `/jobs/${first}`)).body).toMatchObject({
      reason: `Job ${second} took its place (overlap: cancel).`,
    });
  });

  test('allow: begins beside the others', async () => {
    const { start, states } = await served('allow');
    const ids = [idOf(await start()), idOf(await start())];
    await vi.waitFor(async () => expect(await states(...ids)).toEqual(['running', 'running']));
  });
});

describe('a start by request', () => {
  test('queue: waits on after a restart of the server', async () => {
    const made = project('queue');
    const before = await serving({ workflows: made.workflows, journal: made.open() });
    const first = idOf(await before.start());
    const second = idOf(await before.start());
    await before.server.close();
    const { states, cancel } = await serving({ workflows: made.workflows, journal: made.open() });
    expect(await states(first, second)).toEqual(['running', 'paused']);
    await cancel(first);
    await vi.waitFor(async () => expect(await states(first, second)).toEqual(['cancelled', 'running']));
  });

  test('queue: minds jobs that another process runs', async () => {
    const made = project('queue');
    const { definition } = await loadWorkflow(made.file, {});
    const other = createEngine({ journal: made.open(), definitions: [definition] });
    undo.push(() => other.close({ mode: 'abort' }));
    const job = other.start(definition, { params: {} }, { jobId: 'other' });
    await job.saved();
    const { start, states } = await serving({ workflows: made.workflows, journal: made.open() });
    const second = idOf(await start());
    expect(await states('other', second)).toEqual(['running', 'paused']);
    await job.cancel();
    await vi.waitFor(async () => expect(await states('other', second)).toEqual(['cancelled', 'running']), 10_000);
  });

  test('queue: waits after a restart if the server died before the job stood paused', async () => {
    const made = project('queue');
    const { definition } = await loadWorkflow(made.file, {});
    const first = await serving({ workflows: made.workflows, journal: made.open() });
    const older = idOf(await first.start());
    await first.server.close();
    const journal = made.open();
    const dying = createEngine({
      journal: {
        ...journal,
        append: () => {
          throw new Error('dead');
        },
      },
    });
    undo.push(() => dying.close({ mode: 'abort' }));
    await dying.start(definition, { params: {} }, { jobId: 'queued' }).result();
    await journal.release({ jobId: 'queued', fence: (await journal.job('queued'))?.fence ?? 0 });
    const value = JSON.stringify({ name: 'nightly', before: [older] });
    await storeOf(journal).put({ kind: 'queued', key: 'queued', value, at: Date.now() });
    const { states, cancel } = await serving({ workflows: made.workflows, journal: made.open() });
    await vi.waitFor(async () => expect(await states(older, 'queued')).toEqual(['running', 'paused']));
    await cancel(older);
    await vi.waitFor(async () => expect(await states(older, 'queued')).toEqual(['cancelled', 'running']));
  });

  test.each([
    ['skip', 409],
    ['queue', 201],
  ])('%s: minds a job that is left to tintype resume as tintype run does', async (overlap, status) => {
    const made = project(overlap);
    const { definition } = await loadWorkflow(made.file, {});
    const other = createEngine({ journal: made.open() });
    const metadata = { workers: 4, grace: 2000 };
    await other.start(definition, { params: {} }, { jobId: 'left', metadata }).saved();
    await other.close({ mode: 'abort' });
    const { start, states } = await serving({ workflows: made.workflows, journal: made.open() });
    const answer = await start();
    expect(answer.status).toBe(status);
    if (overlap === 'queue')
      await vi.waitFor(async () => expect(await states('left', idOf(answer))).toEqual(['running', 'running']));
    else
      expect(answer.body).toMatchObject({
        detail: expect.stringContaining('the job "left" of "nightly" is interrupted, and waits to be resumed'),
        remedy: 'POST /api/v1/jobs/left/resume, or POST /api/v1/jobs/left/cancel',
      });
  });
});
