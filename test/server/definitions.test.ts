import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { testServer } from '../support/server.ts';

const folders: string[] = [];
const folder = (files: Readonly<Record<string, string>> = {}): string => {
  const made = mkdtempSync(join(tmpdir(), 'tintype-workflows-'));
  folders.push(made);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
};
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

const approval = (name = 'approval', more = ''): string =>
  `name: ${name}\n${more}params:\n  amount: 10\ntasks:\n  - {name: approve, type: external}\n`;
const yaml = { 'content-type': 'application/yaml' };

describe('definitions', () => {
  test('of code and of a folder are listed by name, with their problems', async () => {
    const workflows = folder({ 'approval.yaml': approval(), 'broken.yaml': 'name: broken\ntasks: 3\n' });
    const definitions = [
      defineJob('etl')
        .task('load', () => {})
        .seal(),
    ];
    const { call, server } = await testServer({ definitions, workflows });
    const { body } = await call('GET', '/definitions');
    expect(body).toMatchObject({
      items: [
        { name: 'approval', source: 'file', file: 'approval.yaml', startable: true, problems: [] },
        { name: 'broken', startable: false, problems: [{ code: 'INVALID_VALUE', line: 2, column: 8 }] },
        { name: 'etl', source: 'code', startable: true },
      ],
      nextCursor: null,
    });
    await server.close();
  });

  test('are listed page by page; the cursor of another list is refused', async () => {
    const definitions = ['a', 'b', 'c'].map((name) =>
      defineJob(name)
        .task('t', () => {})
        .seal(),
    );
    const { call } = await testServer({ definitions });
    const first = await call('GET', '/definitions?limit=2');
    expect(first.body).toMatchObject({ items: [{ name: 'a' }, { name: 'b' }], nextCursor: expect.any(String) });
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    expect(await call('GET', `/definitions${next}`)).toMatchObject({
      body: { items: [{ name: 'c' }], nextCursor: null },
    });
    expect(await call('GET', '/definitions?cursor=abc')).toMatchObject({
      status: 400,
      body: { code: 'INVALID_CURSOR' },
    });
    expect(await call('GET', '/definitions?limit=501')).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST' },
    });
  });

  test('show tasks and params, with an ETag', async () => {
    const { call, server } = await testServer({ workflows: folder({ 'approval.yaml': approval() }) });
    const { body, headers } = await call('GET', '/definitions/approval');
    expect(body).toMatchObject({
      tasks: [{ name: 'approve', kind: 'external', dependsOn: [] }],
      params: { properties: { amount: { type: 'integer', default: 10 } }, required: [] },
    });
    const again = await call('GET', '/definitions/approval', {
      headers: { 'if-none-match': headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
    expect(await call('GET', '/definitions/other')).toMatchObject({
      status: 404,
      body: { code: 'DEFINITION_NOT_FOUND' },
    });
    await server.close();
  });

  test('of a file give their jobs the labels of the file, with those of the request over them', async () => {
    const workflows = folder({ 'approval.yaml': approval('approval', 'labels: { team: data, day: monday }\n') });
    const { call, server } = await testServer({ workflows });
    const { body } = await call('POST', '/jobs', { body: { definition: 'approval', labels: { day: 'tuesday' } } });
    expect(body).toMatchObject({ labels: { team: 'data', day: 'tuesday' } });
    await server.close();
  });

  test('of a file that has changed are there within a second; one with problems keeps its last form', async () => {
    const clock = virtualClock();
    const workflows = folder({ 'approval.yaml': approval() });
    const { call, server } = await testServer({ workflows, clock });
    const file = join(workflows, 'approval.yaml');
    const listed = async () => (await call('GET', '/definitions')).body;
    writeFileSync(file, `${approval()}typo: 1\n`);
    await clock.advance(1000);
    expect(await listed()).toMatchObject({
      items: [{ name: 'approval', startable: true, problems: [{ code: 'UNKNOWN_KEY' }] }],
    });
    writeFileSync(file, approval('approval', 'description: better\n'));
    await clock.advance(1000);
    expect(await listed()).toMatchObject({
      items: [{ description: 'better', problems: [] }],
    });
    rmSync(file);
    await clock.advance(1000);
    expect(await listed()).toMatchObject({ items: [] });
    await server.close();
  });

  test('of a file that takes variables of another are read again when that comes, or changes', async () => {
    const clock = virtualClock();
    const more = 'env_file: vars.env\n';
    const workflows = folder({
      'approval.yaml': approval('approval', more).replace('amount: 10', `who: "\${{ env.WHO }}"`),
    });
    const { call, server } = await testServer({ workflows, clock });
    const listed = async () => (await call('GET', '/definitions')).body;
    const who = async () => {
      const { body } = await call('POST', '/jobs', { body: { definition: 'approval' } });
      return (await call('GET', `/jobs/${(body as { id: string }).id}`)).body;
    };
    expect(await listed()).toMatchObject({
      items: [{ startable: false, problems: [{ code: 'FILE_NOT_FOUND', line: 2, column: 11 }] }],
    });
    writeFileSync(join(workflows, 'vars.env'), 'WHO=ann\n');
    await clock.advance(1000);
    expect(await listed()).toMatchObject({ items: [{ startable: true, problems: [] }] });
    expect(await who()).toMatchObject({ input: { params: { who: 'ann' } } });
    writeFileSync(join(workflows, 'vars.env'), 'WHO=berta\n');
    await clock.advance(1000);
    expect(await who()).toMatchObject({ input: { params: { who: 'berta' } } });
    await server.close();
  });

  test('of a folder that was removed count as they were, with the problem, until it is there again', async () => {
    const clock = virtualClock();
    const logged: string[] = [];
    const log = (text: string): void => void logged.push(text);
    const workflows = folder({ 'approval.yaml': approval(), 'broken.yaml': 'name: broken\ntasks: 3\n' });
    const { call, server } = await testServer({
      workflows,
      clock,
      logger: { debug: () => {}, info: log, warn: log, error: log },
    });
    const listed = async () => (await call('GET', '/definitions')).body;
    const etag = (await call('GET', '/definitions/approval')).headers.get('etag');
    const before = await listed();
    renameSync(workflows, `${workflows}-away`);
    await clock.advance(5000);
    const unreadable = {
      code: 'FILE_UNREADABLE',
      message: "The folder of workflows can't be read: ENOENT. The files count as they were when it was read last.",
    };
    expect(await listed()).toMatchObject({
      items: [
        { name: 'approval', startable: true, problems: [unreadable] },
        { name: 'broken', startable: false, problems: [unreadable, { line: 2 }] },
      ],
    });
    expect((await call('GET', '/definitions/approval', { headers: { 'if-none-match': etag ?? '' } })).status).toBe(200);
    const warning = `The folder ${workflows} can't be read: ENOENT. Its workflow files count as they were when it was read last.`;
    expect(logged).toEqual([warning]);
    expect((await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'one' } })).status).toBe(201);
    logged.length = 0;
    renameSync(`${workflows}-away`, workflows);
    await clock.advance(1000);
    expect(await listed()).toEqual(before);
    expect(logged.filter((text) => text.includes('folder'))).toEqual([`The folder ${workflows} can be read again.`]);
    rmSync(workflows, { recursive: true });
    await clock.advance(1000);
    expect(logged.at(-1)).toBe(warning);
    mkdirSync(workflows);
    await clock.advance(1000);
    expect(await listed()).toMatchObject({ items: [] });
    await server.close({ graceMs: 0 });
  });

  test('of two files with one name, the first counts', async () => {
    const { call, server } = await testServer({ workflows: folder({ 'a.yaml': approval(), 'b.yaml': approval() }) });
    expect((await call('GET', '/definitions')).body).toMatchObject({
      items: [
        { name: 'approval', file: 'a.yaml' },
        { name: 'b', startable: false, problems: [{ message: /a\.yaml has the name/ }] },
      ],
    });
    await server.close();
  });
});

describe('an upload', () => {
  test('is off by default', async () => {
    const { call } = await testServer();
    const { status, body } = await call('PUT', '/definitions/approval', { body: approval(), headers: yaml });
    expect([status, body]).toMatchObject([403, { code: 'UPLOAD_NOT_ALLOWED' }]);
  });

  test('is kept, shown, replaced and removed; another server finds it', async () => {
    const { call, server } = await testServer({ upload: 'external' });
    expect(await call('PUT', '/definitions/approval', { body: approval(), headers: yaml })).toMatchObject({
      status: 201,
    });
    expect(await call('PUT', '/definitions/approval', { body: approval(), headers: yaml })).toMatchObject({
      status: 200,
    });
    expect(await call('PUT', '/definitions/other', { body: approval(), headers: yaml })).toMatchObject({ status: 422 });
    expect(await call('GET', '/definitions/approval')).toMatchObject({ body: { source: 'upload', text: approval() } });
    expect(await call('DELETE', '/definitions/approval')).toMatchObject({ status: 204 });
    expect(await call('DELETE', '/definitions/approval')).toMatchObject({ status: 404 });
    await server.close();
  });

  test.each([
    ['external', 'bash', 'command: ls', false],
    ['http', 'bash', 'command: ls', false],
    ['processes', 'bash', 'command: ls', true],
    ['external', 'http', 'url: https://example.com', false],
    ['http', 'http', 'url: https://example.com', true],
    ['http', 'sql', 'database: server.db, query: SELECT 1', false],
    ['http', 'sql', 'database: "postgres://db/x", query: SELECT 1', true],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of a workflow file
    ['http', 'sql', "database: '${{ params.where }}', query: SELECT 1", false],
    ['http', 'sensor', 'file: /etc/passwd, deadline: 1s', false],
    ['http', 'sensor', 'command: "true", deadline: 1s', false],
    ['http', 'sensor', 'http: {url: "https://example.com"}, deadline: 1s', true],
    ['processes', 'job', 'file: ../other.yaml', false],
  ] as const)('of level %s: a task of type %s with %s: %s', async (upload, type, keys, valid) => {
    const { call } = await testServer({ upload });
    const body = `name: up\nparams: {where: x}\ntasks:\n  - {name: t, type: ${type}, ${keys}}\n`;
    expect((await call('POST', '/definitions/validate', { body, headers: yaml })).body).toMatchObject({ valid });
    expect((await call('PUT', '/definitions/up', { body, headers: yaml })).status).toBe(valid ? 201 : 422);
  });

  test.each([
    ['secrets: [ALLOWED]', true],
    ['secrets: [HOME]', false],
    ['secrets: {ALLOWED: {env: HOME}}', false],
    ['secrets: {ALLOWED: {file: /etc/hostname}}', false],
    ['env_file: /etc/environment', false],
    ['handlers: {always: [{name: h, type: bash, command: ls}]}', false],
  ])('with %s: %s', async (more, valid) => {
    process.env.ALLOWED = 'x';
    const { call } = await testServer({ upload: 'http', uploadSecrets: ['ALLOWED'] });
    const body = `${approval('up')}${more}\n`;
    expect((await call('POST', '/definitions/validate', { body, headers: yaml })).body).toMatchObject({ valid });
  });
});
