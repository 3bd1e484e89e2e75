import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Workflow, WorkflowTask } from '../../src/workflow/schema.ts';
import { type Selection, SelectionError, selectTasks } from '../../src/workflow/select-tasks.ts';
import { tintype } from '../support/cli.ts';
import { folderOf, runWorkflow } from '../support/run-workflow.ts';

/** Every task writes its name; `extract` and `schema` lead to `load`, that to `report` and `mail`. */
const ETL = `
tasks:
  - { name: extract, type: bash, command: 'true' }
  - { name: schema, type: bash, command: 'true' }
  - { name: load, type: bash, command: 'true', dependencies: [extract, schema] }
  - { name: report, type: bash, command: 'true', dependencies: [load] }
  - { name: mail, type: bash, command: 'true', dependencies: [report] }
  - { name: lint, type: bash, command: 'true' }
`;

describe('a selection', () => {
  test.for<[selection: Selection, tasks: string]>([
    [{}, 'extract schema load report mail lint'],
    [{ only: [], skip: [] }, 'extract schema load report mail lint'],
    [{ only: ['load'] }, 'load'],
    [{ only: ['load', 'lint'] }, 'load lint'],
    [{ only: ['+load'] }, 'extract schema load'],
    [{ only: ['load+'] }, 'load report mail'],
    [{ only: ['+load+'] }, 'extract schema load report mail'],
    [{ only: ['+lint+'] }, 'lint'],
    [{ skip: ['load'] }, 'extract schema report mail lint'],
    [{ skip: ['load+'] }, 'extract schema lint'],
    [{ skip: ['+load'] }, 'report mail lint'],
    [{ only: ['+mail'], skip: ['+load'] }, 'report mail'],
    [{ only: ['+load', 'mail'], skip: ['schema'] }, 'extract load mail'],
    [{ only: ['load', 'load', '+load'] }, 'extract schema load'],
    [{ only: ['load'], skip: ['load'] }, ''],
  ])('of %j is %s', async ([selection, tasks]) => {
    const { states } = await runWorkflow(ETL, { selection });
    expect(states).toEqual(
      Object.fromEntries(
        tasks
          .split(' ')
          .filter(Boolean)
          .map((name) => [name, 'completed']),
      ),
    );
  });

  test('keeps the order of tasks through those that are left out', async () => {
    const { events } = await runWorkflow(ETL, { selection: { skip: ['load', 'report'] } });
    const order = events.flatMap((event) =>
      event.type === 'task.transition' && ['running', 'completed'].includes(event.to)
        ? [`${event.task} ${event.to}`]
        : [],
    );
    const mail = order.indexOf('mail running');
    expect(mail).toBeGreaterThan(order.indexOf('extract completed'));
    expect(mail).toBeGreaterThan(order.indexOf('schema completed'));
  });

  test('of a task whose upstream is left out runs it, with what is in the context', async () => {
    const run = await runWorkflow(
      `
params: { n: 2 }
tasks:
  - { name: rows, type: bash, command: echo 5, output: json }
  - { name: safe, type: bash, dependencies: [rows], env: { N: "\${{ ctx.?rows.orValue(params.n) }}" }, command: echo $N, output: json }
  - { name: strict, type: bash, dependencies: [rows], env: { N: "\${{ ctx.rows }}" }, command: echo $N, output: json }
`,
      { selection: { only: ['safe', 'strict'] } },
    );
    expect(run.states).toEqual({ safe: 'completed', strict: 'failed' });
    expect(run.result.ctx).toMatchObject({ safe: 2 });
  });

  test('leaves handlers in place, after what there is', async () => {
    const { states, result } = await runWorkflow(
      `${ETL}
handlers:
  success: [{ name: ok, type: bash, command: 'true', dependencies: [mail] }]
  failure: [{ name: bad, type: bash, command: 'true' }]
  always: [{ name: any, type: bash, command: echo $TINTYPE_JOB_STATE, output: text, dependencies: [load, ok] }]
`,
      { selection: { only: ['extract'] } },
    );
    expect(states).toEqual({ extract: 'completed', ok: 'completed', bad: 'skipped', any: 'completed' });
    expect(result.ctx).toMatchObject({ any: 'completed' });
  });

  test('may name tasks that have a plus at an end themselves', async () => {
    const { states } = await runWorkflow(
      `tasks:
  - { name: c, type: bash, command: 'true' }
  - { name: c++, type: bash, command: 'true', dependencies: [c] }
  - { name: +c, type: bash, command: 'true', dependencies: [c++] }
`,
      { selection: { only: ['+c', 'c++'] } },
    );
    expect(states).toEqual({ 'c++': 'completed', '+c': 'completed' });
  });

  test.for([
    [{ only: ['laod'] }, 'There is no task "laod". Did you mean "load"?'],
    [{ skip: ['+laod+'] }, 'There is no task "laod". Did you mean "load"?'],
    [{ only: ['constructor'] }, 'There is no task "constructor". There are extract, schema, load, report, mail, lint.'],
    [{ only: [''] }, 'There is no task "".'],
    [{ only: ['+'] }, 'There is no task'],
  ] as const)('%j is refused', async ([selection, message]) => {
    const error = await runWorkflow(ETL, { selection }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(SelectionError);
    expect(error.message).toContain(message);
  });

  test('is asked for on the command line, also as a list', async () => {
    const file = join(folderOf({ 'w.yaml': `name: w${ETL}` }), 'w.yaml');
    const tasks = async (...args: string[]) => {
      const { stdout } = await tintype(['run', file, '--json', ...args]);
      return Object.keys(JSON.parse(stdout).tasks);
    };
    expect(await tasks('--only', '+load')).toEqual(['extract', 'schema', 'load']);
    expect(await tasks('--only', 'load+', '--skip', 'report')).toEqual(['load', 'mail']);
    const { exitCode, stderr } = await tintype(['run', file, '--only', 'laod']);
    expect([exitCode, stderr]).toEqual([2, 'error: There is no task "laod". Did you mean "load"?\n']);
  });

  test('waits for exactly the chosen tasks that lead to one, whatever the graph', () => {
    fc.assert(
      fc.property(graphs, ({ tasks, skip }) => {
        const workflow = { name: 'w', tasks } as unknown as Workflow;
        const chosen = selectTasks(workflow, { skip }).tasks;
        const kept = new Set(chosen.map(({ name }) => name));
        expect([...kept]).toEqual(tasks.map(({ name }) => name).filter((name) => !skip.includes(name)));
        for (const { name, dependencies } of chosen) {
          expect(new Set(dependencies)).toEqual(nearestByHand(tasks, name, kept));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of a chain of 20,000 tasks is made at once', () => {
    const tasks = Array.from({ length: 20_000 }, (_, at) => taskOf(`t${at}`, at > 0 ? [`t${at - 1}`] : []));
    const skip = tasks.slice(1, -1).map(({ name }) => name);
    const { tasks: chosen } = selectTasks({ name: 'w', tasks } as unknown as Workflow, { skip });
    expect(chosen.map(({ name, dependencies }) => [name, dependencies])).toEqual([
      ['t0', []],
      ['t19999', ['t0']],
    ]);
  });

  test('of the last of wide layers is made at once', () => {
    const layers = Array.from({ length: 40 }, (_, layer) =>
      Array.from({ length: 50 }, (_, at) =>
        taskOf(`${layer}.${at}`, layer === 0 ? [] : Array.from({ length: 50 }, (_, up) => `${layer - 1}.${up}`)),
      ),
    );
    const skip = layers.slice(1, -1).flatMap((layer) => layer.map(({ name }) => name));
    const { tasks } = selectTasks({ name: 'w', tasks: layers.flat() } as unknown as Workflow, { skip });
    expect(tasks).toHaveLength(100);
    expect(tasks.at(-1)?.dependencies).toHaveLength(50);
  }, 5_000);
});

const taskOf = (name: string, dependencies: readonly string[]): WorkflowTask =>
  ({ name, type: 'bash', command: 'true', dependencies }) as WorkflowTask;

const graphs = fc.integer({ min: 1, max: 12 }).chain((size) =>
  fc
    .record({
      edges: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 30 }),
      skip: fc.subarray(Array.from({ length: size }, (_, at) => `t${at}`)),
    })
    .map(({ edges, skip }) => ({
      skip: skip.length === 0 ? ['t0'] : skip,
      tasks: Array.from({ length: size }, (_, at) =>
        taskOf(`t${at}`, [
          ...new Set(edges.flatMap(([a, b]) => (Math.max(a, b) === at && a !== b ? [`t${Math.min(a, b)}`] : []))),
        ]),
      ),
    })),
);

/** The first chosen tasks on every way up. */
const nearestByHand = (tasks: readonly WorkflowTask[], name: string, kept: ReadonlySet<string>): Set<string> => {
  const needs = tasks.find((task) => task.name === name)?.dependencies ?? [];
  return new Set(needs.flatMap((need) => (kept.has(need) ? [need] : [...nearestByHand(tasks, need, kept)])));
};
