import { describe, expect, test } from 'vitest';
import { problemsOf, runWorkflow } from '../support/run-workflow.ts';

describe('a file in YAML', () => {
  test('may share env, tasks and defaults by anchors and merge keys', async () => {
    const { result } = await runWorkflow(`
x-env: &env { A: 1, B: 2 }
x-task: &task { type: bash, env: *env, command: 'echo "$A $B $C"', output: text }
defaults: { env: { <<: *env, C: 3 } }
tasks:
  - { name: plain, <<: *task }
  - { <<: *task, name: own, env: { <<: *env, B: 5 } }
  - { name: later, command: echo own, <<: *task }
`);
    expect(result.ctx).toEqual({ plain: '1 2 3', own: '1 5 3', later: 'own' });
  });

  test('has dates, yes and on as text, and numbers of options as YAML 1.2 has them', async () => {
    const { result } = await runWorkflow(`
params: { date: 2024-01-01, yes: yes, on: on }
tasks: [{ name: 2024-01-01, type: node, command: output(params), priority: 0x1F, timeout: 0o165140 }]
`);
    expect(result.ctx).toMatchObject({ date: '2024-01-01', yes: 'yes', on: 'on' });
  });

  test.for([
    ['name: 123', 'Task number 1 has "name" = 123: expected text. Put it in quotes: "123".'],
    ['name: null', 'Task number 1 has "name" = nothing: expected text.'],
    ['name: a, continue_on_failure: yes', 'has "continue_on_failure" = "yes": expected true or false. Write true.'],
    [
      'name: a, env: { A: null }',
      'Task "a", under "env", has "A" = nothing: expected text, a number, or true or false.',
    ],
    ['name: a, env: { A: .inf }', '"A"'],
    ['name: a, env: { V: 3.10 }', '"3.10"'],
    ['name: a, env: { ID: 12345678901234567890 }', '"12345678901234567890"'],
    ['name: a, continue_on_failure: constructor', 'expected true or false.'],
    ['name: a, constructor: 1', 'Task "a" has an unknown key "constructor".'],
    ['name: a, env: { __proto__: x }', '__proto__'],
  ] as const)('with %s is told what is meant', async ([task, message]) => {
    const problems = await problemsOf(`tasks: [{ ${task}, type: bash, command: 'true' }]`);
    expect(problems).toEqual([expect.stringContaining(message)]);
    expect(problems[0]).not.toContain('native code');
  });

  test.for(['constructor', 'toString', 'hasOwnProperty', 'then', '__proto__'])('may name a task %s', async (name) => {
    const { result, states } = await runWorkflow(`
tasks:
  - { name: ${name}, type: bash, command: echo hi, output: text }
  - { name: b, type: node, dependencies: [${name}], command: 'output(Object.entries(ctx))' }
`);
    expect(Object.entries(states)).toEqual([
      [name, 'completed'],
      ['b', 'completed'],
    ]);
    expect(result.ctx.b).toEqual([[name, 'hi']]);
  });

  test.for(['{}', '{ period: 1s }'])('with a pool %s, which limits nothing, is told where', async (pool) => {
    const problems = await problemsOf(`pools: { db: ${pool} }\ntasks: []`);
    expect(problems).toEqual([expect.stringMatching(/^2:\d+ .*db/)]);
  });
});
