import { defineJob, memoryJournal } from 'tintype';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';

const approval = defineJob('approval')
  .external('approve', { owner: 'boss' })
  .task('pay', { dependsOn: ['approve'] }, () => ({}))
  .seal();

const document = { name: 'dinner', tasks: [{ name: 'shop', units: [{ name: 'fish', owner: 'waiter' }] }] };
const more = (name: string) => ({ tasks: [{ name, units: [{ name: 'u', owner: 'waiter' }] }] });

describe.each([
  ['in memory', () => memoryJournal()],
  ['in a file', () => opened(newFile(), { synchronous: 'normal' })],
])('who changes what somebody else has changed since, %s', (_where, newJournal) => {
  const served = async () => {
    const { server, call } = await testServer({ journal: newJournal(), definitions: [approval] });
    onTestFinished(() => server.close({ graceMs: 0 }));
    const etagOf = async (path: string) => {
      const { headers, body } = await call('GET', path);
      expect((body as { etag: string }).etag).toBe(headers.get('etag'));
      return headers.get('etag') as string;
    };
    return { server, call, etagOf };
  };
  const changes: readonly (readonly [
    what: string,
    method: string,
    path: string,
    body: object | undefined,
    success: number,
  ])[] = [
    ['is changed', 'PATCH', '', { labels: { by: 'me' } }, 200],
    ['gets a task', 'POST', '/tasks', more('mine'), 200],
    ['loses a task', 'DELETE', '/tasks?path=other', undefined, 204],
    ['is removed', 'DELETE', '', undefined, 204],
    ['is started', 'POST', '/start', undefined, 201],
  ];

  test.each(
    changes,
  )('a draft %s in the version that was read, and in no other', async (_what, method, path, body, success) => {
    const { call, etagOf } = await served();
    await call('POST', '/jobs', { body: { document, jobId: 'one', start: false } });
    const read = await etagOf('/jobs/one');
    await call('POST', '/jobs/one/tasks', { body: more('other') });
    const change = (etag: string) => call(method, `/jobs/one${path}`, { body, headers: { 'if-match': etag } });
    expect(await change(read)).toMatchObject({ status: 412, body: { code: 'PRECONDITION_FAILED' } });
    const now = await etagOf('/jobs/one');
    expect((await call('GET', '/jobs/one')).body).toMatchObject({
      state: 'draft',
      labels: {},
      document: { tasks: [{ name: 'shop' }, { name: 'other' }] },
    });
    expect((await change(`W/${now}`)).status).toBe(412);
    expect((await change(`"x", ${now}`)).status).toBe(success);
  });

  test('labels and metadata of a job do not get lost, also while it runs on', async () => {
    const { server, call, etagOf } = await served();
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'one' } });
    const read = await etagOf('/jobs/one');
    const job = server.engine.job('one');
    await job?.task('approve').complete({});
    await job;
    expect(await etagOf('/jobs/one')).not.toBe(read);
    const change = (body: object, etag: string) => call('PATCH', '/jobs/one', { body, headers: { 'if-match': etag } });
    expect((await change({ labels: { by: 'me' } }, read)).status).toBe(200);
    expect(await change({ metadata: { by: 'you' } }, read)).toMatchObject({
      status: 412,
      body: { detail: 'The job "one" has not the version of If-Match any more. Read it again.' },
    });
    expect((await call('GET', '/jobs/one')).body).toMatchObject({ labels: { by: 'me' }, metadata: {} });
    const { etag } = (await call('PATCH', '/jobs/one', { body: { metadata: { by: 'all' } } })).body as { etag: string };
    expect(etag).toBe(await etagOf('/jobs/one'));
    // To remove it, all of it has to be as it was read.
    expect((await call('DELETE', '/jobs/one', { headers: { 'if-match': read } })).status).toBe(412);
    expect((await call('DELETE', '/jobs/one', { headers: { 'if-match': etag } })).status).toBe(204);
    expect((await call('DELETE', '/jobs/one', { headers: { 'if-match': etag } })).status).toBe(404);
  });

  test.each([
    ['draft', { document, start: false }],
    ['job', { document }],
  ])('of ten that change one %s at once exactly one does', async (_what, start) => {
    const { call, etagOf } = await served();
    await call('POST', '/jobs', { body: { ...start, jobId: 'one' } });
    const headers = { 'if-match': await etagOf('/jobs/one') };
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, by) => call('PATCH', '/jobs/one', { body: { labels: { by: `${by}` } }, headers })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)]);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect((await call('GET', '/jobs/one')).body).toMatchObject({ labels: { by: `${winner}` } });
  });

  test('a draft that is started while it is changed is started as it was or as it is', async () => {
    const { call, etagOf } = await served();
    await call('POST', '/jobs', { body: { document, jobId: 'one', start: false } });
    const headers = { 'if-match': await etagOf('/jobs/one') };
    const answers = await Promise.all([
      call('POST', '/jobs/one/start', { headers }),
      call('PATCH', '/jobs/one', { body: { document: { ...document, ...more('other') } }, headers }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([201, 412]);
  });

  test('a topic', async () => {
    const { call, etagOf } = await served();
    await call('POST', '/topics', { body: { name: 'kitchen' } });
    const read = await etagOf('/topics/kitchen');
    const change = (title: string, etag = read) =>
      call('PATCH', '/topics/kitchen', { body: { title }, headers: { 'if-match': etag } });
    expect((await Promise.all(['a', 'b'].map((title) => change(title)))).map(({ status }) => status)).toEqual([
      200, 412,
    ]);
    expect(await call('DELETE', '/topics/kitchen', { headers: { 'if-match': read } })).toMatchObject({
      status: 412,
      body: { detail: expect.stringContaining('The topic "kitchen"') },
    });
    expect((await change('c', await etagOf('/topics/kitchen'))).status).toBe(200);
    expect((await change('d', '*')).status).toBe(200);
  });
});

test('the client changes the version that it was given', async () => {
  const { server } = await testServer({ definitions: [approval] });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const { jobs, topics } = createClient({ url: (await server.listen({ port: 0 })).url });
  const { id, etag: ifMatch } = await jobs.start({ document, start: false });
  const [{ etag } = { etag: '' }] = (await jobs.list({ state: 'draft' })).items;
  expect(etag).toBe(ifMatch);
  await jobs.addTasks(id, more('other').tasks, { ifMatch });
  const refused = { status: 412, code: 'PRECONDITION_FAILED' };
  await expect(jobs.update(id, { labels: {} }, { ifMatch })).rejects.toMatchObject(refused);
  await expect(jobs.addTasks(id, more('third').tasks, { ifMatch })).rejects.toMatchObject(refused);
  await expect(jobs.removeTask(id, 'other', { ifMatch })).rejects.toMatchObject(refused);
  await expect(jobs.startDraft(id, { ifMatch })).rejects.toMatchObject(refused);
  await expect(jobs.remove(id, { ifMatch })).rejects.toMatchObject(refused);
  await jobs.remove(id, { ifMatch: (await jobs.get(id)).etag });
  const topic = await topics.create({ name: 'kitchen' });
  await topics.update('kitchen', { title: 'K' }, { ifMatch: topic.etag });
  await expect(topics.archive('kitchen', { ifMatch: topic.etag })).rejects.toMatchObject(refused);
});
