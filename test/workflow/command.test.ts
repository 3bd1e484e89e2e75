// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JobEvent } from '../../src/events/event.ts';
import { failureOf, runWorkflow } from '../support/run-workflow.ts';

describe('a command', () => {
  test('ends at the first part that fails, be it in a pipe', async () => {
    const run = await runWorkflow(`
tasks:
  - { name: first, type: bash, command: 'false; echo on > on' }
  - { name: pipe, type: bash, command: 'false | cat; echo on > on' }
`);
    expect(run.states).toEqual({ first: 'failed', pipe: 'failed' });
    expect(existsSync(join(run.folder, 'on'))).toBe(false);
  });

  test('finds its arguments where its language has them', async () => {
    const { result } = await runWorkflow(`
params: { name: it's $HOME }
tasks:
  - { name: bash, type: bash, args: &args [one two, "\${{ params.name }}", 3, true], command: 'printf "%s\\n" "$@"', output: lines }
  - { name: python, type: python, args: *args, command: 'import sys, json; print(json.dumps(sys.argv[1:]))', output: json }
  - { name: node, type: node, args: *args, command: output(process.argv.slice(1)) }
`);
    const args = ['one two', "it's $HOME", '3', 'true'];
    expect(result.ctx).toMatchObject({ bash: args, python: args, node: args });
  });

  test('runs in the folder of its file, or from there', async () => {
    const { result, folder } = await runWorkflow(
      `
params: { where: sub }
tasks:
  - { name: here, type: bash, command: pwd, output: text }
  - { name: there, type: bash, cwd: "\${{ params.where }}", command: pwd, output: text }
  - { name: root, type: bash, cwd: /, command: pwd, output: text }
`,
      { files: { 'sub/file': '' } },
    );
    expect(result.ctx).toMatchObject({ here: folder, there: join(folder, 'sub'), root: '/' });
  });

  test('does not run in a folder that is not there, however often it may be tried', async () => {
    const run = await runWorkflow("tasks: [{ name: a, type: bash, cwd: nope, command: 'true', max_retries: 3 }]");
    expect(failureOf(run, 'a')).toContain(`can't run in ${join(run.folder, 'nope')}, which is not a directory.`);
    expect(run.result.tasks.a?.attempts).toBe(1);
  });

  test('has the variables of its task before the defaults, as text', async () => {
    const { result } = await runWorkflow(`
params: { day: 2024-02-29 }
defaults: { env: { A: default, B: default } }
tasks:
  - name: a
    type: bash
    env: { B: task, N: 15, F: 1.5, T: true, D: "on \${{ params.day }}, \${{ 1 + 1 }} times", E: "" }
    command: printf '%s|' "$A" "$B" "$N" "$F" "$T" "$D" "$E" "$TINTYPE_TASK" "$TINTYPE_ATTEMPT" "$TINTYPE_JOB_NAME"
    output: text
`);
    expect(result.ctx.a).toBe('default|task|15|1.5|true|on 2024-02-29, 2 times||a|1|main|');
  });

  test.for([
    ['sh', 'false; echo on', undefined],
    ['[bash, -c]', 'false; echo on $1', 'on x'],
    ['[python3, -c]', 'import sys; print(sys.argv[-1])', 'x'],
  ] as const)('may be that of another shell: %s', async ([shell, command, output]) => {
    const { result } = await runWorkflow(`
tasks: [{ name: a, type: bash, shell: ${shell}, command: '${command}', args: [x], output: text }]
`);
    expect(result.ctx.a).toBe(output);
  });

  test('of a shell that is not there says so', async () => {
    const run = await runWorkflow(
      "defaults: { shell: fishy }\ntasks: [{ name: a, type: bash, command: 'true', max_retries: 3 }]",
    );
    expect(failureOf(run, 'a')).toContain('needs fishy, which is not on the PATH. Install it, or correct PATH.');
    expect(run.result.tasks.a?.attempts).toBe(1);
  });
});

describe('a Node.js task', () => {
  test('finds the context, its params and its item as globals', async () => {
    const { result } = await runWorkflow(`
params: { by: 10 }
tasks:
  - { name: rows, type: node, command: "output([1, 2])" }
  - { name: sums, type: node, dependencies: [rows], map: { over: ctx.rows }, command: 'output([ctx.rows.length, params.by * item, index])' }
`);
    expect(result.ctx).toMatchObject({
      rows: [1, 2],
      sums: [
        [2, 10, 0],
        [2, 20, 1],
      ],
    });
  });

  test('is a module: it imports from the folder of the file, and awaits', async () => {
    const { result } = await runWorkflow(
      `tasks: [{ name: a, type: node, command: "import { two } from './two.mjs';\\noutput({ sum: await Promise.resolve(two + two) })" }]`,
      { files: { 'two.mjs': 'export const two = 2;' } },
    );
    expect(result.ctx).toMatchObject({ sum: 4 });
  });

  test('calls what a module exports', async () => {
    const { result } = await runWorkflow(
      `
params: { by: 10 }
tasks:
  - { name: rows, type: node, module: lib/tasks.mjs, export: rows }
  - { name: times, type: node, module: lib/tasks.mjs, dependencies: [rows] }
`,
      {
        files: {
          'lib/tasks.mjs': `
            export const rows = [1, 2];
            export default async ({ ctx, params, attempt, taskName, signal }) =>
              ({ times: ctx.rows.map((row) => row * params.by), by: [attempt, taskName, signal.aborted] });`,
        },
      },
    );
    expect(result.ctx).toMatchObject({ rows: [1, 2], times: [10, 20], by: [1, 'times', false] });
  });

  test('of a module without that export names those it has', async () => {
    const { events } = await runWorkflow('tasks: [{ name: a, type: node, module: m.mjs, export: lod }]', {
      files: { 'm.mjs': 'export const load = 1, save = 2;' },
    });
    expect(logsOf(events, 'a')).toContain('The module has no export "lod". It exports load, save.');
  });
});

const logsOf = (events: readonly JobEvent[], task: string): string =>
  events.flatMap((event) => (event.type === 'task.log' && event.task === task ? [event.message] : [])).join('\n');
