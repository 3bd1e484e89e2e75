import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildCli, start, workflowFile } from '../support/cli.ts';
import { otlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';

// Real processes on a busy machine take their time.
vi.setConfig({ testTimeout: 60_000 });

let program = '';
beforeAll(async () => {
  program = await buildCli();
}, 60_000);
afterAll(() => program && rmSync(join(dirname(program), '../..'), { recursive: true, force: true }));

const SDK = join(import.meta.dirname, '../fixtures/tracing.mjs');

/** Starts the command line with an SDK that sends to a collector. */
const traced = (endpoint: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  start(process.execPath, ['--import', SDK, program, ...args], { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...env });

const attributeOf = ({ attributes }: ReceivedSpan, name: string): unknown =>
  Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0];

test('tintype run traces the job if an SDK is registered, in the trace that its environment names', async () => {
  const { endpoint, spans } = await otlpReceiver();
  const file = workflowFile('name: flow\ntasks: [{ name: show, type: bash, command: echo "at=$TRACEPARENT" }]\n');
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const { ended } = traced(endpoint, ['run', '--no-db', file], { TRACEPARENT: parent });
  const { exitCode, stdout, stderr } = await ended;
  expect([exitCode, stderr]).toEqual([0, '']);
  const [attempt, task, job] = spans;
  expect(spans.map(({ name }) => name)).toEqual(['attempt 1', 'task show', 'job flow']);
  expect(job).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', parentSpanId: 'b7ad6b7169203331' });
  expect(task?.parentSpanId).toBe(job?.spanId);
  expect(stdout).toContain(`at=00-${attempt?.traceId}-${attempt?.spanId}-01`);
});

test('a job whose process is killed and that tintype resume continues is one trace, with a link', async () => {
  const { endpoint, spans } = await otlpReceiver();
  const file = workflowFile(`
name: flow
tasks:
  - { name: first, type: bash, command: echo done }
  - { name: second, type: bash, dependencies: [first], command: 'echo begun; test "$TINTYPE_ATTEMPT" = 2 || sleep 60' }
`);
  const db = join(dirname(file), 'jobs.db');
  const killed = traced(endpoint, ['run', '--db', db, file]);
  await killed.line(/begun/);
  await vi.waitUntil(() => spans.some(({ name }) => name === 'task first'), 10_000);
  const lost = spans.find(({ name }) => name === 'task first')?.parentSpanId;
  killed.child.kill('SIGKILL');
  await killed.ended;
  const before = spans.length;

  const resumed = await traced(endpoint, ['resume', 'last', '--db', db]).ended;
  expect(resumed.exitCode, resumed.stderr).toBe(0);
  const after = spans.slice(before);
  expect(after.map(({ name }) => name)).toEqual(['attempt 2', 'task second', 'job flow']);
  const job = after.at(-1) as ReceivedSpan;
  expect(job.links?.map(({ spanId }) => spanId)).toEqual([lost]);
  expect(attributeOf(job, 'tintype.resumption')).toBe(1);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
});

test('tintype serve traces its jobs', async () => {
  const { endpoint, spans } = await otlpReceiver();
  const file = workflowFile('name: flow\ntasks: [{ name: show, type: bash, command: echo hello }]\n');
  const folder = dirname(file);
  const { line, child, ended } = traced(endpoint, [
    ...['serve', '--port', '0', '--workflows', folder, '--db', join(folder, 'jobs.db')],
  ]);
  const [, url] = await line(/Serving (\S+),/);
  await line(/Ready/);
  const answer = await fetch(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
    body: JSON.stringify({ definition: 'flow' }),
  });
  expect(answer.status, await answer.text()).toBe(201);
  await vi.waitUntil(() => spans.some(({ name }) => name === 'job flow'), 10_000);
  expect(spans.find(({ name }) => name === 'job flow')?.parentSpanId).toBe('b7ad6b7169203331');
  child.kill('SIGTERM');
  expect((await ended).stderr).not.toContain('not exported');
});

test('spans that a collector does not take are reported, and do not change the exit code', async () => {
  const file = workflowFile('name: flow\ntasks: [{ name: show, type: bash, command: echo hello }]\n');
  const { exitCode, stderr } = await traced('http://127.0.0.1:1', ['run', '--no-db', file]).ended;
  expect(stderr).toContain('warning: Spans were not exported: ');
  expect(exitCode).toBe(0);
});
