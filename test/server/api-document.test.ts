import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, onTestFinished, test } from 'vitest';
import { type ApiDocument, apiDocument, operationsOf, type Parameter } from '../support/contract/api-document.ts';
import { testServer } from '../support/server.ts';
import { newFolder } from '../support/sqlite-files.ts';

const given = async (): Promise<ApiDocument> => {
  const { server, call } = await testServer();
  onTestFinished(() => server.close());
  return apiDocument(call);
};

test('the linter of Redocly finds nothing in the document', async () => {
  const file = join(newFolder(), 'openapi.json');
  writeFileSync(file, JSON.stringify(await given()));
  const cli = join(dirname(createRequire(import.meta.url).resolve('@redocly/cli/package.json')), 'bin/cli.js');
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const run = promisify(execFile)(process.execPath, [cli, 'lint', file, '--format=json'], { env });
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  const { problems } = JSON.parse(stdout.slice(stdout.indexOf('{')));
  expect(problems).toEqual([]);
});

test('every operation says what it is called, what it does, and who may call it', async () => {
  const document = await given();
  const operations = operationsOf(document);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  const tags = document.tags.map(({ name }) => name);
  for (const { operationId, summary, description, tags: own = [], security, 'x-roles': roles } of operations) {
    expect(operationId).toMatch(/^[a-z][A-Za-z]+$/);
    expect([operationId, summary, description]).toEqual([operationId, expect.any(String), expect.any(String)]);
    expect(tags).toEqual(expect.arrayContaining([...own]));
    expect([operationId, own.length, security]).toEqual([
      operationId,
      1,
      roles[0] === 'everybody' ? [] : [{ token: [] }],
    ]);
  }
});

test('every parameter of a query is described, and none is nullable', async () => {
  for (const { operationId, parameters = [] } of operationsOf(await given())) {
    const vague = parameters.filter(
      (parameter) => parameter.in === 'query' && (!parameter.description || isNullable(parameter.schema)),
    );
    expect([operationId, vague.map(({ name }) => name)]).toEqual([operationId, []]);
  }
});

const isNullable = ({ type = [] }: Parameter['schema']): boolean => [type].flat().includes('null');

test('every example is one that its schema allows', async () => {
  const document = await given();
  const ajv = new Ajv2020({ strict: false }).addSchema(document, 'api');
  let examples = 0;
  for (const { method, path, requestBody } of operationsOf(document)) {
    for (const [type, content] of Object.entries(requestBody?.content ?? {})) {
      const at = ['paths', path, method.toLowerCase(), 'requestBody', 'content', type, 'schema'];
      const pointer = at.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
      const isValid = ajv.compile({ $ref: `api#/${encodeURI(pointer)}` });
      for (const { value } of Object.values(content.examples ?? {})) {
        examples++;
        expect([path, value, isValid(value)]).toEqual([path, value, true]);
      }
    }
  }
  expect(examples).toBeGreaterThan(5);
});

test('it is asked for again with its ETag, and has not changed', async () => {
  const { server, call } = await testServer();
  onTestFinished(() => server.close());
  const etag = (await call('GET', '!/openapi.json')).headers.get('etag') ?? '';
  expect(await call('GET', '!/openapi.json', { headers: { 'if-none-match': etag } })).toMatchObject({ status: 304 });
});
