// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { describe, expect, test } from 'vitest';
import { failureOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

describe('the map of', () => {
  test('a job runs a file for each item, with params of its own', async () => {
    const { result, events } = await runWorkflow(
      `
params: { names: [ada, bob] }
tasks:
  - { name: each, type: job, file: child.yaml, params: { who: "\${{ item }} \${{ index }}" }, map: { over: params.names, concurrency: 1 } }
  - { name: end, type: bash, dependencies: [each], env: { X: "\${{ ctx.each[1].say }}" }, command: 'echo "$X"', output: text }
`,
      {
        files: {
          'child.yaml': `
name: child
params: { who: { type: string } }
tasks: [{ name: say, type: bash, env: { W: "\${{ params.who }}" }, command: 'echo "$W$TINTYPE_ITEM"', output: text }]`,
        },
      },
    );
    expect(result.ctx).toMatchObject({ each: [{ say: 'ada 0' }, { say: 'bob 1' }], end: 'bob 1' });
    expect(events.filter((event) => 'task' in event && event.task === 'each[1]/say')).not.toEqual([]);
  });

  test('a sensor looks for each item', async () => {
    const { result } = await runWorkflow(
      `
tasks:
  - { name: files, type: sensor, file: "\${{ item }}.txt", deadline: 1m, map: { over: [a, b] } }
  - { name: seen, type: sensor, command: 'echo "$TINTYPE_ITEM"', output: json, deadline: 1m, map: { over: [1, { x: 2 }] } }
`,
      { files: { 'a.txt': '', 'b.txt': '' } },
    );
    expect(result.state).toBe('completed');
    expect(result.ctx.files).toHaveLength(2);
    expect(result.ctx.seen).toEqual([1, { x: 2 }]);
  });
});

describe('a matrix', () => {
  test('gives mappings, with what is included and without what is excluded', async () => {
    const { result } = await runWorkflow(`
params: { versions: [20, 22] }
tasks:
  - name: build
    type: bash
    map:
      matrix: { os: [linux, "\${{ params.versions.size() }}"], node: params.versions }
      include: [{ os: linux, fast: true }, { os: mac }]
      exclude: [{ os: 2 }]
    env: { OS: "\${{ item.os }}" }
    command: echo "$OS $TINTYPE_ITEM"
    output: text
`);
    expect(result.ctx.build).toEqual([
      'linux {"os":"linux","node":20,"fast":true}',
      'linux {"os":"linux","node":22,"fast":true}',
      'mac {"os":"mac"}',
    ]);
  });

  test('that gives no lists, or no mappings, fails its task', async () => {
    const run = await runWorkflow(`
tasks:
  - { name: a, type: bash, command: 'true', map: { matrix: { os: "5" } } }
  - { name: b, type: bash, command: 'true', map: { matrix: { os: [1] }, include: "[1]" } }
`);
    expect(failureOf(run, 'a')).toContain('Task "a" runs over number: expected a list. Let "os" give one.');
    expect(failureOf(run, 'b')).toContain('Task "b" has a matrix with something in "include" that is no mapping.');
  });

  const withMap = (map: string): string => `tasks: [{ name: a, type: bash, command: x, map: ${map} }]`;

  test.for([
    ['{ concurrency: 2 }', 'has a "map" that needs one of "over", "matrix".'],
    ['{ over: [1], matrix: { a: [1] } }', 'has a "map" with "over" and "matrix": expected one of them.'],
    ['{ over: [1], include: [{ a: 1 }] }', 'has a "map" with "include" without "matrix", to which it would belong.'],
    [
      '{ matrix: { a: [1], exclude: [{ a: 1 }] } }',
      'has "exclude" in a matrix. It stands beside it: map: { matrix: …, exclude: […] }.',
    ],
    ['{ matrix: { a: item.b } }', 'reads item, which "matrix" can\'t: it is asked once, for all items'],
    ['{ matrix: { a: params.b } }', 'reads params.b, which the workflow does not declare.'],
    ['{ matrix: { a: [1] }, include: [5] }', 'expected a mapping of names to values'],
  ] as const)('%s is told of', async ([map, message]) => {
    expect((await problemsOf(withMap(map))).join('\n')).toContain(message);
  });

  test.for(['matrix', 'strategy'])('is what the key "%s" of other formats means', async (key) => {
    const [problem] = await problemsOf(`tasks: [{ name: a, type: bash, command: x, ${key}: { os: [1] } }]`);
    expect(problem).toContain('It is called "map" here. Write map: { matrix: { os: [linux, mac] } }');
  });
});
