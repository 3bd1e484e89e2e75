import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TintypeError } from '../../src/engine/errors/errors.ts';
import { textWidth } from '../../src/events/text-width.ts';
import { MAX_ALIASED_VALUES } from '../../src/workflow/inspect-nodes.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { WorkflowError } from '../../src/workflow/problem.ts';
import { MAX_FILE_BYTES, readWorkflowFile } from '../../src/workflow/read-file.ts';
import { upstreamIn } from '../../src/workflow/upstream.ts';

describe('a workflow file is checked in a time in proportion to its size, with', () => {
  const list = (count: number, entry: (at: number) => string): string =>
    Array.from({ length: count }, (_, at) => entry(at)).join(', ');
  const withEnv = (value: string): string => taskWith(`env: { X: '${value}' }`);
  test.for<[what: string, text: string]>([
    ['an expression that is not closed', withEnv(`\${{ "${'a}}'.repeat(100_000)}`)],
    ['an expression of braces', withEnv(`\${{ ${'{'.repeat(100_000)}${'}'.repeat(100_000)}`)],
    ['many expressions that are not closed', withEnv('${{ '.repeat(100_000))],
    ['many comments', withEnv(`\${{ ${'// '.repeat(100_000)}}}`)],
    [
      'a command of unclosed expressions',
      `name: x\ntasks: [{ name: a, type: bash, command: '${'${{ '.repeat(100_000)}' }, 5]`,
    ],
    ['many numbers to be quoted', taskWith(`env: { ${list(20_000, (at) => `A${at}: 3.10`)} }`)],
    ['many unknown keys', `name: x\n${list(20_000, (at) => `k${at}: 1`).replaceAll(', ', '\n')}\ntasks: []`],
    [
      'many undeclared params',
      `name: x\nparams: { ${list(20_000, (at) => `p${at}: 1`)} }\ntasks: [{ name: a, type: bash, command: x, env: { X: '${list(20_000, (at) => `\${{ params.q${at} }}`)}' } }]`,
    ],
    [
      'many unknown tasks in one line',
      `{ name: x, tasks: [${list(10_000, (at) => `{ name: task${at}, type: bash, command: x, dependencies: [tusk${at}] }`)}] }`,
    ],
    ['many aliases', `name: x\nx-a: [${list(50_000, (at) => `&a${at} 1, *a${at}`)}]\ntasks: 1`],
    [
      'a long name',
      `name: x\ntasks: [{ name: ${'a'.repeat(100_000)}, type: bash, command: x, dependencies: [${'b'.repeat(100_000)}] }]`,
    ],
  ])('%s', ([, text]) => {
    const start = process.cpuUsage();
    problemsOf(text);
    // In proportion to the square, each of these takes from half a minute on.
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(8_000);
  });

  test('many tasks that read the first of a long chain', () => {
    const tasks = Array.from({ length: 20_000 }, (_, at) => ({ name: `t${at}`, dependencies: [`t${at - 1}`] }));
    const start = process.cpuUsage();
    const { faultOf } = upstreamIn({ tasks });
    for (const { name } of tasks) expect(faultOf(name, 't0')).toBe(undefined);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(8_000);
  });
});

describe('a wrong workflow file', () => {
  test.for<[what: string, text: string, ...problems: string[]]>([
    [
      'an unknown key',
      taskWith('max_retry: 3'),
      '5:5 UNKNOWN_KEY Task "a" has an unknown key "max_retry". Did you mean "max_retries"?',
    ],
    [
      'an unknown key at the top',
      'name: x\ntask: []\ntasks: []',
      '2:1 UNKNOWN_KEY The workflow has an unknown key "task". Did you mean "tasks"?',
    ],
    [
      'a key like no other',
      taskWith('wat: 3'),
      '5:5 UNKNOWN_KEY Task "a" has an unknown key "wat". Known are name, description, dependencies,',
    ],
    [
      'no name and no tasks',
      '{}',
      '1:1 MISSING_KEY The workflow has no "name": expected text.',
      '1:1 MISSING_KEY The workflow has no "tasks": expected a list of tasks.',
    ],
    [
      'a task without a command',
      'name: x\ntasks:\n  - name: a\n    type: bash',
      '3:5 MISSING_KEY Task "a" has no "command": expected text.',
    ],
    [
      'a task without a name',
      'name: x\ntasks:\n  - type: bash\n    command: "true"',
      '3:5 MISSING_KEY Task number 1 has no "name": expected text.',
    ],
    [
      'a schedule that is never due',
      'name: x\nschedule: 0 0 31 2 *\ntasks: []',
      '2:11 INVALID_VALUE The workflow has "schedule", which can\'t be used: The cron expression "0 0 31 2 *" is never due',
    ],
    [
      'schedules of other programs',
      `name: x\nschedule: ['@every 5m', { cron: H 3 * * * }]\ntasks: []`,
      '2:12 INVALID_VALUE The workflow has "schedule.0", which can\'t be used: The cron expression "@every 5m" is an interval: use every instead',
      '2:33 INVALID_VALUE The workflow has "schedule.1.cron", which can\'t be used: The cron expression "H 3 * * *" has H, a minute by chance: write a fixed one, and use jitter',
    ],
    [
      'a schedule with a word that is none of those allowed',
      `name: x\nschedule: { cron: '@daily', timezone: Mars/X, catchup: yes }\ntasks: []`,
      '2:56 INVALID_VALUE The workflow, under "schedule", has "catchup" = "yes": expected "latest", "all" or "none".',
    ],
    [
      'a schedule of an unknown zone',
      `name: x\nschedule: { cron: '@daily', timezone: Mars/X }\ntasks: []`,
      '2:39 INVALID_VALUE The workflow has "schedule.timezone", which can\'t be used: There is no time zone "Mars/X"',
    ],
    [
      'a schedule with a cron expression and an interval',
      `name: x\nschedule: { cron: '@daily', every: 1h }\ntasks: []`,
      '2:19 INVALID_VALUE The workflow has "schedule.cron", which can\'t be used: expected either a cron',
    ],
    [
      'a schedule with a short interval',
      'name: x\nschedule: { every: 500ms }\ntasks: []',
      '2:20 INVALID_VALUE The workflow has "schedule.every", which can\'t be used: An interval of 500 ms is too short',
    ],
    [
      'a schedule that ends before it starts',
      `name: x\nschedule: { cron: '@daily', start: 2027-01-02T00:00:00Z, end: 2027-01-01T00:00:00Z }\ntasks: []`,
      '2:63 INVALID_VALUE The workflow has "schedule.end", which can\'t be used: it is not after "start"',
    ],
    [
      'a schedule whose start has no offset',
      `name: x\nschedule: { cron: '@daily', start: 2027-01-02 }\ntasks: []`,
      '2:36 INVALID_VALUE The workflow, under "schedule", has "start" = "2027-01-02": expected a time with its offset',
    ],
    [
      'a schedule without the params that its jobs need',
      `name: x\nparams: { day: }\nschedule: '@daily'\ntasks: []`,
      '3:11 INVALID_VALUE The workflow, under "schedule", starts jobs that can\'t be: The param "day" has no value',
    ],
    [
      'a schedule with an expression that it has not',
      `name: x\nparams: { day: }\nschedule: { cron: '@daily', input: { params: { day: '\${{ ctx.day }}' } } }\ntasks: []`,
      '3:54 UNKNOWN_REFERENCE The workflow, under "schedule.input", has an expression that is not known here.',
    ],
    [
      'a schedule with an input that is no params',
      `name: x\nschedule: { cron: '@daily', input: { day: 1 } }\ntasks: []`,
      '2:36 INVALID_VALUE The workflow, under "schedule.input", starts jobs that can\'t be: the input of a workflow file is',
    ],
    [
      'a schedule with a number that reads differently',
      `name: x\nparams: { v: x }\nschedule: { cron: '@daily', input: { params: { v: 3.10 } } }\ntasks: []`,
      '3:51 INVALID_VALUE The workflow, under "schedule.input", has 3.10, which is the number 3.1.',
    ],
    [
      'a param with a default, of a type that there is not',
      'name: x\nparams: { a: { type: text, default: 1 } }\ntasks: []',
      '2:22 INVALID_VALUE The workflow, under "params.a", has "type" = "text": expected "string", "integer",',
    ],
    [
      'a param with a default, and an enum that is no list',
      'name: x\nparams: { a: { enum: 3, default: 1 } }\ntasks: []',
      '2:22 INVALID_VALUE The workflow, under "params.a", has "enum" = 3: expected a list that is not empty.',
    ],
    [
      'a list instead of a mapping',
      '- a',
      '1:1 INVALID_TYPE The file holds a list: expected a workflow with name and tasks.',
    ],
    [
      'text instead of a mapping',
      'hello',
      '1:1 INVALID_TYPE The file holds "hello": expected a workflow with name and tasks.',
    ],
    [
      'tasks as a mapping',
      'name: x\ntasks:\n  a: {}',
      '3:3 INVALID_TYPE The workflow has "tasks" = a mapping: expected a list of tasks.',
    ],
    [
      'tasks left empty',
      'name: x\ntasks:\n',
      '2:7 INVALID_TYPE The workflow has "tasks" = nothing: expected a list of tasks. Give it one, or leave the key out.',
    ],
    [
      'a task that is text',
      'name: x\ntasks: [a]',
      '2:9 INVALID_TYPE The list of tasks has "a" as entry 1: expected a task with name and type.',
    ],
    [
      'a number for a name',
      'name: 2024\ntasks: []',
      '1:7 INVALID_TYPE The workflow has "name" = 2024: expected text. Put it in quotes: "2024".',
    ],
    [
      'an empty name',
      'name: ""\ntasks: []',
      '1:7 INVALID_VALUE The workflow has "name" = "": expected a name that is not empty.',
    ],
    ['a name with a slash', taskWith('', 'a/b'), '3:11 INVALID_NAME A task has the name "a/b".'],
    [
      'a type that is not known',
      'name: x\ntasks:\n- {name: a, type: bsh, command: x}',
      '3:19 INVALID_VALUE Task "a" has "type" = "bsh": expected "bash", "python", "node", "spark", "http", "sql", "sensor", "job", "external". Did you mean "bash"?',
    ],
    [
      'an empty command',
      'name: x\ntasks:\n- {name: a, type: bash, command: " "}',
      '3:34 INVALID_VALUE Task "a" has "command" = " ": expected a command that is not empty.',
    ],
    [
      'a null character',
      'name: x\ntasks:\n- {name: a, type: bash, command: "a\\0"}',
      '3:34 INVALID_VALUE Task "a" has "command" = "a\\u0000": expected a command without null characters.',
    ],
    [
      'retries below 0',
      taskWith('max_retries: -1'),
      '5:18 INVALID_VALUE Task "a" has "max_retries" = -1: expected a whole number, 0 or more.',
    ],
    [
      'half a retry',
      taskWith('max_retries: 1.5'),
      '5:18 INVALID_VALUE Task "a" has "max_retries" = 1.5: expected a whole number, 0 or more.',
    ],
    [
      'retries in quotes',
      taskWith('max_retries: "3"'),
      '5:18 INVALID_TYPE Task "a" has "max_retries" = "3": expected a whole number, 0 or more. Remove the quotes: 3.',
    ],
    [
      'a timeout without a unit',
      taskWith('timeout: "30"'),
      '5:14 INVALID_VALUE Task "a" has "timeout" = "30": expected a number of milliseconds above 0, or text such as 500ms, 30s, 5m or 2h. Remove the quotes: 30.',
    ],
    [
      'a timeout of 0',
      taskWith('timeout: 0s'),
      '5:14 INVALID_VALUE Task "a" has "timeout" = "0s": expected a number of milliseconds above 0,',
    ],
    ['a timeout for ever', taskWith('timeout: .inf'), '5:14 INVALID_VALUE Task "a" has "timeout" ='],
    ['a timeout that is a list', taskWith('timeout: [1]'), '5:14 INVALID_TYPE Task "a" has "timeout" = a list'],
    [
      'a yes of YAML 1.1',
      taskWith('continue_on_failure: yes'),
      '5:26 INVALID_TYPE Task "a" has "continue_on_failure" = "yes": expected true or false. Write true.',
    ],
    [
      'a dependency that is no list',
      taskWith('dependencies: b'),
      '5:19 INVALID_TYPE Task "a" has "dependencies" = "b": expected a list of task names. Write it as a list: ["b"].',
    ],
    [
      'a dependency that is a number',
      taskWith('dependencies: [1]'),
      '5:20 INVALID_TYPE Task "a", under "dependencies", has 1 as entry 1: expected the name of a task. Put it in quotes: "1".',
      '5:20 UNKNOWN_DEPENDENCY',
    ],
    [
      'an unknown dependency',
      tasks('extract', 'load <- extrakt'),
      '4:64 UNKNOWN_DEPENDENCY Task "load" waits on "extrakt", which is not a task of this job. Did you mean "extract"?',
    ],
    [
      'a task that waits on itself',
      tasks('a <- a'),
      '3:61 SELF_DEPENDENCY Task "a" waits on itself. Remove "a" from its dependencies.',
    ],
    [
      'a dependency named three times',
      tasks('b', 'a <- b b b'),
      '4:65 DUPLICATE_DEPENDENCY Task "a" names "b" in its dependencies more than once. Remove the repetition.',
    ],
    [
      'a priority without end',
      taskWith('priority: .inf'),
      '5:15 INVALID_VALUE Task "a" has "priority" = Infinity: expected a finite number.',
    ],
    [
      'a name used twice, and again',
      tasks('a', 'b', 'a', 'a'),
      '5:12 DUPLICATE_TASK Two tasks are named "a". Rename one of them.',
      '6:12 DUPLICATE_TASK',
    ],
    [
      'a cycle',
      tasks('a <- c', 'b <- a', 'c <- b'),
      '3:61 CYCLE Tasks wait on one another: a → c → b → a. Remove one of these dependencies.',
    ],
    [
      'cycles that begin alike',
      tasks('a <- b', 'b <- a c', 'c <- a'),
      '3:61 CYCLE Tasks wait on one another: a → b → a. Remove one of these dependencies.',
      '3:61 CYCLE Tasks wait on one another: a → b → c → a. Remove one of these dependencies.',
    ],
    [
      'a key twice',
      taskWith('type: python'),
      '5:5 DUPLICATE_KEY The key "type" is here for the second time. Remove one of the two, or rename it.',
    ],
    ['a tab', 'name: x\ntasks:\n\t- a', '3:1 YAML_SYNTAX Tabs are not allowed as indentation. Indent with spaces.'],
    ['a bracket left open', 'name: x\ntasks: [', '2:9 YAML_SYNTAX'],
    ['two documents', 'name: x\ntasks: []\n---\nname: y', '3:1 YAML_SYNTAX Source contains multiple documents'],
    [
      'a tag',
      'name: !env x\ntasks: []',
      '1:7 YAML_SYNTAX Unresolved tag: !env. Remove the tag, or put the text in quotes.',
    ],
    ['an alias to nowhere', 'name: *x\ntasks: []', '1:7 UNKNOWN_ALIAS No anchor "&x" comes before this alias.'],
    [
      'an alias to itself',
      'name: x\ntasks: &t [*t]',
      '2:12 RECURSIVE_ALIAS The alias "*t" is a part of what it stands for.',
    ],
    ['a merge of no mapping', 'name: x\ntasks: [{<<: 3}]', '2:10 INVALID_VALUE "<<" merges mappings'],
    ['a merge of a list of others', 'name: &n x\ntasks: [{<<: [{}, *n]}]', '2:10 INVALID_VALUE "<<" merges mappings'],
    ['a merge of nothing', 'name: x\ntasks: [{<<: *no}]', '2:14 UNKNOWN_ALIAS'],
    ['nothing', '', 'FILE_EMPTY The file is empty.'],
    ['a comment', '# later\n---\n', 'FILE_EMPTY The file is empty.'],
  ])('with %s says so', ([, text, ...expected]) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(expected.length);
    for (const [at, problem] of problems.entries()) expect(problem).toContain(expected[at]);
  });

  test('tells all of its problems at once, in the order of the file', () => {
    const text = `
name: 7
tasks:
  - name: extract
    type: bash
    comand: echo
  - name: load
    type: ruby
    command: x
    dependencies: [extrakt]
    timeout: soon
  - name: load
    name: loop
    type: bash
    command: x
    dependencies: [loop, transform]
  - name: transform
    type: bash
    command: x
    dependencies: [loop]
`;
    expect(problemsOf(text).map((problem) => problem.split(' ', 2).join(' '))).toEqual([
      '2:7 INVALID_TYPE',
      '6:5 UNKNOWN_KEY',
      '8:11 INVALID_VALUE',
      '10:20 UNKNOWN_DEPENDENCY',
      '11:14 INVALID_VALUE',
      '13:5 DUPLICATE_KEY',
      '16:20 SELF_DEPENDENCY',
      '16:26 CYCLE',
    ]);
  });

  test('points into merged and aliased text', () => {
    const text = `
name: x
x-base: &base
  type: bsh
  max_retries: -1
tasks:
  - <<: *base
    name: a
    command: x
  - <<: [{timeout: soon}, *base]
    name: b
    command: x
    type: bash
    max_retries: 0
`;
    expect(problemsOf(text).map((problem) => problem.split(' ', 2).join(' '))).toEqual([
      '4:9 INVALID_VALUE',
      '5:16 INVALID_VALUE',
      '10:20 INVALID_VALUE',
    ]);
  });

  test('shows the place', () => {
    const error = failure('name: x\n\ntasks:\n  - name: a\n    type: bsh\n    command: x\n');
    expect(error.problems[0]?.frame).toBe(
      ['  3 | tasks:', '  4 |   - name: a', '> 5 |     type: bsh', '    |           ^', '  6 |     command: x'].join(
        '\n',
      ),
    );
  });

  test('shows the place in a line without end', () => {
    const error = failure(`{name: x, tasks: [{name: a, type: bash, command: ${'x'.repeat(5000)}, max: 1}]}`);
    const [line = '', mark = ''] = error.problems[0]?.frame?.split('\n') ?? [];
    expect(line.length).toBeLessThan(120);
    expect(line[mark.indexOf('^')]).toBe('m');
    expect(error.problems[0]).toMatchObject({ line: 1, column: 5052 });
  });

  test('shows the place after marks that turn or hide text, as dots', () => {
    const error = failure(
      'name: x\ntasks:\n  - { name: a, description: "\u202e\u200b\u{e0041}\x9b", type: bsh, command: x }\n',
    );
    const [, , line = '', mark = ''] = error.problems[0]?.frame?.split('\n') ?? [];
    expect(line).toContain('description: "·····", type');
    expect(line.slice(mark.indexOf('^'))).toMatch(/^bsh, command/);
  });

  test('shows the place after characters that take two columns, or none, on a terminal', () => {
    for (const before of ['日本語', '🚀 👩‍👩‍👧', 'e\u0301e\u0301']) {
      const { problems } = failure(
        `name: x\ntasks:\n  - { name: a, description: "${before}", type: bsh, command: x }\n`,
      );
      const [, , line = '', mark = ''] = problems[0]?.frame?.split('\n') ?? [];
      expect(textWidth(line.slice(0, line.indexOf('bsh'))), line).toBe(mark.indexOf('^'));
      expect(problems[0]?.column).toBe(39 + before.length);
    }
  });

  test('is an error of tintype, whose message is enough to act on', () => {
    const error = failure('name: x\ntasks: no');
    expect(error).toBeInstanceOf(TintypeError);
    expect(error).toMatchObject({ code: 'INVALID_WORKFLOW', file: 'etl.yaml' });
    expect(error.message).toBe(
      'etl.yaml:2:8: The workflow has "tasks" = "no": expected a list of tasks. Write it as a list: ["no"].',
    );
  });

  test('with Windows line ends or a byte order mark has the same places', () => {
    const text = tasks('a', 'b <- c');
    expect(problemsOf(text.replaceAll('\n', '\r\n'))).toEqual(problemsOf(text));
    expect(problemsOf(`\uFEFF${text}`)).toEqual(problemsOf(text));
    expect(problemsOf('\uFEFFnam: x\ntasks: []')[0]).toContain('1:1 ');
  });
});

describe('labels of the file', () => {
  const labelled = (labels: object): readonly string[] =>
    problemsOf(`name: x\nlabels: ${JSON.stringify(labels)}\ntasks: []`);
  test.for<[what: string, labels: object, problem: string]>([
    [
      'a key with a space',
      { 'a b': 'c' },
      '2:10 INVALID_VALUE The workflow, under "labels", has a key "a b": expected 1 to 63',
    ],
    [
      'a number',
      { a: 3 },
      '2:14 INVALID_TYPE The workflow, under "labels", has "a" = 3: expected text. Put it in quotes: "3".',
    ],
    ['a long text', { a: 'x'.repeat(201) }, 'expected text of at most 200 characters'],
    ['an expression', { a: `\${{ params.a }}` }, 'may hold no expression'],
    ['too many', Object.fromEntries([...Array(33).keys()].map((n) => [`k${n}`, 'v'])), 'at most 32 labels'],
  ])('%s is a problem', ([, labels, problem]) => {
    expect(labelled(labels)).toEqual([expect.stringContaining(problem)]);
  });
});

describe('a word of another format gets what to write here', () => {
  test('and is no second problem for the key that is missing', () => {
    expect(problemsOf('Name: x\nsteps: []\n')).toEqual([
      '1:1 UNKNOWN_KEY The workflow has an unknown key "Name". Did you mean "name"?',
      '2:1 UNKNOWN_KEY The workflow has an unknown key "steps". It is called "tasks" here.',
    ]);
    const task = (keys: string): readonly string[] => problemsOf(`name: x\ntasks: [{ ${keys} }]`);
    for (const keys of [
      'id: a, type: bash, command: x',
      'name: a, type: bash, cmd: x',
      'name: a, type: sql, connection: x, query: y',
    ]) {
      expect(task(keys), keys).toEqual([expect.stringContaining('UNKNOWN_KEY')]);
    }
    expect(task('name: a, kind: bash, command: x')).toEqual([
      expect.stringMatching(/MISSING_KEY .* has no "type": .* "kind" is called "type" here\.$/),
    ]);
    expect(task('id: a, type: bash, memory: 1G')).toEqual([
      expect.stringContaining('no "command"'),
      expect.stringContaining('unknown key "id"'),
      expect.stringContaining('unknown key "memory"'),
    ]);
  });

  const bash = (keys: string): string => `tasks: [{ name: a, type: bash, command: x, ${keys} }]`;
  test.for<[what: string, text: string, remedy: string]>([
    ['retries under defaults', 'defaults: { retries: 3 }\ntasks: []', 'It is called "max_retries" here.'],
    ['attempts under retry', bash('retry: { attempts: 3 }'), 'stands beside "retry": max_retries: 3.'],
    ['id', 'tasks: [{ id: a, type: bash, command: x }]', 'It is called "name" here.'],
    ['id of the workflow', 'id: x\ntasks: []', 'It is called "name" here.'],
    ['type: shell', 'tasks: [{ name: a, type: shell, command: x }]', 'Write "bash".'],
    ['type: Postgres', 'tasks: [{ name: a, type: Postgres, query: x }]', 'Write "sql".'],
    [
      'connection',
      'tasks: [{ name: a, type: sql, connection: x, query: y }]',
      'It is called "database" here. It takes the path of an SQLite file, or a URL such as postgres://host/name.',
    ],
    ['retry: 3', bash('retry: 3'), 'The number of tries after the first is "max_retries": max_retries: 3.'],
    ['retry_delay', bash('retry_delay: 3s'), 'It stands under "retry": retry: { delay: 30s }.'],
    ['max_failures', bash('max_failures: 3'), 'It stands under "map": map: { over: …, max_failures: 3 }.'],
    ['collect', bash('collect: false'), 'It stands under "map": map: { over: …, collect: false }.'],
    ['rate_limit', bash('rate_limit: 3'), 'It stands under "map": map: { over: …, rate_limit: {'],
    [
      'parallel',
      bash('parallel: 3'),
      'map: { over: …, concurrency: 3 }; how many tasks, "workers" of the file or "pools".',
    ],
    [
      'tags',
      'tags: [nightly]\ntasks: []',
      'It is called "labels" here. It is a mapping of texts: labels: { team: data }.',
    ],
    [
      'dotenv',
      'dotenv: [.env]\ntasks: []',
      'It is called "env_file" here. It takes a path, or a list of them: env_file: .env.',
    ],
    ['max_active_runs', 'max_active_runs: 1\ntasks: []', 'For one at a time write overlap: queue.'],
    [
      'concurrency',
      'concurrency: { group: a, cancel-in-progress: true }\ntasks: []',
      'queue or cancel (cancel-in-progress).',
    ],
    ['parallelism', 'parallelism: 3\ntasks: []', 'It is called "workers" here.'],
    ['working_dir', bash('working_dir: x'), 'It is called "cwd" here.'],
    [
      'with_items',
      bash('with_items: [1]'),
      'It is called "map" here. Write map: { over: … }, with a list or an expression.',
    ],
    ['withParam', bash("withParam: '{{x}}'"), 'It is called "map" here. Write map: { over: … }'],
    ['retryPolicy', bash('retryPolicy: { limit: 3 }'), '"retry": max_retries: 3, retry: { delay: 30s }.'],
    ['retryStrategy', bash('retryStrategy: { limit: 3 }'), 'The number of tries after the first is "max_retries"'],
    ['fail-fast', bash('fail-fast: false'), 'map: { over: …, max_failures: 50% }.'],
    [
      'handlerOn of a task',
      bash('handlerOn: { exit: x }'),
      'stands under "handlers": of the file, or of a task of type "job"',
    ],
    [
      'handlerOn',
      'handlerOn: {}\ntasks: []',
      'It is called "handlers" here. Write handlers: { failure: […], always: […] }',
    ],
    ['repeatPolicy', bash('repeatPolicy: { limit: 3 }'), 'is a task of type "sensor".'],
    ['template', bash('template: build'), 'an anchor under a key that begins with "x-", merged into each by <<'],
    ['templates', 'templates: []\ntasks: []', 'or a file that tasks of type "job" run.'],
    ['cmds', 'tasks: [{ name: a, type: bash, cmds: [x] }]', 'It is called "command" here.'],
    ['ignore_error', bash('ignore_error: true'), 'It is called "continue_on_failure" here.'],
    ['priority_weight', bash('priority_weight: 2'), 'It is called "priority" here.'],
    ['pool_slots', bash('pool_slots: 2'), 'It is called "slots" here.'],
    [
      'poke_interval',
      'tasks: [{ name: a, type: sensor, deadline: 1h, command: x, poke_interval: 3 }]',
      'It is called "interval" here.',
    ],
    ['call', 'tasks: [{ name: a, type: job, call: x }]', 'It is called "file" here.'],
    ['vars of the workflow', 'vars: { a: b }\ntasks: []', 'It is called "params" here.'],
    ['default_args', 'default_args: {}\ntasks: []', 'It is called "defaults" here.'],
    ['schedule_interval', 'schedule_interval: x\ntasks: []', 'It is called "schedule" here.'],
    [
      'timeoutSec of the workflow',
      'timeoutSec: 3\ntasks: []',
      'It is called "timeout" here. It takes a unit: timeout: 30s.',
    ],
    ['map: ctx.files', bash('map: ctx.files'), 'Write it as map: { over: ctx.files }.'],
    ['map: [1]', bash('map: [1]'), 'Write it as map: { over: […] }.'],
    ['timeout_seconds', bash('timeout_seconds: 30'), 'It is called "timeout" here. It takes a unit: timeout: 30s.'],
    ['memory', bash('memory: 2G'), 'tintype limits no resources of a command: let the command do that, with ulimit'],
    ['container', bash('container: alpine'), 'start it in the command: docker run --rm IMAGE'],
    ['on_failure', bash('on_failure: continue'), 'It is a key of the workflow. In a task, "continue_on_failure: true"'],
    [
      '? in a PostgreSQL query',
      "tasks: [{ name: a, type: sql, database: 'postgres://h/d', query: SELECT 1 WHERE 1 = ?, params: [1] }]",
      'Task "a" has a query with a place "?". PostgreSQL numbers the places of its parameters: write $1, $2 … instead',
    ],
    [
      '? in a PostgreSQL query of a sensor',
      "tasks: [{ name: a, type: sensor, deadline: 1h, sql: { database: 'postgres://h/d', query: SELECT ?, params: [1] } }]",
      'write $1, $2 … instead of "?".',
    ],
  ])('%s', ([, text, remedy]) => {
    expect(problemsOf(`${text.startsWith('id') ? '' : 'name: x\n'}${text}`).join('\n')).toContain(remedy);
  });

  test('but a task without that key gets no advice that it could not follow', () => {
    const problems = problemsOf('name: x\ntasks: [{ name: a, type: external, working_dir: x }]');
    expect(problems.join()).not.toContain('is called');
  });

  test.for([
    "database: 'postgres://h/d', query: 'SELECT $1', params: [1]",
    `database: 'postgres://h/d', query: "SELECT '?' -- ?", params: [1]`,
    "database: 'postgres://h/d', query: \"SELECT data ? 'key'\"",
    "database: 'mysql://h/d', query: 'SELECT ?', params: [1]",
    "database: x.db, query: 'SELECT ?', params: [1]",
  ])('and this query is right: %s', (keys) => {
    expect(parseWorkflow(`name: x\ntasks: [{ name: a, type: sql, ${keys} }]`, 'x').workflow.tasks).toHaveLength(1);
  });
});

describe('a hostile file', () => {
  test('of aliases of aliases is refused at once', () => {
    const bomb = ['x-0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 20; i++) bomb.push(`x-${i}: &a${i} [${`*a${i - 1}, `.repeat(10)}]`);
    const [problem, ...others] = problemsOf([...bomb, 'name: x', 'tasks: []'].join('\n'));
    expect(problem).toMatch(/^6:\d+ TOO_MANY_ALIASES The aliases up to here stand for more than 1000000 values/);
    expect(others).toEqual([]);
    expect(MAX_ALIASED_VALUES).toBe(1_000_000);
  });

  test.for([
    ['[', 20_000],
    ['{a: ', 20_000],
    ['- ', 20_000],
  ] as const)('of "%s" without end is refused', ([text, count]) => {
    expect(problemsOf(text.repeat(count))[0]).toMatch(/^\d+:\d+ TOO_DEEP Lists or mappings are nested too deeply/);
  });

  test('of 200 levels is read, and of more is not', () => {
    const nested = (levels: number) =>
      problemsOf(`name: x\ntask: []\nx-deep: ${'['.repeat(levels)}${']'.repeat(levels)}`);
    expect(nested(199)).toEqual([expect.stringContaining('unknown key "task"')]);
    expect(nested(200)).toEqual([expect.stringMatching(/^3:208 TOO_DEEP /)]);
  });

  test.for(['constructor', 'toString'])('with the key %s has an unknown key', (key) => {
    expect(problemsOf(`name: x\ntasks: []\n${key}: {}`)).toEqual([expect.stringContaining(`unknown key "${key}"`)]);
    expect(problemsOf(taskWith(`${key}: {}`))).toEqual([expect.stringContaining(`unknown key "${key}"`)]);
  });

  test('of any text has problems or none, but no other error', () => {
    const words = [
      'name:',
      'tasks:',
      ' x',
      '-',
      ' - ',
      '\n',
      '\n  ',
      '\n    ',
      '{',
      '}',
      '[',
      ']',
      ',',
      ': ',
      '&a ',
      '*a',
      '<<: ',
    ];
    const more = [
      '"',
      "'",
      '|',
      '>',
      '!t ',
      '? ',
      '#',
      '%',
      '\t',
      '\r\n',
      '---',
      '...',
      '\0',
      '\uFEFF',
      '1',
      'null',
      '~',
      'dependencies: ',
    ];
    const soup = fc.array(fc.constantFrom(...words, ...more), { maxLength: 40 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(soup, fc.boolean(), (text, prefixed) => {
        try {
          parseWorkflow(prefixed ? `name: x\ntasks: ${text}` : text, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(WorkflowError);
          for (const { line, column } of (error as WorkflowError).problems) {
            if (line !== undefined) expect([line >= 1, Number(column) >= 1]).toEqual([true, true]);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('may name its tasks like parts of objects', () => {
    const text = tasks('constructor', '__proto__ <- constructor', '1 <- __proto__');
    expect(parseWorkflow(text, 'x').workflow.tasks.map(({ name }) => name)).toEqual(['constructor', '__proto__', '1']);
  });
});

describe('a file that can not be read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tintype-'));
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };

  test.for<[what: string, path: () => string, problem: object]>([
    ['it is missing', () => join(directory, 'missing.yaml'), { code: 'FILE_NOT_FOUND' }],
    ['its directory is a file', () => join(import.meta.filename, 'x.yaml'), { code: 'FILE_NOT_FOUND' }],
    ['it is a directory', () => directory, { code: 'FILE_IS_DIRECTORY' }],
    ['its name has a null byte', () => 'a\0b', { code: 'FILE_UNREADABLE' }],
    ['it is too large', () => file('large.yaml', Buffer.alloc(MAX_FILE_BYTES + 1, '#')), { code: 'FILE_TOO_LARGE' }],
    ['it never ends', () => '/dev/zero', { code: 'FILE_TOO_LARGE' }],
    ['it is UTF-16', () => file('utf16.yaml', Buffer.from('\uFEFFname: x', 'utf16le')), { code: 'FILE_NOT_UTF8' }],
    [
      'it is Latin-1',
      () => file('latin1.yaml', Buffer.from('name: \uFFFD\n# ok\nx: \uFFFD größer', 'latin1')),
      { code: 'FILE_NOT_UTF8' },
    ],
  ])('because %s says so', async ([, path, problem]) => {
    const error = await readWorkflowFile(path()).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(WorkflowError);
    expect(error.problems).toEqual([expect.objectContaining(problem)]);
  });

  test('for a byte that is no UTF-8 has a place', async () => {
    const bytes = Buffer.concat([Buffer.from('name: x\n# \uFFFD ä gr'), Buffer.from([0xf6]), Buffer.from('sser\n')]);
    const error = await readWorkflowFile(file('byte.yaml', bytes)).catch((thrown) => thrown);
    expect(error.problems[0]).toMatchObject({ line: 2, column: 9 });
  });

  test('but a file of the largest size, or with a name in any script, can', async () => {
    mkdirSync(join(directory, 'größe 数据'));
    expect(await readWorkflowFile(file('größe 数据/x.yaml', Buffer.alloc(MAX_FILE_BYTES, '#')))).toHaveLength(
      MAX_FILE_BYTES,
    );
  });
});

/** `a <- b c`: task a waits on b and c. From line 3 on, one per line. */
function tasks(...lines: string[]): string {
  const list = lines.map((line) => {
    const [name, needs = ''] = line.split(' <- ');
    return `  - {name: "${name}", type: bash, command: "true", dependencies: [${needs
      .split(' ')
      .filter(Boolean)
      .map((need) => `"${need}"`)}]}`;
  });
  return `name: x\ntasks:\n${list.join('\n')}\n`;
}

/** A task whose fifth line is given. */
function taskWith(line: string, name = 'a'): string {
  return `name: x\ntasks:\n  - name: ${name}\n    type: bash\n    ${line}\n    command: "true"\n`;
}

const failure = (text: string): WorkflowError => {
  try {
    parseWorkflow(text, 'etl.yaml');
  } catch (error) {
    if (error instanceof WorkflowError) return error;
    throw error;
  }
  throw new Error('There was no problem.');
};

const problemsOf = (text: string): string[] =>
  failure(text).problems.map(
    ({ line, column, code, message }) => `${line === undefined ? '' : `${line}:${column} `}${code} ${message}`,
  );
