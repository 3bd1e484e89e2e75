import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MAX_OUTPUT_BYTES } from '../../src/executors/process/output-error.ts';
import { failureOf, runWorkflow } from '../support/run-workflow.ts';

describe('an output', () => {
  test.for([
    [
      'JSON that is a mapping is merged',
      'json',
      `{"rows": 3, "more": {"a": [null]}}`,
      { rows: 3, more: { a: [null] } },
    ],
    ['JSON of another kind goes under the name of the task', 'json', '[1, 2]', { a: [1, 2] }],
    ['JSON may be null', 'json', 'null', { a: null }],
    ['nothing at all is no JSON and no output', 'json', '', {}],
    ['text loses the newline at its end', 'text', 'two\\nlines\\n\\n', { a: 'two\nlines\n' }],
    ['text may be empty', 'text', '', { a: '' }],
    ['text that looks like JSON stays text', 'text', '{"rows": 3}', { a: '{"rows": 3}' }],
    ['invalid UTF-8 becomes replacement characters', 'text', '\\377é', { a: '\uFFFDé' }],
    ['lines are a list', 'lines', 'one\\r\\n\\ntwo\\n', { a: ['one', '', 'two'] }],
    ['no lines are an empty list', 'lines', '', { a: [] }],
  ] as const)('%s', async ([, form, printed, ctx]) => {
    const { result } = await runWorkflow(`
tasks: [{ name: a, type: bash, output: ${form}, env: { P: ${JSON.stringify(printed)} }, command: 'printf "%b" "$P"' }]
`);
    expect(result.state).toBe('completed');
    expect(result.ctx).toEqual(ctx);
  });

  test('may be written as a file, which comes before what is printed', async () => {
    const { result } = await runWorkflow(`
tasks:
  - { name: a, type: bash, command: 'echo "{\\"a\\": 1}" > "$TINTYPE_OUTPUT"' }
  - { name: both, type: bash, output: json, command: 'echo "{\\"b\\": 1, \\"c\\": 1}"; echo "{\\"c\\": 2}" > "$TINTYPE_OUTPUT"' }
  - { name: list, type: bash, output: text, command: 'echo printed; echo "[1]" > "$TINTYPE_OUTPUT"' }
  - { name: none, type: bash, command: 'echo printed' }
`);
    expect(result.ctx).toEqual({ a: 1, b: 1, c: 2, list: [1] });
  });

  test.for([
    ['a folder', 'mkdir "$TINTYPE_OUTPUT"; touch "$TINTYPE_OUTPUT/file"', 'OUTPUT_UNREADABLE', 'is no file'],
    ['a link', 'ln -s "$PWD/main.yaml" "$TINTYPE_OUTPUT"', 'OUTPUT_UNREADABLE', 'is no file'],
    ['a pipe without an end', 'mkfifo "$TINTYPE_OUTPUT"', 'OUTPUT_UNREADABLE', 'is no file'],
    ['no JSON', 'echo "{rows" > "$TINTYPE_OUTPUT"', 'OUTPUT_NOT_JSON', 'It begins with "{rows\\n".'],
    [
      'too large',
      `head -c ${MAX_OUTPUT_BYTES + 1} /dev/zero > "$TINTYPE_OUTPUT"`,
      'OUTPUT_TOO_LARGE',
      'The file $TINTYPE_OUTPUT is larger than 10 MiB. Write it to a file of your own, and put out its path; or raise max_output_bytes.',
    ],
    [
      'too much of the standard output',
      `head -c ${MAX_OUTPUT_BYTES + 1} /dev/zero`,
      'OUTPUT_TOO_LARGE',
      'The standard output is larger than 10 MiB.',
    ],
  ] as const)('that is %s fails the task', async ([, command, code, message]) => {
    const run = await runWorkflow(`tasks: [{ name: a, type: bash, output: text, command: '${command}' }]`);
    expect(run.states).toEqual({ a: 'failed' });
    expect(run.result.tasks.a?.error?.cause).toMatchObject({ code });
    expect(failureOf(run, 'a')).toContain(message);
  });

  test('may be as large as max_output_bytes says, of every type of task', async () => {
    const server = createServer((_request, response) => void response.end('x'.repeat(2_000)));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const tasks = `
tasks:
  - { name: printed, type: bash, output: text, command: head -c 2000 /dev/zero }
  - { name: file, type: node, command: output('x'.repeat(1998)) }
  - { name: rows, type: sql, database: ':memory:', query: SELECT hex(zeroblob(990)) AS x }
  - { name: body, type: http, url: '${url}' }
  - { name: found, type: sensor, http: { url: '${url}' } }
  - { name: row, type: sensor, sql: { database: ':memory:', query: SELECT hex(zeroblob(990)) AS x } }`;
    const names = ['printed', 'file', 'rows', 'body', 'found', 'row'];
    expect((await runWorkflow(`max_output_bytes: 2000${tasks}`)).result.state).toBe('completed');
    const run = await runWorkflow(`max_output_bytes: 1500${tasks}`);
    for (const name of names) expect(failureOf(run, name)).toMatch(/1,500 bytes.*max_output_bytes/s);
  });

  test.for([
    ['spaces alone', "echo ' ' > $TINTYPE_OUTPUT", {}],
    ['a byte order mark', `printf '\\357\\273\\277{"a": 1}' > $TINTYPE_OUTPUT`, { a: 1 }],
  ] as const)('that is a file with %s is read as if it were printed', async ([, command, ctx]) => {
    const { result } = await runWorkflow(`tasks: [{ name: a, type: bash, command: ${JSON.stringify(command)} }]`);
    expect(result.state).toBe('completed');
    expect(result.ctx).toEqual(ctx);
  });

  test.for([
    ['a key', `{ name: a, type: bash, output: json, command: 'echo "{\\"params\\": 1}"' }`],
    ['a task', `{ name: params, type: bash, output: text, command: 'echo hi' }`],
    ['a map', `{ name: params, type: bash, output: text, command: 'echo hi', map: { over: [1] } }`],
    ['a job', '{ name: params, type: job, file: other.yaml }'],
    ['a sensor', '{ name: params, type: sensor, file: . }'],
  ] as const)('never replaces the params: %s of that name', async ([, task]) => {
    const files = { 'other.yaml': 'name: other\ntasks: [{ name: o, type: bash, command: echo, output: text }]' };
    const ended = await runWorkflow(`params: { day: 1 }\ntasks: [${task}]`, { files }).then(
      ({ result }) => ({ state: result.state, ctx: result.ctx }),
      (error: Error) => ({ state: 'refused', ctx: { params: { day: 1 } }, message: error.message }),
    );
    expect(ended.state).not.toBe('completed');
    expect(ended.ctx).toEqual({ params: { day: 1 } });
  });

  test('with odd text and odd keys arrives as it left', async () => {
    const odd = {
      'é \u2028\u0000': '\u202E🙂 \uD83D',
      "a'b`$(id)": '"; rm -rf / #',
      constructor: { __proto__x: 1, toString: 2 },
    };
    const { result } = await runWorkflow(`
tasks:
  - { name: write, type: node, command: ${JSON.stringify(`output(JSON.parse(${JSON.stringify(JSON.stringify(odd))}))`)} }
  - { name: read, type: python, dependencies: [write], command: 'import json, os; print(json.dumps({"copy": json.load(open(os.environ["TINTYPE_CONTEXT"]))}))', output: json }
  - { name: node, type: node, dependencies: [read], command: 'output({ again: ctx.copy })' }
`);
    expect(result.state).toBe('completed');
    expect(result.ctx).toEqual({ ...odd, copy: odd, again: odd });
  });

  test('of tasks that run at once, each with 1 MB, reaches all of their downstream', async () => {
    const { result } = await runWorkflow(`
tasks:
  - { name: a, type: node, command: 'output({ a: "x".repeat(1e6) })' }
  - { name: b, type: node, command: 'output({ b: "x".repeat(1e6) })' }
  - { name: c, type: node, dependencies: [a, b], map: { over: [1, 2, 3, 4] }, command: 'output(ctx.a.length + ctx.b.length)' }
`);
    expect(result.ctx.c).toEqual([2e6, 2e6, 2e6, 2e6]);
  });
});
