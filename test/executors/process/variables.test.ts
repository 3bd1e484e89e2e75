// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Trace } from '../../../src/engine/definition/trace.ts';
import { bash } from '../../../src/executors/process/bash.ts';
import { MAX_ARGUMENT_BYTES } from '../../../src/executors/process/variables.ts';
import { runWorkflow } from '../../support/run-workflow.ts';
import { taskScope } from '../../support/task-scope.ts';

type External = { readonly fail: (error: Error) => unknown };

const setEnv = (variables: Readonly<Record<string, string>>): void => {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  onTestFinished(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, before);
  });
};

describe('the variables of an outer attempt', () => {
  const OUTER = {
    TINTYPE_ITEM: '"outer"',
    TINTYPE_ITEM_FILE: '/outer',
    TINTYPE_INDEX: '7',
    TINTYPE_JOB_STATE: 'failed',
    TINTYPE_JOB_ERROR: 'outer',
    TINTYPE_JOB_ERROR_FILE: '/outer',
    TINTYPE_JOB_NAME: 'outer',
    TINTYPE_TASK: 'outer',
    TINTYPE_ATTEMPT: '9',
  };

  test('are not those of an inner one; other variables are', async () => {
    setEnv({ ...OUTER, TINTYPE_HOME: 'mine' });
    const { result } = await runWorkflow(`
tasks:
  - { name: bash, type: bash, output: lines, command: env | grep ^TINTYPE_ | grep -v _TEST_ | grep -v _CONTEXT= | grep -v _OUTPUT= | grep -v _JOB_ID= | sort }
  - { name: node, type: node, command: "output([typeof item, typeof index])" }
  - { name: wait, type: sensor, command: '[ -z "\${TINTYPE_ITEM+set}" ]' }
handlers:
  always: [{ name: ok, type: bash, output: text, command: 'echo "$TINTYPE_JOB_STATE \${TINTYPE_JOB_ERROR-none}"' }]
`);
    expect(result.ctx).toMatchObject({
      bash: ['TINTYPE_ATTEMPT=1', 'TINTYPE_HOME=mine', 'TINTYPE_JOB_NAME=main', 'TINTYPE_TASK=bash'],
      node: ['undefined', 'undefined'],
      ok: 'completed none',
    });
  });
});

describe('the trace of an attempt', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const OUTER = { TRACEPARENT: traceparent.replace(/^00-0/, '00-f'), TRACESTATE: 'outer=1' };

  /** What the command finds in both variables. */
  const found = async (trace: Trace | undefined, env: Record<string, string | undefined> = {}): Promise<string> => {
    setEnv(OUTER);
    let printed = '';
    const scope = taskScope(new AbortController().signal, (_, line) => {
      printed = line;
    });
    await bash('echo "${TRACEPARENT-none} ${TRACESTATE-none}"', { env })({ ...scope, ...(trace && { trace }) });
    return printed;
  };

  test('is in the variables of its command, instead of that of this process', async () => {
    expect(await found({ traceparent, tracestate: 'a=1' })).toBe(`${traceparent} a=1`);
    expect(await found({ traceparent })).toBe(`${traceparent} none`);
    expect(await found(undefined)).toBe(`${OUTER.TRACEPARENT} outer=1`);
  });

  test('gives way to what the command is given', async () => {
    expect(await found({ traceparent, tracestate: 'a=1' }, { TRACEPARENT: 'mine' })).toBe('mine none');
    expect(await found({ traceparent, tracestate: 'a=1' }, { TRACEPARENT: 'mine', TRACESTATE: 'b=2' })).toBe(
      'mine b=2',
    );
    expect(await found({ traceparent }, { TRACEPARENT: undefined })).toBe('none none');
  });

  test('is that which an interceptor sets, in workflow files too', async () => {
    const { result } = await runWorkflow(
      `
tasks:
  - { name: bash, type: bash, output: text, command: 'echo "$TRACEPARENT"' }
  - { name: node, type: node, command: output(process.env.TRACEPARENT) }
  - { name: mine, type: bash, env: { TRACEPARENT: mine }, output: text, command: 'echo "$TRACEPARENT"' }
`,
      {
        start: {
          intercept: (scope, run) => {
            scope.trace = { traceparent };
            return run();
          },
        },
      },
    );
    expect(result.ctx).toMatchObject({ bash: traceparent, node: traceparent, mine: 'mine' });
  });
});

describe('a command starts', () => {
  const LARGE = 2 * MAX_ARGUMENT_BYTES;

  test('with an item of any size, and reads it from a file', async () => {
    const { result } = await runWorkflow(`
tasks:
  - { name: make, type: node, command: "output({ rows: [{ text: 'ü'.repeat(${LARGE}) }, 'small'] })" }
  - { name: bash, type: bash, dependencies: [make], map: { over: ctx.rows }, command: 'echo "\${TINTYPE_ITEM-none}; $(wc -c < "$TINTYPE_ITEM_FILE")"', output: text }
  - { name: node, type: node, dependencies: [make], map: { over: ctx.rows }, command: "output((item.text ?? item).length)" }
`);
    expect(result.ctx).toMatchObject({
      bash: [`none; ${2 * LARGE + '{"text":""}'.length}`, '"small"; 7'],
      node: [LARGE, 5],
    });
  });

  test.for([
    ['large', 'é'.repeat(LARGE), /^é+…$/],
    ['with a NUL', 'before \0 after', /before � after$/],
  ] as const)('as a handler, though the message of the error is %s', async ([, message, shown]) => {
    const { result, folder } = await runWorkflow(
      `
tasks: [{ name: ask, type: external }]
handlers:
  failure:
    - { name: told, type: bash, command: 'printf %s "$TINTYPE_JOB_ERROR" > variable; cp "$TINTYPE_JOB_ERROR_FILE" file' }
    - { name: node, type: node, command: output(process.env.TINTYPE_JOB_STATE) }
`,
      {
        on: (event, job) => {
          if (event.type === 'task.transition' && event.task === 'ask' && event.to === 'ready')
            queueMicrotask(() => void (job.task('ask' as never) as unknown as External).fail(new Error(message)));
        },
      },
    );
    expect(result.tasks).toMatchObject({ told: { state: 'completed' }, node: { state: 'completed' } });
    expect(readFileSync(join(folder, 'file'), 'utf8')).toContain(message);
    expect(readFileSync(join(folder, 'variable'), 'utf8').replace(/^.*: /, '')).toMatch(shown);
  });

  test('though its environment leaves no room for the item', async () => {
    const item = 'i'.repeat(MAX_ARGUMENT_BYTES - 2);
    const printed: string[] = [];
    const scope = taskScope(new AbortController().signal, (_, line) => printed.push(line));
    const full = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`FULL_${index}`, 'x'.repeat(50_000)]));
    const starts = async (count: number): Promise<boolean> => {
      try {
        await bash('true', { env: full(count) })(scope);
        return true;
      } catch {
        return false;
      }
    };
    // The most of these variables with which a command starts: they leave too little room for the item.
    let most = 0;
    for (let step = 256; step >= 1; step /= 2) if (await starts(most + step)) most += step;
    const data = { TINTYPE_ITEM: { json: item } };
    await bash('echo "${TINTYPE_ITEM-none}"; [ -s "$TINTYPE_ITEM_FILE" ]', { env: full(most), data })(scope);
    expect(printed).toEqual(['none']);
  });
});

describe('a command that is too long for an argument goes by file', () => {
  const FILL = `# ${'fill '.repeat(MAX_ARGUMENT_BYTES / 3)}`;
  const yaml = (lines: readonly string[]): string => lines.map((line) => `      ${line}\n`).join('');

  test('in every type, with its arguments, its folder and its imports', async () => {
    const { result, folder } = await runWorkflow(
      `
tasks:
  - name: bash
    type: bash
    args: [one, "two three"]
    output: lines
    command: |
${yaml([FILL, `echo "$0"; printf '%s\\n' "$@"; pwd`, 'false | true', 'echo not-reached'])}
  - name: sh
    type: bash
    shell: sh
    args: [one]
    output: lines
    command: |
${yaml([FILL, 'echo "$0"; printf "%s\\n" "$@"; read -r line || echo no-input'])}
  - name: python
    type: python
    args: [one]
    output: json
    command: |
${yaml([FILL, 'from __future__ import annotations', 'import sys, json', 'def name(): return __name__', 'print(json.dumps([*sys.argv, name()]))'])}
  - name: node
    type: node
    args: [one, --two]
    map: { over: [5] }
    command: |
${yaml([FILL.replace('#', '//'), "import { two } from './two.mjs';", 'output([...process.argv.slice(1), two + item, await Promise.resolve(1)]);'])}
on_failure: continue
`,
      { files: { 'two.mjs': 'export const two = 2;' } },
    );
    expect(result.tasks.bash?.state).toBe('failed');
    expect(result.ctx).toMatchObject({
      sh: ['sh', 'one', 'no-input'],
      python: ['-c', 'one', '__main__'],
      node: [['one', '--two', 7, 1]],
    });
    expect(folder).not.toBe('');
  });

  test('which is removed with the other files of the attempt', async () => {
    const scope = taskScope(new AbortController().signal, (_, line) => {
      folder = line;
    });
    let folder = '';
    await bash(`${FILL}\ndirname "$TINTYPE_OUTPUT"`)(scope);
    expect(readdirSync(folder)).toEqual(['owner.json']);
  });
});
