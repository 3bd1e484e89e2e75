// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { paramSpecs, readParams } from '../../src/workflow/params.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { tintype } from '../support/cli.ts';
import { folderOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

/** A workflow that puts out its params as it has them. */
const ECHO = 'tasks: [{ name: all, type: node, command: "output({ all: params })" }]';

describe('params', () => {
  test('have the value that is given, else their default', async () => {
    const declared = 'params: { day: 2024-02-29, count: 5, rate: 0.5, dry: false, list: [1], none: { default: "" } }\n';
    const defaults = { day: '2024-02-29', count: 5, rate: 0.5, dry: false, list: [1], none: '' };
    expect((await runWorkflow(declared + ECHO)).result.ctx.all).toEqual(defaults);
    const params = { day: 'today', count: 0, dry: true, list: [] };
    expect((await runWorkflow(declared + ECHO, { params })).result.ctx.all).toEqual({ ...defaults, ...params });
  });

  test('are in the context of every task, and in expressions', async () => {
    const { result } = await runWorkflow(
      `
params: { day: { type: string } }
tasks:
  - { name: file, type: bash, command: cat "$TINTYPE_CONTEXT", output: text }
  - { name: env, type: bash, env: { DAY: "\${{ params.day }}/\${{ ctx.params.day }}" }, command: echo "$DAY", output: text, when: params.day != "" }
`,
      { params: { day: 'monday' } },
    );
    expect(result.ctx).toMatchObject({ file: '{"params":{"day":"monday"}}', env: 'monday/monday' });
  });

  test('have defaults that are computed at the start, of other params, env and now', async () => {
    const declared = `
params:
  file: "\${{ params.folder }}/\${{ params.day }}.csv"
  folder: { default: "\${{ env.HOME_OF_DATA }}" }
  day: \${{ now.format("%F", "Europe/Berlin") }}
  limit: { type: integer, default: "\${{ params.sizes.sum() }}" }
  sizes: { default: [1, "\${{ 1 + 1 }}"] }
`;
    const env = { HOME_OF_DATA: '/data' };
    const { result } = await runWorkflow(declared + ECHO, { env });
    const day = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Berlin' }).format();
    expect(result.ctx.all).toEqual({ file: `/data/${day}.csv`, folder: '/data', day, limit: 3, sizes: [1, 2] });
    const given = await runWorkflow(declared + ECHO, { env, params: { day: 'monday', limit: '7' } });
    expect(given.result.ctx.all).toMatchObject({ file: '/data/monday.csv', limit: 7 });
  });

  test('that are computed are kept with the job: a retry has the same', async () => {
    const text = `
name: main
params: { id: "\${{ now.format('%s%L') }}" }
tasks:
  - { name: first, type: bash, command: "test -f go" }
  - { name: last, type: node, command: "output({ id: params.id })", dependencies: [first] }
`;
    const folder = folderOf({ 'main.yaml': text });
    const db = ['--db', join(folder, 'jobs.db')];
    const failed = await tintype(['run', join(folder, 'main.yaml'), ...db, '--json']);
    const { jobId } = JSON.parse(failed.stdout);
    const { input } = JSON.parse((await tintype(['show', jobId, ...db, '--json'])).stdout);
    expect(input.params.id).toMatch(/^\d{13}$/);
    writeFileSync(join(folder, 'go'), '');
    const retried = await tintype(['retry', jobId, ...db, '--json']);
    expect(JSON.parse(retried.stdout).ctx).toMatchObject({ id: input.params.id });
  });

  test('that are computed may differ between starts with one key, but not those that are given', async () => {
    const text = `name: main\nparams: { at: "\${{ now.format('%s%L') }}", day: x }\n${ECHO}`;
    const folder = folderOf({ 'main.yaml': text });
    const start = (...more: string[]) =>
      tintype(['run', join(folder, 'main.yaml'), '--db', join(folder, 'jobs.db'), '--key', 'k', '--json', ...more]);
    const first = await start();
    const second = await start();
    expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
    expect(JSON.parse(second.stdout).ctx).toEqual(JSON.parse(first.stdout).ctx);
    const other = await start('--param', 'day=y');
    expect(other.stderr + other.stdout).toContain('"params.day" differs');
  });

  test.for<[what: string, params: string, ...problem: string[]]>([
    [
      'reads what there is not yet',
      '{ a: "${{ ctx.x }}" }',
      'UNKNOWN_REFERENCE',
      'has a param "a" whose default reads ctx: it is computed before there is a job, of now, env, params.',
    ],
    [
      'reads a param that is not declared',
      '{ day: 1, a: "${{ params.dya }}" }',
      'UNKNOWN_REFERENCE',
      'whose default reads params.dya, which the workflow does not declare. Did you mean "day"?',
    ],
    [
      'can not be read',
      '{ a: { default: "${{ now + }}" } }',
      'INVALID_EXPRESSION',
      'has a param "a" with an expression that can\'t be read:',
    ],
    [
      'needs itself',
      '{ a: "${{ params.b }}", b: "x${{ params.a }}" }',
      'CYCLE',
      'has params whose defaults need each other: a → b → a.',
    ],
  ])('with a default that %s are refused', async ([, params, code, message]) => {
    const [problem, ...more] = await problemsOf(`params: ${params}\n${ECHO}`);
    expect(more).toEqual([]);
    expect(problem).toMatch(new RegExp(`^2:\\d+ ${code} `));
    expect(problem).toContain(message);
  });

  test('whose computed default has no value, or one of another type, fail the start', async () => {
    await expect(runWorkflow(`params: { a: "\${{ env.GONE }}" }\n${ECHO}`)).rejects.toThrow(
      'The default of the param "a" can\'t be computed: env.GONE has no value: there is no key "GONE".',
    );
    await expect(runWorkflow(`params: { a: { type: integer, default: "\${{ now }}" } }\n${ECHO}`)).rejects.toThrow(
      'expected a whole number',
    );
  });

  test.for<[type: string, given: unknown, value: unknown]>([
    ['string', 'x', 'x'],
    ['string', '', ''],
    ['string', 5, '5'],
    ['string', true, 'true'],
    ['integer', '5', 5],
    ['integer', ' -5 ', -5],
    ['number', '-0.25', -0.25],
    ['number', '0.5', 0.5],
    ['number', 5, 5],
    ['boolean', 'true', true],
    ['boolean', 'false', false],
    ['list', '[1, "a"]', [1, 'a']],
    ['list', [1], [1]],
    ['mapping', '{"a": {"b": 1}}', { a: { b: 1 } }],
  ])('of type %s take %j', ([type, given, value]) => {
    expect(readParams(paramSpecs({ p: { type } }), { p: given })).toEqual({ values: { p: value }, faults: [] });
  });

  test.for<[type: string, given: unknown, expected: string]>([
    ['string', null, 'text'],
    ['string', ['x'], 'text'],
    ['integer', '1.5', 'a whole number'],
    ['integer', '', 'a whole number'],
    ['integer', '12 apples', 'a whole number'],
    ['integer', '9007199254740993', 'a whole number'],
    ['integer', true, 'a whole number'],
    ['number', 'Infinity', 'a number'],
    ['number', 'NaN', 'a number'],
    ['boolean', 'yes', 'true or false'],
    ['boolean', 1, 'true or false'],
    ['boolean', 'constructor', 'true or false'],
    ['list', '{"a": 1}', 'a list, such as [1, 2]'],
    ['list', 'a,b', 'a list, such as [1, 2]'],
    ['mapping', '[1]', 'a mapping, such as {"a": 1}'],
    ['mapping', 'null', 'a mapping, such as {"a": 1}'],
  ])('of type %s refuse %j', ([type, given, expected]) => {
    const { values, faults } = readParams(paramSpecs({ p: { type } }), { p: given });
    expect(values).toEqual({});
    expect(faults).toEqual([`The param "p" is ${JSON.stringify(given)}: expected ${expected}.`]);
  });

  test('may be one of a few values, also as text from a command line', () => {
    const specs = paramSpecs({ env: { enum: ['staging', 'production'] }, n: { enum: [1, 2] } });
    expect(readParams(specs, { env: 'staging', n: '2' })).toEqual({ values: { env: 'staging', n: 2 }, faults: [] });
    expect(readParams(specs, { env: 'prodution', n: 3 }).faults).toEqual([
      'The param "env" is "prodution": expected one of "staging", "production". Did you mean "production"?',
      'The param "n" is 3: expected one of 1, 2.',
    ]);
  });

  test('that are missing, unknown or wrong are told all at once', async () => {
    const folder = folderOf({
      'w.yaml': `name: w\nparams: { day: { type: string, description: the day to load }, count: 5 }\n${ECHO}`,
    });
    const { exitCode, stderr, stdout } = await tintype([
      'run',
      join(folder, 'w.yaml'),
      '--param',
      'count=x',
      '--param',
      'dya=1',
    ]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('There is no param "dya". Did you mean "day"?');
    expect(stderr).toContain('The param "day" (the day to load) has no value and no default: give it one.');
    expect(stderr).toContain('The param "count" is "x": expected a whole number.');
    expect(stderr).toContain('Give params as --param name=value, or in a file by --params-file.');
  });

  test('come from the command line before the file before the default', async () => {
    const folder = folderOf({
      'w.yaml': `name: w\nparams: { a: 1, b: 1, c: 1, list: [] }\n${ECHO}`,
      'params.yaml': 'b: 2\nc: 2\nlist: [x, y]',
      'params.json': '{"b": 2, "c": 2, "list": ["x", "y"]}',
    });
    for (const file of ['params.yaml', 'params.json']) {
      const { stdout, exitCode } = await tintype([
        'run',
        join(folder, 'w.yaml'),
        '--params-file',
        join(folder, file),
        '--param',
        'c=3',
        '--json',
      ]);
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout).ctx.all).toEqual({ a: 1, b: 2, c: 3, list: ['x', 'y'] });
    }
  });

  test('from a command line may hold "=" and odd text', async () => {
    const folder = folderOf({ 'w.yaml': `name: w\nparams: { p: { type: string } }\n${ECHO}` });
    for (const value of ['a=b=c', '', '${{ secrets.X }}', '"; rm -rf /', 'é\n🙂', '--param']) {
      const { stdout } = await tintype(['run', join(folder, 'w.yaml'), '--param', `p=${value}`, '--json']);
      expect(JSON.parse(stdout).ctx.all).toEqual({ p: value });
    }
  });

  test.for([
    ['[a, b]', 'holds no mapping of params to values'],
    ['a: [', "can't be read"],
  ] as const)('in a file that holds %s are refused', async ([text, message]) => {
    const folder = folderOf({ 'w.yaml': `name: w\n${ECHO}`, 'params.yaml': text });
    const { exitCode, stderr } = await tintype([
      'run',
      join(folder, 'w.yaml'),
      '--params-file',
      join(folder, 'params.yaml'),
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });

  test.for(['constructor', 'toString', 'hasOwnProperty', 'then', 'valueOf'])('may be called %s', async (name) => {
    const text = `params: { ${name}: 5 }\ntasks: [{ name: a, type: bash, env: { V: "\${{ params.${name} }}" }, command: echo "$V", output: text }]`;
    expect((await runWorkflow(text)).result.ctx).toMatchObject({ a: '5' });
    expect((await runWorkflow(text, { params: { [name]: 7 } })).result.ctx).toMatchObject({ a: '7' });
    const undeclared = text.replace(`${name}: 5`, 'other: 5');
    expect(await problemsOf(undeclared)).toEqual([expect.stringContaining(`reads params.${name}, which the workflow`)]);
    await expect(runWorkflow(`params: { other: 5 }\n${ECHO}`, { params: { [name]: 7 } })).rejects.toThrow(
      `There is no param "${name}".`,
    );
  });

  test.for([
    ['{ __proto__: 5 }', '__proto__'],
    ['{ 1a: 5 }', 'a name of letters, digits and "_"'],
    ['{ a-b: 5 }', 'a name of letters, digits and "_"'],
    ['{ p: { typ: string } }', 'has an unknown key "typ". Did you mean "type"?'],
    ['{ p: { type: text } }', '"string"'],
    ['{ p: { type: integer, default: x } }', 'The param "p" is "x": expected a whole number.'],
    ['{ p: { enum: [1, 2], default: 3 } }', 'The param "p" is 3: expected one of 1, 2.'],
    ['{ p: { enum: [] } }', 'a list that is not empty'],
    ['[day]', 'expected a mapping of params'],
  ] as const)('declared as %s are told what is wrong', async ([declared, message]) => {
    const problems = await problemsOf(`params: ${declared}\ntasks: []`);
    expect(problems).toEqual([expect.stringMatching(/^2:\d+ /)]);
    expect(problems[0]).toContain(message);
  });
});

describe('a number that reads differently as text', () => {
  const TASK = 'name: a, type: bash, command: x';
  const PLACES: readonly (readonly [where: string, file: (number: string) => string])[] = [
    ['env', (n) => `tasks: [{ ${TASK}, env: { V: ${n} } }]`],
    ['env of defaults', (n) => `defaults: { env: { V: ${n} } }\ntasks: []`],
    ['args', (n) => `tasks: [{ ${TASK}, args: [${n}] }]`],
    ['items', (n) => `tasks: [{ ${TASK}, map: { over: [3.9, { deep: [${n}] }] } }]`],
    ['items that are keys', (n) => `tasks: [{ ${TASK}, map: { over: [{ ${n}: x }] } }]`],
    ['headers', (n) => `tasks: [{ name: a, type: http, url: x, headers: { V: ${n} } }]`],
    ['queries', (n) => `tasks: [{ name: a, type: http, url: x, query: { v: [${n}] } }]`],
    ['JSON to send', (n) => `tasks: [{ name: a, type: http, url: x, json: { v: { w: [${n}] } } }]`],
    ['JSON that a sensor sends', (n) => `tasks: [{ name: a, type: sensor, http: { url: x, json: [${n}] } }]`],
    ['values of a query', (n) => `tasks: [{ name: a, type: sql, database: x, query: x, params: [${n}] }]`],
    ['named values', (n) => `tasks: [{ name: a, type: sql, database: x, query: x, params: { v: ${n} } }]`],
    ['values of a sensor', (n) => `tasks: [{ name: a, type: sensor, sql: { database: x, query: x, params: [${n}] } }]`],
    ['a param', (n) => `params: { v: ${n} }\ntasks: []`],
    ['a default', (n) => `params: { v: { type: string, default: ${n} } }\ntasks: []`],
    ['a default that is a list', (n) => `params: { v: [${n}] }\ntasks: []`],
    ['choices', (n) => `params: { v: { enum: [3.9, ${n}] } }\ntasks: []`],
    ['handlers', (n) => `tasks: []\nhandlers: { always: [{ ${TASK}, env: { V: ${n} } }] }`],
    ['an anchor', (n) => `x-v: &v ${n}\ntasks: [{ ${TASK}, env: { V: *v } }]`],
    ['a merged mapping', (n) => `x-v: &v { V: ${n} }\ntasks: [{ ${TASK}, env: { <<: *v } }]`],
  ];
  test.for(PLACES)('is refused in %s', async ([, file]) => {
    for (const number of ['3.10', '02134', '+5', '1e3', '0xFF', '0o17', '.5', '12345678901234567890']) {
      const problems = await problemsOf(file(number));
      expect(problems).toContainEqual(expect.stringContaining(`has ${number}, which is the number`));
      expect(() => parseWorkflow(`name: x\n${file(`'${number}'`)}`, 'x.yaml')).not.toThrow();
    }
  });

  test('is refused as an expression that is only a number', async () => {
    for (const number of ['3.10', '1e3', '0xFF', '-1.0']) {
      const problems = await problemsOf(`tasks: [{ ${TASK}, env: { V: "\${{ ${number} }}" } }]`);
      expect(problems).toEqual([expect.stringContaining(`${number} is the number`)]);
    }
    const written = 'env: { V: "${{ \'3.10\' }} ${{ 3.1 }} ${{ -5 }} ${{ 2.0 * 1.5 }}" }';
    expect(await problemsOf(`tasks: [{ ${TASK}, ${written} }]`)).toEqual([]);
  });

  test('is refused in params of a job, which are checked with its file', async () => {
    const file = folderOf({
      'main.yaml': 'name: x\ntasks: [{ name: j, type: job, file: inner.yaml, params: { v: 3.10 } }]',
      'inner.yaml': 'name: y\nparams: { v: "1" }\ntasks: []',
    });
    const { stderr } = await tintype(['validate', join(file, 'main.yaml')]);
    expect(stderr).toContain('has 3.10, which is the number 3.1. Put it in quotes: "3.10", or write 3.1');
  });

  test('is refused in a params file, and given as text for a number', async () => {
    const folder = folderOf({
      'main.yaml': 'name: x\nparams: { v: { default: 1 }, t: "", l: [] }\ntasks: []',
      'odd.yaml': 't: 3.10\nlist: [02134]',
      'long.json': '{ "t": 12345678901234567890 }',
    });
    const run = (...args: string[]) => tintype(['run', join(folder, 'main.yaml'), '--no-db', ...args]);
    expect(await run('--params-file', join(folder, 'odd.yaml'))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/has 3\.10, which is the number 3\.1.*\n.*has 02134, which is the number 2134/),
    });
    writeFileSync(join(folder, 'deep.json'), `{"l": ${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
    expect((await run('--params-file', join(folder, 'deep.json'))).stderr).toContain(
      "can't be read: Lists or mappings",
    );
    expect((await run('--params-file', join(folder, 'long.json'))).stderr).toContain('has 12345678901234567890');
    for (const text of ['3.10', '02134', '0x10', '1.0', '1e3', '+5', '.5', '5.', '-0', '123456789012345678']) {
      const { exitCode, stderr } = await run('--param', `v=${text}`);
      expect(exitCode, text).toBe(2);
      expect(stderr).toContain(`The param "v" is "${text}"`);
    }
    expect((await run('--param', 'l=[3.9, {"v": 3.10}]')).stderr).toContain('The param "l" has 3.10');
    expect((await run('--param', 'l=[1e3]')).stderr).toContain('has 1e3, which is the number 1000. Put it in quotes');
    expect((await run('--param', 'l=["3.10", 1.5, 12345678901234567890]')).exitCode).toBe(0);
    expect((await run('--param', 't=3.10', '--param', 'v=-3')).exitCode).toBe(0);
  });
});
