import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import { createEngine } from '../../src/engine/engine.ts';
import type { ErrorData } from '../../src/events/error-data.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import type { Server } from '../../src/server/create-server.ts';
import type { ServerOptions } from '../../src/server/service/server-options.ts';
import { storeOf } from '../../src/server/store/store-of.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { loadWorkflow } from '../../src/workflow/workflow.ts';
import { type Call, testServer } from '../support/server.ts';
import { turns } from '../support/turns.ts';

const add = defineJob<{ a?: number }>('add')
  .task('sum', ({ ctx }) => ({ sum: (ctx.a ?? 0) + 1 }))
  .seal();
const broken = defineJob('broken')
  .task('fails', () => {
    throw new Error('no');
  })
  .task('after', { dependsOn: ['fails'] }, () => {})
  .seal();
const approval = defineJob('approval')
  .external('approve')
  .task('pay', { dependsOn: ['approve'] }, () => {})
  .seal();

const HOUR = 3_600_000;

const servers: Server[] = [];
const started = async (options: Partial<ServerOptions> = {}): Promise<{ call: Call; server: Server }> => {
  const made = await testServer({ definitions: [add, broken, approval], ...options });
  servers.push(made.server);
  return made;
};
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const dinner = {
  name: 'dinner',
  tasks: [
    { name: 'shop', units: [{ name: 'buy', owner: 'waiter', data: { list: ['fish'] } }] },
    {
      name: 'cook',
      dependsOn: ['shop'],
      units: [
        {
          name: 'fish',
          owner: 'cook',
          output: { type: 'object', properties: { done: { type: 'boolean' } }, required: ['done'] },
        },
        { name: 'sauce', owner: 'cook' },
      ],
    },
  ],
};

describe('a start', () => {
  test('of a definition answers with the kept job; its result comes with its end', async () => {
    const { call } = await started();
    const { status, body, headers } = await call('POST', '/jobs', {
      body: { definition: 'add', input: { a: 2 }, labels: { team: 'x' }, metadata: { by: 'me' } },
    });
    expect([status, headers.get('location')]).toEqual([201, `jobs/${(body as { id: string }).id}`]);
    expect(body).toMatchObject({ name: 'add', labels: { team: 'x' }, metadata: { by: 'me' }, interrupted: false });
    const { id } = body as { id: string };
    expect(await call('GET', `/jobs/${id}/result?waitMs=5000`)).toMatchObject({
      status: 200,
      body: { state: 'completed', over: true, outputs: { sum: { sum: 3 } } },
    });
    expect(await call('GET', `/jobs/${id}`)).toMatchObject({ body: { state: 'completed', input: { a: 2 } } });
  });

  test('whose result many ask for keeps nothing of those that have gone', async () => {
    const clock = virtualClock();
    const { call, server } = await started({ clock });
    await call('POST', '/jobs', { body: { document: dinner, jobId: 'j' } });
    const job = server.engine.job('j');
    if (!job) throw new Error('no job');
    const result = vi.spyOn(job, 'result');
    const ask = (waitMs: number) => call('GET', `/jobs/j/result?waitMs=${waitMs}`);
    for (let at = 0; at < 20; at++) {
      const asked = ask(1);
      await turns();
      await clock.advance(1);
      expect(await asked).toMatchObject({ status: 202 });
    }
    const last = [ask(60_000), ask(60_000)];
    await turns();
    expect(result).toHaveBeenCalledTimes(1);
    await call('POST', '/jobs/j/cancel');
    for (const one of last) expect(await one).toMatchObject({ status: 200, body: { state: 'cancelled' } });
  });

  test('has a result with the outputs that job.output returns, also of fan-outs and nested jobs', async () => {
    const inner = defineJob('inner')
      .task('one', () => ({ x: 1 }))
      .seal();
    const many = defineJob('many')
      .task('list', () => ({ items: [1, 2] }))
      .map('each', { dependsOn: ['list'], over: ({ ctx }) => ctx.items as number[] }, ({ item }) => ({
        twice: item * 2,
      }))
      .job('nested', {}, inner)
      .job('total', { output: ({ x }) => ({ total: x }) }, inner)
      .task('none', () => {})
      .seal();
    const journal = memoryJournal();
    const { server, call } = await started({ journal, definitions: [many] });
    const job = server.engine.start(many, {}, { jobId: 'm' });
    await job;
    const names = ['each', 'list', 'nested', 'total'] as const;
    const returned = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await job.output(name)])));
    expect(returned).toMatchObject({ each: [{ twice: 2 }, { twice: 4 }], total: { total: 1 } });
    const result = async (asked: Call) => ((await asked('GET', '/jobs/m/result')).body as { outputs: object }).outputs;
    expect(await result(call)).toEqual(returned);
    // A server that has not the definition any more can't know that the last one has an output of its own.
    await server.close();
    const { call: later } = await started({ journal, definitions: [] });
    expect(await result(later)).toEqual({ ...returned, total: 1 });
  });

  test.each([
    [{ definition: 'ad' }, 404, 'DEFINITION_NOT_FOUND'],
    [{}, 400, 'INVALID_REQUEST'],
    [{ definition: 'add', document: dinner }, 400, 'INVALID_REQUEST'],
    [{ definition: 'add', start: false }, 400, 'INVALID_REQUEST'],
    [{ definition: 'add', topic: 'none' }, 404, 'TOPIC_NOT_FOUND'],
    [{ definition: 'add', jobId: 'a/b' }, 400, 'INVALID_REQUEST'],
    [{ document: { name: 'x', tasks: [{ name: 't', units: [{ name: 'u' }] }] } }, 422, 'INVALID_DEFINITION'],
    [{ document: { name: 'x', tasks: [{ name: 't', units: [{ name: 'u', use: 'v' }] }] } }, 422, 'INVALID_DEFINITION'],
    [
      { document: { name: 'x', tasks: [{ name: 't', dependsOn: ['t'], units: [{ name: 'u', owner: 'o' }] }] } },
      422,
      'INVALID_DEFINITION',
    ],
    [
      {
        document: {
          name: 'x',
          tasks: [{ name: 't', units: [{ name: 'u', owner: 'o', output: { pattern: '(a+)+$' } }] }],
        },
      },
      422,
      'INVALID_DEFINITION',
    ],
  ])('of %j is refused: %i %s', async (body, status, code) => {
    const { call } = await started();
    expect(await call('POST', '/jobs', { body })).toMatchObject({ status, body: { code } });
    expect((await call('GET', '/jobs')).body).toMatchObject({ items: [] });
  });

  test('with a known jobKey finds the job; with another input it is refused', async () => {
    const { call } = await started();
    const first = await call('POST', '/jobs', { body: { definition: 'add', jobKey: 'k', input: { a: 1 } } });
    const again = await call('POST', '/jobs', { body: { definition: 'add', jobKey: 'k', input: { a: 1 } } });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect((again.body as { id: string }).id).toBe((first.body as { id: string }).id);
    expect(await call('POST', '/jobs', { body: { definition: 'add', jobKey: 'k', input: { a: 2 } } })).toMatchObject({
      status: 409,
      body: { code: 'JOB_KEY_CONFLICT' },
    });
  });

  test('with a taken id is refused, and changes nothing of that job', async () => {
    const { call } = await started();
    await call('POST', '/jobs', { body: { document: dinner, jobId: 'one' } });
    for (const body of [
      { definition: 'add', jobId: 'one' },
      { document: { ...dinner, name: 'other' }, jobId: 'one' },
    ])
      expect(await call('POST', '/jobs', { body })).toMatchObject({ status: 409, body: { code: 'JOB_EXISTS' } });
    expect(await call('GET', '/jobs/one')).toMatchObject({ body: { name: 'dinner', document: { name: 'dinner' } } });
  });

  test('that is repeated with its Idempotency-Key starts one job, also after the answer was lost', async () => {
    const journal = memoryJournal();
    const { call, server } = await started({ journal });
    const request = { body: { definition: 'approval' }, headers: { 'idempotency-key': 'abc' } };
    const [first, again] = [await call('POST', '/jobs', request), await call('POST', '/jobs', request)];
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    await server.close();
    expect((await call('GET', '/jobs')).status).toBe(503);
    expect(await journal.jobs()).toHaveLength(1);
  });
});

test('the graph says which tasks are allowed to fail, have a condition, when they start, and which jobs they run', async () => {
  const inner = defineJob('inner').external('ask', { continueOnFailure: true }).seal();
  const tidy = defineJob('tidy')
    .job('nested', {}, inner)
    .task('sweep', { continueOnFailure: true }, () => {})
    .task('report', { dependsOn: ['sweep'], trigger: 'always', when: () => true }, () => {})
    .seal();
  const { call } = await started({ definitions: [tidy] });
  await call('POST', '/jobs', { body: { definition: 'tidy', jobId: 't' } });
  expect((await call('GET', '/jobs/t/graph')).body).toMatchObject({
    tasks: [
      {
        name: 'nested',
        job: { name: 'inner', tasks: [{ name: 'ask', kind: 'external', dependsOn: [], continueOnFailure: true }] },
      },
      { name: 'report', trigger: 'always', conditional: true, continueOnFailure: false },
      { name: 'sweep', conditional: false, continueOnFailure: true },
    ],
  });
});

test('an error has the causes behind it, eight at most, and no stack', async () => {
  const deep = Array.from({ length: 12 }, (_, at) => at).reduceRight<Error | undefined>(
    (cause, at) => new Error(`level ${at}`, { cause }),
    undefined,
  );
  const failing = defineJob('failing')
    .task('load', () => {
      throw Object.assign(new TypeError('no rows', { cause: deep }), { code: 'EROWS' });
    })
    .seal();
  const { call } = await started({ definitions: [failing] });
  await call('POST', '/jobs', { body: { definition: 'failing', jobId: 'f' } });
  await call('GET', '/jobs/f/result?waitMs=10000');
  const { items } = (await call('GET', '/jobs/f/tasks')).body as { items: { error: ErrorData }[] };
  const chain: ErrorData[] = [];
  for (let error = items[0]?.error; error; error = error.cause as ErrorData) chain.push(error);
  expect(chain).toHaveLength(9);
  expect(chain[0]).toMatchObject({ name: 'TaskError', code: 'TASK_FAILED' });
  expect(chain[1]).toMatchObject({ name: 'TypeError', message: 'no rows', code: 'EROWS' });
  expect(chain[2]).toMatchObject({ name: 'Error', message: 'level 0' });
  expect(chain.map(({ stack }) => stack).filter(Boolean)).toEqual([]);
  const { error } = (await call('GET', '/jobs/f')).body as { error: ErrorData };
  expect(error.cause).toMatchObject({ name: 'TaskError', cause: { message: 'no rows' } });
});

describe('a document', () => {
  test('is a job of nested jobs and external tasks', async () => {
    const { call } = await started();
    await call('POST', '/jobs', { body: { document: dinner, jobId: 'd' } });
    expect((await call('GET', '/jobs/d/tasks')).body).toMatchObject({
      items: [
        { path: 'cook', kind: 'job', state: 'unscheduled' },
        { path: 'cook/fish', kind: 'external' },
        { path: 'cook/sauce' },
        { path: 'shop' },
        { path: 'shop/buy' },
      ],
    });
    expect((await call('GET', '/jobs/d/graph')).body).toMatchObject({
      tasks: [{ name: 'cook', dependsOn: ['shop'], conditional: false }, { name: 'shop' }],
    });
    expect((await call('GET', '/jobs/d/graph?format=mermaid')).body).toContain('flowchart TD');
  });

  test('is taken up by another server, with tasks that were added meanwhile', async () => {
    const journal = memoryJournal();
    const { call, server } = await started({ journal });
    await call('POST', '/jobs', { body: { document: dinner, jobId: 'd' } });
    const more = { tasks: [{ name: 'serve', dependsOn: ['cook'], units: [{ name: 'plates', owner: 'waiter' }] }] };
    expect(await call('POST', '/jobs/d/tasks', { body: more })).toMatchObject({ status: 200 });
    await server.close();
    const { call: later } = await started({ journal });
    expect(await later('GET', '/jobs/d')).toMatchObject({ body: { state: 'running', interrupted: false } });
    expect((await later('GET', '/jobs/d/tasks?under=serve')).body).toMatchObject({
      items: [{ path: 'serve' }, { path: 'serve/plates', kind: 'external' }],
    });
    expect(await later('DELETE', '/jobs/d/tasks?path=serve')).toMatchObject({ status: 204 });
    expect(await later('GET', '/jobs/d/tasks?under=nothing')).toMatchObject({
      status: 404,
      body: { code: 'TASK_NOT_FOUND' },
    });
  });

  test('can be a draft, which is changed, and checked as a whole when it starts', async () => {
    const { call } = await started();
    const draft = { document: { name: 'party', tasks: [] }, start: false, jobId: 'p' };
    expect(await call('POST', '/jobs', { body: draft })).toMatchObject({ status: 201, body: { state: 'draft' } });
    expect((await call('GET', '/jobs?state=draft')).body).toMatchObject({ items: [{ id: 'p' }] });
    expect(await call('GET', '/jobs/p/tasks')).toMatchObject({
      status: 404,
      body: { code: 'JOB_NOT_FOUND', detail: expect.stringMatching(/"p" is a draft/) },
    });
    for (const other of [{ document: dinner }, { definition: 'add', input: { a: 1 } }, { ...draft, start: false }])
      expect(await call('POST', '/jobs', { body: { ...other, jobId: 'p' } })).toMatchObject({
        status: 409,
        body: { code: 'JOB_EXISTS' },
      });
    const bad = { tasks: [{ name: 'a', dependsOn: ['b'], units: [{ name: 'u', owner: 'o' }] }] };
    expect(await call('POST', '/jobs/p/tasks', { body: bad })).toMatchObject({ status: 200 });
    expect(await call('POST', '/jobs/p/start')).toMatchObject({ status: 422, body: { code: 'INVALID_DEFINITION' } });
    expect(await call('PATCH', '/jobs/p', { body: { document: dinner } })).toMatchObject({ status: 200 });
    expect(await call('POST', '/jobs/p/start')).toMatchObject({
      status: 201,
      body: { name: 'dinner' },
    });
    expect(await call('POST', '/jobs/p/start')).toMatchObject({ status: 409, body: { code: 'INVALID_STATE' } });
    expect((await call('GET', '/jobs?state=draft')).body).toMatchObject({ items: [] });
  });

  test('a change of a draft that starts is in the job, or refused', async () => {
    const { call } = await started();
    const seen = new Set<string>();
    for (let ticks = 0; ticks < 150; ticks++) {
      const jobId = `draft-${ticks}`;
      await call('POST', '/jobs', { body: { document: { ...dinner, name: 'party' }, start: false, jobId } });
      const change = later(ticks, () => call('PATCH', `/jobs/${jobId}`, { body: { document: dinner } }));
      const start = later(75, () => call('POST', `/jobs/${jobId}/start`));
      const statuses = (await Promise.all([change, start])).map(({ status }) => status);
      const { name } = (await call('GET', `/jobs/${jobId}`)).body as { readonly name: string };
      seen.add([...statuses, name].join(' '));
    }
    expect([...seen].sort()).toEqual(['200 201 dinner', '409 201 party']);
    expect((await call('GET', '/jobs?state=draft')).body).toMatchObject({ items: [] });
  });
});

/** Does something after so many turns of the promises that are due. */
const later = async <Answer>(ticks: number, work: () => Promise<Answer>): Promise<Answer> => {
  for (let tick = 0; tick < ticks; tick++) await undefined;
  return work();
};

describe('jobs', () => {
  test('that ended long ago are removed once an hour, with their documents', async () => {
    const clock = virtualClock();
    const journal = memoryJournal();
    const { call } = await started({ journal, clock, pruneAfterMs: 3 * HOUR });
    for (const jobId of ['old', 'running']) await call('POST', '/jobs', { body: { document: dinner, jobId } });
    await call('POST', '/jobs/old/cancel');
    await clock.advance(2 * HOUR);
    expect(await call('GET', '/jobs/old')).toMatchObject({ status: 200, body: { document: { name: 'dinner' } } });
    await clock.advance(3 * HOUR);
    expect(await call('GET', '/jobs/old')).toMatchObject({ status: 404 });
    expect(await storeOf(journal).list('document')).toMatchObject([{ key: 'running' }]);
  });

  test('are listed page by page, by topic, name, state, label and beginning of the id', async () => {
    const { call } = await started();
    await call('POST', '/topics', { body: { name: 'kitchen', title: 'Kitchen' } });
    for (const jobId of ['k1', 'k2'])
      await call('POST', '/jobs', { body: { definition: 'approval', jobId, topic: 'kitchen' } });
    await call('POST', '/jobs', { body: { definition: 'add', jobId: 'a1', labels: { team: 'x' } } });
    await call('GET', '/jobs/a1/result?waitMs=5000');
    const ids = async (query: string) =>
      ((await call('GET', `/jobs?${query}`)).body as { items: { id: string }[] }).items.map(({ id }) => id);
    expect(await ids('')).toEqual(['a1', 'k2', 'k1']);
    expect(await ids('topic=kitchen')).toEqual(['k2', 'k1']);
    expect(await ids('label=team:x&name=add&state=completed&state=failed')).toEqual(['a1']);
    expect(await ids('q=k&order=oldest')).toEqual(['k1', 'k2']);
    const { body } = await call('GET', '/jobs?limit=2');
    const { nextCursor } = body as { nextCursor: string };
    expect(await ids(`limit=2&cursor=${nextCursor}`)).toEqual(['k1']);
    expect((await call('GET', `/jobs?name=add&cursor=${nextCursor}`)).body).toMatchObject({ code: 'INVALID_CURSOR' });
    expect((await call('GET', '/topics/kitchen')).body).toMatchObject({ jobs: { running: 2 } });
    expect(await call('DELETE', '/topics/kitchen')).toMatchObject({ status: 409, body: { code: 'TOPIC_IN_USE' } });
  });

  test('are cancelled, paused and resumed; what is over is not', async () => {
    const { call } = await started();
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'j' } });
    expect(await call('POST', '/jobs/j/pause', { body: { reason: 'lunch' } })).toMatchObject({
      body: { state: 'paused' },
    });
    expect(await call('GET', '/jobs/j')).toMatchObject({ body: { pausedBy: 'lunch', progress: { fraction: 0 } } });
    expect((await call('GET', '/jobs/j/explain?task=pay')).body).toMatchObject({
      items: [{ task: 'pay', reasons: [{ kind: 'paused' }, { kind: 'upstream' }] }],
    });
    expect(await call('POST', '/jobs/j/resume')).toMatchObject({ status: 200, body: { state: 'running' } });
    expect(await call('POST', '/jobs/j/cancel', { body: { reason: 'enough' } })).toMatchObject({ status: 200 });
    expect(await call('GET', '/jobs/j/result?waitMs=5000')).toMatchObject({
      body: { state: 'cancelled', reason: 'enough' },
    });
    expect(await call('POST', '/jobs/j/cancel')).toMatchObject({ status: 200 });
    expect(await call('POST', '/jobs/j/pause')).toMatchObject({ status: 409, body: { code: 'INVALID_STATE' } });
    expect(await call('POST', '/jobs/none/pause')).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
  });

  test('have their topic, labels and metadata changed, also when they are over', async () => {
    const { call } = await started();
    for (const name of ['kitchen', 'old', 'hall']) await call('POST', '/topics', { body: { name, title: name } });
    const first = { topic: 'old', labels: { team: 'x' }, metadata: { n: 1 } };
    for (const [jobId, definition] of [
      ['over', 'add'],
      ['open', 'approval'],
    ]) {
      await call('POST', '/jobs', { body: { definition, jobId, ...first } });
      if (jobId === 'over') await call('GET', '/jobs/over/result?waitMs=5000');
      const change = (body: object) => call('PATCH', `/jobs/${jobId}`, { body });
      const etagOf = async () => (await call('GET', `/jobs/${jobId}`)).headers.get('etag') ?? '';
      const before = await etagOf();
      expect(await change({ labels: { team: 'y', day: '2' } })).toMatchObject({
        status: 200,
        body: { id: jobId, topic: 'old', labels: { topic: 'old', team: 'y', day: '2' }, metadata: { n: 1 } },
      });
      const labelled = await etagOf();
      expect(labelled).not.toBe(before);
      expect((await change({ metadata: { n: 2 } })).body).toMatchObject({ topic: 'old', metadata: { n: 2 } });
      expect([before, labelled]).not.toContain(await etagOf());
      const headers = { 'if-none-match': await etagOf() };
      expect(await call('GET', `/jobs/${jobId}`, { headers })).toMatchObject({ status: 304 });
      expect((await change({ topic: 'kitchen' })).body).toMatchObject({ topic: 'kitchen', labels: { team: 'y' } });
      expect((await change({ topic: null })).body).toHaveProperty('labels', { team: 'y', day: '2' });
      expect((await change({ labels: {} })).body).toHaveProperty('labels', {});
      expect((await change({ labels: { topic: 'hall' } })).body).toMatchObject({ topic: 'hall' });
      const refusals: [object, number, string][] = [
        [{ topic: 'none' }, 404, 'TOPIC_NOT_FOUND'],
        [{ labels: { 'a b': 'x' } }, 400, 'INVALID_REQUEST'],
        [{ document: dinner, labels: {} }, 409, 'INVALID_STATE'],
      ];
      for (const [body, status, code] of refusals) expect(await change(body)).toMatchObject({ status, body: { code } });
      const shown = { topic: 'hall', labels: { topic: 'hall' }, metadata: { n: 2 } };
      expect(await call('GET', `/jobs/${jobId}`)).toMatchObject({ body: shown });
      expect((await call('GET', '/jobs?topic=hall&limit=1')).body).toMatchObject({ items: [{ id: jobId }] });
    }
    expect((await call('GET', '/jobs?topic=old')).body).toMatchObject({ items: [] });
    expect(await call('PATCH', '/jobs/none', { body: {} })).toMatchObject({ status: 404 });
  });

  test('keep a topic that was archived; none is put into one', async () => {
    const { call } = await started();
    await call('POST', '/topics', { body: { name: 'old', title: 'Old' } });
    await call('POST', '/jobs', { body: { definition: 'add', jobId: 'in', topic: 'old' } });
    await call('POST', '/jobs', { body: { definition: 'add', jobId: 'out' } });
    for (const id of ['in', 'out']) await call('GET', `/jobs/${id}/result?waitMs=5000`);
    expect((await call('DELETE', '/topics/old')).status).toBeLessThan(300);
    const labels = { team: 'x' };
    expect(await call('PATCH', '/jobs/in', { body: { labels } })).toMatchObject({
      status: 200,
      body: { topic: 'old' },
    });
    expect(await call('PATCH', '/jobs/out', { body: { topic: 'old' } })).toMatchObject({
      status: 409,
      body: { code: 'TOPIC_ARCHIVED' },
    });
  });

  test('of the command line keep the metadata by which they are resumed', async () => {
    const { call, server } = await started();
    await server.engine.start(add, {}, { jobId: 'run', metadata: { workers: 4, grace: 2000, file: '/a.yaml' } });
    expect(await call('PATCH', '/jobs/run', { body: { metadata: {} } })).toMatchObject({ status: 409 });
    expect(await call('PATCH', '/jobs/run', { body: { labels: { team: 'x' } } })).toMatchObject({
      status: 200,
      body: { labels: { team: 'x' }, metadata: { file: '/a.yaml' } },
    });
  });

  test('that nobody runs are taken up to be cancelled, if their tasks are known here', async () => {
    const workflows = mkdtempSync(join(tmpdir(), 'tintype-cancel-'));
    const file = join(workflows, 'wait.yaml');
    writeFileSync(file, 'name: wait\ntasks: [{name: sign, type: external}]\n');
    const journal = memoryJournal();
    const before = createEngine({ journal });
    const { definition } = await loadWorkflow(file);
    // The metadata is as `tintype run` keeps it: such jobs are not taken up at the start of a server.
    before.start(definition, {}, { jobId: 'inside', metadata: { workers: 4, grace: 2000, file } });
    before.start(definition, {}, { jobId: 'outside', metadata: { workers: 4, grace: 2000, file: '/elsewhere.yaml' } });
    const other = before.start(defineJob('other').external('wait').seal(), {}, { jobId: 'unknown' });
    await other.saved();
    await before.close();
    const { call } = await started({ journal, workflows });
    expect(await call('GET', '/jobs/inside')).toMatchObject({ body: { interrupted: true } });
    expect(await call('POST', '/jobs/inside/cancel')).toMatchObject({ status: 200 });
    expect(await call('GET', '/jobs/inside/result?waitMs=5000')).toMatchObject({ body: { state: 'cancelled' } });
    for (const id of ['outside', 'unknown'])
      expect(await call('POST', `/jobs/${id}/cancel`)).toMatchObject({
        status: 409,
        body: { code: 'INVALID_STATE', detail: expect.stringContaining(`tintype cancel ${id}`) },
      });
    rmSync(workflows, { recursive: true });
  });

  test('that failed are retried and rerun, with the plan first', async () => {
    const { call } = await started();
    await call('POST', '/jobs', { body: { definition: 'broken', jobId: 'b' } });
    expect(await call('GET', '/jobs/b/result?waitMs=5000')).toMatchObject({
      body: { state: 'failed', error: { code: 'JOB_FAILED' } },
    });
    expect(await call('POST', '/jobs/b/retry', { body: { dryRun: true } })).toMatchObject({
      body: { runs: ['fails', 'after'], keeps: [] },
    });
    expect(await call('POST', '/jobs/b/retry')).toMatchObject({ status: 200, body: { id: 'b' } });
    await call('GET', '/jobs/b/result?waitMs=5000');
    const rerun = await call('POST', '/jobs/b/rerun', { body: { from: ['after'] } });
    expect(rerun).toMatchObject({ status: 201, body: { forkedFrom: 'b' } });
    expect(await call('POST', '/jobs/b/retry', { body: { tasks: ['none'], dryRun: true } })).toMatchObject({
      status: 404,
      body: { code: 'TASK_NOT_FOUND' },
    });
  });

  test('are steered many at once, with a dry run first', async () => {
    const { call } = await started();
    for (const jobId of ['j1', 'j2', 'j3']) await call('POST', '/jobs', { body: { definition: 'approval', jobId } });
    const bulk = (body: object) => call('POST', '/jobs/bulk', { body });
    expect((await bulk({ action: 'cancel', filter: { name: 'approval' }, dryRun: true })).body).toEqual({
      matched: 3,
      done: 0,
      failed: [],
    });
    expect((await bulk({ action: 'cancel', ids: ['j1', 'j2', 'none'] })).body).toEqual({
      matched: 3,
      done: 2,
      failed: [{ id: 'none', code: 'JOB_NOT_FOUND', detail: 'There is no job "none".' }],
    });
    for (const id of ['j1', 'j2']) await call('GET', `/jobs/${id}/result?waitMs=5000`);
    expect((await bulk({ action: 'remove', filter: {} })).body).toMatchObject({ matched: 2, done: 2 });
    expect((await call('GET', '/jobs')).body).toMatchObject({ items: [{ id: 'j3' }] });
    expect(await call('DELETE', '/jobs/j3')).toMatchObject({ status: 409, body: { code: 'INVALID_STATE' } });
  });
});
