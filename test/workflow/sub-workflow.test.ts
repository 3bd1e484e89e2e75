// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadWorkflow } from '../../src/workflow/workflow.ts';
import { failureOf, folderOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

describe('a file that runs another', () => {
  test('reads it from its own folder, where it also runs', async () => {
    const { result, folder } = await runWorkflow('tasks: [{ name: child, type: job, file: sub/child.yaml }]', {
      files: {
        'sub/child.yaml': `
name: child
tasks:
  - { name: pwd, type: bash, command: 'pwd; cat here.txt', output: lines }
  - { name: up, type: bash, cwd: .., command: pwd, output: text }
  - { name: grandchild, type: job, file: ../other/grandchild.yaml }
`,
        'sub/here.txt': 'here',
        'other/grandchild.yaml': 'name: g\ntasks: [{ name: where, type: bash, command: pwd, output: text }]',
      },
    });
    expect(result.ctx).toEqual({
      child: {
        pwd: [join(folder, 'sub'), 'here'],
        up: folder,
        grandchild: { where: join(folder, 'other') },
      },
    });
  });

  const CHILD = `
name: child
params: { n: 5, text: { type: string } }
tasks: [{ name: say, type: bash, env: { T: "\${{ params.text }} \${{ params.n + 1 }}" }, command: 'echo "$T"', output: text }]
`;

  test('gives it params, each time its own', async () => {
    const { result } = await runWorkflow(
      `
params: { who: ada }
tasks:
  - { name: one, type: job, file: child.yaml, params: { text: "\${{ params.who }}" } }
  - { name: two, type: job, file: child.yaml, params: { text: "after \${{ ctx.one.say }}", n: "\${{ params.who.size() }}" }, dependencies: [one] }
`,
      { files: { 'child.yaml': CHILD } },
    );
    expect(result.ctx).toMatchObject({ one: { say: 'ada 6' }, two: { say: 'after ada 6 4' } });
  });

  test.for([
    ['unknown', '{ text: x, m: 1 }', 'There is no param "m".'],
    ['of another type', '{ text: x, n: many }', 'The param "n" is "many": expected a whole number.'],
    ['missing', '{}', 'The param "text" has no value and no default'],
  ] as const)('with params that are %s is told so', async ([, params, message]) => {
    const told = await runWorkflow(`tasks: [{ name: child, type: job, file: child.yaml, params: ${params} }]`, {
      files: { 'child.yaml': CHILD },
    }).then(
      (run) => failureOf(run, 'child'),
      (error: Error) => error.message,
    );
    expect(told).toContain(message);
  });

  test.for([
    [
      'is not there',
      'nope.yaml',
      ['The file nope.yaml, which this task runs, has a problem:', 'There is no such file.'],
    ],
    ['is a folder', 'sub', ['The file sub, which this task runs, has a problem:', 'This is a directory.']],
    ['is itself', './sub/../main.yaml', ['The file runs itself: main.yaml → main.yaml.']],
    [
      'is itself by another name',
      'link.yaml',
      ['The file link.yaml, which this task runs, has a problem:', 'runs itself'],
    ],
    [
      'runs it',
      'sub/back.yaml',
      ['The file sub/back.yaml, which', 'runs itself: ../main.yaml → back.yaml → ../main.yaml'],
    ],
    [
      'is wrong',
      'bad.yaml',
      ['which this task runs, has 2 problems:', 'Task "x" has "type" = "bsh"', 'Task "y" has no "command"'],
    ],
  ] as const)('that %s is told so, with the places in both', async ([, file, messages]) => {
    const text = `tasks: [{ name: child, type: job, file: ${file} }]`;
    const problems = await problemsOf(text, {
      files: {
        'link.yaml': `name: main\n${text}`,
        'sub/back.yaml': 'name: back\ntasks: [{ name: b, type: job, file: ../main.yaml }]',
        'bad.yaml': 'name: bad\ntasks: [{ name: x, type: bsh, command: x }, { name: y, type: bash }]',
      },
    });
    for (const message of messages) expect(problems.join('\n')).toContain(message);
    expect(problems[0]).toMatch(/^2:\d+ NESTED_WORKFLOW /);
  });

  test('twice that is wrong tells its problems once', async () => {
    const problems = await problemsOf(
      'tasks: [{ name: a, type: job, file: bad.yaml }, { name: b, type: job, file: bad.yaml }]',
      { files: { 'bad.yaml': 'name: bad\ntasks: [{ name: x, type: bsh, command: x }]' } },
    );
    expect(problems.filter((problem) => problem.includes('"bsh"'))).toHaveLength(1);
  });

  test('by many ways is read no oftener than there are files', async () => {
    const level = (at: number) =>
      `name: l${at}\ntasks: [{ name: a, type: job, file: a${at + 1}.yaml }, { name: b, type: job, file: ./b${at + 1}.yaml }]`;
    const last = "name: last\ntasks: [{ name: a, type: bash, command: 'true' }]";
    const files = Object.fromEntries(
      Array.from({ length: 16 }, (_, at) => at + 1).flatMap((at) =>
        ['a', 'b'].map((letter) => [`${letter}${at}.yaml`, at === 16 ? last : level(at)]),
      ),
    );
    const folder = folderOf({ 'main.yaml': level(0), ...files });
    const { definition } = await loadWorkflow(join(folder, 'main.yaml'), { env: {} });
    expect(definition.tasks).toHaveLength(2);
  }, 10_000);

  test('fails when that does, with the first cause', async () => {
    const run = await runWorkflow(
      "tasks: [{ name: child, type: job, file: c.yaml }, { name: after, type: bash, command: 'true', dependencies: [child] }]",
      { files: { 'c.yaml': 'name: c\ntasks: [{ name: x, type: bash, command: exit 7 }]' } },
    );
    expect(run.states).toEqual({ child: 'failed', after: 'skipped' });
    expect(failureOf(run, 'child')).toContain(
      'Task "child/x" failed in attempt 1: The bash command exited with code 7.',
    );
  });

  test('is cancelled together with it, and the handlers of both run', async () => {
    const handlers = `handlers:
  failure: [{ name: no, type: bash, command: touch no }]
  always: [{ name: yes, type: bash, command: 'echo "$TINTYPE_JOB_STATE $TINTYPE_JOB_NAME" >> ended' }]`;
    const { result, folder } = await runWorkflow(`tasks: [{ name: child, type: job, file: sub/c.yaml }]\n${handlers}`, {
      files: {
        'sub/c.yaml': `name: c\ntasks: [{ name: x, type: bash, command: 'echo up; sleep 600 & wait' }]\n${handlers}`,
      },
      on: (event, job) => {
        if (event.type === 'task.log') job.cancel('enough');
      },
    });
    expect(result.state).toBe('cancelled');
    expect(readFileSync(join(folder, 'sub/ended'), 'utf8')).toBe('cancelled c\n');
    expect(readFileSync(join(folder, 'ended'), 'utf8')).toBe('cancelled main\n');
    expect(existsSync(join(folder, 'no')) || existsSync(join(folder, 'sub/no'))).toBe(false);
  });
});
