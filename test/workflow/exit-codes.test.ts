// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { failureOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

describe('exit codes', () => {
  test.for([
    ['bash', 'echo "no file of today" >&2; exit 75'],
    ['python', 'import sys; print("no file of today", file=sys.stderr); sys.exit(75)'],
    ['node', 'console.error("no file of today"); process.exit(75)'],
  ] as const)('of %s may mean that it is not ready, with its last line as the reason', async ([type, command]) => {
    const { result, states } = await runWorkflow(`
tasks:
  - { name: load, type: ${type}, max_retries: 2, exit_codes: { 75: not_ready }, command: '${command}' }
  - { name: report, type: bash, dependencies: [load], command: 'true' }
`);
    expect([result.state, states]).toEqual(['notReady', { load: 'notReady', report: 'skipped' }]);
    expect(result.tasks.load).toMatchObject({ reason: 'exit code 75: no file of today', attempts: 1 });
  });

  test('may mean a skip: its downstream sees one, and the job completes', async () => {
    const { result, states } = await runWorkflow(`
tasks:
  - { name: load, type: bash, exit_codes: { 78: skip }, command: 'echo nothing new; exit 78', output: json }
  - { name: report, type: bash, dependencies: [load], command: 'true' }
  - { name: mail, type: bash, dependencies: [load], trigger: all_done, command: 'true' }
`);
    expect([result.state, states]).toEqual(['completed', { load: 'skipped', report: 'skipped', mail: 'completed' }]);
    expect(result.tasks.load).toMatchObject({ reason: 'exit code 78: nothing new', error: undefined });
  });

  test.for([
    ['bash', 'echo "{\\"lines\\": 2}"; exit 3', 'json', { lines: 2 }],
    ['python', 'import sys; print("a"); print("b"); sys.exit(3)', 'lines', { compare: ['a', 'b'] }],
    ['node', 'output({ lines: 2 }); process.exitCode = 3', undefined, { lines: 2 }],
  ] as const)('of %s may mean success: the task completes with its output, at its first attempt', async ([
    type,
    command,
    output,
    expected,
  ]) => {
    const form = output === undefined ? '' : `output: ${output}, `;
    const { result, states } = await runWorkflow(`
tasks:
  - { name: compare, type: ${type}, max_retries: 2, ${form}exit_codes: { 3: success, 4: fail }, command: '${command}' }
  - { name: report, type: bash, dependencies: [compare], command: 'true' }
`);
    expect([result.state, states]).toEqual(['completed', { compare: 'completed', report: 'completed' }]);
    expect(result.tasks.compare).toMatchObject({ attempts: 1, error: undefined, reason: undefined });
    expect(result.ctx).toMatchObject(expected);
  });

  test('mean success only if they say so: other codes and signals are failures', async () => {
    const run = await runWorkflow(`
tasks:
  - { name: other, type: bash, exit_codes: { 3: success }, command: exit 4 }
  - { name: killed, type: bash, exit_codes: { 137: success }, command: 'kill -9 $$' }
`);
    expect(run.states).toEqual({ other: 'failed', killed: 'failed' });
    expect(failureOf(run, 'other')).toContain('exited with code 4');
  });

  test('of items and of the command of a sensor may mean success, too', async () => {
    const { result, states } = await runWorkflow(`
tasks:
  - { name: each, type: bash, map: { over: [0, 1] }, args: ["\${{ item }}"], exit_codes: { 1: success }, output: text, command: 'echo "$1"; exit $1' }
  - { name: wait, type: sensor, interval: 1ms, deadline: 1m, exit_codes: { 1: success }, command: exit 1 }
`);
    expect(states).toEqual({ each: 'completed', wait: 'completed' });
    expect(result.ctx.each).toEqual(['0', '1']);
  });

  test('may mean a failure that is not tried again; others are', async () => {
    const run = await runWorkflow(`
tasks:
  - { name: denied, type: bash, max_retries: 3, exit_codes: { 100: fail, 78: skip }, command: exit 100 }
  - { name: other, type: bash, max_retries: 1, exit_codes: { 100: fail, 78: skip }, command: exit 3 }
`);
    expect([run.result.tasks.denied?.attempts, run.result.tasks.other?.attempts]).toEqual([1, 2]);
    expect(failureOf(run, 'denied')).toContain('exited with code 100');
  });

  test('of a sensor: look again, skip, or fail where other codes are "not yet"', async () => {
    const sensor = (name: string, codes: string, command: string): string =>
      `  - { name: ${name}, type: sensor, interval: 1ms, deadline: 1m, exit_codes: ${codes}, command: '${command}' }\n`;
    const run = await runWorkflow(`
tasks:
${sensor('waits', '{ 75: not_ready }', 'test -e seen && echo seen || { touch seen; exit 75; }')}
${sensor('skips', '{ 78: skip }', 'exit 78')}
${sensor('fails', '{ 2: fail }', 'exit 2')}`);
    expect(run.states).toEqual({ waits: 'completed', skips: 'skipped', fails: 'failed' });
    expect(run.result.tasks.waits?.polls).toBe(1);
    expect(failureOf(run, 'fails')).toContain('exited with code 2');
  });

  test('of an item make the whole not ready', async () => {
    const { states } = await runWorkflow(`
tasks:
  - { name: each, type: bash, map: { over: [0, 75] }, args: ["\${{ item }}"], exit_codes: { 75: not_ready }, command: exit $1 }
`);
    expect(states).toEqual({ each: 'notReady' });
  });

  test('have a reason without secrets', async () => {
    const { result } = await runWorkflow(
      `
secrets: [TOKEN]
tasks: [{ name: a, type: bash, exit_codes: { 78: skip }, command: 'echo "nothing for $TOKEN" >&2; exit 78' }]
`,
      { env: { TOKEN: 'swordfish-9' } },
    );
    expect(result.tasks.a?.reason).toBe('exit code 78: nothing for ***');
  });

  test.for([
    ['exit_codes: { 0: skip }', '2:', 'an exit code, 1 to 255'],
    ['exit_codes: { 256: skip }', '2:', 'an exit code, 1 to 255'],
    ['exit_codes: { 75: retry }', '2:', '"success", "not_ready", "skip" or "fail"'],
    ['exit_codes: [75]', '2:', 'a mapping of exit codes to what they mean'],
    ['map: { over: [1] }, exit_codes: { 78: skip }', '2:', 'An item with nothing to do exits with 0'],
    ['skip_on_exit_code: 99', '2:', 'exit_codes: { 99: skip }'],
    ['success_exit_codes: [3]', '2:', 'exit_codes: { 3: success }'],
    ['exit_code: { 75: skip }', '2:', 'It is called "exit_codes" here.'],
  ] as const)('are refused with a way out: %s', async ([keys, place, way]) => {
    const problems = await problemsOf(`tasks: [{ name: a, type: bash, command: exit 1, ${keys} }]`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(place);
    expect(problems[0]).toContain(way);
  });

  test('of a sensor without a command are refused, as are its other keys of commands', async () => {
    expect(
      await problemsOf('tasks: [{ name: s, type: sensor, deadline: 1h, file: x, exit_codes: { 2: fail }, stdin: a }]'),
    ).toEqual([
      expect.stringContaining('has "exit_codes" without "command".'),
      expect.stringContaining('has "stdin" without "command".'),
    ]);
  });
});

describe('what is tried again', () => {
  const attemptsOf = async (keys: string, command: string): Promise<number | undefined> => {
    const { result } = await runWorkflow(
      `tasks: [{ name: a, type: bash, max_retries: 2, ${keys}, command: '${command}' }]`,
    );
    return result.tasks.a?.attempts;
  };

  test.for([
    ['on_exit_codes: [75, 76]', 'exit 76', 3],
    ['on_exit_codes: [75, 76]', 'exit 1', 1],
    ['on_exit_codes: [75]', 'kill -9 $$', 1],
    ['if: exit_code == 1 && attempt < 2', 'exit 1', 2],
    ['if: "${{ exit_code != 1 }}"', 'exit 1', 1],
    ['if: exit_code == null', 'kill -9 $$', 3],
    ['if: stderr.contains("timed out")', 'echo first >&2; echo it timed out >&2; exit 1', 3],
    ['if: stderr.contains("timed out")', 'echo it timed out; exit 1', 1],
    ['if: stdout.endsWith("again")', 'echo no; echo again; exit 1', 3],
    ['on_exit_codes: [1], if: attempt == 1', 'exit 1', 2],
    ['on_exit_codes: [2], if: attempt == 1', 'exit 1', 1],
  ] as const)('retry: { %s } after: %s', async ([retry, command, attempts]) => {
    expect(await attemptsOf(`retry: { ${retry} }`, command)).toBe(attempts);
  });

  test('a timeout has no exit code', async () => {
    expect(await attemptsOf('timeout: 50ms, retry: { if: exit_code == null }', 'sleep 60')).toBe(3);
  });

  test('a request by its status', async () => {
    const server = createServer((_, response) => void response.writeHead(503).end('later')).listen(0);
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { result } = await runWorkflow(`
tasks:
  - { name: yes, type: http, url: "${url}", max_retries: 1, retry: { if: status == 503 } }
  - { name: no, type: http, url: "${url}", max_retries: 1, retry: { if: status == 500 } }
`);
    expect([result.tasks.yes?.attempts, result.tasks.no?.attempts]).toEqual([2, 1]);
  });

  test('as the defaults say, which hold for commands alone', async () => {
    const { result } = await runWorkflow(`
defaults: { max_retries: 1, retry: { on_exit_codes: [75] } }
tasks:
  - { name: a, type: bash, command: exit 75 }
  - { name: b, type: bash, command: exit 1 }
  - { name: c, type: sql, database: "no/such/folder/x.db", query: SELECT 1 }
  - { name: d, type: bash, retry: { on_exit_codes: [1] }, command: exit 1 }
`);
    const attempts = Object.values(result.tasks).map((task) => task?.attempts);
    expect(attempts).toEqual([2, 1, attempts[2], 2]);
  });

  test('fails where the condition is neither true nor false', async () => {
    const run = await runWorkflow(
      'tasks: [{ name: a, type: bash, max_retries: 2, retry: { if: exit_code }, command: exit 7 }]',
    );
    expect(failureOf(run, 'a')).toContain('"retry.if" of task "a" is 7: expected true or false.');
  });

  test.for([
    ['type: bash, command: x, max_retries: 1, retry: { if: exit_cod == 1 }', 'Did you mean "exit_code"?'],
    ['type: bash, command: x, max_retries: 1, retry: { if: ctx.n == 1 }', 'Known are exit_code, stdout, stderr'],
    ['type: bash, command: x, when: exit_code == 1', 'Known are ctx, params'],
    ['type: bash, command: x, max_retries: 1, retry: { on_exit_codes: [0] }', 'an exit code, 1 to 255'],
    ['type: bash, command: x, max_retries: 1, retry: { on_exit_codes: [] }', 'a list that is not empty'],
    ['type: bash, command: x, retry: { on_exit_codes: [1] }', 'without "max_retries"'],
    ['type: bash, command: x, retry: { if: exit_code == 1 }', 'without "max_retries"'],
    [
      'type: sql, database: x, query: y, max_retries: 1, retry: { if: attempt < 2 }',
      'bash, python, node, spark and http',
    ],
    ['type: http, url: x, max_retries: 1, retry: { on_exit_codes: [1] }', 'bash, python, node and spark'],
    ['type: bash, command: x, max_retries: 1, retry: { exit_codes: [1] }', 'It is called "on_exit_codes" here'],
    ['type: bash, command: x, max_retries: 1, retry: { expression: attempt < 2 }', 'It is called "if" here'],
    [
      'type: bash, command: x, max_retries: 1, exit_codes: { 75: skip }, retry: { on_exit_codes: [75] }',
      'has 75 under "exit_codes" and "retry.on_exit_codes"',
    ],
  ] as const)('is refused with a way out: %s', async ([task, way]) => {
    const problems = await problemsOf(`tasks: [{ name: a, ${task} }]`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(way);
  });
});
