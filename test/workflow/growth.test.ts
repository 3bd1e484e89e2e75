// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tintype } from '../support/cli.ts';
import { failureOf, folderOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

describe('branch', () => {
  const after = `
  - { name: small, type: bash, command: "true", dependencies: [choose] }
  - { name: large, type: bash, command: "true", dependencies: [choose] }
  - { name: last, type: bash, command: "true", dependencies: [small, large], trigger: none_failed_min_one_success }
`;

  test.for<[what: string, choose: string, picks: readonly string[]]>([
    ['a line of bash', 'type: bash, command: echo small', ['small']],
    ['several lines', 'type: bash, command: "echo small; echo large"', ['small', 'large']],
    ['no line', 'type: bash, command: "true"', []],
    ['JSON that is printed', `type: python, output: json, command: 'print("[\\"large\\"]")'`, ['large']],
    ['a list of node', 'type: node, command: "output([`large`])"', ['large']],
    ['one name', 'type: node, command: "output(`small`)"', ['small']],
  ])('puts out which tasks run after it: %s', async ([, choose, picks]) => {
    const { states, result } = await runWorkflow(`tasks:\n  - { name: choose, branch: true, ${choose} }${after}`);
    const state = (name: string): string => (picks.includes(name) ? 'completed' : 'skipped');
    const last = picks.length > 0 ? 'completed' : 'skipped';
    expect(states).toEqual({ choose: 'completed', small: state('small'), large: state('large'), last });
    expect(result.ctx.choose).toEqual(picks);
  });

  test('may skip itself by its exit code, and then decides nothing', async () => {
    const choose = '{ name: choose, branch: true, type: bash, command: exit 78, exit_codes: { 78: skip } }';
    const { states } = await runWorkflow(`tasks:\n  - ${choose}${after}`);
    expect(states).toEqual({ choose: 'skipped', small: 'skipped', large: 'skipped', last: 'skipped' });
  });

  test('fails if it puts out something else', async () => {
    const run = (command: string) =>
      runWorkflow(`tasks:\n  - { name: choose, branch: true, type: node, command: "${command}" }${after}`);
    expect(failureOf(await run('output([`smal`])'), 'choose')).toContain(
      '"smal", which does not directly depend on it. Did you mean "small"?',
    );
    expect(failureOf(await run('output([5])'), 'choose')).toContain(
      'has "branch" and put out [5]: expected the names of tasks',
    );
  });
});

describe('expand', () => {
  const discover = (list: string): string => `  - { name: discover, type: node, expand: true, command: '${list}' }\n`;

  test('puts out tasks, as the file has them, which join the job', async () => {
    const text = `
params: { suffix: "!" }
pools: { p: 1 }
defaults: { env: { LEVEL: "7" } }
tasks:
${discover(
  'output([1, 2].flatMap((n) => [{ name: `get ${n}`, type: "bash", command: "echo $N$LEVEL$S", env: { N: n, S: "$${{ params.suffix }}" }, pool: "p", output: "text", timeout: "5s" }, { name: `check ${n}`, type: "bash", dependencies: [`get ${n}`], command: "exit 0", when: "\\"a1\\".matches(\\"^a\\")" }]))',
)}  - { name: other, type: bash, command: "true" }
`;
    const { states, result, events } = await runWorkflow(text);
    expect(states).toEqual({
      discover: 'completed',
      other: 'completed',
      'get 1': 'completed',
      'check 1': 'completed',
      'get 2': 'completed',
      'check 2': 'completed',
    });
    expect(result.ctx).toMatchObject({ 'get 1': '17!', 'get 2': '27!' });
    const added = events.filter(({ type }) => type === 'task.added');
    expect(added).toMatchObject([
      { task: 'get 1', by: 'discover' },
      { task: 'check 1', dependsOn: ['get 1'] },
      { task: 'get 2' },
      { task: 'check 2' },
    ]);
  });

  test('what joins may add further tasks', async () => {
    const inner =
      '[{ name: "second", type: "node", expand: true, command: "output([{ name: `third`, type: `bash`, command: `true` }])" }]';
    const { states } = await runWorkflow(`tasks:\n${discover(`output(${inner})`)}`);
    expect(states).toEqual({ discover: 'completed', second: 'completed', third: 'completed' });
  });

  test.for<[what: string, list: string, message: string]>([
    ['no list', '5', 'expected a list of tasks'],
    [
      'a key that is unknown',
      '[{ name: "a", type: "bash", comand: "x" }]',
      'Task "a" has an unknown key "comand". Did you mean "command"?',
    ],
    ['a name that is taken', '[{ name: "discover", type: "bash", command: "x" }]', 'Two tasks are named "discover"'],
    [
      'a dependency that is not there',
      '[{ name: "a", type: "bash", command: "x", dependencies: ["discovr"] }]',
      'Task "a" waits on "discovr", which is not a task of this job. Did you mean "discover"?',
    ],
    [
      'an expression in code',
      '[{ name: "a", type: "bash", command: "echo $${{ ctx.x }}" }]',
      'Task "a" has "command", which may not hold ${{ ctx.x }}',
    ],
    [
      'a file that the workflow does not run',
      '[{ name: "a", type: "job", file: "other.yaml" }]',
      'runs the file other.yaml, which no task of the workflow itself runs',
    ],
  ])('fails, and adds nothing, with %s', async ([, list, message]) => {
    const run = await runWorkflow(`tasks:\n${discover(`output(${list})`)}`);
    expect(run.result.tasks.discover).toMatchObject({ state: 'failed', attempts: 1 });
    expect(failureOf(run, 'discover')).toContain(message);
    expect(Object.keys(run.states)).toEqual(['discover']);
  });

  test('a job goes on in another process, which knows what was added by what was put out', async () => {
    const text = `name: main\ntasks:\n${discover(
      'output([{ name: "wait", type: "bash", command: "test -f go", output: "text" }, { name: "after", type: "bash", command: "echo done", output: "text", dependencies: ["wait"] }])',
    )}`;
    const folder = folderOf({ 'main.yaml': text });
    const db = ['--db', join(folder, 'jobs.db')];
    const failed = await tintype(['run', join(folder, 'main.yaml'), ...db, '--json']);
    expect(failed.exitCode).toBe(1);
    writeFileSync(join(folder, 'go'), '');
    const { jobId } = JSON.parse(failed.stdout);
    const retried = await tintype(['retry', jobId, ...db, '--json']);
    expect(JSON.parse(retried.stdout)).toMatchObject({ state: 'completed', ctx: { after: 'done' } });
    const rerun = await tintype(['rerun', jobId, '--from', 'wait', ...db, '--json']);
    expect(JSON.parse(rerun.stdout)).toMatchObject({ state: 'completed', ctx: { after: 'done' } });
  });
});

test.for([
  ['{ branch: true, expand: true, command: x }', 'has "branch" and "expand": expected one of them.'],
  ['{ branch: true, map: { over: [1] }, command: x }', 'has "branch" and "map": an item can\'t decide'],
  ['{ expand: "yes", command: x }', 'expected true or false'],
] as const)('%s is refused', async ([keys, message]) => {
  const [problem, ...more] = await problemsOf(`tasks: [{ name: a, type: bash, ${keys.slice(1)}]`);
  expect(more).toEqual([]);
  expect(problem).toContain(message);
});

test('handlers decide nothing', async () => {
  const handlers = 'handlers: { always: [{ name: h, type: bash, command: x, expand: true }] }';
  const [problem] = await problemsOf(`tasks: [{ name: a, type: bash, command: x }]\n${handlers}`);
  expect(problem).toContain('has "expand", but it runs when all tasks are over');
});
