import { describe, expect, test } from 'vitest';
import { NO_MASK } from '../../src/executors/mask/mask.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { WorkflowError } from '../../src/workflow/problem.ts';
import { toDefinition } from '../../src/workflow/to-definition.ts';
import { loadWorkflow } from '../../src/workflow/workflow.ts';
import { workflowFile } from '../support/cli.ts';

describe('a workflow file', () => {
  test('becomes a definition with all that it says', async () => {
    const file = workflowFile(`
name: nightly
tasks:
  - name: extract
    type: bash
    command: echo
    max_retries: 3
    timeout: 1.5s
  - name: transform
    type: python
    command: print()
    dependencies: [extract]
    continue_on_failure: true
    timeout: 250
`);
    const { definition } = await loadWorkflow(file);
    expect(definition.name).toBe('nightly');
    expect(definition.tasks).toEqual([
      { name: 'extract', dependsOn: [], run: expect.any(Function), maxRetries: 3, timeout: 1500 },
      { name: 'transform', dependsOn: ['extract'], run: expect.any(Function), continueOnFailure: true, timeout: 250 },
    ]);
  });

  test('that is wrong is an error with all its problems', async () => {
    const file = workflowFile('name: x\ntasks: [{}]');
    const error = await loadWorkflow(file).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(WorkflowError);
    expect(error.problems.map(({ code }: { code: string }) => code)).toEqual(['MISSING_KEY', 'MISSING_KEY']);
  });

  test.for([
    ['500ms', 500],
    ['30s', 30_000],
    ['0.5 s', 500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1500', 1500],
  ] as const)('may time out after %s', ([text, ms]) => {
    expect(parse(`{name: a, type: bash, command: x, timeout: ${text}}`)[0]?.timeout).toBe(ms);
  });

  test('may share what its tasks have in common', () => {
    const {
      workflow: { tasks },
    } = parseWorkflow(
      `
name: x
x-defaults: &defaults { type: bash, max_retries: 2, timeout: 1s }
tasks:
  - { <<: *defaults, name: a, command: echo a }
  - { <<: *defaults, name: b, command: echo b, max_retries: 0, dependencies: &needs [a] }
  - { <<: [{ type: python }, *defaults], name: c, command: print(), dependencies: *needs }
`,
      'x',
    );
    expect(tasks).toEqual([
      { name: 'a', type: 'bash', command: 'echo a', dependencies: [], max_retries: 2, timeout: 1000 },
      { name: 'b', type: 'bash', command: 'echo b', dependencies: ['a'], max_retries: 0, timeout: 1000 },
      { name: 'c', type: 'python', command: 'print()', dependencies: ['a'], max_retries: 2, timeout: 1000 },
    ]);
  });

  test('may merge one anchor into thousands of tasks', () => {
    const tasks = Array.from(
      { length: 5000 },
      (_, i) => `  - {<<: *d, name: t${i}${i > 0 ? `, dependencies: [t${i - 1}]` : ''}}`,
    );
    const { workflow } = parseWorkflow(
      `x-d: &d {type: bash, command: "true"}\nname: x\ntasks:\n${tasks.join('\n')}`,
      'x',
    );
    expect(workflow.tasks).toHaveLength(5000);
    expect(
      toDefinition(workflow, {
        file: 'x.yaml',
        directory: '.',
        secrets: {},
        env: {},
        variables: {},
        mask: NO_MASK,
        nested: new Map(),
      }).criticalPath(),
    ).toHaveLength(5000);
  });

  test('with Windows line ends has commands with plain ones', () => {
    const text =
      'name: x\ntasks:\n  - name: a\n    type: bash\n    command: |\n      if true; then\n        echo\n      fi\n';
    expect(parseWorkflow(text.replaceAll('\n', '\r\n'), 'x').workflow).toEqual(parseWorkflow(text, 'x').workflow);
  });

  test('may be JSON', () => {
    const workflow = { name: 'x', tasks: [{ name: 'a', type: 'bash', command: 'echo', dependencies: [] }] };
    expect(parseWorkflow(JSON.stringify(workflow, null, '\t'), 'x').workflow).toEqual(workflow);
  });
});

const parse = (task: string) => parseWorkflow(`name: x\ntasks: [${task}]`, 'x').workflow.tasks;
