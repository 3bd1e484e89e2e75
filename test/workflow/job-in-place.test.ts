// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { uploadProblems } from '../../src/server/definitions/upload-rules.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { loadWorkflow } from '../../src/workflow/workflow.ts';
import { failureOf, folderOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

describe('a job whose tasks stand in the file', () => {
  test('runs them as a job of its own, on the outputs, params and secrets around', async () => {
    const { result, events } = await runWorkflow(
      `
params: { who: ada }
secrets: [TOKEN]
defaults: { env: { GREETING: hello } }
tasks:
  - { name: first, type: bash, command: echo 1, output: text }
  - name: group
    type: job
    dependencies: [first]
    tasks:
      - name: a
        type: bash
        env: { X: "\${{ ctx.first }} \${{ params.who }} \${{ job.name }}" }
        command: echo "$X $GREETING $TOKEN"
        output: text
      - { name: b, type: bash, dependencies: [a], env: { A: "\${{ ctx.a }}" }, command: 'echo "b: $A"', output: text }
  - { name: last, type: bash, dependencies: [group], env: { B: "\${{ ctx.group.b }}" }, command: 'echo "$B"', output: text }
`,
      { env: { TOKEN: 'very-secret' } },
    );
    expect(result.ctx).toMatchObject({ group: { a: '1 ada main hello ***' }, last: 'b: 1 ada main hello ***' });
    expect(events.some((event) => 'task' in event && event.task === 'group/b')).toBe(true);
  });

  test('has clean-up of its own, and what is to happen if a task in it fails', async () => {
    const { result, states } = await runWorkflow(`
tasks:
  - name: group
    type: job
    on_failure: abort
    continue_on_failure: true
    defaults: { max_retries: 1 }
    tasks:
      - { name: bad, type: bash, command: exit 3 }
      - { name: slow, type: bash, command: sleep 60 }
    handlers:
      failure: [{ name: sorry, type: bash, env: { E: "\${{ job.state }}" }, command: 'echo "$E" > sorry.txt' }]
      success: [{ name: glad, type: bash, command: 'true' }]
  - { name: after, type: bash, dependencies: [group], command: cat sorry.txt, output: text }
`);
    const { tasks = {}, attempts } = result.tasks.group ?? {};
    expect([states.group, attempts, tasks.bad?.attempts]).toEqual(['failed', 1, 2]);
    expect([tasks.slow?.state, tasks.sorry?.state, tasks.glad?.state]).toEqual(['cancelled', 'completed', 'skipped']);
    expect(result.ctx.after).toBe('failed');
  });

  test('runs for each item, which all tasks in it read, at any depth', async () => {
    const { result } = await runWorkflow(`
tasks:
  - name: build
    type: job
    map: { matrix: { os: [linux, mac] }, exclude: "[]", concurrency: 1 }
    tasks:
      - { name: compile, type: bash, env: { OS: "\${{ item.os }} \${{ index }}" }, command: 'echo "$OS $TINTYPE_ITEM"', output: text }
      - name: pack
        type: job
        dependencies: [compile]
        when: item.os == "mac"
        tasks:
          - { name: sign, type: bash, env: { C: "\${{ ctx.compile }} for \${{ item.os }}" }, command: 'echo "$C"', output: text }
          - { name: parts, type: bash, map: { over: "[item.os, 'x']" }, env: { I: "\${{ item }}" }, command: 'echo "$I"', output: text }
  - { name: end, type: bash, dependencies: [build], env: { X: "\${{ ctx.build[1].pack.sign }}" }, command: 'echo "$X"', output: text }
`);
    expect(result.ctx.build).toEqual([
      { compile: 'linux 0 {"os":"linux"}' },
      {
        compile: 'mac 1 {"os":"mac"}',
        pack: { sign: 'mac 1 {"os":"mac"} for mac', parts: ['mac', 'x'] },
      },
    ]);
    expect(result.ctx.end).toBe('mac 1 {"os":"mac"} for mac');
  });

  test('may run a file, which does not read its item', async () => {
    const { result } = await runWorkflow(
      `
tasks:
  - name: group
    type: job
    map: { over: [1] }
    tasks: [{ name: child, type: job, file: child.yaml, params: { n: "\${{ item }}" } }]
`,
      {
        files: {
          'child.yaml': `
name: child
params: { n: 0 }
tasks: [{ name: say, type: bash, env: { N: "\${{ params.n }}" }, command: 'echo "$N \${TINTYPE_ITEM-none}"', output: text }]`,
        },
      },
    );
    expect(result.ctx.group).toEqual([{ child: { say: '1 none' } }]);
  });

  test('says why there is no output, and of which task around', async () => {
    const run = await runWorkflow(`
tasks:
  - { name: first, type: bash, command: 'true' }
  - name: group
    type: job
    dependencies: [first]
    tasks: [{ name: a, type: bash, env: { X: "\${{ ctx.first }}" }, command: x }]
`);
    expect(failureOf({ ...run, result: { ...run.result, tasks: run.result.tasks.group?.tasks ?? {} } }, 'a')).toContain(
      'task "first" has put out nothing under its name.',
    );
  });

  test('is chosen as a whole', async () => {
    const text = `
tasks:
  - { name: first, type: bash, command: 'true' }
  - { name: group, type: job, dependencies: [first], tasks: [{ name: a, type: bash, command: 'true' }] }
`;
    const { result } = await runWorkflow(text, { selection: { only: ['group'] } });
    expect(Object.keys(result.tasks)).toEqual(['group']);
    await expect(runWorkflow(text, { selection: { only: ['group/a'] } })).rejects.toThrow(
      'There is no task "group/a". "a" stands in the job "group", which is chosen as a whole: group.',
    );
  });

  test('names its external tasks, and its descriptions', async () => {
    const folder = folderOf({
      'a.yaml': `
name: a
tasks:
  - name: group
    type: job
    tasks: [{ name: ask, type: external, description: may it }]
  - { name: each, type: job, map: { over: [1] }, tasks: [{ name: ask, type: external }] }
`,
    });
    const { externals } = await loadWorkflow(join(folder, 'a.yaml'));
    expect([...externals]).toEqual([
      ['group/ask', 'may it'],
      ['each[]/ask', undefined],
    ]);
  });

  test('may be uploaded only if all in it may', () => {
    const parsed = parseWorkflow(
      'name: a\ntasks:\n- name: group\n  type: job\n  tasks:\n  - { name: sh, type: bash, command: x }',
      'a',
    );
    expect(uploadProblems('external', [])(parsed)).toMatchObject([
      { line: 6, message: /Task "sh" may not be uploaded/ },
    ]);
  });
});

describe('wrong in a job whose tasks stand in the file is', () => {
  const group = (keys: string): string => `tasks:\n- name: g\n  type: job\n  ${keys}`;
  test.for([
    ['neither tasks nor a file', group('params: {}'), '3:3 MISSING_KEY Task "g" needs one of "file", "tasks".'],
    ['both', group('file: x.yaml\n  tasks: []'), 'INVALID_VALUE Task "g" has "file" and "tasks"'],
    [
      'handlers with a file',
      group('file: x.yaml\n  handlers: {}'),
      'Task "g" has "handlers" without "tasks". The file says that',
    ],
    [
      'params',
      group('tasks: []\n  params: { a: 1 }'),
      'has "params" without "file". Its tasks see those of the workflow.',
    ],
    ['an unknown key', group('tasks: []\n  pools: {}'), 'UNKNOWN_KEY Task "g" has an unknown key "pools".'],
    ['steps', group('steps: []'), 'Task "g" has an unknown key "steps". It is called "tasks" here.'],
    ['a task that is wrong', group('tasks: [{ name: a, type: bash }]'), '5:11 MISSING_KEY Task "a" has no "command"'],
    [
      'an unknown key inside',
      group('tasks: [{ name: a, type: bash, command: x, retries: 1 }]'),
      'It is called "max_retries" here.',
    ],
    [
      'a handler inside',
      group('tasks: []\n  handlers: { always: [{ name: h, type: bash }] }'),
      'Handler "h" has no "command"',
    ],
    [
      'two of a name',
      group('tasks: [{ name: a, type: bash, command: x }, { name: a, type: bash, command: x }]'),
      '5:56 DUPLICATE_TASK Two tasks are named "a".',
    ],
    [
      'a dependency outside',
      group(
        'dependencies: [o]\n  tasks: [{ name: a, type: bash, command: x, dependencies: [o] }]\n- { name: o, type: bash, command: x }',
      ),
      'UNKNOWN_DEPENDENCY Task "a" waits on "o", which is not a task of this job.',
    ],
    [
      'a circle',
      group(
        'tasks: [{ name: a, type: bash, command: x, dependencies: [b] }, { name: b, type: bash, command: x, dependencies: [a] }]',
      ),
      'CYCLE Tasks wait on one another: a → b → a.',
    ],
    [
      'an item where there is none',
      group('tasks: [{ name: a, type: bash, command: x, env: { X: "${{ item }}" } }]'),
      'UNKNOWN_REFERENCE Task "a" reads item, which only a task with "map" has.',
    ],
    [
      'its own item in what it runs over',
      group('map: { over: item.x }\n  tasks: [{ name: a, type: bash, command: x }]'),
      'Task "g" reads item, which "over" can\'t: it is asked once, for all items.',
    ],
    [
      'an output that may not be there yet',
      group(
        'tasks: [{ name: a, type: bash, command: x, env: { X: "${{ ctx.o }}" } }]\n- { name: o, type: bash, command: x, output: text }',
      ),
      '5:61 UNKNOWN_REFERENCE Task "a" reads ctx.o, but does not wait for task "o". Add "o" to its dependencies.',
    ],
    [
      'what became of a task outside',
      group(
        'tasks: [{ name: a, type: bash, command: x, when: tasks.o.state == "failed" }]\n- { name: o, type: bash, command: x }',
      ),
      'Task "a" reads tasks.o, but it stands outside of the job "g", whose tasks see what became of each other alone.',
    ],
    [
      'an undeclared param',
      group('tasks: [{ name: a, type: bash, command: x, env: { X: "${{ params.p }}" } }]'),
      'Task "a" reads params.p, which the workflow does not declare.',
    ],
    [
      'an unknown pool',
      group('defaults: { pool: db }\n  tasks: [{ name: a, type: bash, command: x }]'),
      'has an unknown pool "db".',
    ],
    [
      'a number that is read otherwise as text',
      group('tasks: [{ name: a, type: bash, command: x, env: { V: 3.10 } }]'),
      'Task "a"',
    ],
  ] as const)('%s', async ([, text, problem]) => {
    expect((await problemsOf(text)).join('\n')).toContain(problem);
  });

  test('a sensor without a time limit, at any depth; not one that is limited around', async () => {
    const sensor = 'tasks: [{ name: s, type: sensor, file: x }]';
    const warnings = (keys: string): readonly string[] =>
      parseWorkflow(`name: m\n${group(`${keys}\n  ${sensor}`)}`, 'm').warnings.map(({ message }) => message);
    expect(warnings('description: d')).toEqual([expect.stringContaining('Task "s" has no "deadline"')]);
    expect(warnings('timeout: 1h')).toEqual([]);
  });
});
